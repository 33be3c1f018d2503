"""A campaign's spreadsheet, in parts: the file that was approved, whatever lies in its place by now."""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from postoffice.compose.merge import records
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.sheets import pack_sheet
from postoffice.house import House
from postoffice.model.campaign import Campaign
from postoffice.store.templates import Version

#: rows of one part: those of one transaction
SIZE = 1000


@dataclass(slots=True)
class Sheet:
    """Open it as a context; parts are made when the first is asked for."""

    house: House
    campaign: Campaign
    version: Version
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _folder: Path | None = None
    _counts: list[int] = field(default_factory=list)

    async def __aenter__(self) -> "Sheet":
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._open.aclose()

    async def part(self, number: int) -> list[Record]:
        """The records of a part (from 0); [] behind the last one."""
        folder = await self._parts()
        return await self.house.workshop.run(_read, folder / f"{number}.gz") if number < len(self._counts) else []

    async def has(self, number: int) -> bool:
        """Whether there is such a part."""
        await self._parts()
        return number < len(self._counts)

    async def _parts(self) -> Path:
        if self._folder is None:
            folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="po-sheet-")))
            design, day = self.campaign.design, self.house.clock.now().date().isoformat()
            content, packed = Content.from_dict(self.version.content), folder / "all.gz"
            async with self.house.documents.as_file(self.campaign.organisation_id, design.sheet) as path:
                await self.house.workshop.run(pack_sheet, path, packed, self.version.id, day, content, dict(design.mapping))
            _job, self._counts = await self.house.workshop.run(records.split, packed, folder, SIZE)
            self._folder = folder
        return self._folder


def _read(path: Path) -> list[Record]:
    return list(records.unpack(path))
