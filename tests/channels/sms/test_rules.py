"""Senders' rules and answers' words, country by country."""

import pytest

from postoffice.channels.sms.rules import Word, check, rule_of, sender_kind, word_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import Refused
from tests.channels.fakes import make_piece

FRENCH, AMERICAN, BRITISH = "+33639980042", "+12025550142", "+447700900142"


def refusal(sender: str, to: str = FRENCH, text: str = "Bonjour", purpose: Purpose = Purpose.INVOICE) -> Refused | None:
    try:
        check(make_piece(Channel.SMS, to=to, text=text, purpose=purpose), sender)
    except Refused as refused:
        return refused
    return None


@pytest.mark.parametrize("sender", ["MAIRIE", "MairieDeLys", "Lys2026", "36001", "38001", "+33199000001", ""])
def test_senders_that_may(sender: str) -> None:
    assert refusal(sender) is None


@pytest.mark.parametrize(
    "sender",
    ["+33612345678", "33712345678", "0612345678", "+262692000000", "MairieDeLysX", "MAIRIE LYS", "Préfecture", "AB\r\nC", "É", "a-b"],
)
def test_senders_that_may_not_in_france(sender: str) -> None:
    caught = refusal(sender)
    assert caught
    assert caught.code == "sender"
    assert not caught.address_dead
    assert sender not in caught.reason


def test_names_elsewhere() -> None:
    assert refusal("Lys Town", to=BRITISH) is None
    assert refusal("+33612345678", to=BRITISH) is None  # the French rule is for French recipients
    caught = refusal("MAIRIE", to=AMERICAN)
    assert caught
    assert "number" in caught.reason


@pytest.mark.parametrize(
    ("sender", "text", "allowed"),
    [
        ("MAIRIE", "Soldes ! STOP au 36111", True),
        ("MAIRIE", "Soldes ! stop SMS au 36111.", True),
        ("MAIRIE", "Soldes ! STOP", False),
        ("MAIRIE", "Soldes !", False),
        ("MAIRIE", "NONSTOP 36111", False),
        ("", "Soldes ! STOP", False),  # the provider may choose a name
        ("36001", "Soldes ! STOP", True),
        ("36001", "Soldes !", False),
        ("38001", "Soldes ! STOP", False),
    ],
)
def test_promotions_in_france_say_stop(sender: str, text: str, allowed: bool) -> None:
    assert (refusal(sender, text=text, purpose=Purpose.PROMOTION) is None) is allowed
    assert (refusal(sender, text=text, purpose=Purpose.INVOICE)) is None


@pytest.mark.parametrize("to", ["", "0639980042", "+0639980042", "+33 6 39 98", "+3363998004212345", "+33\n", "+٣٣٦٣٩٩٨٠٠٤٢", "36001"])
def test_numbers_that_are_none(to: str) -> None:
    caught = refusal("MAIRIE", to=to)
    assert caught
    assert (caught.code, caught.address_dead) == ("number", True)


def test_an_empty_text_says_nothing_of_the_number() -> None:
    caught = refusal("MAIRIE", text=" \n")
    assert caught
    assert (caught.code, caught.address_dead) == ("text", False)


@pytest.mark.parametrize(
    ("text", "number", "word"),
    [
        ("STOP", FRENCH, Word.STOP),
        (" stop. ", FRENCH, Word.STOP),
        ("Stop SVP", FRENCH, Word.STOP),
        ("STOP PUB !!", FRENCH, Word.STOP),
        ("Arrêt", FRENCH, Word.STOP),
        ("désinscription", FRENCH, Word.STOP),
        ("arrêt", BRITISH, Word.NONE),
        ("Unsubscribe", FRENCH, Word.STOP),
        ("cancel", AMERICAN, Word.STOP),
        ("cancel", FRENCH, Word.NONE),  # may mean an appointment
        ("Abmelden", "+4915112345678", Word.STOP),
        ("baja", "+34612345678", Word.STOP),
        ("CONTACT", FRENCH, Word.CONTACT),
        ("Help", AMERICAN, Word.CONTACT),
        ("START", FRENCH, Word.START),
        ("Stop by tomorrow please", AMERICAN, Word.NONE),
        ("Ne m'appelez pas, stop", FRENCH, Word.NONE),
        ("Merci", FRENCH, Word.NONE),
        ("", FRENCH, Word.NONE),
        ("\N{GRINNING FACE}", FRENCH, Word.NONE),
    ],
)
def test_words(text: str, number: str, word: Word) -> None:
    assert word_of(text, number) is word


def test_the_longest_prefix_decides() -> None:
    assert rule_of("+33639980042").stop_named
    assert rule_of("+262692000000").stop_named
    assert rule_of("+3526211234").prefixes == ("32", "352", "41")
    assert rule_of("+81312345678").prefixes == ()


def test_kinds_of_senders_for_the_gateway() -> None:
    assert [sender_kind(one) for one in ("MAIRIE", "36001", "+33199000001", "33199000001")] == [(5, 0), (3, 0), (1, 1), (1, 1)]
