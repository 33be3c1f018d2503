"""Answers go on to a person, once, and never in a circle."""

from typing import Any

import pytest

from postoffice.model.errors import Refused, TryLater
from postoffice.pipeline.forwarding import MOST_AN_HOUR, TO_SENDER
from postoffice.store import carriers, mailboxes, people
from postoffice.store import schema as tables
from tests.pipeline.house import Office, PlannedCarrier
from tests.pipeline.returning import answer, come_back, kept, posted

OFFICE = "office@example.fr"


async def set_up(office: Office, forward_to: str, address: str = "") -> None:
    async with office.house.database.write() as connection:
        await mailboxes.keep(
            connection,
            office.organisation_id,
            "relay",
            office.clock.now(),
            address=address,
            settings=carriers.seal(office.house.keyring, {}),
            fetching=False,
            forward_to=forward_to,
            afresh=True,
        )


class Relay(PlannedCarrier):
    """Keeps the pieces."""

    pieces: list[Any]

    async def send(self, piece: Any) -> Any:
        self.__dict__.setdefault("pieces", []).append(piece)
        return await super().send(piece)


async def relayed(office: Office, **more: Any) -> tuple[Any, Relay]:
    """A letter that left by a relay which keeps pieces; the pieces of the letter itself are left out."""
    from postoffice.model.channel import Channel
    from postoffice.model.ports import Abilities

    relay = Relay("relay", Abilities(Channel.EMAIL))
    office.carriers.mine[Channel.EMAIL] = relay
    item = await posted(office, **more)
    relay.pieces.clear()
    return item, relay


async def test_an_answer_goes_on_once_with_its_new_text(office: Office) -> None:
    item, relay = await relayed(office)
    await set_up(office, "chef@example.fr")
    await come_back(office, answer(item.delivery_id, "Merci !\n\n> Facture"))
    await office.reopen("forward")
    await office.work()
    (piece,) = relay.pieces
    (mail,) = await kept(office)
    assert (piece.to, piece.key, piece.reply_to, piece.headers) == (
        "chef@example.fr", mail.id, "anna@client.example", {"Auto-Submitted": "auto-forwarded"},
    )  # fmt: skip
    assert (
        "Merci !" in piece.text and f"/i/{item.id}" in piece.text and "> Facture" not in piece.text and "Re: Facture" in piece.subject
    )
    assert mail.forwarded_at == office.clock.now()


@pytest.mark.slow
async def test_to_whoever_sent_the_mailing(office: Office) -> None:
    item, relay = await relayed(office)
    await set_up(office, TO_SENDER)
    async with office.house.database.write() as connection:
        user_id = await people.add_user(
            connection,
            organisation_id=office.organisation_id,
            email="claire@example.fr",
            name="Claire",
            password="une phrase facile à garder",
            roles=(),
            now=office.clock.now(),
        )
        await connection.execute(tables.mailings.update().values(user_id=user_id))
    await come_back(office, answer(item.delivery_id, "Merci !"))
    assert [piece.to for piece in relay.pieces] == ["claire@example.fr"]


@pytest.mark.parametrize(
    ("forward_to", "head"),
    [
        ("", {}),
        (TO_SENDER, {}),  # nobody sent it
        ("anna@client.example", {}),  # whoever answered
        ("mail@ours.example", {}),  # our own door
        (OFFICE, {"Auto_Submitted": "auto-replied"}),
        (OFFICE, {"Auto_Submitted": "auto-forwarded"}),  # our own forwarding, answered by a rule
        (OFFICE, {"Precedence": "bulk"}),
        (OFFICE, {"From": "MAILER-DAEMON@client.example"}),
        (OFFICE, {"Return_Path": "<>"}),
    ],
)
@pytest.mark.slow
async def test_nothing_runs_in_a_circle(office: Office, forward_to: str, head: dict[str, str]) -> None:
    item, relay = await relayed(office)
    await set_up(office, forward_to, "mail@ours.example")
    await come_back(office, answer(item.delivery_id, "Merci !", **head))
    assert relay.pieces == [] and await office.open_batches("forward") == []


@pytest.mark.slow
async def test_a_flood_is_stopped(office: Office) -> None:
    item, relay = await relayed(office)
    await set_up(office, OFFICE)
    now = office.clock.now()
    row = {"organisation_id": office.organisation_id, "way": "door", "document": "d", "size": 1, "state": "read", "received_at": now}
    async with office.house.database.write() as connection:
        await connection.execute(
            tables.mails.insert(),
            [{**row, "id": f"{n:026}", "fingerprint": str(n), "forwarded_at": now} for n in range(MOST_AN_HOUR)],
        )
    await come_back(office, answer(item.delivery_id, "Merci !"))
    assert relay.pieces == [] and "mail.too_many_forwarded" in office.log.events("error")


async def test_a_relay_that_is_away_is_tried_again_and_one_that_refuses_is_not(office: Office) -> None:
    item, relay = await relayed(office)
    await set_up(office, OFFICE)
    relay.say[OFFICE] = [TryLater("busy"), TryLater("busy"), None, Refused("no")]
    await come_back(office, answer(item.delivery_id, "Merci !"))
    for _ in range(4):
        office.clock.pass_by(minutes=10)
        await office.work()
    assert len(relay.pieces) == 3 and relay.taken[relay.pieces[0].key] == 1
    await come_back(office, answer(item.delivery_id, "Encore merci !"))
    office.clock.pass_by(hours=1)
    await office.work()
    assert len(relay.pieces) == 4 and await office.open_batches("forward") == []
