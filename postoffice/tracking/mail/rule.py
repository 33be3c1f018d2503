"""One rule: words that a mail server says, and what they mean."""

import re
from typing import NamedTuple

from postoffice.tracking.mail.values import Reason


class Rule(NamedTuple):
    """`pattern` is searched in the words after `squash`; the first rule of the table that matches decides."""

    reason: Reason
    source: str  #: the sample of the bounce corpus, the program or the standard that the rule is for
    sample: str  #: words that it must recognise; the tests hold every rule to its own
    pattern: re.Pattern[str]
    vague: bool = False  #: says "unknown user" in words that filters like to borrow: believed only with a code or an answer to RCPT


def rule(reason: Reason, source: str, sample: str, *patterns: str, vague: bool = False) -> Rule:
    """A rule of alternatives."""
    return Rule(reason, source, sample, re.compile("|".join(patterns)), vague)


_CODES = re.compile(
    r"(?<![\d.])[245]\d\d[- ]+#?[245]\.\d{1,3}\.\d{1,3}(?![\d.])[ :-]*|(?<![\d.#])\(?#?[245]\.\d{1,3}\.\d{1,3}\)?(?![\d.])"
)
_DASHED = re.compile(r"(?<!\d)[45]\d\d-(?=[a-z\[<])")
_ADDRESSES = re.compile(r"<?[^\s<>\"'(),;:]{1,256}@[^\s<>\"'(),;:]{1,256}>?")


def squash(text: str) -> str:
    """Lower case, reply codes of continued lines taken out, `you@x.example` as `@`, one blank between words."""
    text = _DASHED.sub(" ", _CODES.sub(" ", text.lower().replace("’", "'")))
    return " ".join(_ADDRESSES.sub("@", text).split())
