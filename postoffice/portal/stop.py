"""No more offers by fax: the page whose address stands at the foot of each. Two fields, no cookie, nothing that tells who is known."""

from datetime import timedelta

from aiohttp import web

from postoffice.actions import fax_stops
from postoffice.actions.fax_stops import Stop
from postoffice.house import HOUSE
from postoffice.model.people import Organisation
from postoffice.portal.brand import NONE, brand_of
from postoffice.portal.forms import fields_of, from_own_page, network_of, proof_of
from postoffice.portal.landing import e164
from postoffice.portal.limits import TRIES_OF_NETWORK, WINDOW
from postoffice.portal.pages import language_of, page
from postoffice.store import people, tries
from postoffice.store.tries import Limit
from postoffice.words import N_, Words

PATH = fax_stops.PATH
SHOWN = N_("Stop advertising by fax to this number")


async def show(request: web.Request) -> web.Response:
    """GET /stop: the form. Changes nothing."""
    return await _form(request)


async def take(request: web.Request) -> web.Response:
    """POST /stop: a right code takes effect at once. Wrong ones are counted by the address that they come from."""
    if not from_own_page(request):
        return await _form(request, status=403)
    house, fields = request.app[HOUSE], await fields_of(request)
    typed, code = fields.get("number", ""), fields.get("code", "")
    async with house.database.read() as connection:
        known = await people.all_organisations(connection)
    if not (typed and code and known):
        return await _form(request, typed, code, status=422)
    found, pause = await _judged(request, known, typed, code)
    if pause:
        return _paused(request, known, pause)
    if found is None:
        return await _form(request, typed, code, status=422)
    words = Words(language_of(request, [found.organisation.language]))
    await fax_stops.stop(house, found, proof_of(request, "", words.gettext(SHOWN)))
    brand, sender = await brand_of(house, found.organisation), found.organisation.name
    return page(request, "stop.html", words, brand=brand, done=True, sender=sender, number=typed, code="", wrong=False)


async def _judged(request: web.Request, known: list[Organisation], typed: str, code: str) -> tuple[Stop | None, timedelta]:
    """What the code stands for, and how long nothing more is taken from here. A try is counted before it is judged.

    It is counted under the house's oldest organisation: which one is meant, only a right code tells.
    """
    house, now = request.app[HOUSE], request.app[HOUSE].clock.now()
    counted = [Limit(house.keyring.blind(f"stop-network|{network_of(request, bits=(32, 64))}"), TRIES_OF_NETWORK, WINDOW)]
    async with house.database.read() as connection:
        if pause := await tries.wait(connection, counted, now):
            return None, pause
    async with house.database.write() as connection:
        if pause := await tries.count(connection, known[0].id, counted, now):
            return None, pause
        found = fax_stops.find(house, known, {country: e164(typed, country) for country in {one.country for one in known}}, code)
        if found:
            await tries.forgive(connection, counted)
    return found, timedelta()


async def _form(request: web.Request, typed: str = "", code: str = "", *, status: int = 200) -> web.Response:
    async with request.app[HOUSE].database.read() as connection:
        first = await people.first_organisation(connection)
    words = Words(language_of(request, [first.language] if first else []))
    wrong = status == 422
    return page(request, "stop.html", words, status=status, done=False, sender="", number=typed, code=code, wrong=wrong)


def _paused(request: web.Request, known: list[Organisation], pause: timedelta) -> web.Response:
    seconds = max(1, int(pause.total_seconds()))
    words, minutes = Words(language_of(request, [known[0].language])), -(-seconds // 60)
    answer = page(request, "form-paused.html", words, brand=NONE, status=429, minutes=minutes)
    answer.headers["Retry-After"] = str(seconds)
    return answer
