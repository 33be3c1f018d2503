"""The check of a template's mail before it goes to anybody: what speaks against it, the worst first.

`check` reads its recipients as a stream, so that a segment of any size costs time and no memory.
"""

from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from postoffice.actions import mail_checks_world, mail_pictures
from postoffice.actions.contact_rows import without_letter
from postoffice.compose.mail.checks import Check, Wanted, check_mail, check_sms, worst_first
from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.content import SENDER, Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.samples import made_up
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import Named, Situation, Wording, slots_of
from postoffice.compose.message import Message
from postoffice.compose.render import TemplateFault
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.finding import Severity
from postoffice.model.people import Organisation
from postoffice.store import people
from postoffice.store.templates import Version
from postoffice.words.marks import N_

__all__ = ["Check", "Options", "check", "check_content"]

PORTION = 500  #: rows that a child process judges at a time
#: of all pictures together: what a reader on the road waits for
MOST_PICTURES = 1_000_000
_PROBLEMS = {
    "row-missing": N_("{n} of {total} recipients lack the field {field}."),
    "row-bad-email": N_("{n} of {total} recipients have an e-mail address that cannot be right."),
}
_OTHER = N_("{n} of {total} recipients have something in the field {field} that the template cannot use.")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What is looked at. The defaults ask nobody outside."""

    channel: Channel = Channel.EMAIL
    utm: bool = False  #: links must say where visitors come from
    reach: bool = False  #: links are followed
    inside: bool = False  #: also to this machine and its network; for trials
    spam: bool = False  #: the spam filter is asked, where there is one
    dns: bool = False  #: the sender's records are looked up


@dataclass
class Tally:
    """What is wrong with rows: (code, column) -> how many."""

    total: int = 0
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreachable: int = 0  #: rows without an address for the channel
    faults: Counter[str] = field(default_factory=Counter)  #: rows that the mail fails on, by code


async def check(
    house: House, version: Version, segment_or_rows: Iterable[Row] | AsyncIterable[Row] | None = None, options: Options | None = None
) -> list[Check]:
    """What speaks against sending a version to these rows, the worst first; Severity.ERROR should keep it from going.

    Rows are as contact_rows.row_of makes them, or those of a spreadsheet; None: only the mail itself is looked at.
    """
    async with house.database.read() as connection:
        organisation = await people.organisation(connection, version.organisation_id)
    return await check_content(house, organisation, Content.from_dict(version.content), segment_or_rows, options)


async def check_content(
    house: House,
    organisation: Organisation,
    content: Content,
    segment_or_rows: Iterable[Row] | AsyncIterable[Row] | None = None,
    options: Options | None = None,
    sample: Sequence[Row] = (),
) -> list[Check]:
    """The same of a draft. `sample`: rows that the mail is looked at on; made up where none is given."""
    options = options or Options()
    shown = await mail_pictures.ensure(house, organisation.id, content)
    addresses = {name: mail_pictures.address(house, one) for name, one in shown.items()}
    facts = _Facts(organisation.name, house.url, house.clock.now().date().isoformat(), addresses)
    try:
        found, mails = await house.workshop.run(_judge, content, [dict(one) for one in sample], facts, options)
        fixed = [slot.address for slot in slots_of(content) if slot.fixed] if options.reach else []
    except TemplateFault as fault:
        where = str(fault.facts.get("part", ""))
        words = N_("The template cannot be read: {why}")
        return [Check("template", Severity.ERROR, words, N_("Correct the template."), {"why": fault.message}, where)]
    weight = sum(one.size for one in shown.values())
    if weight > MOST_PICTURES:
        words, help = N_("The pictures weigh {kilobytes} kB together."), N_("Use fewer or smaller ones: telephones load them by air.")
        found.append(Check("pictures-heavy", Severity.WARNING, words, help, {"kilobytes": round(weight / 1000)}))
    if segment_or_rows is not None:
        found += _told(await _tally(house, content, segment_or_rows, options, facts), options)
    if options.channel is Channel.EMAIL:
        if options.reach:
            found += await mail_checks_world.reach(fixed, inside=options.inside)
        if options.spam and mails:
            found += await mail_checks_world.spam(house, organisation, mails[0])
        if options.dns:
            found += await mail_checks_world.sender(house, organisation)
    return worst_first(found)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a child process needs to know of the house."""

    sender: str
    url: str
    day: str
    pictures: Mapping[str, str]


def _judge(content: Content, sample: Sequence[dict[str, Any]], facts: _Facts, options: Options) -> tuple[list[Check], list[Message]]:
    """In a child process: each language on a row of its own."""
    found: list[Check] = []
    mails: list[Message] = []
    wording = Wording(content, facts.day, facts.sender, Named(facts.pictures))
    for language, parts in content.parts.items():
        row = next((one for one in sample if content.spoken(one.get("language")) == language), None) or dict(
            sample[0] if sample else made_up(content)
        )
        checked = check_record(Record(1, {**row, "language": language}, exact=True), wording.uses, content)
        out = f"{facts.url}/u/{'x' * 58}"
        situation = Situation(unsubscribe=out, preferences=f"{facts.url}/l/{'x' * 32}")
        wanted = Wanted(
            promotional=Purpose(content.purpose).is_promotional,
            utm=options.utm,
            unsubscribe=out,
            own_url=facts.url,
            identity=_identity(content),
            preheader=parts.preheader or ("…" if "<mj-preview" in parts.mjml or not parts.mjml else ""),
        )
        make, part = (wording.sms, "sms") if options.channel is Channel.SMS else (wording.email, "mjml" if parts.mjml else "html")
        where = f"{language}.{part}"
        try:
            mail = make(checked.data, language, checked.lines, situation)
        except TemplateFault as fault:
            words = N_("The mail cannot be made: {why}")
            found.append(Check("template", Severity.ERROR, words, N_("Correct the template."), {"why": fault.message}, where))
            continue
        if mail is None:
            words = N_("There is no message in this language.")
            found.append(Check("message-missing", Severity.ERROR, words, N_("Write it, or take the language out."), {}, where))
            continue
        mails.append(mail)
        found += check_sms(mail.text, wanted, where) if options.channel is Channel.SMS else check_mail(mail, wanted, where)
    return found, mails


def _identity(content: Content) -> bool:
    known = {name: content.sender.get(name, "") for name in SENDER}
    return bool(known["line1"] and (known["line2"] or known["line3"]))


async def _tally(house: House, content: Content, rows: Iterable[Row] | AsyncIterable[Row], options: Options, facts: _Facts) -> Tally:
    tally = Tally()
    bare = without_letter(content)  # what only the letter names is not missed in a message
    async for portion in _portions(rows):
        made = await house.workshop.run(_count, bare, portion, options.channel, facts)
        tally.total += made.total
        tally.wrong += made.wrong
        tally.unreachable += made.unreachable
        tally.faults += made.faults
    return tally


async def _portions(rows: Iterable[Row] | AsyncIterable[Row]) -> AsyncIterator[list[dict[str, Any]]]:
    portion: list[dict[str, Any]] = []
    async for row in _stream(rows):
        portion.append(dict(row))
        if len(portion) == PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


async def _stream(rows: Iterable[Row] | AsyncIterable[Row]) -> AsyncIterator[Row]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


def _count(content: Content, rows: Sequence[dict[str, Any]], channel: Channel, facts: _Facts) -> Tally:
    """In a child process: rows judged, and their mail made."""
    tally, uses = Tally(len(rows)), uses_of(content)
    wording = Wording(content, facts.day, facts.sender, Named(facts.pictures))
    situation = Situation(unsubscribe=f"{facts.url}/u/x", preferences=f"{facts.url}/l/x")
    for number, row in enumerate(rows):
        checked = check_record(Record(number, row, exact=True), uses, content)
        problems = [
            one for one in checked.problems if not (one.code == "row-missing" and one.column in ("name", "postcode") and not row)
        ]
        tally.wrong.update({(one.code, one.column) for one in problems})
        tally.unreachable += not (checked.email if channel is Channel.EMAIL else checked.mobile)
        if problems:
            continue
        try:
            (wording.email if channel is Channel.EMAIL else wording.sms)(checked.data, checked.language, checked.lines, situation)
        except TemplateFault as fault:
            tally.faults[fault.code] += 1
    return tally


def _told(tally: Tally, options: Options) -> list[Check]:
    found = []
    if not tally.total:
        words, help = N_("There is nobody to send this to."), N_("Choose another segment, or another spreadsheet.")
        return [Check("nobody", Severity.ERROR, words, help)]
    for (code, column), number in tally.wrong.most_common(30):
        facts = {"n": number, "total": tally.total, "field": column}
        help = N_("Complete these contacts, or let the template do without: they are left out otherwise.")
        severity = Severity.ERROR if number == tally.total else Severity.WARNING
        found.append(Check("fields", severity, _PROBLEMS.get(code, _OTHER), help, facts))
    if tally.unreachable:
        words = N_("{n} of {total} recipients have no address for this channel.")
        facts = {"n": tally.unreachable, "total": tally.total}
        severity = Severity.ERROR if tally.unreachable == tally.total else Severity.INFO
        found.append(Check("unreachable", severity, words, N_("They are left out."), facts))
    if tally.faults:
        words = N_("For {n} of {total} recipients the mail cannot be made.")
        facts = {"n": sum(tally.faults.values()), "total": tally.total, "codes": ", ".join(sorted(tally.faults))}
        found.append(Check("mail-fails", Severity.ERROR, words, N_("Look at the preview on such a row."), facts))
    return found
