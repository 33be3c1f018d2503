"""The codec takes every kind of value there and back, in any pieces, and answers nonsense with its own error only."""

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from postoffice.intake.ipp.codec import MAX_ATTRIBUTES, MAX_HEADER, MAX_NESTING, Decoder, decode, encode, encode_attribute
from postoffice.intake.ipp.values import Attribute, Group, IppError, Message, Range, Resolution, Spoken, Value, attribute, collection
from postoffice.intake.ipp.words import Status, Tag

HEAD = b"\x02\x00\x00\x02\x00\x00\x00\x07"
WHEN = datetime(2026, 3, 1, 12, 30, 45, 300_000, timezone(timedelta(hours=-3, minutes=-30)))
EVERY_KIND = [
    attribute("integer", Tag.INTEGER, 0, -1, 2**31 - 1, -(2**31)),
    attribute("boolean", Tag.BOOLEAN, True, False),
    attribute("enum", Tag.ENUM, 3),
    attribute("octets", Tag.OCTETS, b"\0\xff", b""),
    attribute("date", Tag.DATE_TIME, WHEN, datetime(1999, 12, 31, tzinfo=UTC)),
    attribute("resolution", Tag.RESOLUTION, Resolution(300, 600)),
    attribute("range", Tag.RANGE, Range(1, 5), Range(-2, 9)),
    attribute("text", Tag.TEXT, "déjà vu", ""),
    attribute("name", Tag.NAME, "Zoé"),
    attribute("spoken-text", Tag.TEXT_WITH_LANGUAGE, Spoken("fr", "été")),
    attribute("spoken-name", Tag.NAME_WITH_LANGUAGE, Spoken("de", "Jäger")),
    attribute("keyword", Tag.KEYWORD, "none", "gzip"),
    attribute("uri", Tag.URI, "ipp://localhost/"),
    attribute("scheme", Tag.URI_SCHEME, "ipp"),
    attribute("charset", Tag.CHARSET, "utf-8"),
    attribute("language", Tag.LANGUAGE, "fr-ca"),
    attribute("mime", Tag.MIME, "application/pdf"),
    attribute("unsupported", Tag.UNSUPPORTED),
    attribute("unknown", Tag.UNKNOWN),
    attribute("no-value", Tag.NO_VALUE),
    attribute("of-tomorrow", 0x2F, b"\1\2\3"),
    attribute("extension", Tag.EXTENSION, b"\0\0\1\0abc"),
    Attribute("mixed", [Value(Tag.KEYWORD, "a4"), Value(Tag.NAME, "My paper")]),
    Attribute(
        "media-col",
        [
            collection(media_size=collection(x_dimension=Value(Tag.INTEGER, 21000)), media_type=Value(Tag.KEYWORD, "stationery")),
            collection(several=[Value(Tag.INTEGER, 1), Value(Tag.INTEGER, 2)]),
        ],
    ),
]
MESSAGE = Message((2, 0), 2, 7, [Group(Tag.OPERATION, {one.name: one for one in EVERY_KIND}), Group(Tag.JOB, {})])


def items(*parts: tuple[int, bytes, bytes]) -> bytes:
    """A message of one operation group with these items, written by hand."""
    body = b"".join(bytes([tag]) + len(n).to_bytes(2, "big") + n + len(v).to_bytes(2, "big") + v for tag, n, v in parts)
    return HEAD + b"\x01" + body + b"\x03"


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda one: one.name)
def test_a_value_comes_back_as_it_went(one: Attribute) -> None:
    raw = encode(Message((1, 1), 0x000B, 1, [Group(Tag.OPERATION, {one.name: one})]))
    message, rest = decode(raw + b"%PDF")
    assert message.groups[0].attributes == {one.name: one}
    assert (message.version, message.code, message.request_id, rest) == ((1, 1), 0x000B, 1, b"%PDF")


def test_bytes_are_those_of_rfc_8010() -> None:
    """The Print-URI example of RFC 8010 appendix A begins like this."""
    assert encode_attribute(attribute("attributes-charset", Tag.CHARSET, "utf-8")) == b"\x47\x00\x12attributes-charset\x00\x05utf-8"
    assert encode_attribute(attribute("copies", Tag.INTEGER, 20)) == b"\x21\x00\x06copies\x00\x04\x00\x00\x00\x14"
    assert encode_attribute(attribute("sides", Tag.KEYWORD, "a", "b")) == b"\x44\x00\x05sides\x00\x01a\x44\x00\x00\x00\x01b"


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_any_pieces_give_the_same_message(size: int) -> None:
    raw = encode(MESSAGE) + b"document"
    decoder = Decoder()
    at = 0
    message = None
    while message is None:
        message = decoder.feed(raw[at : at + size])
        at += size
    assert message == MESSAGE
    assert decoder.rest + raw[at:] == b"document"


def test_the_head_is_known_before_the_rest() -> None:
    decoder = Decoder()
    assert decoder.head is None
    decoder.feed(HEAD)
    assert decoder.head == ((2, 0), 2, 7)


def test_the_first_of_two_attributes_with_one_name_counts() -> None:
    message, _ = decode(items((Tag.NAME, b"job-name", b"first"), (Tag.NAME, b"", b"more"), (Tag.NAME, b"job-name", b"second")))
    assert message.groups[0].many("job-name", str) == ["first", "more"]


def test_text_in_a_windows_code_page_is_read() -> None:
    message, _ = decode(items((Tag.NAME, b"job-name", "Été".encode("cp1252"))))
    assert message.groups[0].one("job-name", str) == "Été"


def test_one_asks_by_kind() -> None:
    message, _ = decode(encode(MESSAGE))
    asked = message.groups[0]
    assert asked.one("boolean", int) is None
    assert asked.one("integer", str) is None
    assert asked.one("absent", str) is None
    assert asked.one("spoken-name", str) == "Jäger"


BAD = {
    "short integer": items((Tag.INTEGER, b"a", b"\0\0\1")),
    "boolean of two": items((Tag.BOOLEAN, b"a", b"\2")),
    "short range": items((Tag.RANGE, b"a", b"\0" * 7)),
    "long resolution": items((Tag.RESOLUTION, b"a", b"\0" * 10)),
    "month 13": items((Tag.DATE_TIME, b"a", b"\x07\xea\x0d\x01\0\0\0\0+\0\0")),
    "offset of 90 hours": items((Tag.DATE_TIME, b"a", b"\x07\xea\x01\x01\0\0\0\0+\x5a\0")),
    "short date": items((Tag.DATE_TIME, b"a", b"\x07\xea")),
    "spoken beyond its end": items((Tag.NAME_WITH_LANGUAGE, b"a", b"\0\x09fr\0\1a")),
    "spoken too short": items((Tag.TEXT_WITH_LANGUAGE, b"a", b"\0")),
    "value before attribute": items((Tag.INTEGER, b"", b"\0\0\0\1")),
    "attribute before group": HEAD + b"\x21\x00\x01a\x00\x04\0\0\0\1\x03",
    "reserved delimiter": HEAD + b"\x00\x03",
    "impossible tag": items((0x80, b"a", b"")),
    "end of no collection": items((Tag.END_COLLECTION, b"a", b"")),
    "member of no collection": items((Tag.MEMBER_NAME, b"a", b"b")),
    "collection without end": items((Tag.COLLECTION, b"a", b""), (Tag.MEMBER_NAME, b"", b"b")),
    "collection cut by a name": items((Tag.COLLECTION, b"a", b""), (Tag.INTEGER, b"b", b"\0\0\0\1")),
    "member without value": items((Tag.COLLECTION, b"a", b""), (Tag.MEMBER_NAME, b"", b"b"), (Tag.END_COLLECTION, b"", b"")),
    "value without member": items((Tag.COLLECTION, b"a", b""), (Tag.INTEGER, b"", b"\0\0\0\1"), (Tag.END_COLLECTION, b"", b"")),
    "negative name length": HEAD + b"\x01\x21\xff\xff" + b"a" * 10,
    "negative value length": HEAD + b"\x01\x21\x00\x01a\x80\x00" + b"a" * 10,
    "name in another alphabet": items((Tag.INTEGER, "é".encode(), b"\0\0\0\1")),
    "endless name": items((Tag.INTEGER, b"a" * 256, b"\0\0\0\1")),
    "no end": HEAD + b"\x01",
    "nothing": b"",
    "half a head": HEAD[:5],
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_nonsense_is_refused(raw: bytes) -> None:
    with pytest.raises(IppError):
        decode(raw)


def nested(depth: int) -> bytes:
    begin = [(Tag.COLLECTION, b"a", b"")] + [(Tag.MEMBER_NAME, b"", b"m"), (Tag.COLLECTION, b"", b"")] * (depth - 1)
    inner = [(Tag.MEMBER_NAME, b"", b"m"), (Tag.INTEGER, b"", b"\0\0\0\1")]
    return items(*begin, *inner, *[(Tag.END_COLLECTION, b"", b"")] * depth)


def test_caps() -> None:
    assert decode(nested(MAX_NESTING))
    with pytest.raises(IppError):
        decode(nested(MAX_NESTING + 1))
    with pytest.raises(IppError):
        decode(nested(5000))
    assert decode(items(*[(Tag.INTEGER, b"a", b"\0\0\0\1")] * MAX_ATTRIBUTES))
    with pytest.raises(IppError) as many:
        decode(items(*[(Tag.INTEGER, b"a", b"\0\0\0\1")] * (MAX_ATTRIBUTES + 1)))
    assert many.value.status is Status.ENTITY_TOO_LARGE


def test_attributes_without_end_are_cut_off_early() -> None:
    decoder = Decoder()
    decoder.feed(HEAD + b"\x01")
    value = b"\x41\x00\x01a\x04\x00" + b"x" * 1024
    for _ in range(MAX_HEADER // len(value)):
        decoder.feed(value)
    with pytest.raises(IppError) as error:
        decoder.feed(value)
    assert error.value.status is Status.ENTITY_TOO_LARGE


@pytest.mark.parametrize(
    ("tag", "data"), [(Tag.INTEGER, 2**31), (Tag.TEXT, "x" * 40_000), (Tag.RANGE, (1,)), (Tag.RESOLUTION, (1, 2, 900)), (Tag.ENUM, "a")]
)
def test_what_does_not_fit_is_not_encoded(tag: int, data: Any) -> None:
    with pytest.raises(IppError):
        encode_attribute(attribute("a", tag, data))


def test_mutated_messages_give_a_message_or_our_error() -> None:
    dice = random.Random(20260301)
    seeds = [encode(MESSAGE), nested(4), items((Tag.NAME, b"job-name", b"x"))]
    understood = 0
    for _ in range(20_000):
        raw = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 5)):
            at = dice.randrange(len(raw))
            what = dice.randrange(4)
            if what == 0:
                raw[at] = dice.randrange(256)
            elif what == 1:
                raw[at : at + dice.randint(1, 9)] = b""
            elif what == 2:
                raw[at:at] = dice.randbytes(dice.randint(1, 6))
            else:
                raw[at : at + 8] = raw[-8:]
            raw = raw or bytearray(HEAD)
        try:
            message, _ = decode(bytes(raw))
            encode(message)
            understood += 1
        except IppError as error:
            assert error.status  # noqa: PT017 - whatever else is raised fails the test
    assert understood > 1000
