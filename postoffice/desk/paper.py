"""Letterhead and inserts of a mailing: PDFs brought in at its options page."""

from dataclasses import replace

from aiohttp import web
from aiohttp.web_request import FileField

from postoffice.actions import steering
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of, load_mailing
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Insert, Mailing, Options
from postoffice.pdf.document import page_count
from postoffice.pdf.sniff import PDF
from postoffice.store import mailings

MOST_INSERTS = 5


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/paper: `letterhead` or `insert` is a PDF; `remove` names what is taken off again."""
    mailing, form = await load_mailing(request), await request.post()
    options = mailing.options
    if gone := text_of(form, "remove"):
        options = _without(options, gone)
    elif (document := await _stored(request, mailing, form.get("letterhead"))) is not None:
        options = replace(options, letterhead=document.document, letterhead_over=text_of(form, "over") == "1")
    elif (document := await _stored(request, mailing, form.get("insert"))) is not None and len(options.inserts) < MOST_INSERTS:
        options = replace(options, inserts=(*options.inserts, document))
    else:
        raise unknown_word()
    await steering.set_options(house_of(request), mailing, options, request[VISIT].actor)
    return go(request, f"/m/{mailing.id}?done=kept")


def _without(options: Options, gone: str) -> Options:
    if gone == "letterhead":
        return replace(options, letterhead="", letterhead_over=False)
    return replace(options, inserts=tuple(one for one in options.inserts if one.document != gone))


async def _stored(request: web.Request, mailing: Mailing, field: object) -> Insert | None:
    """A PDF of a form in the store of documents, with its pages; None where the form has none. Unreadable where it is damaged."""
    if not isinstance(field, FileField) or not field.filename:
        return None
    house, content = house_of(request), field.file.read()
    if not content.lstrip()[:5] == b"%PDF-":
        raise PostOfficeError("not-a-pdf", "This is not a PDF.", help="Bring the paper as a PDF.")
    stored = await house.documents.put(mailing.organisation_id, content)
    async with house.documents.as_file(mailing.organisation_id, stored.sha256) as path:
        pages = await house.workshop.run(page_count, path)
    async with house.database.write() as connection:
        await mailings.note_document(connection, mailing.organisation_id, stored, PDF, house.clock.now())
    return Insert(stored.sha256, pages)
