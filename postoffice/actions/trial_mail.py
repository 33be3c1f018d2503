"""A test of a template's mail to oneself or a few colleagues: the live carrier takes it, and no mailing, item or figure knows of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from postoffice.actions import mail_pictures
from postoffice.actions.actor import Actor
from postoffice.compose.merge import printing
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.wording import Situation
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Piece
from postoffice.model.errors import AlreadySent, CarrierError, InDoubt, PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.mailing import Options
from postoffice.model.people import Organisation
from postoffice.store import people, tries
from postoffice.store.tries import Limit

MOST = 5  #: addresses at a time
AN_HOUR = 40  #: tests that an organisation may send within an hour
MARK = "[TEST]"
PATIENCE = 20.0  # seconds for one


async def send(
    house: House,
    organisation: Organisation,
    template_id: str,
    content: Content,
    row: Mapping[str, Any],
    to: Sequence[str],
    actor: Actor,
) -> int:
    """Send a row's mail to addresses of staff; how many were taken.

    PostOfficeError test-address (nobody, too many, or not of staff), test-limit, test-no-mail, test-no-carrier, test-refused;
    TemplateFault where the mail cannot be made.
    """
    addresses = await _staff(house, organisation, to)
    language = content.spoken(row.get("language"))
    names, attached = await mail_pictures.carried(house, organisation.id, content)
    record = Record(1, {**row, "language": language}, exact=True)
    situation = Situation(unsubscribe=f"{house.url}/u/test", preferences=f"{house.url}/l/test")
    day = house.clock.now().date().isoformat()
    told = await house.workshop.run(printing.words_of, content, record, day, organisation.name, situation, names)
    for fault in told["faults"].values():
        raise fault
    mail = told["email"]
    if mail is None:
        raise _bad("test-no-mail", "This template has no e-mail.", "Write a subject and a text first.")
    carrier_name = (await house.carriers.names(organisation.id, live=True)).get(Channel.EMAIL)
    if carrier_name is None:
        raise _bad("test-no-carrier", "No carrier takes e-mail.", "Set one up under Administration, Carriers.")
    await _count(house, organisation, template_id, addresses, actor)
    piece = Piece(
        key=new_id(),
        organisation_id=organisation.id,
        channel=Channel.EMAIL,
        to="",
        address=None,
        sender=str(organisation.settings.get("sender_email", "")),
        sender_name=organisation.name,
        purpose=Purpose.SERVICE,
        language=organisation.language,
        subject=f"{MARK} {mail.subject}",
        text=mail.text,
        html=mail.html,
        attachments=tuple(one for one in attached if f"cid:{one.cid}" in mail.html),
        options=Options(channel=Channel.EMAIL, purpose=Purpose.SERVICE),
    )
    taken = [await _hand_over(house, carrier_name, replace(piece, key=new_id(), to=address)) for address in addresses]
    if not any(taken):
        raise _bad("test-refused", "The carrier took none of the tests.", "Look at its state under Administration, Carriers.")
    return sum(taken)


async def _staff(house: House, organisation: Organisation, to: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(one.strip().casefold() for one in to if one.strip()))
    async with house.database.read() as connection:
        known = {one.email.casefold(): one.email for one in await people.all_users(connection, organisation.id)}
    strangers = [one for one in wanted if one not in known]
    if not wanted or len(wanted) > MOST or strangers:
        raise _bad(
            "test-address",
            "A test goes to one to five addresses of your own staff.",
            "Take addresses of people who have an account here.",
        )
    return [known[one] for one in wanted]


async def _count(house: House, organisation: Organisation, template_id: str, addresses: Sequence[str], actor: Actor) -> None:
    """One test more of this hour, and a line of the trail."""
    now = house.clock.now()
    limit = Limit(house.keyring.blind(f"test-mail|{organisation.id}"), AN_HOUR, timedelta(hours=1))
    async with house.database.write() as connection:
        pause = timedelta()
        for _ in addresses:
            pause = max(pause, await tries.count(connection, organisation.id, [limit], now))
        await people.note(
            connection,
            organisation_id=organisation.id,
            actor=actor.name,
            action="template.test",
            subject=template_id,
            now=now,
            detail={"number": len(addresses), "refused": bool(pause)},
        )
    if pause:
        minutes = -(-int(pause.total_seconds()) // 60)
        raise _bad("test-limit", "Enough tests were sent within this hour.", "Wait a little.", minutes=minutes)


async def _hand_over(house: House, carrier_name: str, piece: Piece) -> bool:
    try:
        carrier = await house.carriers.get(piece.organisation_id, carrier_name)
        async with asyncio.timeout(PATIENCE):
            await carrier.send(piece)
    except (AlreadySent, InDoubt):
        return True
    except (CarrierError, PostOfficeError, TimeoutError) as refused:
        house.log.warning("test_mail.refused", carrier=carrier_name, kind=type(refused).__name__)
        return False
    return True


def _bad(code: str, message: str, help: str, **facts: object) -> PostOfficeError:
    return PostOfficeError(code, message, help=help, **facts)
