"""From a server's words and codes to one reason.

Words come first, because two of three addresses with a 5.x.x code are alive; then the enhanced status code (RFC 3463, RFC 5248);
then the moment of the SMTP dialogue at which the mail was refused.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from postoffice.tracking.mail.rule import Rule, squash
from postoffice.tracking.mail.values import HARD, Reason
from postoffice.tracking.mail.wordings_address import DOMAIN, MAILBOX, UNKNOWN
from postoffice.tracking.mail.wordings_sender import RELAY, SENDER
from postoffice.tracking.mail.wordings_system import LAST, OTHER, SIZE, SYSTEM, TIME

#: in this order: who blames the sender may name the recipient in passing, hardly the other way round
RULES: tuple[Rule, ...] = (*MAILBOX, *SENDER, *RELAY, *SIZE, *UNKNOWN, *DOMAIN, *TIME, *SYSTEM, *OTHER)

_MOST_WORDS = 3000  #: characters of one reply that are searched

#: subject and detail of a status code; the class (4 or 5) does not change what it is about
STATUS: dict[str, Reason] = {
    "1.0": Reason.FILTERED,  # "other address status": whose address, nobody knows
    "1.1": Reason.USERUNKNOWN,
    "1.2": Reason.HOSTUNKNOWN,
    "1.3": Reason.USERUNKNOWN,
    "1.4": Reason.FILTERED,
    "1.6": Reason.HASMOVED,
    "1.7": Reason.REJECTED,
    "1.8": Reason.REJECTED,
    "1.9": Reason.SYSTEMERROR,
    "1.10": Reason.NOTACCEPT,  # RFC 7505
    "2.0": Reason.FILTERED,
    "2.1": Reason.SUSPEND,
    "2.2": Reason.MAILBOXFULL,
    "2.3": Reason.EXCEEDLIMIT,
    "2.4": Reason.FILTERED,
    "3.0": Reason.SYSTEMERROR,
    "3.1": Reason.SYSTEMFULL,
    "3.2": Reason.NOTACCEPT,
    "3.3": Reason.SYSTEMERROR,
    "3.4": Reason.MESGTOOBIG,
    "3.5": Reason.SYSTEMERROR,
    "4.0": Reason.NETWORKERROR,
    "4.1": Reason.EXPIRED,
    "4.2": Reason.NETWORKERROR,
    "4.3": Reason.SYSTEMERROR,
    "4.4": Reason.NETWORKERROR,
    "4.5": Reason.SYSTEMERROR,
    "4.6": Reason.NETWORKERROR,
    "4.7": Reason.EXPIRED,
    "4.8": Reason.NETWORKERROR,
    "5.1": Reason.SYNTAXERROR,
    "5.2": Reason.SYNTAXERROR,
    "5.3": Reason.TOOMANYCONN,
    "5.4": Reason.SYNTAXERROR,
    "5.5": Reason.SYNTAXERROR,
    "6.0": Reason.CONTENTERROR,
    "6.1": Reason.CONTENTERROR,
    "6.2": Reason.CONTENTERROR,
    "6.3": Reason.CONTENTERROR,
    "6.5": Reason.CONTENTERROR,
    "6.6": Reason.CONTENTERROR,
    "6.7": Reason.CONTENTERROR,
    "6.9": Reason.CONTENTERROR,
    "7.0": Reason.POLICYVIOLATION,
    "7.1": Reason.FILTERED,
    "7.2": Reason.REJECTED,
    "7.8": Reason.SECURITYERROR,
    "7.10": Reason.FAILEDSTARTTLS,
    "7.13": Reason.SUSPEND,
    "7.17": Reason.HASMOVED,  # RFC 7293: the mailbox changed hands
    "7.20": Reason.AUTHFAILURE,  # RFC 7372, here and below
    "7.21": Reason.AUTHFAILURE,
    "7.22": Reason.AUTHFAILURE,
    "7.23": Reason.AUTHFAILURE,
    "7.24": Reason.AUTHFAILURE,
    "7.25": Reason.REQUIREPTR,
    "7.26": Reason.AUTHFAILURE,
    "7.27": Reason.REJECTED,  # RFC 7505: it is the sender's domain that takes no mail
    "7.28": Reason.SPEEDING,
    "7.509": Reason.AUTHFAILURE,
}
#: codes that make "unknown user" believable, where they are the first told: the server's own outweighs the reporter's
_ADDRESS_CODES = frozenset({"1.0", "1.1", "1.3", "1.10"})

#: reply codes whose meaning leaves no room (RFC 7504); the other ones say everything and nothing
_REPLIES = {"521": Reason.NOTACCEPT, "556": Reason.NOTACCEPT}

_NEAR = 60  #: characters around words that name the sender
_OF_THE_SENDER = re.compile(r"\bsender\b|return[- ]path|mail from|from:? (?:address|domain)|\bhelo\b|\behlo\b|reply-to|your domain")

_STATUS_CODE = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.:])([45][0-5]\d)(?=[ \-:]|$)")


class Stage(StrEnum):
    """Where in the SMTP dialogue the refusal came."""

    UNKNOWN = ""
    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


#: (stage, pattern on the squashed words, the program or sample that it is for)
STAGES: tuple[tuple[Stage, str, str], ...] = (
    (
        Stage.RCPT,
        r"in reply to rcpt|after rcpt|our rcpt to|following rcpt|>>> ?rcpt|does not like recipient|\(state 14\)|\[rcpt_to\]|smtp:rcpt",
        "postfix, exim, OpenSMTPD, X6, sendmail, qmail, Gmail, lhost-yahoo-14.eml, X3",
    ),
    (
        Stage.MAIL,
        r"in reply to mail|after (?:pipelined )?mail from|our mail from|following mail|>>> ?mail|sender was rejected|\(state 13\)"
        r"|\[mail_from\]|smtp:mail",
        "lhost-exim-50.eml, lhost-ezweb-08.eml and as above",
    ),
    (
        Stage.DATA,
        r"in reply to (?:end of )?data|after (?:end of )?data|our (?:final )?data|>>> ?(?:data|\.)|failed after i sent|\(state 1[5-8]\)"
        r"|smtp command data|smtp:data|\[data\]",
        "lhost-exim-03.eml, lhost-dragonfly-01.eml, lhost-mfilter-01.eml, lhost-qmail-22.eml and as above",
    ),
    (
        Stage.CONNECT,
        r"after initial connection|in reply to (?:helo|ehlo)|after (?:helo|ehlo)|my name was rejected|>>> ?(?:helo|ehlo)"
        r"|refused to talk"
        r"|smtp:conn",
        "lhost-exim-46.eml, lhost-qmail-04.eml, lhost-postfix-50.eml",
    ),
)
_STAGES = tuple((stage, re.compile(pattern)) for stage, pattern, _ in STAGES)


@dataclass(frozen=True, slots=True)
class Told:
    """What was told about one recipient."""

    words: tuple[str, ...]  #: the most exact first: the diagnostic code, the lines about this recipient, the whole text
    status: str = ""  #: of the recipient's status field
    context: str = ""  #: text in which the stage of the dialogue may be named
    delayed: bool = False


def decide(told: Told) -> Reason:
    """The reason; UNDEFINED where nothing is understood. Hard only for what somebody said, for good, about this address."""
    words = [squash(one[:_MOST_WORDS]) for one in told.words if one.strip()]
    stage = next((found for one in (*words, squash(told.context[:_MOST_WORDS])) if (found := find_stage(one))), Stage.UNKNOWN)
    codes = [*(code for one in told.words for code in details(one[:_MOST_WORDS])), *details(told.status)]
    reason = _by_words(words, stage, codes) or _by_code(codes, told) or _by_last_words(words) or _by_stage(told, stage)
    return Reason.EXPIRED if reason in HARD and _only_for_now(told) else reason


def _by_words(words: list[str], stage: Stage, codes: list[str]) -> Reason | None:
    for one in words:
        for rule in RULES:
            if found := rule.pattern.search(one):
                return _weigh(rule, stage, codes, one[max(0, found.start() - _NEAR) : found.end() + _NEAR])
    return None


def _weigh(rule: Rule, stage: Stage, codes: list[str], near: str) -> Reason:
    """Unknown users and hosts, unless it is the sender's; a vague "unknown user" needs a witness."""
    if rule.reason in HARD and (
        stage is Stage.MAIL or any(code in ("1.7", "1.8") for code in codes[:1]) or _OF_THE_SENDER.search(near)
    ):
        return Reason.REJECTED
    if rule.vague and stage is not Stage.RCPT and not _ADDRESS_CODES.intersection(codes[:1]):
        return Reason.SUSPEND if codes[:1] == ["2.1"] else Reason.FILTERED
    return rule.reason


def _only_for_now(told: Told) -> bool:
    """Whether every reply code of the first words is of class 4: who gave up after that does not know that the address is dead."""
    classes = {found[1][0] for found in _REPLY_CODE.finditer(told.words[0][:_MOST_WORDS])} if told.words else set()
    return classes == {"4"} or (not classes and told.status.startswith("4.") and not told.status.startswith("4.0"))


def _by_code(codes: list[str], told: Told) -> Reason | None:
    """By the first code that we know. In the status field alone it is often a guess about words that we did not understand."""
    guessed = bool(_REPLY_CODE.search(told.words[0][:_MOST_WORDS])) and not details(told.words[0]) if told.words else False
    for code in codes:
        if code in STATUS:
            return Reason.FILTERED if guessed and STATUS[code] in HARD else STATUS[code]
        if code.startswith("7."):
            return Reason.SECURITYERROR
    return _REPLIES.get(reply_code(*told.words[:1]))


def _by_last_words(words: list[str]) -> Reason | None:
    return next((rule.reason for one in words for rule in LAST if rule.pattern.search(one)), None)


def _by_stage(told: Told, stage: Stage) -> Reason:
    if told.delayed:
        return Reason.EXPIRED
    by_stage = {Stage.CONNECT: Reason.BLOCKED, Stage.MAIL: Reason.REJECTED, Stage.RCPT: Reason.FILTERED, Stage.DATA: Reason.FILTERED}
    return by_stage.get(stage, Reason.UNDEFINED)


def find_stage(words: str) -> Stage:
    """The stage that squashed words name."""
    return next((stage for stage, pattern in _STAGES if pattern.search(words)), Stage.UNKNOWN)


def details(text: str) -> list[str]:
    """Subject and detail of every status code of class 4 or 5 in a text, such as "1.1".

    Those that say nothing are left out: x.5.0 and all of x.0, such as Exchange Online's 5.0.350, "another server said".
    """
    found = [f"{int(one[2])}.{int(one[3])}" for one in _STATUS_CODE.finditer(text) if one[1] != "2"]
    return [one for one in found if one != "5.0" and not one.startswith("0.")]


def status_code(*texts: str) -> str:
    """The first enhanced status code in the texts that says something, else the first."""
    found = [one[0] for text in texts for one in _STATUS_CODE.finditer(text)]
    return next((one for one in found if not one.endswith(".0.0")), found[0] if found else "")


def reply_code(*texts: str) -> str:
    """The first SMTP reply code in the texts."""
    return next((found[1] for text in texts if (found := _REPLY_CODE.search(text))), "")
