"""Mailboxes are emptied: one worker at a time per mailbox, page by page, each message marked only after it is stored.

How far a mailbox was read is kept by UID and UIDVALIDITY (RFC 3501, 2.3.1.1). Who dies between storing and noting reads the same
messages again, and the mailroom knows them.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from postoffice.actions.mailbox_access import way_in
from postoffice.house import House
from postoffice.intake.imap import OpenMailbox, Slip, open_mailbox
from postoffice.model.errors import PostOfficeError
from postoffice.pipeline.mailroom import Mailroom
from postoffice.store import mailboxes
from postoffice.store.carriers import unseal
from postoffice.store.mailboxes import MailboxRow

P = ParamSpec("P")
T = TypeVar("T")

EVERY = timedelta(minutes=1)
AT_MOST = timedelta(hours=1)  #: between two looks at a mailbox that cannot be opened
LEASE = timedelta(minutes=3)
PAGE = 50  #: messages
PAGES = 40  #: in one turn: then the next mailbox has its turn
MOST_BYTES = 25_000_000  #: of a message; of a longer one, what a report needs
BEGINNING = 2_000_000
FIRST_DAYS = 30  #: how far a new mailbox is looked back into
_ROUND = 5.0  #: seconds between two looks for a mailbox that is due


class Mailboxes:
    """Looks at all mailboxes of all organisations in turn. `owner` names the worker in leases."""

    def __init__(self, house: House, owner: str) -> None:
        self._house = house
        self._owner = owner
        self._mailroom = Mailroom(house)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until told to stop."""
        while not stopping.is_set():
            try:
                while not stopping.is_set() and await self.turn():
                    pass
            except (SQLAlchemyError, OSError) as error:
                self._house.log.warning("mailboxes.no_database", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _ROUND)

    async def turn(self) -> bool:
        """Empty one mailbox that is due; False where none is."""
        house, now = self._house, self._house.clock.now()
        async with house.database.write() as connection:
            mailbox = await mailboxes.claim(connection, self._owner, now, LEASE, EVERY, AT_MOST)
        if mailbox is None:
            return False
        error: dict[str, Any] | None = None
        try:
            taken = await self.empty(mailbox)
            if taken:
                house.log.info("mailbox.emptied", carrier=mailbox.carrier, organisation=mailbox.organisation_id, mails=taken)
        except PostOfficeError as failed:
            error = {"code": failed.code, "message": failed.message, "help": failed.help, "facts": failed.facts}
            house.log.warning("mailbox.failed", carrier=mailbox.carrier, organisation=mailbox.organisation_id, code=failed.code)
        async with house.database.write() as connection:
            await mailboxes.release(connection, mailbox, self._owner, house.clock.now(), error)
        return True

    async def empty(self, mailbox: MailboxRow) -> int:
        """Take what is new, up to PAGES pages; how many mails. MailboxFailed or OutOfRoom where that cannot be done."""
        settings = unseal(self._house.keyring, mailbox.settings)
        access = await way_in(self._house, mailbox.organisation_id, mailbox.carrier, settings)
        with ExitStack() as stack:
            opened = await _in_thread(stack.enter_context, open_mailbox(access))
            try:
                return await self._take_all(mailbox, opened)
            finally:
                await _in_thread(stack.close)

    async def _take_all(self, mailbox: MailboxRow, opened: OpenMailbox) -> int:
        after, taken = mailbox.last_uid, 0
        if opened.validity != mailbox.uid_validity:  # new to us, or the server has numbered it anew
            day = (self._house.clock.now() - timedelta(days=FIRST_DAYS)).date()
            after = await _in_thread(opened.last_before, day)
        if not await self._note(mailbox, opened.validity, after):
            return 0  # another has it now
        for _ in range(PAGES):
            slips = await _in_thread(opened.page, after, PAGE)
            if not slips:
                break
            for slip in slips:
                taken += await self._take(mailbox, opened, slip)
            after = slips[-1].uid
            if not await self._note(mailbox, opened.validity, after):
                break
            await _in_thread(opened.done, [slip.uid for slip in slips])
        return taken

    async def _take(self, mailbox: MailboxRow, opened: OpenMailbox, slip: Slip) -> bool:
        raw = await _in_thread(opened.fetch, slip.uid, MOST_BYTES if slip.size <= MOST_BYTES else BEGINNING)
        if raw is None:
            return False
        return await self._mailroom.keep(mailbox.organisation_id, raw, "mailbox", carrier=mailbox.carrier)

    async def _note(self, mailbox: MailboxRow, validity: int, after: int) -> bool:
        house = self._house
        async with house.database.write() as connection:
            return await mailboxes.advance(connection, mailbox.id, self._owner, validity, after, house.clock.now(), LEASE)


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Blocking work beside the loop. Cancelled, it is waited for, since nobody else may use the line meanwhile."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
