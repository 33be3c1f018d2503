"""A submission as it comes over the wire: multipart/form-data (streamed, any size) or JSON with a small document in base64."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import BodyPartReader, MultipartReader, web

from postoffice.api.call import broken_off, parse, read_json
from postoffice.api.problems import Refusal, invalid_field
from postoffice.api.shapes import SmallSubmission, Submission
from postoffice.api.template_shapes import MergeSubmission

MOST_SMALL = 12_000_000  #: bytes of a JSON submission: about 9 MB of document
_MOST_OPTIONS = 64 * 1024
_PIECE = 64 * 1024
_MEDIA = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)


@dataclass
class Parcel:
    """What was asked for, and the document's bytes, to be read once."""

    asked: Submission
    file_name: str
    media_type: str
    _source: AsyncIterator[bytes]

    def bring(self, source: AsyncIterator[bytes]) -> None:
        """Give the document, where it is made of what was asked for."""
        self._source = source

    def chunks(self) -> AsyncIterator[bytes]:
        """The document in pieces. Raises Refusal where the request breaks off or goes on behind the document."""
        return self._source


@asynccontextmanager
async def open_parcel(request: web.Request) -> AsyncIterator[Parcel]:
    """Read up to the document's first byte."""
    if request.content_type == "multipart/form-data":
        yield await _multipart(request)
    elif request.content_type == "application/json":
        yield await _small(request)
    else:
        raise Refusal(
            415,
            "unknown-body",
            "A mailing comes as multipart/form-data, or as application/json for small documents.",
            help="Send the part 'options' (JSON), then the part 'file'.",
        )


async def _small(request: web.Request) -> Parcel:
    body = await read_json(request, MOST_SMALL)
    if _names_template(body):
        return Parcel(parse(body, MergeSubmission), "", "", _nothing())
    asked = parse(body, SmallSubmission)
    try:
        document = base64.b64decode(asked.document, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_field("document", "This is not base64.") from None

    async def once() -> AsyncIterator[bytes]:
        for start in range(0, len(document), _PIECE):
            yield document[start : start + _PIECE]

    return Parcel(asked, "", "", once())


def _names_template(body: bytes) -> bool:
    try:
        shape = json.loads(body)
    except (ValueError, RecursionError):
        return False  # told by whoever parses it
    return isinstance(shape, dict) and "template" in shape


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk


async def _multipart(request: web.Request) -> Parcel:
    try:
        reader = await request.multipart()
    except (ValueError, AssertionError):
        raise _malformed() from None
    asked = Submission()
    part = await _next(reader)
    if part is not None and part.name == "options":
        asked = parse(await _options(part), Submission, "options")
        part = await _next(reader)
    if part is None or part.name != "file":
        raise invalid_field(
            part.name or "" if part else "file",
            "The request must have a part 'file' with the document; a part 'options' may stand in front of it, and nothing else.",
        )
    if part.headers.get("Content-Transfer-Encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise invalid_field("file", "The document must come as it is, without a transfer encoding.")
    told = part.headers.get("Content-Type", "").split(";")[0].strip().lower()
    return Parcel(asked, _base_name(part.filename or ""), told if _MEDIA.fullmatch(told) else "", _document(reader, part))


async def _document(reader: MultipartReader, part: BodyPartReader) -> AsyncIterator[bytes]:
    size = 0
    while chunk := await _chunk(part):
        size += len(chunk)
        yield chunk
    if part.headers.get("Content-Length", str(size)) != str(size):
        raise _malformed()  # a part that announced more than came: the document would lack its end
    if (more := await _next(reader)) is not None:
        raise invalid_field(more.name or "", "Nothing may come behind the part 'file': put 'options' in front of it.")


async def _options(part: BodyPartReader) -> bytes:
    body = bytearray()
    while chunk := await _chunk(part):
        body += chunk
        if len(body) > _MOST_OPTIONS:
            raise Refusal(413, "body-too-large", f"The part 'options' is larger than {_MOST_OPTIONS} bytes.", help="Send less.")
    return bytes(body)


async def _chunk(part: BodyPartReader) -> bytes:
    try:
        return await part.read_chunk(_PIECE)
    except (ValueError, AssertionError):
        raise _malformed() from None
    except Exception as error:  # aiohttp has a dozen for a connection that is gone or a chunk that is none
        raise broken_off() from error


async def _next(reader: MultipartReader) -> BodyPartReader | None:
    try:
        part = await reader.next()
    except (ValueError, AssertionError):
        raise _malformed() from None
    except Exception as error:  # see _chunk
        raise broken_off() from error
    if isinstance(part, MultipartReader):
        raise _malformed()
    return part


def _malformed() -> Refusal:
    return Refusal(
        400,
        "malformed-multipart",
        "The multipart body cannot be read: a boundary is missing or in the wrong place. Nothing was kept of it.",
        help="Let your HTTP library make the body, and send it again.",
    )


def _base_name(name: str) -> str:
    """The last part of a file name, whichever system it comes from, without control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:255]
