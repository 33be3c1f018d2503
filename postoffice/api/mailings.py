"""Mailings over REST: list, look, price, send, take back."""

from dataclasses import replace

from postoffice.actions import pricing, steering
from postoffice.api import shapes, shaping
from postoffice.api.call import Call, cursor_of, position_of
from postoffice.model.errors import Conflict
from postoffice.model.mailing import Mailing
from postoffice.store import items, mailings, people, plans


async def list_mailings(call: Call) -> shapes.MailingPage:
    """Mailings of the key's organisation and mode, newest first."""
    asked = call.asked(shapes.MailingsQuery)
    async with call.house.database.read() as connection:
        found = await mailings.some(
            connection,
            organisation_id=call.organisation_id,
            printer_id=asked.printer,
            states=asked.state,
            live=call.key.live,
            before=position_of(asked.after),
            limit=asked.limit + 1,
        )
    page = found[: asked.limit]
    more = cursor_of(page[-1].number) if len(found) > asked.limit else None
    return shapes.MailingPage(data=[shaping.mailing(one, call.house.url) for one in page], next=more)


async def get_mailing(call: Call) -> shapes.MailingDetail:
    """One mailing with its counts and cost."""
    return await _detail(call, await call.mailing())


async def _detail(call: Call, mailing: Mailing) -> shapes.MailingDetail:
    async with call.house.database.read() as connection:
        counts = await items.count_by_state(connection, mailing.id)
        cost = await items.total_cost(connection, mailing.id)
        organisation = await people.organisation(connection, call.organisation_id)
    return shaping.detail(mailing, call.house.url, counts, cost, organisation.currency)


async def quote(call: Call) -> shapes.Quote:
    """What sending would cost; changes nothing."""
    mailing = await call.mailing()
    options = shaping.changed(mailing.options, call.told(shapes.QuoteRequest).options)
    return shaping.quote(await pricing.quote(call.house, mailing, options))


async def send(call: Call) -> shapes.MailingDetail:
    """The button. A second press gets 409; `more` sends what was released since the first."""
    mailing = await call.mailing()
    told = call.told(shapes.SendRequest)
    if told.more:
        if told.options.model_fields_set:
            raise Conflict("mailing-state", "The options of a mailing that was sent stay as they are.", help="Leave 'options' out.")
        await steering.send_more(call.house, mailing, call.actor)
    else:
        await steering.send(call.house, mailing, shaping.changed(mailing.options, told.options), call.actor)
    return await _detail(call, await call.mailing())


async def cancel(call: Call) -> shapes.Cancelled:
    """Take back what no carrier has yet."""
    mailing = await call.mailing()
    stopped = await steering.cancel(call.house, mailing, call.actor)
    return shapes.Cancelled(items=stopped.items, ladders=stopped.ladders, mailing=shaping.mailing(await call.mailing(), call.house.url))


async def list_items(call: Call) -> shapes.ItemPage:
    """Items of a mailing, in the order of the document."""
    mailing = await call.mailing()
    asked = call.asked(shapes.ItemsQuery)
    chosen = items.Filter(states=tuple(asked.state), levels=tuple(asked.level), search=asked.search.strip())
    async with call.house.database.read() as connection:
        found = await items.page(connection, mailing.id, chosen, after=position_of(asked.after) or 0, limit=asked.limit + 1)
    page = found[: asked.limit]
    more = cursor_of(page[-1].position) if len(found) > asked.limit else None
    return shapes.ItemPage(data=[shaping.item(one) for one in page], next=more)


async def change_options(call: Call) -> shapes.MailingDetail:
    """Keep options for a mailing that was not sent yet."""
    mailing = await call.mailing()
    chosen = shaping.changed(mailing.options, call.told(shapes.QuoteRequest).options)
    async with call.house.database.read() as connection:
        await plans.resolved(connection, call.organisation_id, chosen)
    await steering.set_options(call.house, mailing, chosen, call.actor)
    return await _detail(call, replace(mailing, options=chosen))
