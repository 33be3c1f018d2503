"""For a carrier's page: the state of the mailbox that its mail comes back to."""

from typing import Any

from aiohttp import web

from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel
from postoffice.store import mailboxes, mails
from postoffice.store.carriers import CarrierRow
from postoffice.store.mailboxes import MailboxRow
from postoffice.store.mails import ASIDE, Mail
from postoffice.words import N_, Said, Words

LAST = 5  #: mails shown

_KINDS = {
    "bounce": N_("bounce"),
    "feedback": N_("complaint"),
    "vacation": N_("automatic reply"),
    "delivered": N_("delivery notice"),
    "reply": N_("answer of a person"),
}


async def returning_of(request: web.Request, carrier: CarrierRow) -> dict[str, Any] | None:
    """Mailbox, trouble and last mails; None for channels without such mail."""
    if carrier.channel is not Channel.EMAIL:
        return None
    async with house_of(request).database.read() as connection:
        mailbox = await mailboxes.of_carrier(connection, carrier.organisation_id, carrier.name)
        last = await mails.last_of(connection, carrier.organisation_id, carrier.name, LAST)
    words = request[VISIT].words
    return {"mailbox": mailbox, "last": last, "trouble": trouble_of(words, mailbox), "kind_words": lambda mail: kind_words(words, mail)}


def trouble_of(words: Words, mailbox: MailboxRow | None) -> Said | None:
    """What a person must mend, in the reader's language."""
    return words.stored_problem(mailbox.last_error) if mailbox and mailbox.last_error else None


def kind_words(words: Words, mail: Mail) -> str:
    """What a mail was."""
    if mail.state == ASIDE:
        return words.gettext("speaks of no letter of ours")
    return words.gettext(_KINDS[mail.kind]) if mail.kind in _KINDS else words.gettext("waits to be read")
