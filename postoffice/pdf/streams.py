"""Print streams: many pieces as few PDFs, in the order that a print house works in, each with a list of what is where.

Sorted by envelope, paper, colour, postage, number of sheets, country and postcode, so that a machine changes as seldom as may be and
the post takes trays by region; split where a house's limits are reached, never within a piece. In duplex each piece begins on a front
side. Each sheet can bear a DataMatrix in a place that is free of ink.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from postoffice.later import pikepdf
from postoffice.pdf import datamatrix, stamp
from postoffice.pdf.document import frame_of, open_page, open_pdf
from postoffice.pdf.raster import ink


@dataclass(frozen=True, slots=True)
class StreamPiece:
    """A piece for a stream: its pages as a PDF, what it is called, and what sorts it."""

    id: bytes  #: 16 opaque bytes
    pdf: Path
    address: tuple[str, ...] = ()
    country: str = ""
    postcode: str = ""
    envelope: str = "dl"
    postage: str = "standard"
    gsm: int = 80
    colour: bool = False
    duplex: bool = True
    grams: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stream of a house may hold; 0: no limit."""

    pages: int = 0
    pieces: int = 0
    size: int = 0  #: bytes, of the pieces' PDFs; shared fonts make the stream smaller


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the manifest. Pages count from 1 in the stream, blank backs included."""

    id: str  #: 32 hexadecimal digits, as the DataMatrix has it
    first_page: int
    last_page: int
    sheets: int
    sides: int
    duplex: bool
    colour: bool
    envelope: str
    postage: str
    gsm: int
    grams: int
    country: str
    postcode: str
    address: tuple[str, ...]
    sha256: str  #: of the piece's own PDF
    codes: tuple[tuple[float, float] | None, ...] = ()  #: place of the DataMatrix on each sheet, mm; None where no place was free


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a stream holds."""

    sha256: str
    size: int  #: bytes
    pages: int
    entries: tuple[Entry, ...] = field(default=())

    def as_json(self) -> bytes:
        """One JSON document, UTF-8."""
        return json.dumps({"version": 1, **asdict(self)}, ensure_ascii=False, indent=1).encode() + b"\n"

    def as_csv(self) -> bytes:
        """A table with a heading, UTF-8, separated by semicolons (as French spreadsheets read it); address lines joined by ` | `.

        What a spreadsheet would take for a formula is told apart by an apostrophe.
        """
        target = io.StringIO()
        writer = csv.writer(target, delimiter=";", lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        for entry in self.entries:
            shape: dict[str, Any] = asdict(entry)
            shape["address"] = _harmless(" | ".join(entry.address))
            writer.writerow([int(shape[name]) if isinstance(shape[name], bool) else shape[name] for name in _COLUMNS])
        return target.getvalue().encode()


_COLUMNS = [one.name for one in fields(Entry) if one.name != "codes"]


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def plan(pieces: Sequence[StreamPiece], limits: Limits = Limits()) -> list[list[StreamPiece]]:
    """The pieces in streams. A piece larger than a limit gets a stream of its own: whether a house takes it is for its carrier to say.

    What differs in paper or envelope is never in one stream: machines are set up for one of each.
    """
    streams: list[list[StreamPiece]] = []
    room = (0, 0, 0)
    before: tuple[object, ...] | None = None
    sized = [(piece, *_size(piece)) for piece in pieces]
    for piece, pages, size in sorted(sized, key=lambda three: _order(three[0], three[1])):
        setting = (piece.envelope, piece.gsm, piece.colour, piece.duplex)
        wanted = (room[0] + pages, room[1] + 1, room[2] + size)
        full = any(most and asked > most for asked, most in zip(wanted, (limits.pages, limits.pieces, limits.size), strict=True))
        if not streams or full or setting != before:
            streams.append([])
            wanted = (pages, 1, size)
        streams[-1].append(piece)
        room, before = wanted, setting
    return streams


def _size(piece: StreamPiece) -> tuple[int, int]:
    """(pages with blank backs, bytes)."""
    with open_pdf(piece.pdf) as document:
        pages = len(document)
    return (pages + pages % 2 if piece.duplex else pages), piece.pdf.stat().st_size


def _order(piece: StreamPiece, pages: int) -> tuple[Any, ...]:
    machine = (_FORMATS.index(piece.envelope) if piece.envelope in _FORMATS else 9, piece.gsm, piece.colour, piece.duplex)
    return (*machine, piece.postage, pages, piece.country, piece.postcode, piece.id)


_FORMATS = ("dl", "c5", "c4")


def build(pieces: Sequence[StreamPiece], target: Path, *, codes: bool = True) -> Manifest:
    """Write the pieces one after the other as one PDF, with their codes where asked for. Raises Unreadable for a damaged piece."""
    entries = []
    with pikepdf.new() as pdf:
        for piece in pieces:
            first = len(pdf.pages) + 1
            free = _free(piece) if codes else ()
            with pikepdf.open(piece.pdf) as source:
                pages = len(source.pages)
                pdf.pages.extend(source.pages)
            if codes:
                _stamp(pdf, first, piece, free)
            if piece.duplex and pages % 2:
                stamp.add_page(pdf)
            entries.append(_entry(piece, first, len(pdf.pages), pages, free))
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        pages = len(pdf.pages)
    content = target.read_bytes()
    return Manifest(hashlib.sha256(content).hexdigest(), len(content), pages, tuple(entries))


def coded(content: bytes, identity: bytes, *, duplex: bool) -> bytes:
    """A piece's PDF with a code on each sheet where a place is free."""
    target = io.BytesIO()
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(content)
        file.flush()
        piece = StreamPiece(identity, Path(file.name), duplex=duplex)
        free = _free(piece)
        with pikepdf.open(piece.pdf) as pdf:
            _stamp(pdf, 1, piece, free)
            pdf.save(target)
    return target.getvalue()


def _entry(piece: StreamPiece, first: int, last: int, sides: int, free: Sequence[tuple[float, float] | None]) -> Entry:
    sheets = (last - first + 1) // 2 if piece.duplex else last - first + 1
    return Entry(
        piece.id.hex(), first, last, sheets, sides, piece.duplex, piece.colour, piece.envelope, piece.postage, piece.gsm, piece.grams,
        piece.country, piece.postcode, piece.address, hashlib.sha256(piece.pdf.read_bytes()).hexdigest(), tuple(free),
    )  # fmt: skip


def fronts(pages: int, *, duplex: bool) -> range:
    """The pages (from 0) of a piece that are fronts of sheets."""
    return range(0, pages, 2 if duplex else 1)


def _free(piece: StreamPiece) -> tuple[tuple[float, float] | None, ...]:
    """For each sheet the place on its front where nothing is drawn: looked at as a picture, so that no kind of ink is missed."""
    found = []
    with open_pdf(piece.pdf) as document:
        for index in fronts(len(document), duplex=piece.duplex):
            with open_page(document, index) as page:
                frame = frame_of(page)
                boxes = [datamatrix.box(x, y) for x, y in datamatrix.PLACES]
                spots = ink(page, frame, boxes, dpi=72)
            found.append(next((place for place, spot in zip(datamatrix.PLACES, spots, strict=True) if spot is None), None))
    return tuple(found)


def _stamp(pdf: pikepdf.Pdf, first: int, piece: StreamPiece, free: Sequence[tuple[float, float] | None]) -> None:
    sheets = len(free)
    pages = len(pdf.pages) - first + 1
    for sheet, (index, place) in enumerate(zip(fronts(pages, duplex=piece.duplex), free, strict=True), 1):
        if place is not None:
            page = stamp.make_plain(pdf, first + index)
            stamp.enclose(page, datamatrix.draw(datamatrix.Code(piece.id, sheet, sheets), *place))
