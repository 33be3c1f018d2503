"""Numbers, dates, plurals and failures in two languages."""

from datetime import UTC, datetime, timedelta

import pytest

from postoffice.model.errors import Conflict, PostOfficeError, TooLarge
from postoffice.model.states import DeliveryState, EventKind, ItemState, MailingState
from postoffice.words import Words
from postoffice.words.terms import TERMS

FR, EN = Words("fr"), Words("en")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("micros", "french", "english"),
    [
        (1_160_000, "1,16 €", "€1.16"),
        (2_000, "0,002 €", "€0.002"),
        (0, "0,00 €", "€0.00"),
        (1_234_567_890, "1 234,57 €", "€1,234.57"),
        (9_995_000, "9,995 €", "€9.995"),
    ],
)
def test_money_is_exact_where_prices_are_small(micros: int, french: str, english: str) -> None:
    assert (plain(FR.money(micros)), EN.money(micros)) == (french, english)


def test_hours_are_those_of_the_organisation() -> None:
    assert plain(FR.moment(NOW)) == "23 nov. 2026 10:00"
    assert Words("en", "UTC").time(NOW) == "09:00"
    assert FR.since(NOW - timedelta(minutes=5), NOW) == "il y a 5 minutes"
    assert FR.since(NOW - timedelta(days=30), NOW) == "24 oct. 2026"
    assert (FR.since(NOW, NOW), EN.since(NOW, NOW)) == ("à l'instant", "just now")
    assert FR.since(NOW + timedelta(hours=2), NOW) == "dans 2 heures"
    assert [FR.kept(text) for text in ("2026-11", "2026-11-03", "2026-11-03T08:30")] == [
        "novembre 2026",
        "3 nov. 2026",
        "3 nov. 2026 08:30",
    ]


def test_french_says_none_in_the_singular_and_english_does_not() -> None:
    one, many = "{n} letter", "{n} letters"
    assert [FR.ngettext(one, many, n) for n in (0, 1, 2)] == ["0 pli", "1 pli", "2 plis"]
    assert [EN.ngettext(one, many, n) for n in (0, 1, 2)] == ["0 letters", "1 letter", "2 letters"]
    assert plain(FR.ngettext(one, many, 10_000)) == "10 000 plis"


def test_every_state_has_a_word_in_both_languages() -> None:
    for kind, words in TERMS.items():
        assert set(words) == {member.value for member in kind}, kind
    for states in (MailingState, ItemState, DeliveryState, EventKind):
        for state in states:
            assert EN.word(state)
            assert FR.word(state)


def test_failures_are_said_in_french_with_their_facts() -> None:
    said = FR.problem(
        TooLarge("too-large", "This document is larger than the 600 MB ...", help="Print it in parts.", limit=600_000_000)
    )
    assert "600 Mo" in plain(said.message)
    assert "plusieurs parties" in said.help


def test_an_unknown_failure_and_one_without_its_facts_fall_back_to_english() -> None:
    assert FR.problem(PostOfficeError("brand-new", "Something new.", help="Do this.")).message == "Something new."
    assert FR.problem(TooLarge("too-large", "Larger than 600 MB.")).message == "Larger than 600 MB."


def test_a_stored_failure_is_said_again() -> None:
    assert (
        FR.stored_problem({"code": "pdf-encrypted", "message": "x", "help": "y", "facts": {}}).message
        == "Ce PDF est protégé par un mot de passe."
    )
    assert EN.problem(Conflict("item-state", "This letter is sent.", help="Reload.")).message == "This letter is sent."


def test_an_unknown_language_is_english() -> None:
    assert Words("xx").gettext("Today") == "Today"


def test_a_sentence_that_has_its_own_french_is_said_rather_than_the_one_of_its_code() -> None:
    why = "No template is chosen."
    said = Words("fr").problem(PostOfficeError("bad-campaign", why, help="Choose one that is published.", why=why))
    assert (said.message, said.help) == ("Aucun modèle n'est choisi.", "Choisissez-en un qui est publié.")
    told = Words("fr").problem(PostOfficeError("no-carrier", "No carrier for post is set up.", help="x", channel="post"))
    assert "courrier" in told.message and "post " not in told.message
    assert "modèle" in Words("fr").reason("no-such-template")
