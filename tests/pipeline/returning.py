"""Mails that come back to an office of the tests, as programs and people write them."""

from typing import Any

import sqlalchemy as sa

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model import return_path
from postoffice.model.channel import Channel
from postoffice.model.mailing import Options
from postoffice.model.ports import Abilities
from postoffice.pipeline.mailroom import Mailroom
from postoffice.store import events, items, mails
from postoffice.store import schema as tables
from tests.pipeline.house import Office, PlannedCarrier, people_items

DOMAIN = "news.example"
EMAIL = Options(channel=Channel.EMAIL)


async def posted(office: Office, to: str = "anna@client.example", **more: Any) -> Any:
    """An item whose e-mail was handed over to a relay that tells nothing."""
    if Channel.EMAIL not in office.carriers.mine:
        office.carriers.mine[Channel.EMAIL] = PlannedCarrier("relay", Abilities(Channel.EMAIL))
    mailing = await office.drafts(people_items(1, email=to), Options(channel=Channel.EMAIL, **more))
    await steering.send(office.house, mailing, mailing.options, OFFICE)
    await office.work()
    (item,) = await office.items(mailing)
    assert item.state.value == "handed_over"
    return item


def back(office: Office, delivery_id: str) -> str:
    """The return path of a delivery."""
    return return_path.make(office.house.keyring.return_path_key(), delivery_id, DOMAIN)


def bounce(
    key: str = "", *, to: str = "anna@client.example", say: str = "550 5.1.1 User unknown", action: str = "failed", **head: str
) -> bytes:
    """A report after RFC 3464. `key`: whose Message-ID stands in the returned part; `head`: more fields of the report."""
    status = say.split()[1]
    fields = {"From": "MAILER-DAEMON@client.example", "Date": "Mon, 23 Nov 2026 08:00:00 +0000", "Subject": "Undelivered Mail", **head}
    top = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    ours = f"Message-ID: <{key}@{DOMAIN}>\n" if key else ""
    return f"""{top}Content-Type: multipart/report; report-type=delivery-status; boundary=z

--z
Content-Type: text/plain

This is the mail system. <{to}>: {say}
--z
Content-Type: message/delivery-status

Reporting-MTA: dns; client.example

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {say}

--z
Content-Type: text/rfc822-headers

{ours}To: {to}
Subject: Facture

--z--
""".encode()


def answer(key: str, text: str, **head: str) -> bytes:
    """What a person's mail program writes."""
    fields = {"From": "Anna <anna@client.example>", "Date": "Mon, 23 Nov 2026 08:30:00 +0000", "Subject": "Re: Facture", **head}
    top = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return f"{top}In-Reply-To: <{key}@{DOMAIN}>\nContent-Type: text/plain; charset=utf-8\n\n{text}\n".encode()


async def come_back(office: Office, raw: bytes, *, envelope_to: str = "") -> bool:
    """A mail reaches the mailroom and is read; whether it was new."""
    fresh = await Mailroom(office.house).keep(office.organisation_id, raw, "door", envelope_to=envelope_to)
    await office.work()
    return fresh


async def told(office: Office, item: Any) -> list[events.Line]:
    """What came back of an item, oldest first."""
    async with office.house.database.read() as connection:
        return [line for line in await events.of_item(connection, item.id) if line.source not in ("office", "staff")]


async def words(office: Office, item: Any) -> list[str]:
    """The kinds of what came back, without the hand-over."""
    return [line.kind.value for line in await told(office, item) if line.kind.value != "handed_over"]


async def state(office: Office, item: Any) -> str:
    async with office.house.database.read() as connection:
        return (await items.get(connection, item.id, office.organisation_id)).state.value


async def blocked(office: Office) -> list[tuple[str, str | None]]:
    """The suppression list: reason and purpose."""
    query = sa.select(tables.suppressions.c.reason, tables.suppressions.c.purpose)
    async with office.house.database.read() as connection:
        return [(row.reason, row.purpose) for row in await connection.execute(query)]


async def kept(office: Office) -> list[mails.Mail]:
    """All mails, oldest first."""
    async with office.house.database.read() as connection:
        ids = await connection.scalars(sa.select(tables.mails.c.id).order_by(tables.mails.c.id))
        return [await mails.get(connection, office.organisation_id, one) for one in list(ids)]
