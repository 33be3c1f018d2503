"""The document behind a request's attributes, as a stream: decompressed, limited in size and time, its kind told."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from postoffice.intake.ipp.values import IppError
from postoffice.intake.ipp.words import Status
from postoffice.model.errors import Unreadable
from postoffice.pdf.sniff import ENOUGH, sniff

Read = Callable[[], Awaitable[bytes]]  #: the next bytes of the body; b"" at its end

_PIECE = 64 * 1024
_BREATH = 16  # pieces between two looks at the other connections while a highly compressed chunk unfolds


async def plain(first: bytes, read: Read, patience: float) -> AsyncIterator[bytes]:
    """The bytes as they come. IppError (timeout) where nothing comes for `patience` seconds."""
    chunk = first
    while True:
        if chunk:
            yield chunk
        try:
            async with asyncio.timeout(patience):
                chunk = await read()
        except TimeoutError as error:
            raise IppError(f"Nothing came for {patience:.0f} seconds in the middle of the document.", Status.TIMEOUT) from error
        if not chunk:
            return


async def inflated(compression: str, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Undo `compression`: `gzip` (RFC 1952, several members too) or `deflate` (raw RFC 1951 as CUPS sends it, zlib's wrapping
    as well). Pieces of at most 64 KiB. IppError where the data are damaged or end early."""
    inflater = _Inflater(compression)
    pieces = 0
    async for chunk in source:
        inflater.feed(chunk)
        while piece := inflater.step():
            yield piece
            pieces += 1
            if pieces % _BREATH == 0:
                await asyncio.sleep(0)
    inflater.end()


class _Inflater:
    """Unpacks in steps of limited size, so that a few bytes cannot become gigabytes in memory."""

    def __init__(self, compression: str) -> None:
        self._many = compression == "gzip"
        self._begun = False
        self._unzip: zlib._Decompress | None = None
        self._waiting = b""

    def feed(self, chunk: bytes) -> None:
        """Bytes for the coming steps."""
        self._waiting += chunk

    def step(self) -> bytes:
        """The next piece; b"" where more bytes must be fed first."""
        while self._unzip is not None or self._begin():
            assert self._unzip is not None
            try:
                piece = self._unzip.decompress(self._waiting, _PIECE)
            except zlib.error as error:
                raise IppError("The compressed document is damaged.", Status.COMPRESSION_ERROR) from error
            self._waiting = self._unzip.unconsumed_tail
            if self._unzip.eof:
                self._waiting, self._unzip = self._unzip.unused_data, None
            if piece:
                return piece
            if self._unzip is not None:
                break
        return b""

    def end(self) -> None:
        """There are no more bytes: IppError where the stream wanted some."""
        if self._unzip is not None or (self._waiting and not self._begun):
            raise IppError("The compressed document ends too early.", Status.COMPRESSION_ERROR)

    def _begin(self) -> bool:
        """Begin a member where there is one; what pads the end of the last one is passed over."""
        if self._begun and not (self._many and self._waiting.strip(b"\0")):
            self._waiting = b""
        if len(self._waiting) < 2:
            return False
        self._unzip = zlib.decompressobj(self._window_bits())
        self._begun = True
        return True

    def _window_bits(self) -> int:
        if self._many:
            return 16 + zlib.MAX_WBITS
        head = self._waiting[:2]
        wrapped = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head, "big") % 31 == 0
        return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS


class Document:
    """A document on its way in. `media_type` is known once the first piece has come out."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.media_type = ""

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The document without a PJL preamble. Unreadable for an unknown kind; nothing for an empty body."""
        head = b""
        async for chunk in self._source:
            if self.media_type:
                yield chunk
                continue
            head += chunk
            if len(head) >= ENOUGH:
                yield self._begin(head)
        if not self.media_type and head:
            yield self._begin(head)

    def _begin(self, head: bytes) -> bytes:
        kind = sniff(head[:ENOUGH])
        if kind is None:
            raise Unreadable(
                "unknown-kind",
                "This document is of a kind that cannot be sent.",
                help="Print or upload PDF, PostScript, JPEG, PNG, TIFF, PWG raster or URF raster.",
            )
        self.media_type = kind.media_type
        return head[kind.begins_at :]
