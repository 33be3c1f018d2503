"""API keys: which programs may do what?"""

from aiohttp import web

from postoffice.actions.notices import Change, tell_staff
from postoffice.desk.admin import admin_page, name_missing, note, of_whole_office
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.people import Role
from postoffice.store import people

#: what a program may be trusted with, the usual one first
ROLES = (Role.SENDER, Role.VIEWER, Role.APPROVER, Role.ADMINISTRATOR)


async def all_keys(request: web.Request) -> web.StreamResponse:
    """GET /admin/keys"""
    return await _page(request)


async def _page(request: web.Request, wrong: PostOfficeError | None = None) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    async with house.database.read() as connection:
        known = await people.all_api_keys(connection, visit.organisation.id)
    context = {
        "keys": sorted(known, key=lambda key: key.revoked_at is not None),
        "roles": ROLES,
        "url": house.url,
        "said": visit.words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "people-keys.html", context, status=wrong.status if wrong else 200)


async def add_key(request: web.Request) -> web.StreamResponse:
    """POST /admin/keys: the secret is in this answer and nowhere else."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    name, kind, role = text_of(form, "name", 200), text_of(form, "kind", 10), text_of(form, "role", 30)
    if not name:
        return await _page(request, name_missing())
    if kind not in ("live", "test") or role not in {one.value for one in ROLES}:
        raise unknown_word()
    async with house.database.write() as connection:
        key_id, secret = await people.add_api_key(
            connection,
            organisation_id=visit.organisation.id,
            name=name,
            live=kind == "live",
            role=Role(role),
            created_by=visit.user.id,
            now=house.clock.now(),
        )
        await note(request, connection, "key.add", key_id, live=kind == "live", role=role)
    await tell_staff(house, visit.organisation, visit.user, Change.KEY)
    context = {"name": name, "secret": secret, "live": kind == "live", "url": house.url}
    return admin_page(request, "people-secret.html", context)


async def revoke_key(request: web.Request) -> web.StreamResponse:
    """POST /admin/keys/{key}/revoke"""
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    async with house.database.write() as connection:
        known = {one.id for one in await people.all_api_keys(connection, visit.organisation.id)}
        if request.match_info["key"] not in known:
            raise NotFound("no-such-key", "There is no such API key.", help="Look for it in the list of keys.")
        await people.revoke_api_key(connection, visit.organisation.id, request.match_info["key"], house.clock.now())
        await note(request, connection, "key.revoke", request.match_info["key"])
    return go(request, "/admin/keys?done=revoked")
