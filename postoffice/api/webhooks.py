"""Webhooks by program: what the desk's page does, for a CRM that sets itself up. See `pipeline.telling` for what is told."""

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.api.call import Call
from postoffice.api.hook_shapes import NewWebhook, Webhook, WebhookMade, Webhooks
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import is_id
from postoffice.model.outside import check_url
from postoffice.model.states import EventKind
from postoffice.store import hooks, people
from postoffice.store.hooks import Endpoint

MOST = 20  #: of one organisation


async def list_webhooks(call: Call) -> Webhooks:
    """A live key sees those that hear of live mailings, a test key those that hear of trials."""
    async with call.house.database.read() as connection:
        known = await hooks.all_of(connection, call.organisation_id)
    return Webhooks(data=[_shape(one) for one in known if one.live is call.key.live])


async def add_webhook(call: Call) -> WebhookMade:
    """Its signing secret stands in this answer only. Without `events` it hears of all of them."""
    asked, house = call.told(NewWebhook), call.house
    async with house.database.write() as connection:
        check_url(asked.url, inside=await hooks.may_call_inside(connection, call.organisation_id))
        if len(await hooks.all_of(connection, call.organisation_id)) >= MOST:
            raise Conflict("too-many-webhooks", f"There are {MOST} webhooks already.", help="Remove one first.", limit=MOST)
        hook_id, secret = await hooks.add(
            connection,
            house.keyring,
            organisation_id=call.organisation_id,
            url=asked.url,
            label=asked.label,
            kinds=list(dict.fromkeys(kind.value for kind in asked.events)),
            live=call.key.live,
            now=house.clock.now(),
        )
        await _note(call, connection, "webhook.add", hook_id)
        made = await hooks.get(connection, call.organisation_id, hook_id)
    return WebhookMade(**_shape(made).model_dump(), secret=secret)


async def remove_webhook(call: Call) -> Webhook:
    """What was not told yet is forgotten."""
    wanted = call.request.match_info["webhook_id"]
    async with call.house.database.write() as connection:
        endpoint = await hooks.get(connection, call.organisation_id, wanted if is_id(wanted) else "")
        if endpoint.live is not call.key.live:
            raise NotFound("no-such-webhook", "There is no such webhook.", help="Test keys see those of trials only.")
        await hooks.remove(connection, endpoint.id)
        await _note(call, connection, "webhook.remove", endpoint.id)
    return _shape(endpoint)


async def _note(call: Call, connection: AsyncConnection, action: str, subject: str) -> None:
    await people.note(
        connection,
        organisation_id=call.organisation_id,
        actor=call.actor.name,
        action=action,
        subject=subject,
        now=call.house.clock.now(),
        detail={},
    )


def _shape(one: Endpoint) -> Webhook:
    return Webhook(
        id=one.id,
        url=one.url,
        label=one.label,
        events=[EventKind(word) for word in one.kinds],
        live=one.live,
        state=one.state,
        last_status=one.last_status,
        last_at=one.last_at,
        created_at=one.created_at,
    )
