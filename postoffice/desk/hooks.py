"""Webhooks: which of our own programs hear what becomes of the letters, and do they answer?"""

from typing import Any

from aiohttp import web

from postoffice.desk.admin import admin_page, note, of_whole_office
from postoffice.desk.choices import Form, text_of
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.outside import check_url
from postoffice.store import hooks
from postoffice.store.hooks import Endpoint

SHOWN = 30  #: messages on an endpoint's page
MOST = 20  #: endpoints of one organisation


async def all_hooks(request: web.Request) -> web.StreamResponse:
    """GET /admin/hooks"""
    return await _list(request, {"url": "", "label": "", "kinds": [], "live": True})


async def _list(request: web.Request, typed: dict[str, Any], wrong: PostOfficeError | None = None) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    async with house.database.read() as connection:
        known = await hooks.all_of(connection, visit.organisation.id)
        counts = await hooks.counts(connection, visit.organisation.id)
    context = {
        "endpoints": known,
        "counts": counts,
        "typed": typed,
        "told": hooks.TOLD,
        "said": visit.words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "hooks.html", context, status=wrong.status if wrong else 200)


def _typed(form: Form, kinds: list[str]) -> dict[str, Any]:
    known = {kind.value for kind in hooks.TOLD}
    chosen = [word for word in kinds if word in known]
    return {
        "url": text_of(form, "url", 3000),
        "label": text_of(form, "label", 200),
        "kinds": [] if len(chosen) == len(known) else chosen,
        "live": text_of(form, "live") != "0",
    }


async def add_hook(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks: the secret is in this answer and nowhere else."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    typed = _typed(form, [str(word) for word in form.getall("kind", [])])
    try:
        async with house.database.write() as connection:
            check_url(typed["url"], inside=await hooks.may_call_inside(connection, visit.organisation.id))
            if len(await hooks.all_of(connection, visit.organisation.id)) >= MOST:
                raise Conflict("too-many-webhooks", f"There are {MOST} webhooks already.", help="Remove one first.", limit=MOST)
            hook_id, secret = await hooks.add(
                connection, house.keyring, organisation_id=visit.organisation.id, now=house.clock.now(), **typed
            )
            await note(request, connection, "webhook.add", hook_id, live=typed["live"])
    except PostOfficeError as wrong:
        return await _list(request, typed, wrong)
    return admin_page(request, "hooks-secret.html", {"hook_id": hook_id, "secret": secret, "rotated": False})


async def _load(request: web.Request) -> Endpoint:
    of_whole_office(request[VISIT])
    wanted = request.match_info["hook"]
    async with house_of(request).database.read() as connection:
        return await hooks.get(connection, request[VISIT].organisation.id, wanted if is_id(wanted) else "")


async def hook_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/hooks/{hook}"""
    return await _page(request, await _load(request))


async def _page(request: web.Request, endpoint: Endpoint, wrong: PostOfficeError | None = None, **typed: Any) -> web.Response:
    visit, house = request[VISIT], house_of(request)
    async with house.database.read() as connection:
        last = await hooks.messages(connection, endpoint.id, limit=SHOWN)
        dead = await hooks.messages(connection, endpoint.id, "dead", limit=SHOWN)
        counts = await hooks.counts(connection, endpoint.organisation_id)
        facts = await hooks.facts(connection, [*last, *dead])
    context = {
        "endpoint": endpoint,
        "typed": {"url": endpoint.url, "label": endpoint.label, "kinds": endpoint.kinds} | typed,
        "told": hooks.TOLD,
        "last": [one for one in last if one.state != "dead"],
        "dead": dead,
        "facts": facts,
        "count": counts.get(endpoint.id, {}),
        "secrets": len(hooks.open_secrets(house.keyring, endpoint, house.clock.now())),
        "said": visit.words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "hooks-one.html", context, status=wrong.status if wrong else 200)


async def change_hook(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/settings"""
    endpoint, house, form = await _load(request), house_of(request), await request.post()
    typed = _typed(form, [str(word) for word in form.getall("kind", [])])
    del typed["live"]
    try:
        async with house.database.write() as connection:
            check_url(typed["url"], inside=await hooks.may_call_inside(connection, endpoint.organisation_id))
            await hooks.update(connection, endpoint.id, **typed)
            await note(request, connection, "webhook.change", endpoint.id)
    except PostOfficeError as wrong:
        return await _page(request, endpoint, wrong, **typed)
    return go(request, f"/admin/hooks/{endpoint.id}?done=kept")


async def try_hook(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/test: a message that tells of nothing; it stands in the list with its answer in a moment."""
    endpoint, house = await _load(request), house_of(request)
    if endpoint.state != "on":
        raise Conflict("webhook-off", "This webhook is paused.", help="Resume it first.")
    async with house.database.write() as connection:
        await hooks.try_out(connection, endpoint, house.clock.now())
        await hooks.update(connection, endpoint.id, not_before=None)
    return go(request, f"/admin/hooks/{endpoint.id}?done=tried#messages")


async def rotate(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/rotate: a new secret, shown once; the old one signs beside it for a day."""
    endpoint, house = await _load(request), house_of(request)
    async with house.database.write() as connection:
        secret = await hooks.rotate(connection, house.keyring, endpoint, house.clock.now())
        await note(request, connection, "webhook.rotate", endpoint.id)
    return admin_page(request, "hooks-secret.html", {"hook_id": endpoint.id, "secret": secret, "rotated": True})


async def switch(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/switch: pause or resume; what happens meanwhile waits."""
    endpoint, house, on = await _load(request), house_of(request), text_of(await request.post(), "on") == "1"
    async with house.database.write() as connection:
        await hooks.update(connection, endpoint.id, state="on" if on else "paused", failures=0, not_before=None)
        await note(request, connection, "webhook.on" if on else "webhook.off", endpoint.id)
    return go(request, f"/admin/hooks/{endpoint.id}?done=changed")


async def replay(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/replay: one message, or all that were set aside."""
    endpoint, house = await _load(request), house_of(request)
    message_id = text_of(await request.post(), "message", 26)
    async with house.database.write() as connection:
        number = await hooks.replay(connection, endpoint.id, house.clock.now(), message_id)
        await hooks.update(connection, endpoint.id, not_before=None)
        await note(request, connection, "webhook.replay", endpoint.id, number=number)
    return go(request, f"/admin/hooks/{endpoint.id}?done=tried#messages")


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /admin/hooks/{hook}/remove"""
    endpoint, house = await _load(request), house_of(request)
    async with house.database.write() as connection:
        await hooks.remove(connection, endpoint.id)
        await note(request, connection, "webhook.remove", endpoint.id)
    return go(request, "/admin/hooks?done=removed")
