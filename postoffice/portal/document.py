"""The letter, for a recipient with a visit: a page around it, and its PDF."""

from aiohttp import web

from postoffice import outgoing
from postoffice.house import HOUSE
from postoffice.model.disposition import content_disposition
from postoffice.model.errors import NotFound
from postoffice.model.states import EventKind
from postoffice.pdf.cut import cut_together
from postoffice.portal.landing import Found, behind, event, title_of
from postoffice.portal.pages import language_of, page
from postoffice.portal.visit import cookie_name, cookie_of, link_of
from postoffice.store import events, links
from postoffice.store.keys import hash_token
from postoffice.words import Words


async def show(request: web.Request) -> web.Response:
    """GET /l/document."""
    link = await link_of(request)
    if link is None:
        return _no_visit(request)
    found = await behind(request, link)
    return page(
        request,
        "document.html",
        found.words,
        sender=found.organisation.name,
        title=title_of(found),
        subject=found.mailing.options.subject,
        sent=found.mailing.sent_at,
        pages=found.item.pages,
        ends=link.expires_at,
    )


async def pdf(request: web.Request) -> web.Response:
    """GET /l/document.pdf: the item's own pages, never a neighbour's."""
    link = await link_of(request)
    if link is None:
        return _no_visit(request)
    found = await behind(request, link)
    headers = {
        "Content-Disposition": content_disposition(_name(found), download="download" in request.query),
        "Content-Security-Policy": "frame-ancestors 'self'",  # the page around it shows it in a frame
        "X-Frame-Options": "SAMEORIGIN",
        "Accept-Ranges": "none",
    }
    if request.method == "HEAD":
        return web.Response(content_type="application/pdf", headers=headers)
    content = await _content(request, found)
    await _note(request, found)
    return web.Response(body=content, content_type="application/pdf", headers=headers)


async def close(request: web.Request) -> web.Response:
    """POST /l/close: end the visit, for those who sit at somebody else's computer."""
    house = request.app[HOUSE]
    if value := cookie_of(request):
        async with house.database.write() as connection:
            await links.close_session(connection, value)
    response = page(request, "closed.html", Words(language_of(request)))
    response.del_cookie(cookie_name(house), path="/", secure=house.secure, httponly=True, samesite="Lax")
    return response


async def _content(request: web.Request, found: Found) -> bytes:
    house, mailing, item = request.app[HOUSE], found.mailing, found.item
    if mailing.document is None:
        raise NotFound("document-missing", "This mailing has no document any more.", help="Restore it from a backup.")
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        content: bytes = (await house.workshop.run(cut_together, path, [item.runs]))[0]
    return await outgoing.dressed(house, mailing, mailing.options, content)


async def _note(request: web.Request, found: Found) -> None:
    """One event a visit, however often a viewer asks."""
    house = request.app[HOUSE]
    news = event(found, EventKind.DOWNLOADED, house, once=f"downloaded:{hash_token(cookie_of(request))[:16]}")
    async with house.database.write() as connection:
        await events.add(connection, [news], house.clock.now())


def _name(found: Found) -> str:
    return found.mailing.options.subject or title_of(found)


def _no_visit(request: web.Request) -> web.Response:
    return page(request, "no_visit.html", Words(language_of(request)), status=403)
