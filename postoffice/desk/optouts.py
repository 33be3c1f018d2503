"""From a contact's page: an opt-out that somebody said on the telephone or wrote, and new addresses that the post told of."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import optouts, returned
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Means
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.store import returned as entries

#: how a person at the desk learns of a refusal
MEANS = (Means.PHONE, Means.LETTER, Means.EMAIL, Means.FAX, Means.FORM)


async def word_context(connection: AsyncConnection, visit: Visit, contact_id: str) -> dict[str, Any]:
    """What `contact-word.html` needs on a contact's page; nothing for those who may only look."""
    if not visit.may(Right.SUBMIT):
        return {}
    offers = await entries.offers(connection, visit.organisation.id, contact_id)
    return {"offers": offers, "optout_means": MEANS, "channels": list(Channel), "purposes": list(Purpose)}


async def note(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/opt-out: `purpose` and `channel` empty for all; `means`, and a `note` as proof."""
    visit, house, contact_id = request[VISIT], house_of(request), request.match_info["contact"]
    form = await request.post()
    means, purpose, channel = (text_of(form, name) for name in ("means", "purpose", "channel"))
    if means not in MEANS or purpose not in {"", *Purpose} or channel not in {"", *Channel}:
        raise unknown_word()
    if not is_id(contact_id):
        raise NotFound("no-such-contact", "There is no such contact.", help="Look for it in the list of contacts.")
    stopped = await optouts.opt_out(
        house,
        visit.organisation.id,
        contact_id,
        visit.actor,
        means=Means(means),
        purposes=(Purpose(purpose),) if purpose else None,
        channel=Channel(channel) if channel else None,
        proof={"note": text_of(form, "note")[:300]},
    )
    return go(request, f"/contacts/{contact_id}?done=opted-out&n={stopped}")


async def accept(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/new-address/{entry}/accept: the contact's first address from now on."""
    return await _decide(request, accept=True)


async def decline(request: web.Request) -> web.StreamResponse:
    """POST /contacts/{contact}/new-address/{entry}/decline"""
    return await _decide(request, accept=False)


async def _decide(request: web.Request, *, accept: bool) -> web.StreamResponse:
    visit, contact_id = request[VISIT], request.match_info["contact"]
    await returned.decide(house_of(request), visit.organisation.id, request.match_info["entry"], visit.actor, accept=accept)
    return go(request, f"/contacts/{contact_id}?done={'new-address' if accept else 'kept'}")
