"""IPP messages as bytes and as values (RFC 8010; collections: section 3.1.6).

Whatever comes in, only `IppError` comes out. A message is decoded piece by piece as it arrives, so that the document that follows
its last attribute can be streamed and is never held in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from struct import Struct
from struct import error as StructError
from typing import Any

from postoffice.intake.ipp.values import Attribute, Group, IppError, Message, Range, Resolution, Spoken, Value
from postoffice.intake.ipp.words import Status, Tag

MAX_HEADER = 128 * 1024  #: bytes up to the end of the attributes; CUPS sends 1 to 3 kB
MAX_ATTRIBUTES = 2_000  #: attributes and members of collections in one message
MAX_NESTING = 8  #: collections within collections; media-col-database needs 3
_MAX_LENGTH = 0x7FFF  # lengths are signed 16-bit numbers

_HEAD = Struct(">BBHI")
_TWO_INTEGERS = Struct(">ii")
_RESOLUTION = Struct(">iib")
_DATE_TIME = Struct(">H6BcBB")


class Decoder:
    """Takes a message in pieces. `feed` until it returns the message; `rest` is then the beginning of the document."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = _HEAD.size
        self._items: list[tuple[int, bytes, bytes]] = []
        self.rest = b""

    @property
    def head(self) -> tuple[tuple[int, int], int, int] | None:
        """Version, code and request-id as soon as their eight bytes are there: an error is answered with them."""
        if len(self._buffer) < _HEAD.size:
            return None
        major, minor, code, request_id = _HEAD.unpack_from(self._buffer)
        return (major, minor), code, request_id

    def feed(self, chunk: bytes) -> Message | None:
        """Add bytes; the message when its end-of-attributes tag has come, None before. IppError."""
        if self._at > MAX_HEADER:
            raise IppError("The request has no end.", Status.ENTITY_TOO_LARGE)
        self._buffer += chunk
        if not self._scan():
            if len(self._buffer) > MAX_HEADER:
                raise IppError(f"The attributes take more than {MAX_HEADER} bytes.", Status.ENTITY_TOO_LARGE)
            return None
        self.rest = bytes(memoryview(self._buffer)[self._at :])
        head = self.head
        assert head is not None  # _scan has walked past it
        return Message(*head, _groups(self._items))

    def _scan(self) -> bool:
        """Collect whole items from where the last call stopped; True at end-of-attributes."""
        buffer, at, items, end = self._buffer, self._at, self._items, len(self._buffer)
        while at < end:
            tag = buffer[at]
            if tag < 0x10:
                at += 1
                if tag == Tag.END:
                    self._at = at
                    return True
                items.append((tag, b"", b""))
            else:
                start = at + 3
                if start > end:
                    break
                value_at = start + (buffer[at + 1] << 8 | buffer[at + 2])
                if value_at + 2 > end:
                    self._check_length(value_at - start)
                    break
                length = buffer[value_at] << 8 | buffer[value_at + 1]
                if length > _MAX_LENGTH or value_at - start > _MAX_LENGTH:
                    raise IppError("A length in the request is negative.")
                if value_at + 2 + length > end:
                    break
                items.append((tag, bytes(buffer[start:value_at]), bytes(buffer[value_at + 2 : value_at + 2 + length])))
                at = value_at + 2 + length
            self._at = at
        return False

    @staticmethod
    def _check_length(length: int) -> None:
        if length > _MAX_LENGTH:
            raise IppError("A length in the request is negative.")


def decode(data: bytes) -> tuple[Message, bytes]:
    """A whole message and what follows it. IppError, also where the end is missing."""
    decoder = Decoder()
    message = decoder.feed(data)
    if message is None:
        raise IppError("The request ends in the middle of its attributes.")
    return message, decoder.rest


def _groups(items: list[tuple[int, bytes, bytes]]) -> list[Group]:
    groups: list[Group] = []
    attribute: Attribute | None = None
    walk = _Walk(items)
    while walk.at < len(items):
        tag, name, raw = items[walk.at]
        walk.at += 1
        if tag < 0x10:
            if tag == 0:
                raise IppError("The request has a group with the reserved tag 0.")
            groups.append(Group(tag))
            attribute = None
            continue
        if name:
            if not groups:
                raise IppError("The request has an attribute before its first group.")
            attribute = Attribute(walk.name(name), [])
            groups[-1].attributes.setdefault(attribute.name, attribute)
        elif attribute is None:
            raise IppError("The request has a value without an attribute.")
        attribute.values.append(walk.value(tag, raw, 0))
    return groups


class _Walk:
    """A place in the list of items; collections are read by going down from it."""

    def __init__(self, items: list[tuple[int, bytes, bytes]]) -> None:
        self._items = items
        self._names = 0
        self.at = 0

    def name(self, raw: bytes) -> str:
        self._names += 1
        if self._names > MAX_ATTRIBUTES:
            raise IppError(f"The request has more than {MAX_ATTRIBUTES} attributes.", Status.ENTITY_TOO_LARGE)
        if len(raw) > 255 or not raw.isascii():
            raise IppError("The request has an attribute whose name is no keyword.")
        return raw.decode("ascii")

    def value(self, tag: int, raw: bytes, depth: int) -> Value:
        if tag == Tag.COLLECTION:
            return Value(tag, self._collection(depth + 1))
        reader = _READ.get(tag)
        if reader is not None:
            return Value(tag, reader(raw))
        if tag < 0x20:
            return Value(tag, None)
        if tag in (Tag.END_COLLECTION, Tag.MEMBER_NAME) or tag > 0x7F:
            raise IppError("The request has a value of an impossible kind.")
        return Value(tag, raw)

    def _collection(self, depth: int) -> dict[str, list[Value]]:
        if depth > MAX_NESTING:
            raise IppError(f"The request nests collections more than {MAX_NESTING} deep.")
        members: dict[str, list[Value]] = {}
        values: list[Value] | None = None
        while self.at < len(self._items):
            tag, name, raw = self._items[self.at]
            self.at += 1
            if name or tag < 0x10:
                break
            if tag == Tag.END_COLLECTION:
                if any(not one for one in members.values()):
                    raise IppError("The request has a member of a collection without a value.")
                return members
            if tag == Tag.MEMBER_NAME:
                values = members.setdefault(self.name(raw), [])
            elif values is None:
                raise IppError("The request has a value in a collection without a member's name.")
            else:
                values.append(self.value(tag, raw, depth))
        raise IppError("The request has a collection without an end.")


def _read_integer(raw: bytes) -> int:
    if len(raw) != 4:
        raise IppError("The request has an integer that is not four bytes long.")
    return int.from_bytes(raw, "big", signed=True)


def _read_boolean(raw: bytes) -> bool:
    if raw not in (b"\0", b"\1"):
        raise IppError("The request has a boolean that is neither 0 nor 1.")
    return raw == b"\1"


def _read_range(raw: bytes) -> Range:
    if len(raw) != _TWO_INTEGERS.size:
        raise IppError("The request has a range that is not eight bytes long.")
    return Range(*_TWO_INTEGERS.unpack(raw))


def _read_resolution(raw: bytes) -> Resolution:
    if len(raw) != _RESOLUTION.size:
        raise IppError("The request has a resolution that is not nine bytes long.")
    return Resolution(*_RESOLUTION.unpack(raw))


def _read_date_time(raw: bytes) -> datetime:
    """RFC 2579 DateAndTime of eleven bytes; a leap second becomes the second before it."""
    if len(raw) != _DATE_TIME.size:
        raise IppError("The request has a date that is not eleven bytes long.")
    year, month, day, hour, minute, second, tenths, sign, off_hours, off_minutes = _DATE_TIME.unpack(raw)
    if sign not in b"+-" or off_hours > 15 or off_minutes > 59 or tenths > 9:
        raise IppError("The request has an impossible date.")
    offset = timedelta(hours=off_hours, minutes=off_minutes)
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        return datetime(year, month, day, hour, minute, min(second, 59), tenths * 100_000, zone)
    except ValueError as error:
        raise IppError("The request has an impossible date.") from error


def _read_text(raw: bytes) -> str:
    """UTF-8; some Windows programs send their own code page whatever they announce, so that is read where UTF-8 fails."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _read_spoken(raw: bytes) -> Spoken:
    at = 2 + int.from_bytes(raw[:2], "big")
    end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
    if len(raw) < 4 or end != len(raw):
        raise IppError("The request has a text with language whose lengths do not add up.")
    return Spoken(_read_text(raw[2:at]), _read_text(raw[at + 2 :]))


_STRINGS = (Tag.TEXT, Tag.NAME, Tag.KEYWORD, Tag.URI, Tag.URI_SCHEME, Tag.CHARSET, Tag.LANGUAGE, Tag.MIME)
_READ: dict[int, Callable[[bytes], Any]] = {
    Tag.INTEGER: _read_integer,
    Tag.ENUM: _read_integer,
    Tag.BOOLEAN: _read_boolean,
    Tag.OCTETS: bytes,
    Tag.DATE_TIME: _read_date_time,
    Tag.RESOLUTION: _read_resolution,
    Tag.RANGE: _read_range,
    Tag.TEXT_WITH_LANGUAGE: _read_spoken,
    Tag.NAME_WITH_LANGUAGE: _read_spoken,
    **dict.fromkeys(_STRINGS, _read_text),
}


def encode(message: Message) -> bytes:
    """The bytes of a message, without a document. IppError for values that IPP cannot hold."""
    parts = [encode_head(message.version, message.code, message.request_id)]
    for group in message.groups:
        parts.append(bytes([group.tag]))
        parts.extend(encode_attribute(one) for one in group.attributes.values())
    parts.append(bytes([Tag.END]))
    return b"".join(parts)


def encode_head(version: tuple[int, int], code: int, request_id: int) -> bytes:
    """The eight bytes before the first group."""
    return _HEAD.pack(*version, code, request_id & 0xFFFFFFFF)


def encode_attribute(attribute: Attribute) -> bytes:
    """The bytes of one attribute with all its values."""
    parts: list[bytes] = []
    name = attribute.name.encode("ascii")
    for value in attribute.values:
        _put(parts, value, name)
        name = b""
    return b"".join(parts)


def _put(parts: list[bytes], value: Value, name: bytes) -> None:
    if value.tag != Tag.COLLECTION:
        parts.append(_item(value.tag, name, _raw(value)))
        return
    parts.append(_item(Tag.COLLECTION, name, b""))
    members: Mapping[str, Sequence[Value]] = value.data
    for member, values in members.items():
        parts.append(_item(Tag.MEMBER_NAME, b"", member.encode("ascii")))
        for one in values:
            _put(parts, one, b"")
    parts.append(_item(Tag.END_COLLECTION, b"", b""))


def _item(tag: int, name: bytes, raw: bytes) -> bytes:
    if len(raw) > _MAX_LENGTH or len(name) > _MAX_LENGTH:
        raise IppError("A value is longer than 32,767 bytes.", Status.VALUE_TOO_LONG)
    return b"%c%b%b%b%b" % (tag, len(name).to_bytes(2, "big"), name, len(raw).to_bytes(2, "big"), raw)


def _raw(value: Value) -> bytes:
    try:
        return _raw_unchecked(value.tag, value.data)
    except (OverflowError, StructError, TypeError, ValueError) as error:
        raise IppError("A value does not fit its kind.", Status.INTERNAL_ERROR) from error


def _raw_unchecked(tag: int, data: Any) -> bytes:
    if tag < 0x20:
        return b""
    if tag in (Tag.INTEGER, Tag.ENUM):
        return int(data).to_bytes(4, "big", signed=True)
    if tag == Tag.BOOLEAN:
        return b"\1" if data else b"\0"
    if tag == Tag.RANGE:
        return _TWO_INTEGERS.pack(*data)
    if tag == Tag.RESOLUTION:
        return _RESOLUTION.pack(*data)
    if tag == Tag.DATE_TIME:
        return _raw_date_time(data)
    if tag in (Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE):
        language, text = (str(part).encode() for part in data)
        return len(language).to_bytes(2, "big") + language + len(text).to_bytes(2, "big") + text
    return bytes(data) if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


def _raw_date_time(when: datetime) -> bytes:
    offset = when.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    sign = b"-" if offset < timedelta() else b"+"
    clock = (when.year, when.month, when.day, when.hour, when.minute, when.second, when.microsecond // 100_000)
    return _DATE_TIME.pack(*clock, sign, minutes // 60, minutes % 60)
