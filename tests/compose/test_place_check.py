"""Postcodes and towns against each other: with the open data where it is installed, and by what is known without."""

import pytest

from postoffice.compose.countries import postcode_exists
from postoffice.compose.gazetteer import places_file, town_key
from postoffice.compose.place_check import doubt
from postoffice.compose.read_address import check_typed
from postoffice.model.finding import Severity
from postoffice.model.layout import FR

needs_data = pytest.mark.skipif(places_file("FR") is None, reason="countrystatecity-postal-codes is not installed")


@pytest.mark.parametrize(
    ("postcode", "town", "country"),
    [
        ("75008", "PARIS", "FR"),
        ("75008", "PARIS 08", "FR"),
        ("69003", "LYON 3E ARRONDISSEMENT", "FR"),
        ("92057", "PARIS LA DEFENSE CEDEX 3", "FR"),
        ("44042", "NANTES CEDEX 1", "FR"),
        ("76600", "LE HAVRE", "FR"),
        ("13100", "LE THOLONET", "FR"),  # shares the code of Aix-en-Provence
        ("20000", "AJACCIO", "FR"),
        ("97400", "SAINT DENIS", "FR"),
        ("98000", "MONACO", "FR"),
        ("98000", "MONACO", "MC"),
        ("00401", "ARMEES", "FR"),
        ("57998", "METZ ARMEES", "FR"),
        ("80331", "München", "DE"),
        ("80331", "Muenchen", "DE"),
        ("60311", "Frankfurt am Main", "DE"),
        ("60311", "Frankfurt", "DE"),
        ("1010", "WIEN", "AT"),
        ("8001", "ZÜRICH", "CH"),
        ("G2 1DU", "GLASGOW", "GB"),
        ("SW1A 1AA", "London", "GB"),
        ("HP16 9PS", "Great Missenden", "GB"),
        ("28013", "MADRID", "ES"),
        ("12345", "Anywhere", "US"),
    ],
)
def test_right_places_are_not_doubted(postcode: str, town: str, country: str) -> None:
    assert doubt(postcode, town, country) is None


@pytest.mark.parametrize(
    ("postcode", "town", "proposal"),
    [
        ("75008", "LYON", "75008 PARIS"),
        ("69003", "PARIS", "69003 LYON"),
        ("98000", "NICE", "98000 MONACO"),
        ("00401", "METZ", "00401 ARMEES"),
    ],
)
def test_codes_of_one_town_alone_need_no_data(postcode: str, town: str, proposal: str) -> None:
    found = doubt(postcode, town, "FR")
    assert found is not None
    assert (found.code, found.proposals[0]) == ("address-town-postcode", proposal)


@needs_data
@pytest.mark.parametrize(
    ("postcode", "town", "country", "code", "proposal"),
    [
        ("67000", "COLMAR", "FR", "address-town-postcode", "68000 COLMAR"),
        ("67000", "STRASBURG", "FR", "address-town-spelling", "67000 STRASBOURG"),
        ("33000", "BORDAUX", "FR", "address-town-spelling", "33000 BORDEAUX"),
        ("67999", "STRASBOURG", "FR", "address-postcode-unknown", "67000 STRASBOURG"),
        ("92057", "LYON CEDEX 3", "FR", "address-town-postcode", "69… LYON CEDEX"),
        ("50667", "Bonn", "DE", "address-town-postcode", "53117 Bonn"),
        ("80331", "Münchn", "DE", "address-town-spelling", "80331 München"),
        ("SW1A 1AA", "Glasgow", "GB", "address-town-postcode", "SW1A 1AA London South West"),
    ],
)
def test_what_was_meant_is_proposed(postcode: str, town: str, country: str, code: str, proposal: str) -> None:
    found = doubt(postcode, town, country)
    assert found is not None
    assert found.code == code
    assert proposal in found.proposals


def test_an_unlisted_code_of_a_german_post_office_box_is_nobodys_business() -> None:
    assert doubt("80001", "München", "DE", box=True) is None


def test_the_finding_names_line_and_proposal_and_changes_nothing() -> None:
    reading = check_typed(("M. X", "1 RUE Y", "75008 LYON"), FR)
    assert reading.address is not None
    assert reading.address.lines[-1] == "75008 LYON"
    told = next(one for one in reading.findings if one.code == "address-town-postcode")
    assert told.severity is Severity.WARNING
    assert told.text.startswith("75008 LYON → 75008 PARIS")


def test_postcodes_that_cannot_be() -> None:
    assert [postcode_exists(code, "FR") for code in ("97400", "98000", "98800", "97900", "98100", "96000", "00100")] == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip
    assert [postcode_exists(code, "DE") for code in ("80331", "00999", "62345", "99998")] == [True, False, False, True]
    assert town_key("Saint-Étienne Cedex 2") == town_key("ST ETIENNE")
