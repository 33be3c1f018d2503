"""A message as the submit_sm of its parts, and the ids of the parts as one reference. SMPP 3.4, 4.4.1."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from postoffice.channels.sms.pdu import BadPdu, Short, Tag, submit_body
from postoffice.channels.sms.rules import sender_kind
from postoffice.model import gsm7
from postoffice.model.delivery import Piece
from postoffice.model.errors import Refused

_REFERENCE = 255  #: characters that the database has for our reference: the ids of all parts


@dataclass(frozen=True, slots=True)
class Manner:
    """How messages are written. `long`: "udh", "sar" or "payload"."""

    sender: str = ""
    long: str = "udh"
    hours: int = 48  #: that the network tries
    most_parts: int = 6


def bodies(piece: Piece, sender: str, manner: Manner) -> list[bytes]:
    """The bodies of all submit_sm. Refused for what the gateway's form cannot hold."""
    texts = gsm7.split(piece.text)
    if len(texts) > min(manner.most_parts, gsm7.MOST_PARTS):
        raise Refused(f"The text takes {len(texts)} messages; this carrier sends {manner.most_parts} at most", code="length")
    gsm = gsm7.fits(piece.text)
    try:
        if len(texts) > 1 and manner.long == "payload":
            short = _short(piece, sender, manner, b"", gsm, {Tag.MESSAGE_PAYLOAD: _encoded(piece.text, gsm)})
            return [submit_body(short)]
        if len(texts) == 1:
            return [submit_body(_short(piece, sender, manner, _encoded(piece.text, gsm), gsm))]
        return [
            submit_body(_part(piece, sender, manner, number, len(texts), _encoded(text, gsm), gsm))
            for number, text in enumerate(texts, 1)
        ]
    except BadPdu as error:
        raise Refused(f"The message does not fit into SMPP: {error}", code="form") from error


def _part(piece: Piece, sender: str, manner: Manner, number: int, total: int, content: bytes, gsm: bool) -> Short:
    mark = zlib.crc32(piece.key.encode())
    if manner.long == "sar":
        tlvs = {
            int(Tag.SAR_REFERENCE): (mark & 0xFFFF).to_bytes(2, "big"),
            int(Tag.SAR_TOTAL): bytes((total,)),
            int(Tag.SAR_NUMBER): bytes((number,)),
        }
        return _short(piece, sender, manner, content, gsm, tlvs)
    header = bytes((5, 0, 3, mark & 0xFF, total, number))  # 3GPP TS 23.040, 9.2.3.24.1
    return _short(piece, sender, manner, header + content, gsm, esm_class=0x40)


def _short(
    piece: Piece, sender: str, manner: Manner, content: bytes, gsm: bool, tlvs: dict[int, bytes] | None = None, esm_class: int = 0
) -> Short:
    ton, npi = sender_kind(sender) if sender else (0, 0)
    days, hours = divmod(manner.hours, 24)
    return Short(
        sender.lstrip("+"),
        piece.to.lstrip("+"),
        content,
        source_ton=ton,
        source_npi=npi,
        esm_class=esm_class,
        coding=0 if gsm else 8,
        validity=f"0000{days:02}{hours:02}0000000R" if manner.hours else "",
        receipt=1,
        tlvs=tlvs or {},
    )


def _encoded(text: str, gsm: bool) -> bytes:
    return gsm7.encode(text) if gsm else text.encode("utf-16-be", "replace")


def reference_of(ids: Sequence[str]) -> str:
    """All ids in one word for the database. Where they do not fit, the last ones are kept: their parts came last."""
    quoted = [quote(one, safe="!#$&'()*+,/:;=?@[]") for one in ids]
    while len(quoted) > 1 and len(" ".join(quoted)) > _REFERENCE:
        quoted.pop(0)
    return " ".join(quoted)


def ids_of(reference: str) -> list[str]:
    """The inverse of `reference_of`."""
    return [unquote(one) for one in reference.split()]
