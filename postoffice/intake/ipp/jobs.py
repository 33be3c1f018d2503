"""A mailing told as a print job (RFC 8011 section 5.3). The job ends where the person's work begins: on the desk."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime

from postoffice.intake.ipp.attributes import SIDES, Place, keyword, seconds, short
from postoffice.intake.ipp.codec import encode_attribute
from postoffice.intake.ipp.phrases import state_sentence
from postoffice.intake.ipp.values import Attribute, attribute
from postoffice.intake.ipp.words import JobState, Tag
from postoffice.model.mailing import Mailing
from postoffice.model.states import MailingState

_COMPLETED = (JobState.COMPLETED, ("job-completed-successfully",))
#: With the second reason CUPS cancels its job and tells its user; without it, depending on which of its threads looks first, it
#: takes an aborted job for a printed one.
_ABORTED = (JobState.ABORTED, ("aborted-by-system", "document-format-error"))

#: A stored document is held at once: CUPS lets go of a held job, while it would ask about a processing one again and again.
#: Once the letters stand on the desk nothing is left to print, so the job is completed and leaves the queue of Windows and macOS.
STATES: dict[MailingState, tuple[JobState, tuple[str, ...]]] = {
    MailingState.RECEIVING: (JobState.HELD, ("job-incoming",)),
    MailingState.RECEIVED: (JobState.HELD, ("job-queued",)),
    MailingState.READING: (JobState.HELD, ("job-interpreting",)),
    MailingState.WAITING: _COMPLETED,
    MailingState.APPROVING: _COMPLETED,
    MailingState.PLANNING: _COMPLETED,
    MailingState.SENDING: _COMPLETED,
    MailingState.FINISHED: _COMPLETED,
    MailingState.FAILED: _ABORTED,
    MailingState.ABORTED: _ABORTED,
    MailingState.CANCELLED: (JobState.CANCELED, ("job-canceled-by-user",)),
}

TEMPLATE = frozenset({"sides", "print-color-mode", "copies"})
CREATED = frozenset({"job-id", "job-uri", "job-state", "job-state-reasons", "job-state-message"})  #: what a new job tells of itself
LISTED = frozenset({"job-id", "job-uri"})  #: what Get-Jobs tells where nothing was asked for


def states_of(which: str) -> tuple[MailingState, ...]:
    """The states of mailings that `which-jobs` names (RFC 8011 section 4.2.6.1, PWG 5100.11); () for an unknown word."""
    wanted: Callable[[JobState], bool]
    if which == "completed":
        wanted = _is_over
    elif which == "not-completed":
        wanted = _is_alive
    elif which == "all":
        wanted = _is_any
    else:
        word = _WORDS.get(which)
        if word is None:
            return ()
        wanted = word.__eq__
    return tuple(state for state, (job, _) in STATES.items() if wanted(job))


#: words of which-jobs that we know, though no job of ours is ever in such a state
EMPTY = frozenset({"pending", "processing", "processing-stopped"})
_WORDS = {
    "pending": JobState.PENDING,
    "pending-held": JobState.HELD,
    "processing": JobState.PROCESSING,
    "processing-stopped": JobState.STOPPED,
    "canceled": JobState.CANCELED,
    "aborted": JobState.ABORTED,
}


def _is_over(state: JobState) -> bool:
    return state >= JobState.CANCELED


def _is_alive(state: JobState) -> bool:
    return state < JobState.CANCELED


def _is_any(_: JobState) -> bool:
    return True


def job_bytes(mailing: Mailing, place: Place, wanted: frozenset[str], language: str, now: datetime) -> bytes:
    """The attributes of one job that were asked for: names, or the groups `all`, `job-description`, `job-template`."""
    if wanted <= CREATED:  # every print passes here: build no more than it tells
        return b"".join(encode_attribute(one) for one in _creation(mailing, place, language) if one.name in wanted)
    everything = (*_creation(mailing, place, language), *_description(mailing, place, now))
    return b"".join(encode_attribute(one) for one in everything if _is_wanted(one.name, wanted))


def _is_wanted(name: str, wanted: frozenset[str]) -> bool:
    return name in wanted or "all" in wanted or ("job-template" if name in TEMPLATE else "job-description") in wanted


def _creation(mailing: Mailing, place: Place, language: str) -> Iterable[Attribute]:
    state, reasons = STATES[mailing.state]
    yield attribute("job-id", Tag.INTEGER, mailing.number)
    yield attribute("job-uri", Tag.URI, f"{place.printer_uri}/{mailing.number}")
    yield attribute("job-state", Tag.ENUM, state)
    yield keyword("job-state-reasons", *reasons)
    yield attribute("job-state-message", Tag.TEXT, state_sentence(mailing, language))


def _description(mailing: Mailing, place: Place, now: datetime) -> Iterable[Attribute]:
    over = STATES[mailing.state][0] >= JobState.CANCELED
    begun = mailing.received_at
    ended = (mailing.ready_at or mailing.finished_at or mailing.received_at or mailing.created_at) if over else None
    yield attribute("job-printer-uri", Tag.URI, place.printer_uri)
    yield attribute("job-more-info", Tag.URI, place.mailing_url(mailing.id))
    yield attribute("job-name", Tag.NAME, short(mailing.name, 255))
    yield attribute("job-originating-user-name", Tag.NAME, short(mailing.sender_name or "anonymous", 255))
    yield attribute("job-uuid", Tag.URI, uuid.uuid5(uuid.NAMESPACE_URL, f"postoffice:mailing:{mailing.id}").urn)
    yield attribute("number-of-documents", Tag.INTEGER, 1 if begun else 0)
    yield attribute("job-k-octets", Tag.INTEGER, min((mailing.original_size + 1023) // 1024, 0x7FFFFFFF))
    yield attribute("job-impressions", Tag.INTEGER, mailing.pages)
    yield attribute("job-impressions-completed", Tag.INTEGER, mailing.pages_read)
    yield attribute("job-printer-up-time", Tag.INTEGER, seconds(now))
    for name, when in (("creation", mailing.created_at), ("processing", begun), ("completed", ended)):
        yield _time(f"time-at-{name}", Tag.INTEGER, seconds(when) if when else None)
        yield _time(f"date-time-at-{name}", Tag.DATE_TIME, when)
    yield attribute("copies", Tag.INTEGER, 1)
    yield keyword("sides", SIDES[1] if mailing.options.duplex else SIDES[0])
    yield keyword("print-color-mode", "color" if mailing.options.colour else "monochrome")
    if mailing.options.cost_centre:
        yield attribute("job-account-id", Tag.NAME, short(mailing.options.cost_centre, 255))


def _time(name: str, tag: int, data: int | datetime | None) -> Attribute:
    return attribute(name, Tag.NO_VALUE) if data is None else attribute(name, tag, data)
