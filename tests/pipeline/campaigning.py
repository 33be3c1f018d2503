"""An office with contacts and a template, and campaigns that walk through it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from postoffice.actions import campaigns as acting
from postoffice.actions.actor import Actor
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.address import PostalAddress
from postoffice.model.campaign import Campaign, Design
from postoffice.model.channel import Channel, Purpose
from postoffice.model.ids import new_id
from postoffice.model.mailing import Ground, Options
from postoffice.store import campaigns, contact_book, people, schema, templates
from postoffice.store import campaigns_waves as waves
from postoffice.store.contact_book import NewContact
from tests.pipeline.house import Office

AUTHOR = Actor("key:author")
CONTENT = Content(
    {"fr": Parts("", "Pour {{ name }}", "Bonjour {{ name }}, {{ city }}", "", "Bonjour {{ name }}. STOP 36000")}, purpose="promotion"
)
OPTIONS = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)


async def version_of(office: Office, content: Content = CONTENT) -> str:
    """A published version of a template; its id."""
    now = office.clock.now()
    async with office.house.database.write() as connection:
        made = await templates.add(
            connection, organisation_id=office.organisation_id, name=new_id(), draft=content.as_dict(), now=now, actor="key:author"
        )
        return (await templates.publish(connection, made, content.as_dict(), now, "key:author", "")).id


async def crowd(office: Office, count: int, *, first: int = 0, **attributes: Any) -> list[str]:
    """So many contacts with e-mail, mobile and address; their ids."""
    new = []
    for number in range(first, first + count):
        address = PostalAddress((f"Anne {number}", f"{number + 1} rue des Lilas", "75011 PARIS"), "75011", "PARIS", "FR")
        values = {
            "kind": "person",
            "name": f"Anne {number}",
            "match_key": new_id(),
            "language": "fr",
            "external_ids": {},
            "attributes": {"city": "Paris", **attributes},
        }
        points = [("email", f"anne{number}@example.fr", None), ("sms", f"+33612{number % 1_000_000:06}", None)]
        new.append(NewContact(values, [*points, ("post", ", ".join(address.lines), address)], ()))
    async with office.house.database.write() as connection:
        return await contact_book.add_all(connection, office.organisation_id, new, office.clock.now())


async def campaign(office: Office, design: Design | None = None, *, live: bool = True, **more: Any) -> Campaign:
    """A draft for everybody; `more`: parts of the design."""
    base = design or Design(name="Novembre", options=OPTIONS)
    if not base.version_id and "version_id" not in more:
        more["version_id"] = await version_of(office)
    async with office.house.database.read() as connection:
        organisation = await people.organisation(connection, office.organisation_id)
    return await acting.create(office.house, organisation, replace(base, **more), AUTHOR, live=live)


async def launched(office: Office, **more: Any) -> Campaign:
    """A campaign on its way."""
    made = await campaign(office, **more)
    await acting.launch(office.house, made, AUTHOR)
    return await again(office, made)


async def again(office: Office, made: Campaign) -> Campaign:
    """The campaign as it stands now."""
    async with office.house.database.read() as connection:
        return await campaigns.get(connection, made.id)


async def waves_of(office: Office, made: Campaign) -> list[Any]:
    """Its waves."""
    async with office.house.database.read() as connection:
        return await waves.of_campaign(connection, made.id)


async def sent(office: Office, made: Campaign) -> dict[str, int]:
    """How many messages each contact got that were handed over, by all waves of a campaign."""
    items, members = schema.items, schema.campaign_members
    query = (
        sa.select(items.c.contact_id, sa.func.count())
        .join(schema.campaign_waves, schema.campaign_waves.c.mailing_id == items.c.mailing_id)
        .where(
            schema.campaign_waves.c.campaign_id == made.id, items.c.state.in_(["handed_over", "delivered", "mailed", "in_production"])
        )
    )
    assert members is not None
    async with office.house.database.read() as connection:
        return dict((await connection.execute(query.group_by(items.c.contact_id))).all())  # type: ignore[arg-type]


async def told(office: Office, made: Campaign) -> list[Mapping[str, Any]]:
    """What the sandbox got for it."""
    async with office.house.database.read() as connection:
        return list((await connection.execute(schema.sandbox_box.select())).mappings())
