"""Letters, for a recipient with a visit: the one behind the link and the earlier ones; pages as pictures and words; the PDF."""

from collections import OrderedDict
from functools import partial
from typing import Any, NamedTuple

from aiohttp import web

from postoffice.actions import outgoing
from postoffice.house import HOUSE
from postoffice.model.disposition import content_disposition
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind
from postoffice.pdf.cut import cut_together
from postoffice.pdf.leaf import light_picture, words_of
from postoffice.portal.found import TITLES, Found, event, note_now
from postoffice.portal.pages import LETTERS, missing, page
from postoffice.portal.visit import Visit, no_visit, visit_of
from postoffice.store import events, links, portal
from postoffice.store.keys import hash_token
from postoffice.store.links import Link
from postoffice.words import N_

PICTURE = 800  # pixels across: sharp on a telephone
MOST_PICTURES = 30  #: pages that are shown; the PDF has all
_KEPT_BYTES = 24_000_000
_REMEMBERED = 5_000  #: accesses that are not noted twice

#: the sender's mark -> its words and the tone that it is shown in
MARKS = {
    "unpaid": (N_("to be paid"), "due"),
    "paid": (N_("paid"), "done"),
    "to-sign": (N_("to be signed"), "due"),
    "signed": (N_("signed"), "done"),
}


class Copies:
    """PDFs of letters that are being read, in memory only (their pictures are drawn from them), and which readings were noted."""

    def __init__(self, most: int = _KEPT_BYTES) -> None:
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._most = most
        self._told: OrderedDict[str, None] = OrderedDict()

    def was_told(self, once: str) -> bool:
        """Whether this was noted already, by this process; a second line after a restart does no harm."""
        known = once in self._told
        self._told[once] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return known

    def get(self, key: tuple[str, ...]) -> bytes | None:
        """The copy, if it is still there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: tuple[str, ...], content: bytes) -> None:
        """Keep a copy, where it is not too large by itself."""
        if len(content) <= self._most // 4:
            self._kept[key] = content
        while sum(map(len, self._kept.values())) > self._most:
            self._kept.popitem(last=False)


COPIES = web.AppKey("portal_copies", Copies)


class Reading(NamedTuple):
    """A visit and the letter that it reads."""

    visit: Visit
    item: Item
    mailing: Mailing

    @property
    def path(self) -> str:
        """Its address, without an ending."""
        return f"{LETTERS}/{self.item.id}"


async def reading(request: web.Request) -> Reading | web.Response:
    """The letter that a request asks for; an answer instead where there is no visit, or no such letter in it."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    found, item_id = visit.found, request.match_info.get("item", visit.found.item.id)
    if item_id == found.item.id:
        return Reading(visit, found.item, found.mailing)
    if visit.whole and is_id(item_id):
        other = await request.app[HOUSE].database.look(partial(portal.letter, item_id=item_id, **_whose(visit)))
        if other is not None:
            return Reading(visit, other.item, other.mailing)
    return missing(request)


async def show(request: web.Request) -> web.Response:
    """GET /l/document, /l/documents/{item}"""
    read = await reading(request)
    return read if isinstance(read, web.Response) else await letter_page(request, read)


async def letter_page(request: web.Request, read: Reading, *, status: int = 200, error: str = "", shared: str = "") -> web.Response:
    """The page of a letter. `shared`: the address of a link that was just made."""
    visit, found = read.visit, read.visit.found
    try:
        words = await request.app[HOUSE].workshop.run(words_of, await _content(request, read), MOST_PICTURES)
    except Exception as error_of_pages:  # the page says that the letter cannot be had; its link and its choices stay of use
        request.app[HOUSE].log.warning("portal.no_document", item=read.item.id, kind=type(error_of_pages).__name__)
        words = None
    made = await _shared(request, visit) if visit.whole else []
    await _note(request, read, "link.shown")
    return page(
        request,
        "document.html",
        found.words,
        brand=found.brand,
        status=status,
        sender=found.organisation.name,
        title=name_of(found, read.mailing),
        sent=read.mailing.sent_at,
        pages=read.item.pages,
        shown=len(words) if words else 0,
        texts=words,
        path=read.path,
        mark=mark_of(read.item),
        ends=found.link.expires_at,
        whole=visit.whole,
        preview=visit.preview,
        links=[one for one in made if one.item_id == read.item.id],
        shared=shared,
        error=error,
    )


async def _shared(request: web.Request, visit: Visit) -> list[Link]:
    house = request.app[HOUSE]
    return await house.database.look(partial(links.shared, parent_id=visit.found.link.id, now=house.clock.now()))


def mark_of(item: Item) -> tuple[str, str] | None:
    """The words and tone of the sender's mark."""
    return MARKS.get(item.fields.get(portal.MARK, ""))


async def history(request: web.Request) -> web.Response:
    """GET /l/documents: what this sender sent to this recipient."""
    visit = await visit_of(request)
    if visit is None:
        return no_visit(request)
    found = visit.found
    letters = await letters_of(request, visit)
    listed = [(one.item.id, name_of(found, one.mailing), one.mailing.sent_at, one.item.pages, mark_of(one.item)) for one in letters]
    return page(
        request, "history.html", found.words, brand=found.brand, sender=found.organisation.name, letters=listed, whole=visit.whole
    )


async def letters_of(request: web.Request, visit: Visit) -> list[portal.Letter]:
    """Everything that a visit may read, newest first, the link's own letter among it."""
    found = visit.found
    own = portal.Letter(found.item, found.mailing)
    if not visit.whole:
        return [own]
    letters = await request.app[HOUSE].database.look(partial(portal.letters, **_whose(visit)))
    return letters if any(one.item.id == found.item.id for one in letters) else [own, *letters]


def _whose(visit: Visit) -> dict[str, Any]:
    """Whose letters a visit may read, and which of them."""
    found = visit.found
    whose = {"organisation_id": found.organisation.id, "contact_id": str(found.item.contact_id)}
    return {**whose, "live": found.mailing.live, "confidential": visit.confidential}


async def pdf(request: web.Request) -> web.Response:
    """GET /l/document.pdf, /l/documents/{item}.pdf: the item's own pages, never a neighbour's."""
    read = await reading(request)
    if isinstance(read, web.Response):
        return read
    headers = {
        "Content-Disposition": content_disposition(name_of(read.visit.found, read.mailing), download="download" in request.query),
        "Content-Security-Policy": "frame-ancestors 'self'",  # the page around it shows it in a frame
        "X-Frame-Options": "SAMEORIGIN",
        "Accept-Ranges": "none",
    }
    if request.method == "HEAD":
        return web.Response(content_type="application/pdf", headers=headers)
    content = await _content(request, read)
    await _note(request, read, "link.downloaded", EventKind.DOWNLOADED)
    return web.Response(body=content, content_type="application/pdf", headers=headers)


async def picture(request: web.Request) -> web.Response:
    """GET /l/documents/{item}/{page}.png: a page, for telephones that show no PDF within a page."""
    read = await reading(request)
    if isinstance(read, web.Response):
        return read
    number = int(request.match_info["page"])
    if not 1 <= number <= MOST_PICTURES:
        return missing(request)
    content = await _content(request, read)
    drawn = await request.app[HOUSE].workshop.run(light_picture, content, number, PICTURE)
    return web.Response(body=drawn, content_type="image/png")


async def content_of(request: web.Request, mailing: Mailing, item: Item) -> bytes:
    """A letter's PDF as it left the house. NotFound where its document is gone."""
    house, copies = request.app[HOUSE], request.app[COPIES]
    if mailing.document is None:
        raise NotFound("document-missing", "This mailing has no document any more.", help="Restore it from a backup.")
    key = (mailing.organisation_id, mailing.document, item.id, str(item.updated_at))
    known = copies.get(key)
    if known is not None:
        return known
    async with house.documents.as_file(mailing.organisation_id, mailing.document) as path:
        content: bytes = (await house.workshop.run(cut_together, path, [item.runs]))[0]
    content = await outgoing.dressed(house, mailing, mailing.options, content)
    copies.keep(key, content)
    return content


async def _content(request: web.Request, read: Reading) -> bytes:
    return await content_of(request, read.mailing, read.item)


async def _note(request: web.Request, read: Reading, action: str, kind: EventKind | None = None) -> None:
    """One line of the trail, and one event, for a letter in a visit, however often a viewer asks."""
    house, visit = request.app[HOUSE], read.visit
    if visit.preview:
        return
    once = f"{action}:{read.item.id}:{hash_token(visit.token)[:16]}"
    if request.app[COPIES].was_told(once):
        return
    line = partial(note_now, request=request, link=visit.found.link, action=action, subject=read.item.id)
    if kind is None or visit.found.link.parent_id is not None:
        await house.database.at_once(line)
        return
    whole = visit.found._replace(item=read.item, mailing=read.mailing)
    async with house.database.write() as connection:
        await connection.run_sync(line)
        await events.add(connection, [event(whole, kind, house, once=once)], house.clock.now())


def name_of(found: Found, mailing: Mailing) -> str:
    """The sender's own subject; else who wrote and what it is."""
    return mailing.options.subject or found.words.gettext(TITLES[mailing.options.purpose], sender=found.organisation.name)
