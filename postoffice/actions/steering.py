"""What a person or a program may do to mailings and items, whichever door they come through.

Doors check who asks and call these; each is one transaction, ends in the transition table, leaves a line on the timeline, and
rings the bell after its commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.actor import Actor
from postoffice.actions.pricing import quote
from postoffice.compose import recheck
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.item import Item
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import EventKind, ItemState, MailingState
from postoffice.store import batches, budgets, deliveries, events, items, ladders, mailings, people, plans, twins
from postoffice.store.book import add_reading
from postoffice.store.finishing import finish_if_done
from postoffice.store.receiving import READ_QUEUE

PLAN_QUEUE = READ_QUEUE  # planning is short and follows reading


async def set_options(house: House, mailing: Mailing, options: Options, actor: Actor) -> None:
    """Keep what was chosen; Conflict once the mailing was sent."""
    async with house.database.write() as connection:
        await mailings.set_options(connection, mailing, options)
        await _audit(connection, house, mailing, actor, "mailing.options")


async def send(house: House, mailing: Mailing, options: Options, actor: Actor) -> None:
    """The button: everything that can go goes; held items stay for a person. Conflict on a second press."""
    found = await quote(house, mailing, options)
    if not found.items and found.unreached:
        raise Conflict(
            "none-reached",
            "No letter of this mailing has an address for this channel.",
            help="Choose another channel, or add addresses.",
        )
    if not found.items:
        raise Conflict("nothing-to-send", "No letter of this mailing can be sent.", help="Correct or include some first.")
    if found.problems:
        raise found.problems[0]
    now = house.clock.now()
    async with house.database.write() as connection:
        options = await plans.resolved(connection, mailing.organisation_id, options)
        await mailings.command(connection, mailing, "send", options=options.as_dict(), sent_at=now)
        await budgets.reserve(connection, mailing, options, found.total, now)
        queue, batch_id = await _plan_batch(connection, mailing, now)
        claimed = {"ground": options.ground.value} if options.purpose.is_promotional else {}
        await _audit(connection, house, mailing, actor, "mailing.send", items=found.items, total=found.total, **claimed)
    await house.bell.ring(queue, batch_id, 1)


async def _plan_batch(connection: AsyncConnection, mailing: Mailing, now: datetime) -> tuple[str, str]:
    queue = batches.lane(PLAN_QUEUE, small=mailing.items <= batches.SMALL)
    batch_id = await batches.add(
        connection,
        organisation_id=mailing.organisation_id,
        step="plan",
        subject_id=mailing.id,
        queue=queue,
        now=now,
        priority=2,
    )
    return queue, batch_id


async def send_more(house: House, mailing: Mailing, actor: Actor) -> None:
    """Send the items that were released after the button was pressed; Conflict where there is none."""
    now = house.clock.now()
    async with house.database.write() as connection:
        waiting = await items.count(connection, mailing.id, items.Filter(states=(ItemState.DRAFT,)))
        if not waiting:
            raise Conflict("nothing-to-send", "No letter of this mailing waits to be sent.", help="Correct or include some first.")
        await mailings.command(connection, mailing, "resume")
        queue, batch_id = await _plan_batch(connection, mailing, now)
        await _audit(connection, house, mailing, actor, "mailing.send-more", items=waiting)
    await house.bell.ring(queue, batch_id, 1)


class Stopped(NamedTuple):
    """What a mailing's end came to: items that no carrier had yet, and items that would have gone by another way later."""

    items: int
    ladders: int


async def cancel(house: House, mailing: Mailing, actor: Actor) -> Stopped:
    """Take a mailing back: all of it before the button, what was not yet handed over after it; and nothing goes by another way that
    its ladder would have led to, also where all was handed over long ago. Conflict where nothing is left to stop."""
    now = house.clock.now()
    async with house.database.write() as connection:
        mailing = await mailings.get(connection, mailing.id)
        stopped, climbing = 0, await ladders.count(connection, mailing.id)
        after_the_button = mailing.state in (MailingState.PLANNING, MailingState.SENDING)
        if not after_the_button and not (mailing.state is MailingState.FINISHED and climbing):
            await mailings.command(connection, mailing, "cancel", finished_at=now)
        while climbing and await ladders.end(connection, mailing.id, now, 5_000):
            pass  # first: what climbs meanwhile has its delivery by the lines below
        # first: what is planned meanwhile has its delivery by the next line; both at once: what is released meanwhile is neither's
        stopped += await items.set_state(connection, mailing.id, (ItemState.DRAFT, ItemState.HELD), "cancel", now)
        stopped += await deliveries.cancel_queued(connection, mailing.id, now)
        await budgets.give_back_cancelled(connection, mailing, now)
        await finish_if_done(connection, mailing.id, now)
        await _audit(connection, house, mailing, actor, "mailing.cancel", items=stopped, ladders=climbing)
    return Stopped(stopped, climbing)


async def recut(house: House, mailing: Mailing, layout: str, split_rule: str, actor: Actor) -> None:
    """Read the document again with another layout or rule; corrections by hand are lost (the page says so before)."""
    recheck.check_rule(split_rule)
    if layout not in LAYOUTS:
        raise PostOfficeError("no-such-layout", f"There is no layout named {layout}.", help=f"Use one of {', '.join(LAYOUTS)}.")
    now = house.clock.now()
    async with house.database.write() as connection:
        await mailings.command(
            connection,
            mailing,
            "recut",
            layout=layout,
            split_rule=split_rule,
            automatic=False,  # a person looks now: what was cut wrong once does not leave by itself
            pages_read=0,
            error=None,
            ready_at=None,
        )
        batch_id = await add_reading(connection, mailing, now)
        await _audit(connection, house, mailing, actor, "mailing.recut", rule=split_rule, layout=layout)
    await house.bell.ring(READ_QUEUE, batch_id, 1)


async def edit_item(
    house: House,
    mailing: Mailing,
    item: Item,
    actor: Actor,
    *,
    lines: Sequence[str] | None = None,
    channel: Channel | None = None,
    email: str | None = None,
    mobile: str | None = None,
    fax: str | None = None,
    reference: str | None = None,
) -> Item:
    """A person's correction; the address is checked anew, and the item is held or released by what is found.

    `lines` None leaves the address alone; the others None leave theirs alone; "" empties. PostOfficeError on a bad number.
    """
    points: dict[str, str | None] = {}
    points |= recheck.points(email=email, mobile=mobile, fax=fax, country=LAYOUTS[mailing.layout].country)
    if reference is not None:
        points["reference"] = reference.strip()[:200]
    if channel is not None:
        points["channel"] = channel.value
    now = house.clock.now()
    async with house.database.write() as connection:
        item = await items.locked(connection, item.id)  # a colleague may have corrected something else of it this moment
        address, findings = item.address, item.findings
        if lines is not None:
            address, findings = recheck.address(lines, LAYOUTS[mailing.layout], item.first_page, findings)
        await items.edit(connection, item, now, address=address, findings=findings, **points)
        await _tell(connection, house, item, actor, EventKind.EDITED, detail={"fields": sorted(points), "address": lines is not None})
        return await items.get(connection, item.id)


async def follow_plan(house: House, item: Item) -> None:
    """Forget a person's choice of channel for one item."""
    async with house.database.write() as connection:
        await items.update_draft(connection, item.id, house.clock.now(), channel=None)


async def release(house: House, item: Item, actor: Actor) -> None:
    """A person looked and says that this held item may go as it is. Conflict row-not-made where there is no letter to send."""
    recheck.check_release(item)
    async with house.database.write() as connection:
        again = {"again": True} if item.held_reason == twins.REASON else {}
        await items.command(connection, item, "release", house.clock.now(), held_reason="", **again)
        await _tell(connection, house, item, actor, EventKind.EDITED, detail={"released": item.held_reason})


async def exclude(house: House, mailing: Mailing, item_ids: Sequence[str], actor: Actor, *, include: bool = False) -> int:
    """Take items out of a mailing before it is sent, or (`include`) put them back; how many changed."""
    sources = (ItemState.EXCLUDED,) if include else (ItemState.DRAFT, ItemState.HELD)
    word = "include" if include else "exclude"
    async with house.database.write() as connection:
        changed = await items.set_state(connection, mailing.id, sources, word, house.clock.now(), item_ids)
        await _audit(connection, house, mailing, actor, f"items.{word}", items=changed)
    return changed


async def merge(house: House, mailing: Mailing, first: Item, actor: Actor) -> Item:
    """Put an item and the one after it together; the first one's address stays. Returns the new item."""
    async with house.database.write() as connection:
        _must_wait(await mailings.locked(connection, mailing.id))
        first = await items.locked(connection, first.id)  # its place is another one where letters before it were merged or cut
        beside = await items.page(connection, mailing.id, items.Filter(), after=first.position, limit=1)
        pair = [first, *[await items.locked(connection, one.id) for one in beside]]
        _must_be_plain(*pair)
        if len(pair) < 2:
            raise Conflict("no-next-letter", "There is no letter after this one.", help="Merge from the letter before it.")
        await items.recut(connection, pair, [recheck.merged(pair[0], pair[1])], house.clock.now())
        await _audit(connection, house, mailing, actor, "items.merge", position=first.position)
        return (await items.page(connection, mailing.id, items.Filter(), after=first.position - 1, limit=1))[0]


async def cut(house: House, mailing: Mailing, item: Item, page: int, actor: Actor) -> tuple[Item, Item]:
    """Cut an item before its page `page` (2 or more, counted within the item); the second part's address is read anew."""
    if not 2 <= page <= item.pages:
        raise PostOfficeError(
            "no-such-page", f"A letter of {item.pages} pages cannot be cut before page {page}.", help="Choose another page."
        )
    assert mailing.document is not None
    _must_be_plain(item)
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        second = await house.workshop.run(recheck.read_again, path, item.first_page + page - 1, item.pages - page + 1, mailing.layout)
    async with house.database.write() as connection:
        current = await mailings.locked(connection, mailing.id)
        _must_wait(current)
        read, item = item.runs, await items.locked(connection, item.id)  # what was corrected while its pages were read stays
        if current.document != mailing.document or item.runs != read:
            raise Conflict("mailing-state", "This mailing has changed meanwhile.", help="Reload the page to see where it stands.")
        first = replace(recheck.unchanged(item), pages=page - 1)
        await items.recut(connection, [item], [first, second], house.clock.now())
        await _audit(connection, house, mailing, actor, "items.cut", position=item.position, page=page)
        pair = await items.page(connection, mailing.id, items.Filter(), after=item.position - 1, limit=2)
    return pair[0], pair[1]


def _must_wait(mailing: Mailing) -> None:
    if mailing.state is not MailingState.WAITING:
        raise Conflict("mailing-state", "This mailing was sent already.", help="Reload the page to see where it stands.")


async def cancel_item(house: House, item: Item, actor: Actor) -> None:
    """Stop one item that was not handed over yet; Conflict when it is too late."""
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await items.locked(connection, item.id)  # it may have been planned since the page was shown
        if current.delivery_id is not None and current.state not in (ItemState.DRAFT, ItemState.HELD):
            if not await deliveries.cancel_queued(connection, item.mailing_id, now, item_id=item.id):
                raise Conflict("too-late", "This letter is being handed over this moment.", help="It can no longer be stopped.")
            await budgets.give_back_cancelled(connection, await mailings.get(connection, item.mailing_id), now, item.id)
        else:
            await items.command(connection, current, "cancel", now)
        await finish_if_done(connection, item.mailing_id, now)
        await _tell(connection, house, item, actor, EventKind.CANCELLED)


async def resend(house: House, mailing: Mailing, chosen: Sequence[Item], actor: Actor, channel: Channel | None = None) -> int:
    """Send ended items once more (a new delivery with a new key), by another channel where one is given; how many.

    Never all by surprise: the page names them and their price before.
    """
    now = house.clock.now()
    async with house.database.write() as connection:
        for item in chosen:
            values: dict[str, Any] = {"delivery_id": None} | ({"channel": channel.value} if channel else {})
            await items.command(connection, item, "resend", now, **values)
            await _tell(connection, house, item, actor, EventKind.EDITED, detail={"resend": channel.value if channel else ""})
        await mailings.command(connection, mailing, "resume")
        queue, batch_id = await _plan_batch(connection, mailing, now)
        await _audit(connection, house, mailing, actor, "items.resend", items=len(chosen))
    await house.bell.ring(queue, batch_id, 1)
    return len(chosen)


def _must_be_plain(*some: Item) -> None:
    """Letters that share an envelope, or between which a separator page was left out, are not put together or cut by hand."""
    if any(item.parts for item in some):
        raise Conflict("letters-together", "Letters share this envelope.", help="Give each its own envelope first.")
    if len(some) == 2 and some[1].first_page != some[0].first_page + some[0].pages:
        raise Conflict(
            "not-neighbours",
            "A separator page was left out between these letters: they cannot be merged.",
            help="Cut the document in another way.",
        )


async def _audit(connection: AsyncConnection, house: House, mailing: Mailing, actor: Actor, action: str, **detail: Any) -> None:
    await people.note(
        connection,
        organisation_id=mailing.organisation_id,
        actor=actor.name,
        action=action,
        subject=mailing.id,
        now=house.clock.now(),
        detail=detail,
    )


async def _tell(
    connection: AsyncConnection,
    house: House,
    item: Item,
    actor: Actor,
    kind: EventKind,
    detail: Mapping[str, Any] | None = None,
) -> None:
    now = house.clock.now()
    event = events.NewEvent(
        item.organisation_id,
        kind,
        "staff" if actor.user_id else "office",
        now,
        mailing_id=item.mailing_id,
        item_id=item.id,
        contact_id=item.contact_id,
        actor_id=actor.user_id,
        detail=dict(detail or {}),
    )
    await events.add(connection, [event], now)
