"""SMPP 3.4 on the wire: the few PDUs that a sender needs, packed and read. Numbers in brackets are the standard's sections."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

_HEADER = struct.Struct(">IIII")
HEADER_BYTES = _HEADER.size
LONGEST_PDU = 200_000  #: bytes; a message_payload may have 64 KiB
ANSWER = 0x80000000  #: set in the command of every answer
VERSION = 0x34
LAST_SEQUENCE = 0x7FFFFFFF


class Command(IntEnum):
    """Command ids [5.1.2.1]."""

    GENERIC_NACK = 0x80000000
    SUBMIT = 0x00000004
    DELIVER = 0x00000005
    UNBIND = 0x00000006
    BIND_TRANSCEIVER = 0x00000009
    ENQUIRE_LINK = 0x00000015
    ALERT_NOTIFICATION = 0x00000102
    DATA = 0x00000103


class Status(IntEnum):
    """Command statuses [5.1.3] that we send or treat in a special way."""

    OK = 0x00
    BAD_COMMAND = 0x03
    NOT_BOUND = 0x04
    ALREADY_BOUND = 0x05
    SYSTEM_ERROR = 0x08
    BAD_SOURCE = 0x0A
    BAD_DESTINATION = 0x0B
    BIND_FAILED = 0x0D
    BAD_PASSWORD = 0x0E
    BAD_SYSTEM_ID = 0x0F
    QUEUE_FULL = 0x14
    SUBMIT_FAILED = 0x45
    BAD_SYSTEM_TYPE = 0x53
    THROTTLED = 0x58
    TRY_AGAIN = 0x64  #: ESME_RX_T_APPN: temporary application error


class Tag(IntEnum):
    """Optional parameters [5.3.2]."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_NUMBER = 0x020F
    NETWORK_ERROR = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class BadPdu(Exception):
    """Bytes that are no PDU. `fatal`: even its length cannot be believed, so the line is of no more use."""

    def __init__(self, why: str, *, fatal: bool = False) -> None:
        super().__init__(why)
        self.fatal = fatal


class Pdu(NamedTuple):
    """One PDU; `body` without the header."""

    command: int
    status: int
    sequence: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Short:
    """A submit_sm, deliver_sm or data_sm. Addresses as they stand on the wire, without a plus."""

    source: str
    destination: str
    text: bytes
    source_ton: int = 1
    source_npi: int = 1
    destination_ton: int = 1
    destination_npi: int = 1
    esm_class: int = 0
    coding: int = 0
    validity: str = ""
    receipt: int = 0
    tlvs: dict[int, bytes] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The text, wherever it stands."""
        return self.text or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


def pack(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A whole PDU."""
    return _HEADER.pack(HEADER_BYTES + len(body), command, status, sequence) + body


def take(buffer: bytearray) -> list[Pdu]:
    """Remove every complete PDU from the front of `buffer`. BadPdu, fatal, where a length is impossible."""
    found: list[Pdu] = []
    start = 0
    while len(buffer) - start >= HEADER_BYTES:
        length, command, status, sequence = _HEADER.unpack_from(buffer, start)
        if not HEADER_BYTES <= length <= LONGEST_PDU:
            raise BadPdu(f"a PDU claims to have {length} bytes", fatal=True)
        if len(buffer) - start < length:
            break
        found.append(Pdu(command, status, sequence, bytes(buffer[start + HEADER_BYTES : start + length])))
        start += length
    del buffer[:start]
    return found


def text(value: str, longest: int) -> bytes:
    """A C-octet string of at most `longest` bytes with its end. BadPdu where it does not fit."""
    try:
        raw = value.encode("ascii")
    except UnicodeEncodeError:
        raise BadPdu("a field holds letters beyond ASCII") from None
    if len(raw) >= longest or b"\0" in raw:
        raise BadPdu(f"a field is longer than {longest - 1} bytes, or holds a zero byte")
    return raw + b"\0"


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    """bind_transceiver [4.1.5]."""
    return b"".join([text(system_id, 16), text(password, 9), text(system_type, 13), bytes((VERSION, 0, 0)), b"\0"])


def submit_body(short: Short) -> bytes:
    """submit_sm [4.4.1]. BadPdu where a field does not fit."""
    if len(short.text) > 254:
        raise BadPdu("short_message takes 254 bytes at most")
    return b"".join(
        [
            b"\0",  # service_type
            bytes((short.source_ton, short.source_npi)),
            text(short.source, 21),
            bytes((short.destination_ton, short.destination_npi)),
            text(short.destination, 21),
            bytes((short.esm_class, 0, 0)),  # protocol id, priority
            b"\0",  # schedule_delivery_time
            text(short.validity, 17),
            bytes((short.receipt, 0, short.coding, 0, len(short.text))),
            short.text,
            *(struct.pack(">HH", tag, len(value)) + value for tag, value in short.tlvs.items()),
        ]
    )


def read_deliver(body: bytes) -> Short:
    """deliver_sm [4.6.1]. BadPdu where it is cut short."""
    fields = _Fields(body)
    fields.string()
    source, destination = fields.address(), fields.address()
    esm_class, _, _ = fields.take(3)
    fields.string()
    fields.string()
    _, _, coding, _, length = fields.take(5)
    content = fields.take(length)
    return Short(source, destination, content, esm_class=esm_class, coding=coding, tlvs=fields.tlvs())


def read_data(body: bytes) -> Short:
    """data_sm [4.7.1]: its text stands in message_payload."""
    fields = _Fields(body)
    fields.string()
    source, destination = fields.address(), fields.address()
    esm_class, _, coding = fields.take(3)
    return Short(source, destination, b"", esm_class=esm_class, coding=coding, tlvs=fields.tlvs())


def read_id(body: bytes) -> str:
    """The message_id of a submit_sm_resp [4.4.2]; empty where there is none."""
    return body.partition(b"\0")[0].decode("ascii", "replace").strip()


class _Fields:
    """Reads a body from front to back."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._place = 0

    def take(self, count: int) -> bytes:
        found = self._body[self._place : self._place + count]
        if len(found) < count:
            raise BadPdu("a PDU ends in the middle of a field")
        self._place += count
        return found

    def string(self) -> str:
        end = self._body.find(b"\0", self._place)
        if end < 0:
            raise BadPdu("a string in a PDU has no end")
        found = self._body[self._place : end]
        self._place = end + 1
        return found.decode("ascii", "replace")

    def address(self) -> str:
        """A plus is put before an international number [5.2.5]."""
        ton, _ = self.take(2)
        number = self.string()
        return f"+{number}" if ton == 1 and not number.startswith("+") else number

    def tlvs(self) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        while self._place < len(self._body):
            tag, length = struct.unpack(">HH", self.take(4))
            found[tag] = self.take(length)
        return found
