"""The next people of a wave with what is known of them: contacts of a segment, or rows of a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions.contact_rows import row_of
from postoffice.compose.merge.checks import Checked
from postoffice.compose.merge.records import Record
from postoffice.house import House
from postoffice.model.campaign import Campaign, WaveKind
from postoffice.pipeline.campaign_audience import Audience
from postoffice.pipeline.campaign_sheet import Sheet
from postoffice.store import contact_book
from postoffice.store.contact_book import FullContact


@dataclass(slots=True)
class Candidate:
    """Somebody that a wave may be for."""

    record: Record  #: what fills the template
    cursor: str  #: where the next look begins if this is the last one
    contact: FullContact | None = None
    contact_id: str = ""
    checked: Checked | None = None
    kept: bool = False  #: the row stays with the item: it comes from a spreadsheet


@dataclass(frozen=True, slots=True)
class Gathered:
    """The candidates of one look. `more` False: nobody is left."""

    candidates: Sequence[Candidate]
    cursor: str
    seen: int
    more: bool


@dataclass(slots=True)
class People:
    """The people of one wave, slice by slice."""

    house: House
    campaign: Campaign
    audience: Audience
    sheet: Sheet

    async def next(self, connection: AsyncConnection, cursor: str, now: datetime) -> Gathered:
        """Those behind `cursor`."""
        if self.campaign.design.sheet and self.audience.wave.kind is not WaveKind.FOLLOW_UP:
            return await self._rows(cursor)
        look = await self.audience.next(connection, cursor, now)
        found = await contact_book.by_ids(connection, self.campaign.organisation_id, look.ids)
        made = [Candidate(Record(0, row_of(found[one]), exact=True), one, found[one], one) for one in look.ids if one in found]
        return Gathered(made, look.cursor, look.seen, look.more)

    async def _rows(self, cursor: str) -> Gathered:
        part = int(cursor or 0)
        records = await self.sheet.part(part)
        made = [Candidate(record, str(part), kept=True) for record in records]
        return Gathered(made, str(part + 1), len(made), await self.sheet.has(part + 1))
