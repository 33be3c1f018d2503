"""Customers: what they bought, brought in by file, and the ten groups that recency, frequency and amount make of them."""

from collections.abc import Mapping
from typing import Any

from aiohttp import BodyPartReader, web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import purchases as telling
from postoffice.actions import segments as acts
from postoffice.campaigns import score
from postoffice.campaigns.rfm import NAMES, Group
from postoffice.campaigns.rules import Rule
from postoffice.campaigns.segment_purchases import REASONS
from postoffice.desk.contact_imports import add_import, keep_file, said_of
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, render
from postoffice.desk.upload import LONGEST_FIELD
from postoffice.desk.visit import VISIT, house_of
from postoffice.house import House
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.store import imports, purchases, rfm, segment_facts


async def page(request: web.Request) -> web.StreamResponse:
    """GET /segments/customers"""
    return await _page(request)


async def import_page(request: web.Request) -> web.StreamResponse:
    """GET /segments/purchases/{import}: how far it is, then what became of its rows."""
    import_id = request.match_info["import"]
    if not is_id(import_id):
        raise NotFound("no-such-import", "There is no such import.", help="Look for it in the list of imports.")
    async with house_of(request).database.read() as connection:
        one = await imports.get(connection, import_id, request[VISIT].organisation.id, of=imports.PURCHASES)
    return await _page(request, one)


async def _page(request: web.Request, one: imports.Import | None = None) -> web.StreamResponse:
    visit, house = request[VISIT], house_of(request)
    mine = visit.organisation.id
    async with house.database.read() as connection:
        found = {"run": await rfm.run(connection, mine), "bought": await purchases.count(connection, mine)}
        sizes = await rfm.sizes(connection, mine)
    groups = [(group, NAMES[group], *sizes.get(group.value, (0, 0))) for group in Group]
    most = max([number for _group, _names, number, _amount in groups] or [0])
    context = {
        "groups": groups,
        "most": most,
        "one": one,
        "working": one is not None and one.state in imports.WORKING,
        "said": said_of(request, one) if one else None,
        "outcome": telling.Outcome.from_dict(one.outcome) if one and one.state is imports.ImportState.DONE else None,
        "reasons": REASONS,
        "may_edit": visit.may(Right.SUBMIT),
    }
    return render(request, "segment-customers.html", {**found, **context})


async def reckon(request: web.Request) -> web.StreamResponse:
    """POST /segments/customers: the groups anew, as of now."""
    await acts.reckon(house_of(request), request[VISIT].organisation.id)
    return go(request, "/segments/customers?done=reckoned")


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /segments/purchases: the CSRF word first, then the file; the worker writes its rows, and makes the groups anew."""
    visit, house = request[VISIT], house_of(request)
    if not request.content_type.startswith("multipart/"):
        raise _no_file()
    csrf, parts = request.headers.get("X-CSRF", ""), await request.multipart()
    while isinstance(part := await parts.next(), BodyPartReader):
        if part.name == "csrf":
            csrf = bytes(await part.read_chunk(LONGEST_FIELD)).decode("utf-8", "replace").strip()
        elif part.name == "file" and part.filename:
            check_csrf(visit, csrf)
            stored, name = await keep_file(house, visit.organisation.id, part), part.filename.replace("\\", "/").rsplit("/", 1)[-1]
            return go(request, f"/segments/purchases/{await add_import(house, visit, name, stored, imports.PURCHASES)}")
    raise _no_file()


def _no_file() -> PostOfficeError:
    return PostOfficeError("no-file", "No file was chosen.", help="Choose a file or drop it on the page.")


async def of_contact(house: House, connection: AsyncConnection, organisation_id: str, contact_id: str) -> Mapping[str, Any]:
    """For a contact's page: its score with each contribution, its group, what it bought last."""
    facts = await segment_facts.facts(connection, organisation_id, contact_id, house.clock.now(), score.WINDOW, RULES)
    lines = score.contributions(score.Facts(**facts))
    found = await rfm.of_contact(connection, organisation_id, contact_id)
    return {
        "score_lines": lines,
        "score": score.total(lines),
        "rfm": found,
        "rfm_group": NAMES[Group(found.group)] if found else None,
        "rfm_run": await rfm.run(connection, organisation_id),
        "bought": await purchases.of_contact(connection, organisation_id, contact_id, 10),
    }


#: questions about one contact, asked as rules of segments are: word of score.Facts -> rule
RULES: Mapping[str, Rule] = {
    "suppressed": {"on": "suppressed"},
    "may_see_openings": {"on": "consent", "purpose": "tracking_open", "channel": "email", "state": "given"},
    "consents": {
        "any": [
            {"on": "consent", "purpose": "promotion", "channel": channel, "state": "given"}
            for channel in ("email", "sms", "fax", "post")
        ]
    },
}
