"""What was read of a document's pages, packed: small enough to keep with the mailing, so that it is cut anew without being read again.

Slices travel between processes packed as well: 10,000 pages are some ten megabytes instead of a hundred. The bytes are a pickle of our
own, kept in the encrypted store of documents; a version that has other facts does not read it and reads the document instead.
"""

import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from postoffice.compose.fields import FieldRule
from postoffice.compose.order import Entry
from postoffice.compose.pages import PageFacts, read_pages
from postoffice.compose.read_address import AddressReading
from postoffice.compose.reading import Reading, conclude
from postoffice.model.address import PostalAddress
from postoffice.model.finding import Box, Finding
from postoffice.pdf.document import DocumentFacts, inspect
from postoffice.pdf.engine import give_back
from postoffice.pdf.outline import outline

#: what stands in front of the packed bytes: other shapes are another version
_SHAPE = repr(
    [(kind.__name__, [one.name for one in fields(kind)]) for kind in (PageFacts, AddressReading, PostalAddress, Finding, DocumentFacts)]
).encode()
MARK = b"pages1 %08x " % zlib.crc32(_SHAPE)
MEDIA_TYPE = "application/x-postoffice-pages"


@dataclass(frozen=True, slots=True)
class Kept:
    """All that was read of a document. `slices` are packed lists of PageFacts, in order."""

    layout: str
    zones: tuple[Box, ...]
    document: DocumentFacts
    outline: tuple[tuple[int, int], ...]
    slices: tuple[bytes, ...]

    def pages(self) -> list[PageFacts]:
        """The facts of all pages."""
        return [page for part in self.slices for page in unpack_slice(part)]


def look_over(path: Path) -> tuple[DocumentFacts, tuple[tuple[int, int], ...]]:
    """The document's facts and its outline. Raises as `open_pdf`."""
    try:
        return inspect(path), outline(path)
    finally:
        give_back()


def read_slice(path: Path, first: int, count: int, layout: str, zones: Sequence[Box]) -> bytes:
    """`read_pages`, packed."""
    return zlib.compress(pickle.dumps(read_pages(path, first, count, layout, zones), pickle.HIGHEST_PROTOCOL), 1)


def unpack_slice(packed: bytes) -> list[PageFacts]:
    """The inverse of `read_slice`'s packing."""
    pages: list[PageFacts] = pickle.loads(zlib.decompress(packed))  # noqa: S301  our own bytes, from our own child or encrypted store
    return pages


def pack(kept: Kept) -> bytes:
    """As bytes for the store of documents."""
    return MARK + pickle.dumps((kept.layout, kept.zones, kept.document, kept.outline, kept.slices), pickle.HIGHEST_PROTOCOL)


def unpack(content: bytes) -> Kept | None:
    """The inverse; None where another version wrote it."""
    return Kept(*pickle.loads(content[len(MARK) :])) if content.startswith(MARK) else None  # noqa: S301  as above


def conclude_kept(kept: Kept, rule: str, entries: Sequence[Entry] = (), field_rules: Sequence[FieldRule] = ()) -> Reading:
    """Cut, and propose other cuts. PostOfficeError order-mismatch."""
    give_back()  # of what reading took: the facts of all pages come now
    pages = kept.pages()
    return conclude(
        kept.document, pages, kept.layout, rule, zones=kept.zones, outline=kept.outline, entries=entries, field_rules=field_rules
    )


def suits(kept: Kept | None, layout: str, zones: Sequence[Box]) -> bool:
    """Whether a cut with this layout that needs these zones can be made of what is kept."""
    return kept is not None and kept.layout == layout and set(zones) <= set(kept.zones)
