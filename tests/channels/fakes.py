"""What the wiring would hand to a carrier, in memory, and pieces to send."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Knock, Pages, Piece
from postoffice.model.ids import new_id
from postoffice.model.ports import Sent

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n%%EOF\n"


class MemoryBox:
    """A SandboxBox that counts: `copies` per key, `calls` of keep. `failing`: every call raises."""

    def __init__(self) -> None:
        self.kept: dict[str, Sent] = {}
        self.copies: dict[str, int] = {}
        self.calls = 0
        self.failing = False

    async def keep(self, sent: Sequence[Sent]) -> set[str]:
        self.calls += 1
        if self.failing:
            raise OSError("disk on fire")
        known = {one.key for one in sent} & set(self.kept)
        for one in sent:
            self.kept.setdefault(one.key, one)
            self.copies[one.key] = self.copies.get(one.key, 0) + 1
        return known

    async def outcomes(self, keys: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        if self.failing:
            raise OSError("disk on fire")
        return {key: (self.kept[key].outcome, self.kept[key].sent_at) for key in keys if key in self.kept}


class ListLog:
    """A Log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, **facts: Any) -> None:
        self.lines.append(("debug", event, facts))

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append(("error", event, facts))


async def _pdf() -> bytes:
    return PDF


PIECES = {
    Channel.EMAIL: Piece(
        key="",
        organisation_id="org",
        channel=Channel.EMAIL,
        to="anna@client.example",
        address=None,
        sender="post@mairie.example",
        sender_name="Mairie de Lys",
        purpose=Purpose.INVOICE,
        language="fr",
        subject="Votre facture d'août est prête",
        text="Bonjour,\n\nVotre facture est prête : https://post.example/l/abc\n",
        html="<p>Bonjour,</p><p>Votre facture est <a href='https://post.example/l/abc'>prête</a></p>",
    ),
    Channel.SMS: Piece(
        key="",
        organisation_id="org",
        channel=Channel.SMS,
        to="+33639980042",
        address=None,
        sender="MAIRIE",
        sender_name="Mairie de Lys",
        purpose=Purpose.INVOICE,
        language="fr",
        text="Mairie de Lys : votre facture https://post.example/l/abc",
    ),
    Channel.FAX: Piece(
        key="",
        organisation_id="org",
        channel=Channel.FAX,
        to="+33199000042",
        address=None,
        sender="+33199000001",
        sender_name="Mairie de Lys",
        purpose=Purpose.INVOICE,
        language="fr",
        pages=Pages("0" * 64, 1, 2, _pdf),
    ),
    Channel.POST: Piece(
        key="",
        organisation_id="org",
        channel=Channel.POST,
        to="MME ANNA DUPONT",
        address=PostalAddress(("MME ANNA DUPONT", "3 RUE DU LAC", "75008 PARIS"), "75008", "PARIS", "FR"),
        sender="Mairie de Lys",
        sender_name="Mairie de Lys",
        purpose=Purpose.INVOICE,
        language="fr",
        pages=Pages("0" * 64, 3, 3, _pdf),
        mailing_id="m1",
        position=2,
    ),
}


def make_piece(channel: Channel, **changes: Any) -> Piece:
    """A piece with a fresh key."""
    return replace(PIECES[channel], **{"key": new_id(), **changes})


def make_knock(now: datetime, body: bytes = b"[]", headers: Mapping[str, str] | None = None) -> Knock:
    """A POST at the webhook door."""
    return Knock("POST", "/hooks/x", headers or {}, {}, body, now)
