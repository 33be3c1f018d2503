"""A mail that came back, behind its line of the timeline: its words as plain text, and itself as a file that does nothing."""

from collections.abc import Sequence

from aiohttp import web

from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, house_of, load_item
from postoffice.house import House
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.people import Right
from postoffice.store import events, mails, people
from postoffice.store.events import Line
from postoffice.store.mails import Mail

MOST_SHOWN = 20  #: answers on one timeline that are shown there
MOST_LETTERS = 1500  #: of each; the page of the mail shows all
#: a browser neither shows it nor believes what it says of itself
INERT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}


async def answers_on(house: House, item: Item, timeline: Sequence[Line]) -> dict[str, str]:
    """The beginnings of what people and machines answered, by document, for the lines that name one."""
    named = [str(line.detail["words"]) for line in timeline if line.detail and line.detail.get("words")]
    found = {}
    for sha256 in list(dict.fromkeys(named))[:MOST_SHOWN]:
        text = await _text(house, item.organisation_id, sha256)
        found[sha256] = text[:MOST_LETTERS] + ("…" if len(text) > MOST_LETTERS else "")
    return found


async def _text(house: House, organisation_id: str, sha256: str) -> str:
    try:
        return (await house.documents.get(organisation_id, sha256)).decode("utf-8", "replace")
    except NotFound:  # erased: the line stays
        return ""


async def _load(request: web.Request) -> tuple[Item, Mail, list[Line]]:
    """The mail that the address names, where a line of this item's timeline names it, too; NotFound otherwise."""
    _mailing, item = await load_item(request)
    mail_id = request.match_info["mail"]
    async with house_of(request).database.read() as connection:
        lines = [line for line in await events.of_item(connection, item.id) if line.detail and line.detail.get("mail") == mail_id]
        if not is_id(mail_id) or not lines:
            raise NotFound("no-such-mail", "There is no such e-mail.", help="Look for it on the letter's timeline.")
        return item, await mails.get(connection, item.organisation_id, mail_id), lines


async def mail_page(request: web.Request) -> web.StreamResponse:
    """GET /i/{item}/mails/{mail}: what came back, as text."""
    item, mail, lines = await _load(request)
    named = next((str(line.detail["words"]) for line in lines if line.detail.get("words")), "")
    text = await _text(house_of(request), item.organisation_id, named) if named else ""
    context = {"item": item, "mail": mail, "lines": lines, "text": text, "may_take": request[VISIT].may(Right.SUBMIT)}
    return render(request, "returned-mail.html", context)


async def mail_file(request: web.Request) -> web.StreamResponse:
    """GET /i/{item}/mails/{mail}.eml: the mail as it came, to be kept, not to be shown."""
    item, mail, _lines = await _load(request)
    house, visit = house_of(request), request[VISIT]
    content = await house.documents.get(item.organisation_id, mail.document)
    async with house.database.write() as connection:
        await people.note(
            connection,
            organisation_id=item.organisation_id,
            actor=visit.actor.name,
            action="mail.download",
            subject=mail.id,
            now=house.clock.now(),
            detail={"item": item.id},
        )
    headers = {"Content-Disposition": f'attachment; filename="{mail.id}.eml"', **INERT}
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)
