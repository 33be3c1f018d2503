"""Amounts, dates and labels in French, English and German; fields read from text; letters put together."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from postoffice.compose.fields import FieldRule, field_rule, field_rules, read_field
from postoffice.compose.findings import finding
from postoffice.compose.together import gather, scatter
from postoffice.compose.values import find_value, parse_amount, parse_date
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.item import NewItem, runs_of
from postoffice.model.mailing import Envelope, Options, Together


@pytest.mark.parametrize(
    ("text", "country", "amount"),
    [
        ("1 234,56 €", "FR", "1234.56"),
        ("Total TTC : 1\u202f234\u202f567,80 EUR", "FR", "1234567.80"),
        ("1.234,56", "DE", "1234.56"),
        ("£1,234.56", "GB", "1234.56"),
        ("1,234", "GB", "1234"),
        ("1,234", "FR", None),
        ("-12,00", "FR", "-12.00"),
        ("(12.00)", "GB", "-12.00"),
        ("12,00-", "DE", "-12.00"),
        ("12,5", "FR", "12.5"),
        ("0,00", "FR", "0.00"),
        ("12 34,56", "FR", None),
        ("1.2.3", "FR", None),
        ("12,00 € et 13,00 €", "FR", None),
        ("12,00 €, soit 12,00 EUR", "FR", "12.00"),
        ("15/03/2026", "FR", None),
        ("aucun", "FR", None),
    ],
)
def test_amounts_are_exact_or_nothing(text: str, country: str, amount: str | None) -> None:
    assert parse_amount(text, country) == (Decimal(amount) if amount is not None else None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("15/03/2026", date(2026, 3, 15)),
        ("03.04.26", date(2026, 4, 3)),
        ("le 1er avril 2026", date(2026, 4, 1)),
        ("Échéance : 15 août 2026.", date(2026, 8, 15)),
        ("15 décembre 2026", date(2026, 12, 15)),
        ("March 15, 2026", date(2026, 3, 15)),
        ("1st May 2026", date(2026, 5, 1)),
        ("15. März 2026", date(2026, 3, 15)),
        ("2026-03-15", date(2026, 3, 15)),
        ("31/02/2026", None),
        ("1/2/2026 ou 3/2/2026", None),
        ("12 pages 2026", None),
    ],
)
def test_dates_are_exact_or_nothing(text: str, day: date | None) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("customer", "N° client : C-0042", "C-0042"),
        ("invoice", "Facture n° F2026-12", "F2026-12"),
        ("invoice", "Invoice no. 77", "77"),
        ("email", "Écrivez à a.b@example.org.", "a.b@example.org"),
        ("email", "a@example.org b@example.org", None),
        ("mobile", "Tél. 06 12 34 56 78", "+33612345678"),
        ("mobile", "12 34", None),
        ("due", "payable le 15/03/2026", "2026-03-15"),
    ],
)
def test_fields_within_their_text(name: str, text: str, value: str | None) -> None:
    found = find_value(name, text, "FR")
    assert (found.text if found else None) == value


def test_an_expression_takes_its_first_brackets() -> None:
    rule = FieldRule("amount", pattern=r"Net à payer\s*:\s*([\d ,]+)")
    found = read_field(rule, "Total : 9,00\nNet à payer : 1 234,50 €", "FR")
    assert found is not None
    assert found.text == "1234.50"
    assert read_field(rule, "Total : 9,00", "FR") is None


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "shoe"},
        {"name": "amount"},
        {"name": "amount", "zone": "1,2,3"},
        {"name": "amount", "pattern": "(a+)+"},
        {"name": "due", "zone": [0, 0, 1, 1], "page": "middle"},
    ],
)
def test_bad_field_rules_are_refused(shape: dict[str, object]) -> None:
    with pytest.raises(PostOfficeError):
        field_rule(shape)


def test_each_field_once() -> None:
    with pytest.raises(PostOfficeError):
        field_rules([{"name": "due", "zone": "1,1,5,5"}, {"name": "due", "pattern": "x"}])


def letter(page: int, pages: int, name: str = "Mme Zoé", **more: object) -> NewItem:
    address = PostalAddress((name, "1 RUE B", "75001 PARIS"), "75001", "PARIS", "FR")
    return replace(NewItem(page, pages, address, reference=f"F{page}"), **more)  # type: ignore[arg-type]


def test_letters_to_one_recipient_share_an_envelope_up_to_its_limit() -> None:
    letters = [letter(1, 3), letter(4, 1, "M. B"), letter(5, 4, "MME ZOE"), letter(9, 8), letter(17, 1, channel=Channel.EMAIL)]
    made = gather(letters, Options(together=Together.ADDRESS, envelope=Envelope.DL))
    assert [runs_of(one.first_page, one.pages, one.parts) for one in made] == [
        ((1, 3), (0, 1), (5, 4)),
        ((4, 1),),
        ((9, 8),),
        ((17, 1),),
    ]
    assert (made[0].pages, made[0].reference) == (8, "F1, F5")
    assert scatter(made) == letters
    assert gather(letters, Options()) == letters


def test_nothing_held_and_no_other_customer_is_put_together() -> None:
    held = letter(2, 1, findings=(finding("no-address", 2),))
    one, other = letter(1, 1, fields={"customer": "C1"}), letter(3, 1, fields={"customer": "C2"})
    assert len(gather([letter(1, 1), held, letter(3, 1)], Options(together=Together.ADDRESS))) == 2
    assert len(gather([one, other], Options(together=Together.CUSTOMER))) == 2
    assert len(gather([one, other], Options(together=Together.ADDRESS))) == 1
