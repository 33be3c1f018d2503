"""Make pieces: everything that a carrier needs of a delivery, complete, from rows, templates and pages."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from postoffice.actions import fax_stops, outgoing
from postoffice.compose.message import Message, render_message
from postoffice.compose.pictures import pictures_of
from postoffice.house import House
from postoffice.model.channel import Channel
from postoffice.model.delivery import Attachment, Delivery, Pages, Piece
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.item import Item
from postoffice.model.mailing import EmailForm, LinkProof, Mailing, Options, Source
from postoffice.model.people import Organisation
from postoffice.pdf import cut
from postoffice.pipeline import merge_words
from postoffice.routing.plan import Rung, options_on
from postoffice.store import contacts, items, links
from postoffice.words import LANGUAGES

Place = tuple[int, int]
"""First page (from 1) and count."""


@dataclass
class Bench:
    """The work bench of one batch: its mailing, and the whole document as a plain file for as long as pieces are made."""

    house: House
    mailing: Mailing
    organisation: Organisation
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _path: Path | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _languages: dict[str, str] = field(default_factory=dict)  #: of the last chunk's contacts that have one, by contact
    _on_way: dict[tuple[Channel, str], Options] = field(default_factory=dict)
    _own_words: dict[str, Message] = field(default_factory=dict)  #: of a template, by delivery
    _unmade: dict[str, PostOfficeError] = field(default_factory=dict)  #: why no piece was made, by delivery

    async def __aenter__(self) -> "Bench":
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._open.aclose()

    async def document(self) -> Path:
        """The mailing's PDF as a file; decrypted when first asked for."""
        async with self._opening:
            if self._path is None:
                if self.mailing.document is None:
                    raise NotFound("document-missing", "This mailing has no document.", help="Send it in again.")
                store = self.house.documents.as_file(self.mailing.organisation_id, self.mailing.document)
                self._path = await self._open.enter_async_context(store)
            return self._path

    async def pieces(self, some: Sequence[Delivery], known: Mapping[str, Item] | None = None) -> list[Piece]:
        """Pieces for a chunk of deliveries, in their order. `known`: items that were read already, by id."""
        found = dict(known or {})
        if missing := [delivery.item_id for delivery in some if delivery.item_id not in found]:
            async with self.house.database.read() as connection:
                found |= await items.by_ids(connection, missing)
        pairs = [(delivery, found[delivery.item_id]) for delivery in some]
        with_link = [one for one in pairs if self._needs_link(*one) or self._has_choices(*one)]
        if with_link:
            async with self.house.database.write() as connection:
                await links.add_missing(connection, [self._link(delivery, item) for delivery, item in with_link])
        await self._find_languages(pairs)
        await self._find_words(pairs)
        cutter = Cutter(self, {(item.first_page, item.pages): item.runs for _, item in pairs})
        return [await self._piece(delivery, item, cutter) for delivery, item in pairs if delivery.id not in self._unmade]

    def take_unmade(self) -> dict[str, PostOfficeError]:
        """Why no piece was made of some deliveries of the last chunk, by id."""
        taken, self._unmade = self._unmade, {}
        return taken

    def _needs_link(self, delivery: Delivery, item: Item) -> bool:
        if not item.pages:
            return False
        if delivery.channel is Channel.EMAIL:
            return self._options(delivery, item).email_form is EmailForm.LINK
        return delivery.channel is Channel.SMS

    def _has_choices(self, delivery: Delivery, item: Item) -> bool:
        """Whether its words say where their recipient chooses what to receive: a campaign's mail to somebody who is known."""
        ours = self.mailing.source is Source.CAMPAIGN and delivery.channel is Channel.EMAIL
        return ours and item.contact_id is not None and self.mailing.options.purpose.is_promotional

    def _options(self, delivery: Delivery, item: Item) -> Options:
        """The mailing's options as they are on the rung that this delivery goes by."""
        if delivery.rung >= len(item.plan):
            return self.mailing.options
        way = delivery.channel, str(item.plan[delivery.rung].get("form", ""))  # all that options hang on: the same for thousands
        if way not in self._on_way:
            self._on_way[way] = options_on(Rung.from_dict(item.plan[delivery.rung]), self.mailing.options)
        return self._on_way[way]

    async def _find_languages(self, pairs: Sequence[tuple[Delivery, Item]]) -> None:
        """Which of these recipients are to be written to in a language of their own."""
        written = (Channel.EMAIL, Channel.SMS, Channel.FAX)
        ids = {item.contact_id for delivery, item in pairs if delivery.channel in written and item.contact_id}
        self._languages = {}
        if ids:
            async with self.house.database.read() as connection:
                known = await contacts.brief(connection, self.mailing.organisation_id, ids)
            self._languages = {contact_id: one.language for contact_id, one in known.items() if one.language in LANGUAGES}

    def _language(self, item: Item) -> str:
        """The recipient's language where it is known, else the organisation's."""
        return self._languages.get(item.contact_id or "", self.organisation.language)

    async def _find_words(self, pairs: Sequence[tuple[Delivery, Item]]) -> None:
        """The e-mails and short messages of these letters that their template writes itself."""
        if self.mailing.media_type != merge_words.MEDIA_TYPE:
            return
        told = [
            merge_words.Telling(
                delivery.id,
                delivery.channel,
                item.first_page,
                self._situation(delivery, item),
                contact_id="" if item.pages else item.contact_id or "",
            )
            for delivery, item in pairs
            if delivery.channel in (Channel.EMAIL, Channel.SMS)
        ]
        self._own_words = await merge_words.find(self.house, self.mailing, self.organisation.name, told)
        for delivery, item in pairs:
            if not item.pages and delivery.id not in self._own_words:  # without a letter, the template's words are all there is
                self._unmade[delivery.id] = PostOfficeError(
                    "no-words", "The template's message could not be made for this recipient.", help="Look at the template's preview."
                )

    def _situation(self, delivery: Delivery, item: Item) -> merge_words.Situation:
        return merge_words.Situation(
            link=self._address_of_link(delivery, item),
            unsubscribe=self._unsubscribe(delivery),
            preferences=self._choices(delivery, item),
            pages=item.pages,
            proof=proof_of(item, delivery)[0],
            expires_at=self._link_end(self.house.clock.now()).date(),
            message=self.mailing.options.message,
            subject=self._subject(),
        )

    def _address_of_link(self, delivery: Delivery, item: Item) -> str:
        """Empty where the letter is attached."""
        return f"{self.house.url}/l/{self.house.keyring.link_token(delivery.id)}" if self._needs_link(delivery, item) else ""

    def _choices(self, delivery: Delivery, item: Item) -> str:
        """Where the recipient proves to be meant, and chooses in detail; empty where the mail has no such place."""
        if not self._has_choices(delivery, item):
            return ""
        return f"{self.house.url}/l/{self.house.keyring.link_token(delivery.id)}?to=choices"

    def _link(self, delivery: Delivery, item: Item) -> dict[str, Any]:
        now = self.house.clock.now()
        kind, text = proof_of(item, delivery, self.mailing.options.proof)
        return {
            "organisation_id": delivery.organisation_id,
            "item_id": item.id,
            "delivery_id": delivery.id,
            "token": self.house.keyring.link_token(delivery.id),
            "proof": kind,
            "proof_text": text,
            "created_at": now,
            "expires_at": self._link_end(now),
        }

    def _link_end(self, now: datetime) -> datetime:
        return now + timedelta(days=self.house.limits.link_days)

    async def _piece(self, delivery: Delivery, item: Item, cutter: "Cutter") -> Piece:
        mailing, options = self.mailing, self._options(delivery, item)
        pages = self._pages(delivery, item, options, cutter) if item.pages else None
        shared: dict[str, Any] = {
            "key": delivery.id,
            "organisation_id": delivery.organisation_id,
            "channel": delivery.channel,
            "to": delivery.to,
            "address": item.address,
            "sender": str(self.organisation.settings.get("sender_email", "")),
            "sender_name": self.organisation.name,
            "purpose": options.purpose,
            "language": self._language(item),
            "pages": pages,
            "options": options,
            "position": item.position,
            "mailing_id": mailing.id,
        }
        if delivery.channel not in (Channel.EMAIL, Channel.SMS):
            return Piece(**shared, subject=self._subject(), foot=self._foot(delivery, item))
        words = self._own_words.get(delivery.id) or self._words(delivery, item)
        shared |= {"subject": words.subject, "text": words.text, "html": words.html}
        if delivery.channel is not Channel.EMAIL:
            return Piece(**shared)
        attachments = words.carried or pictures_of(words.html, "email/letter", self._language(item), self.house.templates)
        if pages and options.email_form is EmailForm.ATTACHMENT:
            attachments = (*attachments, Attachment(f"{_file_name(self._subject())}.pdf", "application/pdf", await pages.pdf()))
        reply_to = str(self.organisation.settings.get("reply_to", ""))
        return Piece(**shared, attachments=attachments, headers=self._list_headers(delivery), reply_to=reply_to)

    def _pages(self, delivery: Delivery, item: Item, options: Options, cutter: "Cutter") -> Pages:
        """The item's pages with what they wear. Dressed letters are each its own PDF: they cannot be had together."""
        mailing = self.mailing
        assert mailing.document is not None
        plain, paper = cutter.pdf_of(item.first_page, item.pages), delivery.channel is Channel.POST
        if not outgoing.wears(options, paper=paper):
            return Pages(mailing.document, item.first_page, item.pages, plain, cutter.together)
        lines = item.address.for_post if item.address else ()

        async def pdf() -> bytes:
            key = delivery.id if paper else ""
            content: bytes = await plain()
            return await outgoing.dressed(
                self.house, mailing, options, content, lines=lines, sender=self.organisation.name if paper else "", key=key
            )

        return Pages(mailing.document, item.first_page, item.pages, pdf)

    def _list_headers(self, delivery: Delivery) -> dict[str, str]:
        """RFC 8058, for mail that its recipient may stop. Mailbox programs take https addresses only."""
        address = self._unsubscribe(delivery)
        if not address.startswith("https://"):
            return {}
        return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

    def _unsubscribe(self, delivery: Delivery) -> str:
        """Where the recipient says "no more": for offers always, for other purposes where the organisation wants it; else empty."""
        purpose, wanted = self.mailing.options.purpose, self.organisation.settings.get("unsubscribe")
        asked = isinstance(wanted, list) and purpose.value in wanted
        if delivery.channel is not Channel.EMAIL or not (purpose.is_promotional or asked):
            return ""
        return f"{self.house.url}/u/{self.house.keyring.unsubscribe_token(delivery.id)}"

    def _foot(self, delivery: Delivery, item: Item) -> str:
        """How the recipient of an offer by fax says "no more" (in France: CPCE, article L. 34-5); empty for all other mail."""
        if delivery.channel is not Channel.FAX or not self.mailing.options.purpose.is_promotional:
            return ""
        return fax_stops.words_for(self.house, self.organisation, self._language(item), delivery.to, live=self.mailing.live)

    def _subject(self) -> str:
        return self.mailing.options.subject or self.mailing.name

    def _words(self, delivery: Delivery, item: Item) -> Any:
        link = self._address_of_link(delivery, item)
        context = {
            "sender_name": self.organisation.name,
            "recipient_name": item.address.name if item.address else "",
            "subject": self._subject(),
            "message": self.mailing.options.message,
            "link": link,
            "attachment": not link,
            "pages": item.pages,
            "purpose": self.mailing.options.purpose.value,
            "proof": proof_of(item, delivery, self.mailing.options.proof)[0],
            "expires_at": self._link_end(self.house.clock.now()),
            "unsubscribe": self._unsubscribe(delivery),
        }
        name = f"{delivery.channel.value}/letter"
        return render_message(name, self._language(item), context, self.house.templates)


class Cutter:
    """Cuts the PDFs of a chunk, all in one go, when the first carrier asks for one."""

    def __init__(self, bench: Bench, items: Mapping[Place, Sequence[Place]]) -> None:
        """`items`: (first page, pages) of each item, and the runs of pages that it consists of (see Item.runs)."""
        self._bench = bench
        self._items = items
        self._cutting: asyncio.Task[dict[Place, bytes]] | None = None

    def pdf_of(self, first_page: int, pages: int) -> Any:
        """A function that gives the PDF of this item."""

        async def pdf() -> bytes:
            if self._cutting is None:
                self._cutting = asyncio.create_task(self._cut())
            return (await self._cutting)[first_page, pages]

        return pdf

    async def together(self, some: Sequence[Pages]) -> bytes:
        """These items' pages in one PDF; see Pages.together."""
        path = await self._bench.document()
        runs = [run for one in some for run in self._items[one.first_page, one.pages]]
        return await self._bench.house.workshop.run(cut.gather, path, runs)

    async def _cut(self) -> dict[Place, bytes]:
        path = await self._bench.document()
        parts = await self._bench.house.workshop.run(cut.cut_together, path, list(self._items.values()))
        return dict(zip(self._items, parts, strict=True))


def proof_of(item: Item, delivery: Delivery, wanted: LinkProof = LinkProof.AUTO) -> tuple[str, str]:
    """What the recipient will have to type behind the link, and its expected text: something that a scanner does not know."""
    email = item.email or (delivery.to if delivery.channel is Channel.EMAIL else "")
    postcode = item.address.postcode if item.address else ""
    known = {LinkProof.EMAIL: email, LinkProof.POSTCODE: postcode, LinkProof.REFERENCE: item.reference}
    if wanted is LinkProof.CODE:
        return "code", ""
    if known.get(wanted):
        return wanted.value, known[wanted]
    if item.address and item.address.postcode:
        return "postcode", item.address.postcode
    if item.reference:
        return "reference", item.reference
    return ("email", delivery.to) if delivery.channel is Channel.EMAIL else ("mobile", delivery.to)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w .,()-]+", "_", text).strip(" ._")[:80] or "document"
