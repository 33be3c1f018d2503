"""A person's answer goes on to a person: one mail, never an answer to a machine, never in a circle."""

from datetime import timedelta

from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Delivery, Piece
from postoffice.model.errors import CarrierError, PostOfficeError, TryLater
from postoffice.model.people import Organisation
from postoffice.pipeline.mailroom import Mailroom
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, deliveries, mailboxes, mailings, mails, people
from postoffice.store.batches import Batch
from postoffice.store.mails import Mail
from postoffice.tracking.mail.copies import by_a_machine
from postoffice.tracking.mail.news import normal
from postoffice.tracking.mail.reply import Reply, read_reply
from postoffice.words import Words

TO_SENDER = "@sender"  #: instead of an address: whoever sent the mailing
MOST_AN_HOUR = 200  #: of one organisation: beyond it something runs in a circle
_TRIES = 8
_MOST_READ = 1 << 20


async def forward(house: House, batch: Batch, stop: Stop) -> None:
    """Send one answer on. Run twice it repeats the same mail under the same Message-ID, and only where nobody noted the first."""
    async with house.database.read() as connection:
        mail = await mails.get(connection, batch.organisation_id, batch.subject_id)
        delivery = await deliveries.get(connection, mail.delivery_id) if mail.delivery_id else None
    piece = None
    if delivery is not None and mail.forwarded_at is None:
        piece = await _piece(house, mail, delivery)
    if piece is None or delivery is None:
        await _end(house, batch, None)
        return
    try:
        carrier = await house.carriers.get(mail.organisation_id, delivery.carrier)
        await carrier.send(piece)
    except TryLater as later:
        await _later(house, batch, later)
        return
    except (CarrierError, PostOfficeError) as refused:  # in doubt counts as sent: the answer stands on the timeline, too
        house.log.warning("mail.not_forwarded", mail=mail.id, code=refused.code)
    await _end(house, batch, mail)


async def _later(house: House, batch: Batch, later: TryLater) -> None:
    tries, now = int(batch.data.get("tries", 0)) + 1, house.clock.now()
    if tries >= _TRIES:
        house.log.warning("mail.not_forwarded", mail=batch.subject_id, code=later.code)
        await _end(house, batch, None)
        return
    async with house.database.write() as connection:
        await batches.put_off(connection, batch, now + timedelta(minutes=2**tries), {**batch.data, "tries": tries})


async def _end(house: House, batch: Batch, mail: Mail | None) -> None:
    now = house.clock.now()
    async with house.database.write() as connection:
        if mail is not None:
            await mails.forwarded(connection, mail.id, now)
        await batches.finish(connection, batch, now)


async def _piece(house: House, mail: Mail, delivery: Delivery) -> Piece | None:
    """The mail to be sent; None where nobody wants it or where it could run in a circle."""
    target = await _target(house, mail, delivery)
    if not target or await Mailroom(house).whose(target) is not None:
        return None
    raw = (await house.documents.get(mail.organisation_id, mail.document))[:_MOST_READ]
    reply = await house.workshop.run(read_reply, raw)
    if by_a_machine(raw) or normal(reply.sender) in ("@", normal(target)):
        return None
    async with house.database.read() as connection:
        lately = await mails.forwarded_since(connection, mail.organisation_id, house.clock.now() - timedelta(hours=1))
        organisation = await people.organisation(connection, mail.organisation_id)
    if lately >= MOST_AN_HOUR:
        house.log.error("mail.too_many_forwarded", organisation=mail.organisation_id, count=lately)
        return None
    return _write(house, organisation, mail, delivery, reply, target)


async def _target(house: House, mail: Mail, delivery: Delivery) -> str:
    """Whom answers to this carrier's mail go on to; "" for nobody."""
    async with house.database.read() as connection:
        mailbox = await mailboxes.of_carrier(connection, mail.organisation_id, delivery.carrier)
        wanted = mailbox.forward_to if mailbox else ""
        if wanted != TO_SENDER:
            return wanted
        mailing = await mailings.get(connection, delivery.mailing_id)
        staff = await people.all_users(connection, mail.organisation_id) if mailing.user_id else []
    return next((one.email for one in staff if one.id == mailing.user_id), "")


def _write(house: House, organisation: Organisation, mail: Mail, delivery: Delivery, reply: Reply, target: str) -> Piece:
    words = Words(organisation.language, organisation.timezone, organisation.currency)
    text = "\n\n".join(
        (
            words.gettext("{sender} answered your letter:", sender=reply.sender),
            reply.text or words.gettext("(no text)"),
            words.gettext("The whole answer stands on the letter's timeline: {link}", link=f"{house.url}/i/{delivery.item_id}"),
        )
    )
    return Piece(
        key=mail.id,
        organisation_id=mail.organisation_id,
        channel=Channel.EMAIL,
        to=target,
        address=None,
        sender=str(organisation.settings.get("sender_email", "")),
        sender_name=organisation.name,
        purpose=Purpose.SERVICE,
        language=organisation.language,
        subject=words.gettext("Answer: {subject}", subject=reply.subject) if reply.subject else words.gettext("Answer to your letter"),
        text=text,
        headers={"Auto-Submitted": "auto-forwarded"},
        reply_to=reply.sender,
    )
