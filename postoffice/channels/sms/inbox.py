"""What a gateway pushes: read, kept in the journal, and only then acknowledged."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime

from postoffice.channels.sms.journal import Journal
from postoffice.channels.sms.line import Line
from postoffice.channels.sms.news import Manner, News, canonical, read_news
from postoffice.channels.sms.pdu import BadPdu, Command, Pdu, Status, read_data, read_deliver, read_id
from postoffice.model.ports import Log

_NUMBERS = 100_000  #: recipients whose last message is remembered, to lay answers to it
_REFUSE = 0x66  #: ESME_RX_R_APPN: permanent error, do not push it again


class Inbox:
    """Takes pushed PDUs of all lines of an account. What comes while the disk is busy is written at once with the next."""

    def __init__(self, journal: Journal, manner: Manner, name: str, log: Log) -> None:
        self.journal = journal
        self._manner = manner
        self._name = name
        self._log = log
        self._pending: list[tuple[News, Line | None, Pdu]] = []
        self._task: asyncio.Task[None] | None = None
        self._last: OrderedDict[str, str] = OrderedDict()
        self.answered = asyncio.Event()  #: a recipient wrote

    def sent(self, number: str, key: str) -> None:
        """Remember that the last message to `number` is that of the delivery `key`."""
        self._last[number] = key
        self._last.move_to_end(number)
        if len(self._last) > _NUMBERS:
            self._last.popitem(last=False)

    def key_of(self, number: str) -> str:
        """The delivery to which an answer from `number` belongs; empty where this process does not know it."""
        return self._last.get(number, "")

    def push(self, line: Line, pdu: Pdu) -> None:
        """Take what the gateway pushed."""
        try:
            short = read_deliver(pdu.body) if pdu.command == Command.DELIVER else read_data(pdu.body)
        except BadPdu as error:
            self._log.warning("smpp_unreadable", carrier=self._name, reason=str(error))
            line.answer(pdu, _REFUSE)
            return
        news = read_news(short, self._manner, datetime.now(UTC))
        if not news.is_answer and not news.id:
            self._log.warning("smpp_receipt_of_nothing", carrier=self._name, word=news.word)
            line.answer(pdu)
            return
        self._add(news, line, pdu)

    def late(self, key: str, pdu: Pdu) -> None:
        """Take the answer to a hand-over that was given up as doubtful: it settles the doubt."""
        message_id = read_id(pdu.body)
        if pdu.status == Status.OK and message_id:
            now = datetime.now(UTC).isoformat()
            self._add(News(now, canonical(message_id), key=key, text=message_id), None, pdu)

    def _add(self, news: News, line: Line | None, pdu: Pdu) -> None:
        self._pending.append((news, line, pdu))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            try:
                await self.journal.keep([news for news, _, _ in batch])
                status = Status.OK
            except OSError as error:  # the gateway keeps it and pushes it again
                self._log.error("smpp_journal_failed", carrier=self._name, error=type(error).__name__, news=len(batch))
                status = Status.TRY_AGAIN
            for _, line, pdu in batch:
                if line is not None:
                    line.answer(pdu, status)
            if status == Status.OK and any(news.is_answer for news, _, _ in batch):
                self.answered.set()

    async def drain(self) -> None:
        """Until all that came is written."""
        if self._task is not None:
            await asyncio.wait({self._task})
