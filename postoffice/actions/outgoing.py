"""An item's pages as they leave the house: with letterhead, inserts, address sheet and codes, as the options say.

Whoever shows or sends an item's PDF asks here, so that recipients see the same by every channel. What belongs to paper only (address
sheet, blank backs, codes) is left out elsewhere.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from postoffice.compose.paper.dress import Dress, dress_many
from postoffice.house import House
from postoffice.model.ids import to_bytes
from postoffice.model.mailing import Mailing, Options
from postoffice.pdf.streams import coded


def wears(options: Options, *, paper: bool) -> bool:
    """Whether anything is put on the pages of a mailing with these options; `paper`: for a print house."""
    everywhere = bool(options.letterhead or options.inserts)
    return everywhere or (paper and (options.address_sheet or options.sheet_codes))


async def dressed(
    house: House, mailing: Mailing, options: Options, content: bytes, *, lines: Sequence[str] = (), sender: str = "", key: str = ""
) -> bytes:
    """An item's PDF with what it wears. With a `key` (the delivery's id) it is for paper, with its address `lines` and `sender`.

    PostOfficeError where a letterhead or an insert is missing or damaged.
    """
    paper = bool(key)
    if not wears(options, paper=paper):
        return content
    async with AsyncExitStack() as stack:
        names = [*([options.letterhead] if options.letterhead else []), *(one.document for one in options.inserts)]
        paths = [await stack.enter_async_context(house.documents.as_file(mailing.organisation_id, name)) for name in names]
        dress = Dress(
            mailing.layout,
            letterhead=paths[0] if options.letterhead else None,
            over=options.letterhead_over,
            inserts=tuple(paths[1:] if options.letterhead else paths),
            sheet=paper and options.address_sheet,
            duplex=paper and options.duplex,
            sender=sender,
        )
        made = (await house.workshop.run(dress_many, [content], [tuple(lines)], dress))[0]
    if paper and options.sheet_codes:
        made = await house.workshop.run(coded, made, to_bytes(key), duplex=options.duplex)
    return made
