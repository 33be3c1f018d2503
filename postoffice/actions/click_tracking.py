"""Clicks on a mailing's links: what is counted of whom, where an address leads, and which clicks were a person's after all.

The ledger is asked twice: when a mail is made, and again at each click. Only a click that no sweep of a scanner can claim any more
becomes an event.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.compose.merge.content import Content
from postoffice.compose.merge.wording import slots_of
from postoffice.compose.render.hrefs import is_harmless
from postoffice.house import House
from postoffice.model.channel import Purpose
from postoffice.model.clicks import CONSENT, Clicker, ClickMode, Clicks, Token, is_ours, read
from postoffice.model.consent import ALL
from postoffice.model.delivery import Delivery
from postoffice.model.states import EventKind
from postoffice.privacy import ledger
from postoffice.store import clicks, consents, contact_book, deliveries, events, items, mailings
from postoffice.store.clicks import Link, Open
from postoffice.tracking.clicks import SETTLED, SWEEP, Recent, Visit, is_machine, sweeps

SOURCE = "portal"
PORTION = 500  #: deliveries that are settled together
ROUNDS = 20  #: of them at a time, so that a worker's other duties wait for seconds at most


@dataclass(frozen=True, slots=True)
class Tracking:
    """How the clicks of one mailing are counted."""

    mode: ClickMode
    url: str
    key: bytes
    mailing_id: str
    fixed: Mapping[int, str] = field(default_factory=dict)

    def of(self, delivery_id: str, *, agreed: bool) -> Clicks | None:
        """What makes a recipient's addresses, for merge.wording.Situation; None where links lead straight on."""
        named = self.mode.by_name(agreed)
        if named is None:
            return None
        return Clicks(self.url, self.key, self.mailing_id, delivery_id if named else "", self.fixed)


async def begin(
    connection: AsyncConnection, house: House, organisation_id: str, mailing_id: str, content: Content, mode: ClickMode
) -> Tracking:
    """Write down where a mailing's links lead, before its first mail is made; as often as one likes. TemplateFault bad-mjml."""
    if mode is ClickMode.OFF:
        return Tracking(mode, house.url, b"", mailing_id)
    slots = [Link(one.number, one.language, one.part, one.address, one.label, one.fixed) for one in slots_of(content)]
    await clicks.register(connection, organisation_id, mailing_id, slots)
    return await load(connection, house, mailing_id, mode)


async def load(connection: AsyncConnection, house: House, mailing_id: str, mode: ClickMode) -> Tracking:
    """The same of a mailing that was begun."""
    known = await clicks.links(connection, mailing_id) if mode is not ClickMode.OFF else []
    fixed = {one.number: one.address for one in known if one.fixed}
    return Tracking(mode if known else ClickMode.OFF, house.url, house.keyring.click_key(mailing_id), mailing_id, fixed)


async def agreed(connection: AsyncConnection, organisation_id: str, contact_ids: Collection[str], purpose: Purpose) -> set[str]:
    """Contacts whose clicks may bear their name: they said yes to just that. A yes to all channels is none, a no to all is one."""
    ledgers = await consents.of_contacts(connection, organisation_id, list(contact_ids)) if contact_ids else {}
    return {
        contact_id
        for contact_id, entries in ledgers.items()
        if ledger.standing([one for one in entries if not one.given or one.channel != ALL], purpose.value, CONSENT)
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a counted address. `headers` with names in lower case; `caller` says where from, and is not kept."""

    method: str
    headers: Mapping[str, str]
    caller: str


async def follow(house: House, recent: Recent, text: str, to: str, asked: Asked) -> str | None:
    """Where an address leads, counted; None where it is none of ours, or led elsewhere than its mail did."""
    token = read(text)
    if token is None:
        return None
    async with house.database.read() as connection:
        delivery = await deliveries.get(connection, token.id) if token.person else None
        mailing_id = delivery.mailing_id if delivery else "" if token.person else token.id
        link = await clicks.link(connection, mailing_id, token.number) if mailing_id else None
        if link is None or not is_ours(house.keyring.click_key(mailing_id), token, to):
            return None
        target = link.address if link.fixed else to
        if link.fixed == bool(to) or not is_harmless(target) or target[:4].lower() != "http":
            return None
        total = len(await clicks.links(connection, mailing_id))
    if delivery is not None:
        await _by_name(house, delivery, link, asked)
    else:
        await _together(house, recent, token, link, asked, total)
    return target


async def _by_name(house: House, delivery: Delivery, link: Link, asked: Asked) -> None:
    now = house.clock.now()
    machine = is_machine(Visit(asked.method, asked.headers, now, delivery.handed_over_at, known=True))
    async with house.database.write() as connection:
        item = await items.get(connection, delivery.item_id, delivery.organisation_id)
        mailing = await mailings.get(connection, delivery.mailing_id, delivery.organisation_id)
        # who was erased said yes, and is nobody now
        mine = await contact_book.hold(connection, delivery.organisation_id, [item.contact_id] if item.contact_id else [], shared=True)
        named = not machine and bool(await agreed(connection, delivery.organisation_id, mine, mailing.options.purpose))
        if named:
            new = Open(delivery.organisation_id, mailing.id, delivery.id, item.id, item.contact_id, link.number, now)
            await clicks.hit(connection, new, Clicker.PERSON, settled=False)
            return
        clicker = Clicker.MACHINE if machine else Clicker.SOMEBODY
        await clicks.count(connection, delivery.organisation_id, mailing.id, link.number, clicker, now)


async def _together(house: House, recent: Recent, token: Token, link: Link, asked: Asked, total: int) -> None:
    now = house.clock.now()
    machine, earlier = is_machine(Visit(asked.method, asked.headers, now)), list[tuple[int, datetime]]()
    if not machine:
        machine, earlier = recent.add(house.keyring.blind(f"click|{token.id}|{asked.caller}"), link.number, now, total)
    async with house.database.write() as connection:
        organisation_id = (await mailings.get(connection, token.id)).organisation_id
        clicker = Clicker.MACHINE if machine else Clicker.SOMEBODY
        await clicks.count(connection, organisation_id, token.id, link.number, clicker, now)
        for number, at in earlier:
            await clicks.count(connection, organisation_id, token.id, number, Clicker.SOMEBODY, at, by=-1)
            await clicks.count(connection, organisation_id, token.id, number, Clicker.MACHINE, at)


async def settle(house: House) -> int:
    """Clicks that no sweep can claim any more become events and counts; how many. To be called again and again."""
    done = 0
    for _ in range(ROUNDS):
        some = await _settle_some(house)
        done += some
        if some < PORTION:
            break
    return done


async def _settle_some(house: House) -> int:
    now = house.clock.now()
    before, done = now - SETTLED, 0
    async with house.database.read() as connection:
        waiting = await clicks.unsettled(connection, before, PORTION)
        totals = {one[0].mailing_id: 0 for one in waiting.values()}
        for mailing_id in totals:
            totals[mailing_id] = len(await clicks.links(connection, mailing_id))
    for hits in waiting.values():
        caught = sweeps([(one.number, one.at) for one in hits], totals[hits[0].mailing_id])
        async with house.database.write() as connection:
            for place, one in enumerate(hits):
                if one.at <= before or place in caught:
                    done += await _settle(connection, one, now, machine=place in caught)
    return done


async def _settle(connection: AsyncConnection, one: Open, now: datetime, *, machine: bool) -> bool:
    if not await clicks.settle(connection, one, now, machine=machine):
        return False
    kind = Clicker.MACHINE if machine else Clicker.PERSON
    await clicks.count(connection, one.organisation_id, one.mailing_id, one.number, kind, one.at)
    if not machine:
        event = events.NewEvent(
            one.organisation_id,
            EventKind.CLICKED,
            SOURCE,
            one.at,
            mailing_id=one.mailing_id,
            item_id=one.item_id,
            delivery_id=one.delivery_id,
            contact_id=one.contact_id,
            detail={"link": one.number},
            once=f"click-{one.number}",
        )
        await events.add(connection, [event], now)
    return True


assert SETTLED > SWEEP, "a click is settled when its sweep is over"
