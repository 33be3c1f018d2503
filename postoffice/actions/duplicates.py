"""Letters that went to the same recipient before: held as soon as they are read, released by a person, all in one go."""

from postoffice.actions.actor import Actor
from postoffice.house import House
from postoffice.model.mailing import Mailing
from postoffice.model.states import EventKind, MailingState
from postoffice.store import events, mailings, people, twins


async def hold(house: House, mailing: Mailing) -> int:
    """Hold what went before, in a mailing that waits for its options; how many. Planning looks once more."""
    now = house.clock.now()
    async with house.database.write() as connection:
        current = await mailings.get(connection, mailing.id)
        return await twins.hold(connection, current, now) if current.state is MailingState.WAITING else 0


async def release(house: House, mailing: Mailing, actor: Actor) -> int:
    """A person says that all that is held as a duplicate may go once more; how many."""
    now = house.clock.now()
    async with house.database.write() as connection:
        held = await twins.held(connection, mailing.id)
        released = await twins.release_all(connection, mailing.id, now)
        told = [
            events.NewEvent(
                mailing.organisation_id,
                EventKind.EDITED,
                "staff" if actor.user_id else "office",
                now,
                mailing_id=mailing.id,
                item_id=item_id,
                actor_id=actor.user_id,
                detail={"released": twins.REASON},
            )
            for item_id in held
        ]
        await events.add(connection, told, now)
        await people.note(
            connection,
            organisation_id=mailing.organisation_id,
            actor=actor.name,
            action="items.duplicates-released",
            subject=mailing.id,
            now=now,
            detail={"items": released},
        )
    return released
