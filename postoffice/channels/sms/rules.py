"""Who may send a short message as whom, and how an answer is understood: data per country. Hours and consent are not here.

France: charter of the AF2M (2026) and ARCEP's numbering plan; the United States and Canada: operators carry no names as
senders. A country is told by the prefix of the recipient's number.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from postoffice.model.delivery import Event, Piece
from postoffice.model.errors import Refused
from postoffice.model.states import EventKind

#: ITU-T E.164: at most 15 digits; the shortest numbers that a message can reach have seven
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
#: a sender may also be a short number
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: 3GPP TS 23.040, 9.1.2.5: eleven septets; what operators pass on unchanged, not all of them digits
_NAME = re.compile(r"(?![0-9 ]+$)[A-Za-z0-9][A-Za-z0-9 &.+_-]{0,10}")
_NAME_STRICT = re.compile(r"(?![0-9]+$)[A-Za-z0-9]{1,11}")
_STOP_AT = re.compile(r"\bSTOP\b[^0-9]{0,30}\d{5}\b", re.IGNORECASE)
_STOP = re.compile(r"\bSTOP\b", re.IGNORECASE)


class Word(StrEnum):
    """What a recipient's short answer asks for."""

    STOP = "STOP"  #: no more messages
    CONTACT = "CONTACT"  #: who are you?
    START = "START"  #: messages again
    NONE = ""  #: an ordinary answer


_STOP_ALL = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT", "OPT OUT"})
_EVERYWHERE = {Word.STOP: _STOP_ALL, Word.CONTACT: frozenset({"CONTACT", "HELP", "INFO"}), Word.START: frozenset({"START", "UNSTOP"})}


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the recipients of some countries. Words are upper case without accents; the whole answer must be one."""

    prefixes: tuple[str, ...]  #: of E.164 numbers, without the plus
    names: re.Pattern[str] | None = _NAME  #: what a sender's name looks like; None: no names
    forbidden: re.Pattern[str] | None = None  #: senders' numbers that must not be used, digits only
    promotion: re.Pattern[str] | None = None  #: short numbers for promotions
    stop_named: bool = False  #: a promotion must say STOP; where the sender is a name, with the number to send it to
    words: dict[Word, frozenset[str]] = field(default_factory=dict)  #: besides those understood everywhere


RULES: tuple[Rule, ...] = (
    Rule(  # France and its overseas departments
        ("33", "262", "508", "590", "594", "596"),
        names=_NAME_STRICT,
        forbidden=re.compile(r"(33|0)[67][0-9]{8}|(262|590|594|596|508)(69|70)[0-9]{5,7}"),
        promotion=re.compile(r"36[0-9]{3}"),
        stop_named=True,
        words={
            Word.STOP: frozenset({"ARRET", "ARRETER", "ARRETEZ", "DESABONNER", "DESABONNEMENT", "DESINSCRIPTION", "DESINSCRIRE"}),
            Word.START: frozenset({"REPRISE"}),
        },
    ),
    Rule(  # United States, Canada and their numbering plan
        ("1",),
        names=None,
        words={Word.STOP: frozenset({"CANCEL", "END", "QUIT", "REVOKE"}), Word.START: frozenset({"YES"})},
    ),
    Rule(("49", "43"), words={Word.STOP: frozenset({"STOPP", "ABMELDEN", "ABBESTELLEN"}), Word.CONTACT: frozenset({"HILFE"})}),
    Rule(
        ("32", "352", "41"),
        words={Word.STOP: frozenset({"ARRET", "DESINSCRIRE", "DESABONNER", "AFMELDEN", "STOPP", "ABMELDEN", "ANNULLA"})},
    ),
    Rule(("31",), words={Word.STOP: frozenset({"AFMELDEN", "STOPPEN"})}),
    Rule(("34",), words={Word.STOP: frozenset({"BAJA"}), Word.CONTACT: frozenset({"AYUDA"})}),
    Rule(("39",), words={Word.STOP: frozenset({"ANNULLA", "CANCELLA"}), Word.CONTACT: frozenset({"AIUTO"})}),
    Rule(("351",), words={Word.STOP: frozenset({"PARAR", "SAIR"}), Word.CONTACT: frozenset({"AJUDA"})}),
)
_ELSEWHERE = Rule(())


def rule_of(number: str) -> Rule:
    """The rule for a number in E.164, the longest prefix deciding."""
    digits = number.lstrip("+")
    fitting = [(len(prefix), rule) for rule in RULES for prefix in rule.prefixes if digits.startswith(prefix)]
    return max(fitting, key=lambda one: one[0])[1] if fitting else _ELSEWHERE


def check(piece: Piece, sender: str) -> None:
    """Refused, with the reason, for what no carrier may be given: the number, the sender, an empty text, a missing STOP.

    `sender` may be empty where the provider chooses one. Only a recipient's number that never can be one is called dead.
    """
    if not _E164.fullmatch(piece.to):
        raise Refused("The mobile number is not in the international form (+33...)", code="number", address_dead=True)
    if not piece.text.strip():
        raise Refused("The message has no text", code="text")
    rule = rule_of(piece.to)
    if sender:
        _check_sender(rule, sender, piece.purpose.is_promotional)
    if rule.stop_named and piece.purpose.is_promotional:
        by_name = not (sender and _NUMBER.fullmatch(sender))
        if not (_STOP_AT if by_name else _STOP).search(piece.text):
            what = "the word STOP and the number to send it to" if by_name else "the word STOP"
            raise Refused(f"A promotional message to this country must say how to stop it: {what}", code="stop")


def _check_sender(rule: Rule, sender: str, promotional: bool) -> None:
    if not _NUMBER.fullmatch(sender):
        if rule.names is None:
            raise Refused("Operators of this country take no name as sender: use a number", code="sender")
        if not rule.names.fullmatch(sender):
            raise Refused("A sender's name has up to 11 letters and digits, one letter at least, no accents", code="sender")
        return
    digits = sender.lstrip("+")
    if rule.forbidden and rule.forbidden.fullmatch(digits):
        raise Refused("A mobile number (06, 07) may not send automatic messages in this country", code="sender")
    if promotional and rule.promotion and len(digits) == 5 and not rule.promotion.fullmatch(digits):
        raise Refused("This short number is not one for promotions in this country (36xxx)", code="sender")


def word_of(text: str, number: str) -> Word:
    """What an answer from `number` asks for. A word must stand alone, but STOP may be followed by one more ("STOP SVP")."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    said = " ".join(re.sub(r"[^A-Z0-9]+", " ", plain.upper()).split())
    special = rule_of(number).words
    for word, common in _EVERYWHERE.items():
        if said in common or said in special.get(word, ()):
            return word
    first, _, rest = said.partition(" ")
    return Word.STOP if first == "STOP" and " " not in rest else Word.NONE


def answer(sender: str, to: str, text: str, at: datetime, *, key: str = "", word: Word | None = None) -> Event:
    """What a recipient wrote from the number `sender` to ours: OPTED_OUT for STOP and its like, REPLIED for all else.

    `code` is the word that was understood. `detail` has both numbers, so that an answer without key can be laid to its contact.
    """
    meant = word_of(text, sender) if word is None else word
    kind = EventKind.OPTED_OUT if meant is Word.STOP else EventKind.REPLIED
    return Event(kind, at.astimezone(UTC), key, "", meant.value, text, detail={"from": sender, "to": to})


def sender_kind(sender: str) -> tuple[int, int]:
    """Type of number and numbering plan for SMPP (5.2.5, 5.2.6): a name, a short number, or an international one."""
    if not _NUMBER.fullmatch(sender):
        return 5, 0
    return (3, 0) if len(sender.lstrip("+")) <= 8 and not sender.startswith("+") else (1, 1)
