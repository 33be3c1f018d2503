"""The ladder of a plan as a person writes it: `email-link 3d > sms-link 2d > post`.

A step is a form (email-link, email-attachment, sms-link, fax, post, post-registered ...), or `preferred` (the contact's own wish) or
`cheapest` (all others that reach the recipient, by price). A time behind it says how long it is waited for before the next step: for
links until the recipient has read it, for the others until it has arrived. A step that fails is left at once, with or without a time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import EmailForm, Postage

PREFERRED = "preferred"
CHEAPEST = "cheapest"
#: steps at most: a ladder that nobody can read is not one
MOST_STEPS = 8
LONGEST_WAIT = timedelta(days=90)
SHORTEST_WAIT = timedelta(minutes=5)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "j": timedelta(days=1), "w": timedelta(weeks=1)}
_STEP = re.compile(r"(?P<word>[a-z]+(?:-[a-z]+)?)(?:\s+(?P<count>\d{1,4})\s*(?P<unit>[mhdjw]))?")


@dataclass(frozen=True, slots=True)
class Form:
    """How an item travels on one step."""

    word: str
    channel: Channel
    email_form: EmailForm | None = None  #: None: as the mailing's options say
    postage: Postage | None = None  #: None: as the mailing's options say

    @property
    def is_link(self) -> bool:
        """Whether we see that it was read."""
        return self.channel is Channel.SMS or (self.channel is Channel.EMAIL and self.email_form is not EmailForm.ATTACHMENT)


FORMS: dict[str, Form] = {
    form.word: form
    for form in (
        Form("email", Channel.EMAIL),
        Form("email-link", Channel.EMAIL, EmailForm.LINK),
        Form("email-attachment", Channel.EMAIL, EmailForm.ATTACHMENT),
        Form("sms", Channel.SMS),
        Form("sms-link", Channel.SMS),
        Form("fax", Channel.FAX),
        Form("post", Channel.POST),
        *(Form(f"post-{postage.value}", Channel.POST, None, postage) for postage in Postage),
    )
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a ladder. `wait` of zero: only a failure leads on."""

    word: str  #: of FORMS, PREFERRED or CHEAPEST
    wait: timedelta = timedelta()

    def __str__(self) -> str:
        return self.word + (f" {_said(self.wait)}" if self.wait else "")


@lru_cache(maxsize=256)
def parse(text: str) -> tuple[Step, ...]:
    """The steps of a ladder; () for an empty text. PostOfficeError (bad-ladder) that names the step and what it may be."""
    if not text.strip():
        return ()
    steps = tuple(_step(part.strip(), number) for number, part in enumerate(text.lower().split(">"), 1))
    if len(steps) > MOST_STEPS:
        raise _bad(f"A ladder has at most {MOST_STEPS} steps; this one has {len(steps)}.")
    words = [step.word for step in steps]
    for number, word in enumerate(words, 1):
        if word in words[: number - 1]:
            raise _bad(f"Step {number} of the ladder says {word} a second time.")
        if word == CHEAPEST and number < len(words):
            raise _bad("Nothing can follow 'cheapest': it tries every channel that is left.")
    return steps


def written(steps: Sequence[Step]) -> str:
    """The inverse of `parse`."""
    return " > ".join(str(step) for step in steps)


def _step(text: str, number: int) -> Step:
    found = _STEP.fullmatch(text)
    if not found or found["word"] not in (*FORMS, PREFERRED, CHEAPEST):
        raise _bad(f"Step {number} of the ladder is '{text[:40]}', which is no way of sending.")
    if found["count"] is None:
        return Step(found["word"])
    wait = int(found["count"]) * _UNITS[found["unit"]]
    if found["word"] == CHEAPEST:
        raise _bad("'cheapest' tries every channel that is left and waits for none.")
    if not SHORTEST_WAIT <= wait <= LONGEST_WAIT:
        raise _bad(f"Step {number} of the ladder waits {_said(wait)}; it may wait from 5 minutes to 90 days.")
    return Step(found["word"], wait)


def _said(wait: timedelta) -> str:
    for unit in ("d", "h"):
        if wait % _UNITS[unit] == timedelta() and wait:
            return f"{wait // _UNITS[unit]}{unit}"
    return f"{wait // _UNITS['m']}m"


def _bad(message: str) -> PostOfficeError:
    return PostOfficeError(
        "bad-ladder", message, help=f"Write it like this: email-link 3d > sms-link 2d > post. Steps are {', '.join(sorted(FORMS))}."
    )
