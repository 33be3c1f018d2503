"""Where letters begin: rules, signs, and that nobody gets another person's page."""

import pytest

from postoffice.compose.pages import PageFacts
from postoffice.compose.read_address import AddressReading
from postoffice.compose.rules import AddressRule, PagesRule, TextRule, WholeRule, parse_rule, zones_of
from postoffice.compose.sheets import bundle
from postoffice.compose.split import cut
from postoffice.model.address import PostalAddress
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import NewItem
from postoffice.model.layout import FR
from postoffice.model.mailing import Envelope

HEADER, DATE, SUBJECT = (40, 30, 60), (300, 190, 50), (44, 200, 90)


def page(
    number: int,
    name: str = "",
    kind: str = "",
    numbering: tuple[int, int] | None = None,
    marks: tuple[tuple[int, int, int], ...] = (),
    zones: tuple[str, ...] = (),
    ocr: float | None = None,
) -> PageFacts:
    address = PostalAddress((name, "1 RUE B", "75001 PARIS"), "75001", "PARIS", "FR") if name else None
    reading = AddressReading(kind or ("complete" if name else "none"), address)
    return PageFacts(number, 210, 297, reading, zones=zones, numbering=numbering, marks=frozenset(marks), ocr=ocr)


def spans(items: list[NewItem]) -> list[tuple[int, int]]:
    return [(item.first_page, item.pages) for item in items]


def codes(item: NewItem) -> set[str]:
    return {one.code for one in item.findings}


def by_address(*pages: PageFacts) -> list[NewItem]:
    return cut(pages, AddressRule(), FR)


def test_a_window_that_fills_anew_starts_an_item() -> None:
    items = by_address(page(1, "A"), page(2), page(3, "B"), page(4, "C"), page(5), page(6))
    assert spans(items) == [(1, 2), (3, 1), (4, 3)]
    assert [item.address.name for item in items if item.address] == ["A", "B", "C"]


def test_the_same_address_again_is_a_following_page() -> None:
    items = by_address(page(1, "A"), page(2, "A"), page(3, "B"))
    assert spans(items) == [(1, 2), (3, 1)]
    assert "address-repeated" in codes(items[0])


def test_the_same_address_on_pages_numbered_anew_are_two_letters() -> None:
    items = by_address(page(1, "A", numbering=(1, 2)), page(2, "A", numbering=(2, 2)), page(3, "A", numbering=(1, 1)))
    assert spans(items) == [(1, 2), (3, 1)]


def test_pages_before_the_first_address_are_held() -> None:
    items = by_address(page(1), page(2), page(3, "A"))
    assert spans(items) == [(1, 2), (3, 1)]
    assert items[0].address is None
    assert "no-address" in codes(items[0])


def test_a_broken_record_in_the_middle_is_held_and_the_others_go_on() -> None:
    whole = (HEADER, DATE, SUBJECT)
    pages = [
        page(1, "A", marks=whole),
        page(2, marks=(HEADER,)),
        page(3, "B", marks=whole),
        page(4, marks=whole),
        page(5, marks=(HEADER,)),
    ]
    items = by_address(*pages, page(6, "C", marks=whole), page(7, "D", marks=whole))
    assert spans(items) == [(1, 2), (3, 1), (4, 2), (6, 1), (7, 1)]
    assert "looks-like-first-page" in codes(items[2])
    assert items[2].address is None


def test_among_letters_of_one_page_a_broken_record_is_seen_too() -> None:
    whole = (HEADER, DATE, SUBJECT)
    items = by_address(page(1, "A", marks=whole), page(2, "B", marks=whole), page(3, marks=whole), page(4, "C", marks=whole))
    assert spans(items) == [(1, 1), (2, 1), (3, 1), (4, 1)]


def test_a_running_header_alone_makes_no_first_page() -> None:
    items = by_address(*(page(number, name, marks=(HEADER,)) for number, name in enumerate(("A", "", "B", "", "C", ""), 1)))
    assert spans(items) == [(1, 2), (3, 2), (5, 2)]


def test_an_address_that_cannot_be_placed_starts_an_item_of_its_own() -> None:
    items = by_address(page(1, "A"), page(2, "B", kind="partial"), page(3, "C"))
    assert spans(items) == [(1, 1), (2, 1), (3, 1)]


def test_page_numbers_decide_against_addresses_inside() -> None:
    items = by_address(page(1, "A", numbering=(1, 2)), page(2, "DELIVERY", numbering=(2, 2)), page(3, "B", numbering=(1, 1)))
    assert spans(items) == [(1, 2), (3, 1)]
    assert "second-address-inside" in codes(items[0])


def test_numbers_of_the_whole_document_decide_nothing() -> None:
    pages = [page(number, name, numbering=(number, 4)) for number, name in enumerate(("A", "B", "", "C"), 1)]
    assert spans(by_address(*pages)) == [(1, 1), (2, 2), (4, 1)]


def test_readings_from_pictures_may_differ_in_a_letter() -> None:
    assert spans(by_address(page(1, "Bernadette DUPONT", ocr=90.0), page(2, "Bernadette DUP0NT".replace("0", "Q"), ocr=88.0))) == [
        (1, 2)
    ]
    assert spans(by_address(page(1, "Bernadette DUPONT"), page(2, "Bernadette DUPOND"))) == [(1, 1), (2, 1)]


def test_fixed_page_counts() -> None:
    items = cut([page(1, "A"), page(2), page(3, "B"), page(4), page(5, "C")], PagesRule(2), FR)
    assert spans(items) == [(1, 2), (3, 2), (5, 1)]
    assert "pages-left-over" in codes(items[2])
    wrong = cut([page(1, "A"), page(2, "B")], PagesRule(2), FR)
    assert "second-address-inside" in codes(wrong[0])


def test_text_in_a_zone() -> None:
    rule = parse_rule(r"text:20,90,100,10~Facture\s+n°\s*\d+")
    assert isinstance(rule, TextRule)
    pages = [page(1, "A", zones=("Facture n° 1",)), page(2, zones=("suite",)), page(3, "B", zones=("x\nFacture  n°2",))]
    assert spans(cut(pages, rule, FR)) == [(1, 2), (3, 1)]
    assert zones_of(rule) == ((20.0, 90.0, 100.0, 10.0),)


def test_the_whole_document() -> None:
    assert spans(cut([page(1, "A"), page(2, "B")], WholeRule(), FR)) == [(1, 2)]
    assert cut([], WholeRule(), FR) == []


def test_items_that_fit_no_envelope_are_told() -> None:
    items = cut([page(number, "A" if number == 1 else "") for number in range(1, 92)], AddressRule(), FR)
    assert "too-many-sheets" in codes(items[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "addresses",
        "address:1",
        "pages",
        "pages:0",
        "pages:-1",
        "pages:two",
        "text:1,2,3~x",
        "text:1,2,3,4",
        "text:1,2,3,0~x",
        "text:1,2,3,4~(",
        "text:1,2,3,4~(a+)+b",
        "text:1,2,3,4~(a|aa)*b(.*)*",
        r"text:1,2,3,4~(a)\1+",
        "text:1,2,3,4~" + "a*" * 9,
        "text:1,2,3,4~" + "a" * 201,
        "text:nan,2,3,4~x",
    ],
)
def test_bad_rules_are_refused_with_help(text: str) -> None:
    with pytest.raises(PostOfficeError) as caught:
        parse_rule(text)
    assert caught.value.code == "bad-split-rule"
    assert caught.value.help


def test_good_rules() -> None:
    assert parse_rule(" address ") == AddressRule()
    assert parse_rule("pages:3") == PagesRule(3)
    assert parse_rule("whole") == WholeRule()


@pytest.mark.parametrize(
    ("pages", "duplex", "sheet", "expected"),
    [
        (1, True, False, (1, Envelope.DL, 10, True)),
        (10, True, False, (5, Envelope.DL, 30, True)),
        (11, True, False, (6, Envelope.C4, 47, True)),
        (10, True, True, (6, Envelope.C4, 47, True)),
        (6, False, False, (6, Envelope.C4, 47, True)),
        (46, False, False, (46, Envelope.C4, 247, False)),
    ],
)
def test_sheets_and_envelopes(pages: int, duplex: bool, sheet: bool, expected: tuple[int, Envelope, int, bool]) -> None:
    made = bundle(pages, duplex=duplex, address_sheet=sheet)
    assert (made.sheets, made.envelope, made.grams, made.fits) == expected


LETTERHEAD = (HEADER, DATE, SUBJECT, (44, 230, 60))


def signed(address: PostalAddress, *, number: int = 3, of: int = 3, marks: tuple[tuple[int, int, int], ...] = ()) -> PageFacts:
    """A page with some words in its window."""
    reading = AddressReading("partial", address)
    return PageFacts(number, 210, 297, reading, zones=(), numbering=(number, of), marks=frozenset(marks))


def test_a_signature_in_the_window_closes_the_one_letter_of_a_document() -> None:
    signature = PostalAddress(("Claire Vasseur", "Directrice"), "", "", "")
    first, second = page(1, "A", numbering=(1, 3), marks=LETTERHEAD), page(2, numbering=(2, 3))
    assert spans(by_address(first, second, signed(signature))) == [(1, 3)]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(signed(PostalAddress(("Claire Vasseur", "1 rue B"), "", "", "")), id="a number as addresses have"),
        pytest.param(signed(PostalAddress(("Claire Vasseur",), "", "", ""), marks=LETTERHEAD), id="it looks like the first page"),
        pytest.param(signed(PostalAddress(("Claire Vasseur",), "", "", ""), of=4), id="not numbered throughout"),
    ],
)
def test_words_in_the_window_begin_an_item_that_is_held(last: PageFacts) -> None:
    first, second = page(1, "A", numbering=(1, 3), marks=LETTERHEAD), page(2, numbering=(2, 3))
    assert spans(by_address(first, second, last)) == [(1, 2), (3, 1)]


def test_a_second_letter_whose_address_fails_is_not_taken_for_the_end_of_the_first() -> None:
    """Numbered over the whole document, both on the same letterhead."""
    first = page(1, "A", numbering=(1, 2), marks=LETTERHEAD)
    assert spans(by_address(first, signed(PostalAddress(("Bernard",), "", "", ""), number=2, of=2, marks=LETTERHEAD))) == [
        (1, 1),
        (2, 1),
    ]
