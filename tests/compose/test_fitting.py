"""Addresses made to fit their envelopes: nothing is lost in silence, and what does not fit is said by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postoffice.compose.fitting import fit
from postoffice.compose.read_address import check_typed
from postoffice.model.address import PostalAddress
from postoffice.model.finding import Severity
from postoffice.model.layout import DIN, FR, UK

_LONG_STREET = "125 BIS BOULEVARD DU MARECHAL DE LATTRE DE TASSIGNY"


@pytest.mark.parametrize(
    ("line", "fitted"),
    [
        ("12, avenue du Général de Gaulle", "12 AVENUE DU GÉNÉRAL DE GAULLE"),
        (_LONG_STREET, "125 BIS BD MAL DE LATTRE DE TASSIGNY"),
        ("B.P. 12345", "BP 12345"),
        ("12 RUE DE L'ÉGALITÉ", "12 RUE DE L'ÉGALITÉ"),
        ("1 PLACE SAINT-FRANÇOIS-XAVIER DE LA MONTAGNE", "1 PL ST-FRANÇOIS-XAVIER DE LA MONTAGNE"),
    ],
)
def test_french_streets(line: str, fitted: str) -> None:
    made = fit(("M. X", line, "75001 PARIS"), FR, "FR")
    assert made.lines == ("M. X", fitted, "75001 PARIS")
    assert [(one.before, one.after) for one in made.changes] == ([] if line == fitted else [(line, fitted)])
    assert made.faults == ()


def test_town_and_country_lines() -> None:
    assert fit(("M. X", "1 RUE Y", "92057 Paris la Défense Cedex 3"), FR, "FR").lines[-1] == "92057 PARIS LA DÉFENSE CEDEX 3"
    abroad = fit(("Café Müller", "Hauptstraße 12", "10115 Berlin", "Allemagne"), FR, "DE", country_line=True)
    assert abroad.lines == ("Café Müller", "Hauptstraße 12", "10115 Berlin", "ALLEMAGNE")


def test_a_long_line_with_two_parts_takes_two_lines_before_words_are_shortened() -> None:
    made = fit(
        ("SOCIÉTÉ GÉNÉRALE DE PLOMBERIE - SERVICE COMPTABILITÉ", "12 RUE DES LILAS, BATIMENT 4 APPARTEMENT 12", "75001 PARIS"), FR
    )
    assert made.lines == (
        "SOCIÉTÉ GÉNÉRALE DE PLOMBERIE",
        "SERVICE COMPTABILITÉ",
        "BATIMENT 4 APPARTEMENT 12",
        "12 RUE DES LILAS",
        "75001 PARIS",
    ) or all(len(line) <= 38 for line in made.lines)
    assert not made.faults


def test_too_many_lines_are_joined_where_they_say_one_thing() -> None:
    lines = ("ACME", "M. X", "BATIMENT C", "ESCALIER 2", "PORTE 4", "1 RUE Y", "75001 PARIS")
    made = fit(lines, FR, "FR")
    assert made.lines == ("ACME", "M. X", "BATIMENT C ESCALIER 2", "PORTE 4", "1 RUE Y", "75001 PARIS")
    assert [(one.before, one.after) for one in made.changes] == [("BATIMENT C / ESCALIER 2", "BATIMENT C ESCALIER 2")]
    assert [one.line for one in fit(("A", "B", "C", "D", "E", "F", "75001 PARIS"), FR).faults] == [-1]
    assert fit(("A", "B", "C", "D", "E", "F", "G", "Weg 1", "80331 München"), DIN).faults == ()


def test_other_posts_keep_their_manners() -> None:
    assert fit(("Herrn", "Jürgen Weiß", "Große Straße 7, Hinterhaus", "80331 München"), DIN).changes == ()
    assert fit(("Mr A", "1 High Street", "London", "SW1A 1AA"), UK).changes == ()
    long = "Am Ende der langen Allee zur Alten Gerberstraße 127"
    assert fit(("Frau X", long, "80331 München"), DIN).faults[0].line == 1


def test_a_line_that_nothing_shortens_is_an_error_with_its_text_and_length() -> None:
    reading = check_typed(("X" * 39, "RUE Y", "75001 PARIS"), FR)
    assert [(one.code, one.text) for one in reading.findings] == [("address-line-too-long", f"{'X' * 39} (39 > 38)")]


def test_a_reading_bears_both_and_tells_each_change() -> None:
    reading = check_typed(("M. X", _LONG_STREET, "75001 PARIS"), FR)
    address = reading.address
    assert address is not None
    assert (address.lines[1], address.for_post[1]) == (_LONG_STREET, "125 BIS BD MAL DE LATTRE DE TASSIGNY")
    told = [(one.severity, one.text) for one in reading.findings if one.code == "address-fitted"]
    assert told == [(Severity.INFO, f"{_LONG_STREET} → 125 BIS BD MAL DE LATTRE DE TASSIGNY")]
    assert PostalAddress.from_dict(address.as_dict()) == address
    assert check_typed(("M. X", "1 RUE Y", "75001 PARIS"), FR).address == PostalAddress(
        ("M. X", "1 RUE Y", "75001 PARIS"), "75001", "PARIS", "FR"
    )


_WORDS = st.sampled_from(
    ["AVENUE", "DU", "GÉNÉRAL", "de", "Saint", "BATIMENT", "C,", "12", "-", "B.P.", "rue", "Monsieur", "L'ÉGALITÉ", "75001", "Société"]
)


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=9))
def test_fitting_twice_changes_nothing_more_and_what_is_too_much_is_told(lines: list[str]) -> None:
    made = fit(lines, FR, "FR")
    assert fit(made.lines, FR, "FR").lines == made.lines
    too_long = [line for line in made.lines if len(line) > 38]
    assert len([one for one in made.faults if one.line >= 0]) == len(too_long)
    assert (len(made.lines) > 6) == any(one.line < 0 for one in made.faults)
    if not made.changes:
        assert made.lines == tuple(lines)
