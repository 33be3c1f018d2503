"""Windows read as addresses, and what is wrong with them."""

import pytest

from postoffice.compose.findings import FINDINGS
from postoffice.compose.read_address import AddressReading, check_typed, read_address
from postoffice.model.finding import Severity
from postoffice.model.layout import DIN, FR, UK, Layout
from postoffice.pdf.rows import Line


def window(*texts: str, layout: Layout = FR, sizes: dict[int, float] | None = None) -> list[Line]:
    """Lines as they would stand in the window of a layout."""
    x, y = layout.window[0] + 3, layout.window[1] + 2
    return [Line(text, (x, y + 4.2 * row, 1.9 * len(text), 3.6), (sizes or {}).get(row, 10.0)) for row, text in enumerate(texts)]


def read(*texts: str, layout: Layout = FR, sizes: dict[int, float] | None = None) -> AddressReading:
    return read_address(window(*texts, layout=layout, sizes=sizes), layout, 7)


def codes(reading: AddressReading, least: Severity = Severity.WARNING) -> list[str]:
    ranks = [Severity.INFO, Severity.WARNING, Severity.ERROR]
    return [one.code for one in reading.findings if ranks.index(one.severity) >= ranks.index(least)]


@pytest.mark.parametrize(
    ("texts", "layout", "postcode", "town", "country"),
    [
        (("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG"), FR, "67000", "STRASBOURG", "FR"),
        (("ACME", "TOUR A", "1 PLACE B", "92057 PARIS LA DEFENSE CEDEX 3"), FR, "92057", "PARIS LA DEFENSE CEDEX 3", "FR"),
        (("M. X", "RUE Y", "20000 AJACCIO", "FRANCE"), FR, "20000", "AJACCIO", "FR"),
        (("Café Müller", "Hauptstraße 12", "10115 BERLIN", "ALLEMAGNE"), FR, "10115", "BERLIN", "DE"),
        (("Arthur DENT", "155 Country Lane", "COTTINGTON", "CB1 2AB", "ROYAUME-UNI"), FR, "CB1 2AB", "COTTINGTON", "GB"),
        (("Eva KELLER", "Bahnhofstrasse 3", "8001 ZÜRICH", "SUISSE"), FR, "8001", "ZÜRICH", "CH"),
        (("ACME Inc", "1 Main St", "MOUNTAIN VIEW CA 94043", "ETATS-UNIS"), FR, "CA 94043", "MOUNTAIN VIEW", "US"),
        (("Jürgen Weiß", "Große Straße 7", "80331 München"), DIN, "80331", "München", "DE"),
        (("Familie Schön", "Weg 3 b", "1010 WIEN", "ÖSTERREICH"), DIN, "1010", "WIEN", "AT"),
        (("Jürgen Weiß", "Große Straße 7", "D-80331 München"), FR, "80331", "München", "DE"),
        (("Mr A. N. Other", "1 High Street", "London", "SW1A 1AA"), UK, "SW1A 1AA", "London", "GB"),
        (("Mr A. N. Other", "1 High Street", "London SW1A 1AA"), UK, "SW1A 1AA", "London", "GB"),
        (("Ministère", "Rue 1", "DUBAI", "EMIRATS ARABES UNIS"), FR, "", "DUBAI", "AE"),
    ],
)
def test_good_addresses(texts: tuple[str, ...], layout: Layout, postcode: str, town: str, country: str) -> None:
    reading = read(*texts, layout=layout)
    assert reading.kind == "complete"
    assert reading.address is not None
    assert reading.address.lines == texts
    assert (reading.address.postcode, reading.address.town, reading.address.country) == (postcode, town, country)
    assert codes(reading) == []


@pytest.mark.parametrize(
    ("texts", "layout", "code"),
    [
        (("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "STRASBOURG"), FR, "address-no-postcode"),
        (("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "99999 NULLE PART"), FR, "address-bad-postcode"),
        (("Nobody", "1 Street", "99999 Nowhere", "France"), UK, "address-bad-postcode"),
        (("M. X", "RUE Y", "75001 PARIS", "FRANSSE"), FR, "address-unknown-country"),
        (("A", "B", "C", "D", "E", "F", "75001 PARIS"), FR, "address-too-many-lines"),
        (("X" * 39, "RUE Y", "75001 PARIS"), FR, "address-line-too-long"),
        (("«Nom»", "RUE Y", "75001 PARIS"), FR, "address-merge-field"),
        (("{{ name }}", "RUE Y", "75001 PARIS"), FR, "address-merge-field"),
        (("...", "Buckingham Palace", "London", "SW1A 1AA"), UK, "address-bad-characters"),
        (("M. D\ufffdPONT", "RUE Y", "75001 PARIS"), FR, "address-bad-characters"),
        (("The User", "No Fixed Abode", "My Town", "SW1A 1AA"), UK, "address-no-fixed-abode"),
        (("Willie Wonka", "Chocolate Factory", "London", "FRANCE"), UK, "address-no-postcode"),
        (("A", "B Street", "Town", "TT7 PBJ"), UK, "address-no-postcode"),
        (("M. X",), FR, "address-too-few-lines"),
        (("Mr A", "1 High Street", "London", "SW1A 1AA"), FR, "address-no-country"),
    ],
)
def test_bad_addresses_are_named_with_their_place(texts: tuple[str, ...], layout: Layout, code: str) -> None:
    reading = read(*texts, layout=layout)
    told = next(one for one in reading.findings if one.code == code)
    assert told.page == 7
    assert told.box_mm is not None
    assert told.help


@pytest.mark.parametrize(
    ("above", "sizes"),
    [
        ("PERSONNEL ET CONFIDENTIEL", {}),
        ("Lettre recommandée avec AR", {}),
        ("N/Réf : 2026-1234", {}),
        ("Kundennummer 471100", {}),
        ("Private and Confidential", {}),
        ("0001234 5678 000012", {}),
        ("Wasserwerke GmbH · Musterstraße 1 · 12345 Musterstadt", {}),
        ("Wasserwerke GmbH, Musterstraße 1, 12345 Musterstadt", {0: 7.0}),
        ("Einschreiben", {}),
        ("Paris, le 3 mars 2026", {}),
    ],
)
def test_lines_above_the_address_are_set_aside(above: str, sizes: dict[int, float]) -> None:
    reading = read(above, "Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG", sizes=sizes)
    assert reading.address is not None
    assert reading.address.lines == ("Mme Zoé LEFÈVRE", "3 RUE DU PUITS", "67000 STRASBOURG")
    assert reading.set_aside == (above,)
    assert "address-set-aside" in [one.code for one in reading.findings]


def test_names_that_look_like_notices_stay() -> None:
    for name in ("CLIENT SERVICES SARL", "A l'attention de M. Martin", "R3 CONSEIL", "Private Wealth Ltd", "Monsieur France"):
        reading = read(name, "3 RUE DU PUITS", "67000 STRASBOURG")
        assert reading.address is not None
        assert reading.address.lines[0] == name


def test_text_below_the_town_is_no_part_of_the_address() -> None:
    reading = read("M. X", "RUE Y", "75001 PARIS", "Objet : facture n° 12", "Lyon, le 3 mars 2026")
    assert reading.address is not None
    assert reading.address.lines == ("M. X", "RUE Y", "75001 PARIS")
    assert "address-text-below" in codes(reading)


def test_body_text_and_tables_are_no_address() -> None:
    long = [
        Line("Nous avons bien reçu votre demande et vous en remercions vivement.", (112.0, 58.0 + 5 * row, 120.0, 3.6))
        for row in range(4)
    ]
    assert read_address(long, FR).kind == "text"
    assert read("120,00 €", "24,00 €", "144,00 €").kind == "text"
    assert read_address((), FR).kind == "none"


def test_a_line_beyond_the_window_is_told() -> None:
    lines = window("M. X", "RUE Y", "75001 PARIS")
    wide = Line("RUE Y", (*lines[1].box[:2], 95.0, 3.6))
    told = [one for one in read_address([lines[0], wide, lines[2]], FR, 1).findings if one.code == "address-outside-window"]
    assert [one.severity for one in told] == [Severity.ERROR]


def test_doubtful_recognition_is_told_by_degree() -> None:
    for confidence, severity in ((99.5, Severity.INFO), (95.0, Severity.WARNING), (70.0, Severity.WARNING), (40.0, Severity.ERROR)):
        reading = read_address(window("M. X", "RUE Y", "75001 PARIS"), FR, 1, (), confidence)
        assert [one.severity for one in reading.findings if one.code == "ocr-address"] == [severity]


def test_typed_addresses_are_checked_without_places() -> None:
    good = check_typed(["M. X", " RUE Y ", "", "75001 PARIS"], FR)
    assert good.address is not None
    assert (good.address.lines, good.findings) == (("M. X", "RUE Y", "75001 PARIS"), ())
    bad = check_typed(["M. X", "RUE Y", "PARIS"], FR)
    assert [(one.code, one.box_mm) for one in bad.findings] == [("address-no-postcode", None)]
    assert [one.code for one in check_typed([], FR).findings] == ["no-address"]


def test_every_finding_has_its_words_in_both_languages() -> None:
    for code, words in FINDINGS.items():
        assert code == code.lower() and "_" not in code
        assert words.title("fr") and words.title("en") and words.help("fr") and words.help("en")
        assert words.title("fr") != words.title("en")
