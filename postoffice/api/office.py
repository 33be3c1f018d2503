"""What a key can learn of itself and of the printers."""

from postoffice.api import shapes, shaping
from postoffice.api.call import Call
from postoffice.model.people import RIGHTS
from postoffice.store import people, printers


async def me(call: Call) -> shapes.Me:
    """The key's own rights and organisation."""
    async with call.house.database.read() as connection:
        organisation = await people.organisation(connection, call.organisation_id)
    key = call.key
    return shapes.Me(
        key_id=key.id,
        name=key.name,
        prefix=key.prefix,
        live=key.live,
        role=key.role,
        rights=sorted(RIGHTS[key.role]),
        organisation=shapes.Organisation.model_validate(organisation),
    )


async def list_printers(call: Call) -> shapes.Printers:
    """All printers of the organisation."""
    async with call.house.database.read() as connection:
        found = await printers.all_of(connection, call.organisation_id)
    return shapes.Printers(data=[shaping.printer(one) for one in found])
