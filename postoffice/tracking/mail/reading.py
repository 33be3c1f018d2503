"""Any mail that came back, read: bytes in, values out, no network, no clock, no failure."""

import re
from dataclasses import replace

from postoffice.tracking.mail import automatic
from postoffice.tracking.mail.links import read_links
from postoffice.tracking.mail.listed import WEAK_SHAPES, Listed, listed_recipients
from postoffice.tracking.mail.mime import Fields
from postoffice.tracking.mail.notice import read_notice
from postoffice.tracking.mail.papers import Papers, lay_out
from postoffice.tracking.mail.reasons import Told, decide, reply_code, status_code
from postoffice.tracking.mail.status import Status, address_in, read_status
from postoffice.tracking.mail.values import Kind, Links, Reading, Reason, Recipient

_MOST_TEXT = 500
_OTHER = Reading(Kind.OTHER)
#: text of a complaint's recipient who only wants no more mail: a feedback type, or a mailbox program that says so in its own way
OPT_OUT = "opt-out"
#: fields that name the recipient in a complaint, the surest first
_COMPLAINED = ("original-rcpt-to", "removal-recipient")
_COMPLAINED_ABOUT = ("x-hmxmroriginalrecipient", "delivered-to", "to")


def read_mail(raw: bytes) -> Reading:
    """What a mail says about deliveries of ours.

    Looks at the first mebibyte, at most 60 parts six levels deep. Recipients are in the order of the report, each once. The links are
    what the mail claims; a report can be forged by anybody, so check the return path's signature before acting on one.
    """
    papers = lay_out(raw)
    reading = (
        _notified(papers) or _complaint(papers) or _reported(papers) or _receipt(papers) or _told(papers) or _reply(papers) or _OTHER
    )
    links = read_links(papers) if reading.links == Links() else reading.links
    return replace(reading, links=links)


def _notified(papers: Papers) -> Reading | None:
    """Amazon's notification by mail."""
    notice = read_notice(papers.words)
    if notice is None:
        return None
    papers.original = papers.original or Fields(notice.headers)
    if notice.kind is Kind.BOUNCE:
        return Reading(Kind.BOUNCE, _unique([_from_status(one, papers, {}) for one in notice.recipients]))
    reason = Reason.FEEDBACK if notice.kind is Kind.FEEDBACK else Reason.DELIVERED
    return Reading(notice.kind, _unique([Recipient(one.address, reason) for one in notice.recipients]))


def _complaint(papers: Papers) -> Reading | None:
    """An abuse report (RFC 5965) or its older kin. "not-spam" praises us and is no complaint."""
    report, head = papers.feedback, papers.head
    if not report and not automatic.shows(automatic.COMPLAINTS, head) and not papers.original.get("x-hmxmroriginalrecipient"):
        return None
    kind = report.get("feedback-type").strip().lower()
    if kind == "not-spam":
        return _OTHER
    addresses = [address_in(value) for name in _COMPLAINED for value in report.all(name)]
    if not any(addresses):
        addresses = [found for name in _COMPLAINED_ABOUT for value in papers.original.all(name) if (found := address_in(value))][:1]
    if not any(addresses) and not report:
        addresses = [address_in(head.get("from"))]
    if not report and automatic.shows(automatic.UNSUBSCRIBES, head):
        kind = OPT_OUT
    return Reading(Kind.FEEDBACK, _unique([Recipient(one, Reason.FEEDBACK, text=kind) for one in addresses if one]))


def _reported(papers: Papers) -> Reading | None:
    """Delivery status fields, where any of them names a recipient."""
    blocks = papers.blocks
    if not any(read_status(block) for block in blocks):
        # in plain text they count only from a mail program: people quote reports, too
        blocks = papers.loose_blocks if _from_daemon(papers) else []
    found = [status for block in blocks if (status := read_status(block))]
    if not found:
        return None
    listed = {one.address.lower(): one for one in listed_recipients(papers.words)} if papers.words.strip() else {}
    failed = [one for one in found if not one.succeeded]
    if not failed:
        return Reading(
            Kind.DELIVERED, _unique([Recipient(one.address, Reason.DELIVERED, one.status, text=one.action) for one in found])
        )
    return Reading(Kind.BOUNCE, _unique([_from_status(one, papers, listed if len(failed) > 1 else {}) for one in failed]))


def _from_status(one: Status, papers: Papers, listed: dict[str, Listed]) -> Recipient:
    """A recipient out of its fields, with the words that people read as witness; of several recipients, each has only its own lines."""
    if listed:
        near = listed[one.address.lower()].words if one.address.lower() in listed else ""
        near = near or _lines_about(one.address, papers.words)
    else:
        near = papers.words
    exact = f"{one.diagnostic} {one.comment if 'undefined' not in one.comment else ''}"
    words = tuple(text for text in (exact.strip(), near) if text)
    told = Told(words, one.status, near, one.action == "delayed")
    text = one.diagnostic or one.comment or near
    return Recipient(
        one.address,
        decide(told),
        status_code(one.diagnostic, one.status),
        reply_code(one.diagnostic, near),
        _short(text),
        one.action != "delayed",
    )


def _lines_about(address: str, words: str) -> str:
    """The lines of a transcript that name an address, each with the line behind it."""
    lines = words[:100_000].splitlines()
    return "\n".join("\n".join(lines[at : at + 2]) for at, line in enumerate(lines) if address in line)


def _receipt(papers: Papers) -> Reading | None:
    """A read receipt (RFC 8098) proves delivery, whatever was done with the mail then."""
    if not papers.disposition:
        return None
    address = address_in(papers.disposition.get("final-recipient")) or address_in(papers.head.get("from"))
    kind = Kind.DELIVERED if papers.disposition.get("disposition") else Kind.OTHER
    recipients = (Recipient(address, Reason.DELIVERED, text=_short(papers.disposition.get("disposition"))),) if address else ()
    return Reading(kind, recipients)


def _from_daemon(papers: Papers) -> bool:
    return automatic.shows(automatic.DAEMONS, papers.head) or bool(automatic.BOUNCE_SUBJECT.search(papers.head.get("subject")))


def _told(papers: Papers) -> Reading | None:
    """A bounce in free text."""
    if not _is_bounce(papers):
        return None
    listed = listed_recipients(papers.words) or _elsewhere(papers)
    whole = papers.words if len(listed) == 1 else ""  # of several recipients, each has only its own lines
    return Reading(Kind.BOUNCE, _unique([_from_listed(one, whole) for one in listed])) if listed or _says_so_twice(papers) else None


def _is_bounce(papers: Papers) -> bool:
    """From a mail program with a bounce's subject or words; from anybody else with both, or with our mail behind the words."""
    head, subject = papers.head, bool(automatic.BOUNCE_SUBJECT.search(papers.head.get("subject")))
    words = bool(automatic.BOUNCE_WORDS.search(papers.words))
    if _is_automatic_person(head) and not subject:
        return False
    if automatic.shows(automatic.DAEMONS, head):
        return subject or words
    return words and (subject or bool(papers.original)) and not _is_conversation(head)


def _is_automatic_person(head: Fields) -> bool:
    """Whether an automatic mail comes from a person's address, not from a mail program's."""
    person = not automatic.DAEMONS[0].pattern.search(head.get("from")) and not head.get("x-failed-recipients")
    return person and automatic.shows(automatic.REPLIES, head)


def _is_conversation(head: Fields) -> bool:
    """Whether people talk with one another: an answer, or something forwarded."""
    return bool(re.match(r"\s*(?:re|aw|sv|antw|tr|fwd?|wg)\s*:", head.get("subject"), re.IGNORECASE) or head.get("in-reply-to"))


def _says_so_twice(papers: Papers) -> bool:
    return bool(automatic.BOUNCE_SUBJECT.search(papers.head.get("subject")) and automatic.BOUNCE_WORDS.search(papers.words))


def _elsewhere(papers: Papers) -> list[Listed]:
    """Recipients that the text does not list plainly: in the report's header, in its lines, else whom the returned mail was for."""
    addressee = papers.head.get("to").lower()
    return (
        _in_headers(papers, papers.head.all("x-failed-recipients"))
        or [one for one in listed_recipients(papers.words, WEAK_SHAPES) if one.address.lower() not in addressee]
        or _in_headers(papers, papers.original.all("x-envelope-to"))
        or _in_headers(papers, papers.original.all("to"))
    )


def _in_headers(papers: Papers, values: list[str]) -> list[Listed]:
    found = [address for value in values for piece in value.split(",")[:100] if (address := address_in(piece))]
    return [Listed(address, papers.words) for address in found]


def _from_listed(one: Listed, whole: str) -> Recipient:
    words = tuple(text for text in (one.words, whole or one.preface) if text)
    delayed = bool(
        re.search(
            r"warning (?:message )?only|has been delayed|not yet been delivered|will be retried|temporary failure report"
            r"|still being retried",
            whole or one.words,
            re.I,
        )
    )
    reason = decide(Told(words, "", whole or one.words, delayed))
    return Recipient(one.address, reason, status_code(*words), reply_code(*words), _short(one.words), not delayed)


def _reply(papers: Papers) -> Reading | None:
    """An automatic reply: its recipient is who sent it."""
    if not automatic.answers_for_its_owner(papers.head, papers.words):
        return None
    address = address_in(papers.head.get("from")) or address_in(papers.head.get("reply-to"))
    return Reading(Kind.VACATION, (Recipient(address, Reason.VACATION, text=_short(papers.words)),) if address else ())


def _unique(recipients: list[Recipient]) -> tuple[Recipient, ...]:
    """Each address once; of two tellings the one with a reason."""
    found: dict[str, Recipient] = {}
    for one in recipients:
        known = found.get(one.address.lower())
        if known is None or (known.reason is Reason.UNDEFINED and one.reason is not Reason.UNDEFINED):
            found[one.address.lower()] = one
    return tuple(found.values())


def _short(text: str) -> str:
    return " ".join(text[: 4 * _MOST_TEXT].split())[:_MOST_TEXT]
