"""A second, limited link for somebody whom the recipient trusts: one letter, for some days, proven by that person's own address."""

from datetime import timedelta

from aiohttp import web

from postoffice.house import HOUSE
from postoffice.model.ids import is_id
from postoffice.portal.coding import mask
from postoffice.portal.forms import fields_of, from_own_page
from postoffice.portal.found import note
from postoffice.portal.letters import letter_page, reading
from postoffice.portal.pages import missing
from postoffice.portal.reach import email_of
from postoffice.store import links

#: days that a shared link may work -> shown in this order
SPANS = (7, 30, 90)
MOST = 10  #: shared links that are open at once for one link


async def share(request: web.Request) -> web.Response:
    """POST /l/documents/{item}/share"""
    read = await reading(request)
    if isinstance(read, web.Response):
        return read
    if not read.visit.whole or not from_own_page(request):
        return missing(request)
    house, found, fields = request.app[HOUSE], read.visit.found, await fields_of(request)
    email = email_of(fields.get("email", ""))
    if not email:
        return await letter_page(request, read, status=422, error=found.words.gettext("This is no e-mail address."))
    days = next((span for span in SPANS if str(span) == fields.get("days")), SPANS[0])
    now = house.clock.now()
    async with house.database.write() as connection:
        known = await connection.run_sync(links.shared, found.link.id, now)
        if len(known) < MOST:
            token = await links.share(
                connection, found.link, read.item.id, email=email, label=mask(email), now=now, lifetime=timedelta(days=days)
            )
            await note(connection, request, found.link, "link.shared", read.item.id, days=days)
    if len(known) >= MOST:
        words = found.words.gettext("Enough links are open: end one of them first.")
        return await letter_page(request, read, status=422, error=words)
    house.log.info("portal.shared", link=found.link.id)
    return await letter_page(request, read, shared=f"{house.url}/l/{token}")


async def unshare(request: web.Request) -> web.Response:
    """POST /l/documents/{item}/unshare: a shared link ends at once, with the visits that it opened."""
    read = await reading(request)
    if isinstance(read, web.Response):
        return read
    if not read.visit.whole or not from_own_page(request):
        return missing(request)
    house, found = request.app[HOUSE], read.visit.found
    wanted = (await fields_of(request)).get("link", "")
    async with house.database.write() as connection:
        known = await links.get(connection, wanted) if is_id(wanted) else None
        if known is not None and known.parent_id == found.link.id:
            await links.revoke(connection, found.organisation.id, known.id, house.clock.now())
            await note(connection, request, found.link, "link.unshared", known.item_id, ended=known.id)
    return web.Response(status=303, headers={"Location": read.path})
