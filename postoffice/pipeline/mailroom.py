"""Mail that comes back: kept first, as it came; then read, tied to its delivery, and applied as news like that of any carrier."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.house import House
from postoffice.model import return_path
from postoffice.model.delivery import Delivery, Event
from postoffice.model.errors import TimedOut
from postoffice.model.ids import is_id
from postoffice.model.states import DeliveryState, EventKind
from postoffice.pipeline.news import apply_news
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, deliveries, mailboxes, mailings, mails
from postoffice.store.batches import Batch
from postoffice.store.mails import Mail, NewMail
from postoffice.tracking.mail import Kind, Reading, read_mail
from postoffice.tracking.mail.copies import by_a_machine, fingerprint, written_at
from postoffice.tracking.mail.news import Meant, Trust, news_of
from postoffice.tracking.mail.reply import Reply, read_reply
from postoffice.tracking.mail.wishes import wants_no_more

MEDIA_TYPE = "message/rfc822"
READ, FORWARD = "mail", "forward"  #: the steps
QUEUE = "email"
_GUESS_WITHIN = timedelta(days=30)  #: an older mail to the same address is hardly meant
#: states of a delivery that a mail which names only the address can speak of
_ON_THE_ROAD = (DeliveryState.HANDED_OVER.value, DeliveryState.DELIVERED.value, DeliveryState.FAILED.value)


class Mailroom:
    """Where the door and the mailboxes hand in what they took."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def whose(self, address: str) -> str | None:
        """The organisation that takes mail for this address; None: nobody here does.

        Signed return paths of deliveries that exist, and the addresses that carriers' mailboxes name; nothing else, so that nothing
        is ever relayed.
        """
        house = self._house
        local = address.rpartition("@")[0]
        key = return_path.read(house.keyring.return_path_key(), local)
        async with house.database.read() as connection:
            if key is not None:
                delivery = await deliveries.get(connection, key)
                return delivery.organisation_id if delivery else None
            return await mailboxes.organisation_of(connection, address)

    async def keep(self, organisation_id: str, raw: bytes, way: str, *, carrier: str = "", envelope_to: str = "") -> bool:
        """Store a mail and the work of reading it, durably; False where it was here before. OutOfRoom where the disk is full."""
        house, now = self._house, self._house.clock.now()
        stored = await house.documents.put(organisation_id, raw)
        new = NewMail(organisation_id, way, fingerprint(raw), stored.sha256, stored.size, carrier, envelope_to)
        async with house.database.write() as connection:
            await mailings.note_document(connection, organisation_id, stored, MEDIA_TYPE, now)
            mail_id = await mails.add(connection, new, now)
            if mail_id is None:
                return False
            batch_id = await batches.add(
                connection, organisation_id=organisation_id, step=READ, subject_id=mail_id, queue=QUEUE, now=now, priority=4
            )
        await house.bell.ring(QUEUE, batch_id, 0)
        return True


async def read(house: House, batch: Batch, stop: Stop) -> None:
    """Read one mail and apply what it says. Run twice, it tells the same events, and those are written once."""
    async with house.database.read() as connection:
        mail = await mails.get(connection, batch.organisation_id, batch.subject_id)
    raw = await house.documents.get(mail.organisation_id, mail.document)
    reading, why = await _read(house, raw)
    async with house.database.read() as connection:
        found = await _find(connection, house, mail, reading)
    told = await _told(house, mail, raw, reading, found)
    for carrier, events in told.by_carrier.items():
        await apply_news(house, mail.organisation_id, carrier, events)
    now = house.clock.now()
    async with house.database.write() as connection:
        meant = found[0].key if found else None
        state = mails.READ if found else mails.ASIDE
        await mails.settle(connection, mail.id, state, now, kind=told.kind, delivery_id=meant, error=why)
        if told.for_people and mail.state == mails.NEW:
            await batches.add(connection, organisation_id=mail.organisation_id, step=FORWARD, subject_id=mail.id, queue=QUEUE, now=now)
        await batches.finish(connection, batch, now)
    if not found:
        house.log.info("mail.of_nothing", mail=mail.id, kind=reading.kind.value)


async def _read(house: House, raw: bytes) -> tuple[Reading, str]:
    """What it says, beside the loop; a mail that takes too long is set aside with the reason, for people to look at."""
    try:
        return await house.workshop.run(read_mail, raw[:_MOST_READ]), ""
    except TimedOut as error:
        return Reading(Kind.OTHER), error.message


_MOST_READ = 1 << 20  #: bytes, see tracking.mail.mime


@dataclass(frozen=True, slots=True)
class _News:
    """What one mail tells."""

    kind: str
    by_carrier: dict[str, list[Event]]
    for_people: bool = False  #: somebody wrote, who may wait for an answer


@dataclass(frozen=True, slots=True)
class _Found:
    """A delivery with how it was found."""

    delivery: Delivery
    trust: Trust

    @property
    def key(self) -> str:
        return self.delivery.id

    @property
    def meant(self) -> Meant:
        return Meant(self.delivery.id, self.delivery.to, self.delivery.reference, self.trust)


async def _find(connection: AsyncConnection, house: House, mail: Mail, reading: Reading) -> list[_Found]:
    """The deliveries that a mail speaks of. A sealed return path decides; then our Message-ID; then addresses, as a guess.

    A return path with a wrong seal is no more than text: its id is not looked at.
    """
    key = house.keyring.return_path_key()
    for path in (mail.envelope_to, reading.links.return_path):
        delivery_id = return_path.read(key, path.rpartition("@")[0])
        if delivery_id and (delivery := await mails.spoken_of(connection, mail.organisation_id, delivery_id, "")):
            return [_Found(delivery, Trust.SIGNED)]
    for message_id in reading.links.message_ids:
        local = message_id.partition("@")[0].lower()
        delivery = await mails.spoken_of(connection, mail.organisation_id, local if is_id(local) else "", message_id)
        if delivery:
            return [_Found(delivery, Trust.NAMED)]
    if reading.kind not in (Kind.BOUNCE, Kind.FEEDBACK):
        return []  # whoever answers something that we cannot tell is left to people
    since = mail.received_at - _GUESS_WITHIN
    guessed = [
        await mails.last_to(connection, mail.organisation_id, one.address, since, _ON_THE_ROAD) for one in reading.recipients[:20]
    ]
    return [_Found(delivery, Trust.GUESSED) for delivery in {one.id: one for one in guessed if one}.values()]


async def _told(house: House, mail: Mail, raw: bytes, reading: Reading, found: Sequence[_Found]) -> _News:
    """The events of a mail, by the carrier that the delivery went with."""
    if not found:
        return _News(reading.kind.value, {})
    at = written_at(raw, mail.received_at)
    detail: dict[str, str] = {"mail": mail.id}
    machine = reading.kind is Kind.OTHER and by_a_machine(raw)
    person = reading.kind is Kind.OTHER and not machine
    answer = (
        await _keep_text(house, mail, await house.workshop.run(read_reply, raw[:_MOST_READ]), detail) if _has_words(reading) else None
    )
    told: dict[str, list[Event]] = defaultdict(list)
    for one in found:
        told[one.delivery.carrier] += news_of(reading, one.meant, at, detail, machine=machine)
        if person and answer and wants_no_more(answer):
            told[one.delivery.carrier].append(_no_more(one, at, detail))
    kind = "reply" if person else reading.kind.value
    return _News(kind, dict(told), for_people=person)


def _has_words(reading: Reading) -> bool:
    return reading.kind in (Kind.OTHER, Kind.VACATION)


def _no_more(one: _Found, at: datetime, detail: dict[str, str]) -> Event:
    return Event(EventKind.OPTED_OUT, at, key=one.key, detail={**detail, "found_by": one.trust.value})


async def _keep_text(house: House, mail: Mail, reply: Reply, detail: dict[str, str]) -> Reply:
    """The words that a person or a machine wrote, as a document of their own; `detail` then says where."""
    if reply.text:
        stored = await house.documents.put(mail.organisation_id, reply.text.encode())
        async with house.database.write() as connection:
            await mailings.note_document(connection, mail.organisation_id, stored, "text/plain", house.clock.now())
        detail["words"] = stored.sha256
    return reply
