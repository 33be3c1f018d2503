"""One-time codes at the portal: by which road they go, sending within limits, judging within limits."""

from datetime import timedelta
from typing import NamedTuple

from aiohttp import web

from postoffice.actions import notices
from postoffice.house import HOUSE
from postoffice.model.channel import Channel
from postoffice.portal import limits
from postoffice.portal.found import Found, note
from postoffice.store import codes, contacts, deliveries, tries
from postoffice.store.codes import Judged


class Road(NamedTuple):
    """Where a code goes."""

    channel: Channel
    to: str


class Sent(NamedTuple):
    """`ask`: the request's token, for the form; empty where nothing was sent. `pause`: how long nothing will be."""

    ask: str = ""
    pause: timedelta = timedelta()


class Result(NamedTuple):
    """What a typed code came to. `sealed`: the new address that a right one confirms."""

    right: bool
    over: bool = False
    pause: timedelta = timedelta()
    sealed: bytes | None = None

    def words(self, found: Found) -> str:
        """Why it was not taken."""
        if self.over:
            return found.words.gettext("This code is no longer good. Ask for a new one.")
        return found.words.gettext("This code does not match. Check it and try again.")


async def road_of(request: web.Request, found: Found) -> Road | None:
    """By which road the recipient gets a code: another one than the link came by, where one is known; None for none at all."""
    house, item = request.app[HOUSE], found.item
    known = {Channel.SMS: item.mobile, Channel.EMAIL: item.email}
    came_by = None
    async with house.database.read() as connection:
        if found.link.delivery_id and (delivery := await deliveries.get(connection, found.link.delivery_id)):
            came_by = delivery.channel
            if came_by in known:
                known[came_by] = delivery.to
        if item.contact_id and not all(known.values()):
            for point in await contacts.points(connection, item.contact_id):
                if point.channel in ("sms", "email") and point.health != "dead" and not known[Channel(point.channel)]:
                    known[Channel(point.channel)] = point.value
    reach = await notices.can_reach(house, found.organisation.id, live=found.mailing.live)
    order = sorted((Channel.SMS, Channel.EMAIL), key=lambda channel: channel is came_by)
    return next((Road(channel, known[channel]) for channel in order if known[channel] and channel in reach), None)


async def send(request: web.Request, found: Found, purpose: str, road: Road, sealed: bytes | None = None) -> Sent:
    """Make a code and send it, unless too many were. The carrier is called outside of any transaction."""
    house, counted = request.app[HOUSE], limits.of_sendings(request, found, road.to)
    now = house.clock.now()
    async with house.database.read() as connection:
        if pause := await tries.wait(connection, counted, now):
            return Sent(pause=pause)
    async with house.database.write() as connection:
        if pause := await tries.count(connection, found.organisation.id, counted, now):
            return Sent(pause=pause)
        asked = await codes.make(connection, found.organisation.id, found.link.id, purpose, now, sealed)
        await note(connection, request, found.link, "code.sent", found.item.id, by=road.channel.value, purpose=purpose)
    context = {"code": asked.code, "minutes": int(codes.LIFETIME / timedelta(minutes=1)), "why": purpose}
    taken = await notices.send_notice(
        house, found.organisation, road.channel, road.to, "code", found.words.language, context, live=found.mailing.live
    )
    house.log.info("portal.code-sent" if taken else "portal.code-not-sent", link=found.link.id, channel=road.channel.value)
    return Sent(asked.ask if taken else "")


async def judge(request: web.Request, found: Found, purpose: str, ask: str, typed: str) -> Result:
    """Judge a typed code, counted before it is judged. Whatever is wrong with it counts as one try."""
    house, counted = request.app[HOUSE], limits.of_tries(request, found, code=True)
    now = house.clock.now()
    async with house.database.read() as connection:
        if pause := await tries.wait(connection, counted, now):
            return Result(False, pause=pause)
    async with house.database.write() as connection:
        if pause := await tries.count(connection, found.organisation.id, counted, now):
            return Result(False, pause=pause)
        judged, sealed = await codes.judge(connection, found.link.id, purpose, ask, typed, now)
        if judged is Judged.RIGHT:
            await tries.forgive(connection, counted)
        await note(connection, request, found.link, f"code.{judged.value}", found.item.id, purpose=purpose)
    return Result(judged is Judged.RIGHT, judged is Judged.OVER, sealed=sealed)


def masked(road: Road) -> str:
    """Enough of an address for its owner to know it again, and nothing for others: z•••@example.net, •••• 01."""
    return mask(road.to)


def mask(address: str) -> str:
    """See `masked`."""
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    return f"•••• {address[-2:]}"
