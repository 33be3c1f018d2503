"""A long document is drawn by two children at a time, and nobody sees where they met."""

from typing import Any

import pytest

from postoffice.channels.fax.sheets import tiff_of
from postoffice.model.channel import Channel
from postoffice.model.delivery import Pages
from postoffice.model.errors import Refused
from postoffice.pdf.tiff import FaxLook, fax_tiff_bytes
from tests.channels.fakes import make_piece
from tests.pdf.test_tiff import drawn

LOOK = FaxLook(fine=False, header="Lys p. {page}/{pages}", cover=("FAX", "To: Anna"))


class Told:
    """A workshop in this process that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def run(self, work: Any, *args: Any, **_: Any) -> Any:
        self.asked.append(args[2:])
        return work(*args)


@pytest.mark.parametrize(("pages", "shares"), [(3, [()]), (13, [(0, 2), (1, 2)])])
async def test_shares_make_the_same_fax(pages: int, shares: list[tuple[int, ...]]) -> None:
    content, workshop = drawn("60 60 200 300 re f", pages=pages), Told()

    async def pdf() -> bytes:
        return content

    piece = make_piece(Channel.FAX, pages=Pages("0" * 64, 1, pages, pdf))
    assert await tiff_of(piece, workshop, LOOK) == fax_tiff_bytes(content, LOOK)
    assert workshop.asked == shares


async def test_a_long_damaged_document_is_refused() -> None:
    async def pdf() -> bytes:
        return b"%PDF-1.7 nothing more"

    with pytest.raises(Refused):
        await tiff_of(make_piece(Channel.FAX, pages=Pages("0" * 64, 1, 40, pdf)), Told(), LOOK)
