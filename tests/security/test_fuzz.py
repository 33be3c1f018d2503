# ruff: noqa: E501 - samples are kept as they travel
"""Mutated bytes at every reader of foreign data: it answers, or raises one of our errors, in time. Seeded: a failure repeats."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from postoffice.campaigns.rules import checked
from postoffice.channels import catalogue
from postoffice.compose import kept
from postoffice.compose.hidden_rows import hidden_rows
from postoffice.compose.mail import blocks
from postoffice.compose.mail.mjml import Frame, compiled
from postoffice.compose.sheet_rows import read_rows
from postoffice.compose.trial import trial_letters
from postoffice.contacts import vcard
from postoffice.intake.ipp import codec
from postoffice.intake.ipp.values import IppError
from postoffice.model.delivery import Knock
from postoffice.model.errors import CarrierError, PostOfficeError
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.document import inspect
from postoffice.tracking.mail.copies import fingerprint
from postoffice.tracking.mail.reading import read_mail
from postoffice.tracking.mail.reply import read_reply
from postoffice.workshop import ProcessWorkshop
from tests.security import bombs

pytestmark = pytest.mark.slow

SEED = 20_260_101
_WORDS = [
    b"",
    b"\0",
    b"\xff" * 5,
    b"[" * 300,
    b"{" * 300,
    b"%s" * 9,
    b"\r\n\r\n",
    b"\xc3\x28",
    b"-1",
    b"99999999999999999999",
    b"obj",
    b"null",
]


def mutated(original: bytes, chance: random.Random) -> bytes:
    """A few of: a bit turned, a piece cut out, doubled or moved, a strange word put in."""
    made = bytearray(original)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not made:
            break
        at = chance.randrange(len(made))
        match chance.randrange(5):
            case 0:
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                del made[at : at + chance.randrange(1, 40)]
            case 2:
                made[at:at] = made[at : at + chance.randrange(1, 200)]
            case 3:
                made[at:at] = chance.choice(_WORDS)
            case _:
                made[at : at + 4] = chance.randbytes(4)
    return bytes(made)


def attacked(read: Callable[[bytes], Any], samples: list[bytes], times: int, *, seconds: float = 1.0) -> None:
    """Each answer is a value or one of our errors, within `seconds` of CPU."""
    chance = random.Random(SEED)
    for number in range(times):
        data = mutated(chance.choice(samples), chance)
        began = time.process_time()
        try:
            read(data)
        except (PostOfficeError, CarrierError, IppError):
            pass
        except Exception as error:
            raise AssertionError(f"attack {number}: {type(error).__name__}: {error}: {data[:300]!r}") from error
        assert time.process_time() - began < seconds, (number, data[:300])


def test_ipp_messages() -> None:
    head = b"\x02\x00\x00\x0b\x00\x00\x00\x01\x01G\x00\x12attributes-charset\x00\x05utf-8H\x00\x1battributes-natural-language\x00\x02en"
    more = b"\x02\x34\x00\x09media-col\x00\x00\x4a\x00\x00\x00\x0amedia-size\x34\x00\x00\x00\x00\x37\x00\x00\x00\x00\x31\x00\x04time\x00\x0b\x07\xe6"
    attacked(codec.decode, [head + b"\x03", head + more + b"\x03rest"], 5_000)


_BOUNCE = b"""From: MAILER-DAEMON@mx.example\r\nTo: bounce@post.example\r\nSubject: =?utf-8?q?Undelivered?=\r\nMIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r
<anne@example.org>: host mx said: 550 5.1.1 User unknown\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r
\r\nFinal-Recipient: rfc822; anne@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown\r\n--b\r
Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@post.example>\r\nSubject: x\r\n\r\nx\r\n--b--\r\n"""


@pytest.mark.parametrize("read", [read_mail, read_reply, fingerprint])
def test_mail_that_comes_back(read: Callable[[bytes], Any]) -> None:
    attacked(read, [_BOUNCE], 1_500)


def test_mail_within_mail_without_end() -> None:
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 20_000
    wide = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 50_000
    attacked(read_mail, [deep, wide], 4, seconds=20)


def test_vcards() -> None:
    card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN;CHARSET=utf-8:Dupont;Anne;;;\r\nTEL;TYPE=CELL:+33 6\r\nPHOTO;ENCODING=b:AAAA\r\n AAAA\r\nADR:;;1 rue;Lyon;;69001;FR\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=C3=A9=\r\n b\r\nEND:VCARD\r\n"
    attacked(lambda data: list(vcard.rows(data.decode("utf-8", "replace").splitlines(keepends=True))), [card], 4_000)


_RULES = {"all": [{"field": "city", "is": "Lyon"}, {"any": [{"tag": "a"}, {"not": {"opened": {"days": 30}}}]}]}
_THINGS: list[Any] = [None, True, -1, 1e308, float("nan"), "", "é" * 5000, [], {}, [[]], {"all": None}, 10**400, "\0", "\ud800"]


def _disturbed(thing: Any, chance: random.Random) -> Any:
    if chance.random() < 0.15:
        return chance.choice(_THINGS)
    if isinstance(thing, dict):
        return {(key if chance.random() < 0.9 else "all"): _disturbed(value, chance) for key, value in thing.items()}
    return [_disturbed(one, chance) for one in thing] * chance.choice((1, 1, 2)) if isinstance(thing, list) else thing


def test_rules_of_segments() -> None:
    chance = random.Random(SEED)
    deep: Any = {"tag": "a"}
    for _ in range(5_000):
        deep = {"not": deep}
    with pytest.raises(PostOfficeError):
        checked(deep)
    for _ in range(5_000):
        tree = _disturbed(_RULES, chance)
        try:
            checked(tree)
        except PostOfficeError:
            continue


def test_blocks_of_mail() -> None:
    sample = json.dumps(
        [{"kind": "text", "text": "Hello {{ name }}"}, {"kind": "button", "label": "x", "url": "https://a.example"}]
    ).encode()

    def read(data: bytes) -> None:
        blocks.to_mjml(blocks.read(data.decode("utf-8", "replace")), "fr")

    attacked(read, [sample], 3_000)
    with pytest.raises(PostOfficeError):
        blocks.read("[" * 100_000)


def test_mjml() -> None:
    sample = b'<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ name }} <a href="{{ link }}">x</a></mj-text><mj-image src="a.png" /></mj-column></mj-section></mj-body></mjml>'
    attacked(lambda data: compiled(data.decode("utf-8", "replace"), Frame("fr")), [sample], 800, seconds=3)


class _Log:
    def debug(self, event: str, **facts: Any) -> None: ...
    def info(self, event: str, **facts: Any) -> None: ...

    warning = error = info


_NEWS = [
    b'{"data":{"event_type":"message.finalized","payload":{"id":"x","to":[{"phone_number":"+33","status":"delivered"}]}}}',
    b'{"event_type":{"id":"letter.delivered"},"body":{"id":"ltr_1","date_created":"2026-01-01T00:00:00Z","metadata":{}}}',
    b'{"data":{"type":"webhook_sent","attributes":{"created_at":"2026-01-01T00:00:00+0100"},"relationships":{"letter":{"data":{"id":"x"}}}}}',
    b'[{"status":"replied","key":"00000000000000000000000000","text":"x"}]',
    b"MessageSid=SM1&MessageStatus=delivered&To=%2B33&From=%2B34&Body=STOP",
]
_GIVEN = {"text": "x", "block": "x", "number": 1, "seconds": 1.0, "switch": False}


@pytest.mark.parametrize("kind", catalogue.KINDS, ids=lambda kind: kind.word)
async def test_knocks_of_carriers(kind: Any, tmp_path: Path) -> None:
    given = {
        field.name: "https://api.example" if "url" in field.name else _GIVEN.get(field.kind.value)
        for field in kind.fields
        if field.required
    }
    try:
        carrier = catalogue.build(kind.word, "x", given, box=None, log=_Log(), folder=tmp_path)  # type: ignore[arg-type]
    except PostOfficeError as wants:
        pytest.skip(f"wants real settings: {wants.code}")

    def knock(data: bytes) -> None:
        headers = {
            "x-sandbox-signature": "0" * 64,
            "content-type": "application/json",
            "x-twilio-signature": "AAAA",
            "webhook-signature": "v1",
        }
        carrier.read(Knock("POST", "/hooks/x/x", headers, {}, data, datetime(2026, 1, 1, tzinfo=UTC)))

    attacked(knock, _NEWS, 500)
    await carrier.close()


def _pdf(path: Path) -> None:
    facts = inspect(path)
    kept.read_slice(path, 0, min(facts.pages, 4), next(iter(LAYOUTS)), ())


def _sheet(path: Path) -> None:
    hidden_rows(path)
    read_rows(path)


async def _through_the_workshop(read: Callable[[Path], None], original: bytes, path: Path, times: int) -> None:
    shop, chance = ProcessWorkshop(children=1, seconds=10, megabytes=1500), random.Random(SEED)
    try:
        for number in range(times):
            path.write_bytes(mutated(original, chance))
            began = time.monotonic()
            try:
                await shop.run(read, path)
            except PostOfficeError:
                pass
            except Exception as error:
                raise AssertionError(f"attack {number}: {type(error).__name__}: {error}") from error
            assert time.monotonic() - began < 30, number
    finally:
        await asyncio.to_thread(shop.close)


async def test_pdfs(tmp_path: Path) -> None:
    await _through_the_workshop(_pdf, trial_letters(2, 1), tmp_path / "a.pdf", 120)
    await _through_the_workshop(_pdf, bombs.recursive_form().replace(b"/F Do /F Do", b"0 0 m"), tmp_path / "b.pdf", 120)


@pytest.mark.parametrize("suffix", ["xlsx", "ods", "csv"])
async def test_spreadsheets(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "xlsx":
        bombs.xlsx(path, '<row r="1"><c r="A1" t="str"><v>name</v></c></row><row r="2" hidden="1"><c r="A2"><v>12</v></c></row>')
    elif suffix == "ods":
        bombs.ods(path, bombs.ods_repeated().replace("1048576", "2").replace("16384", "3"))
    else:
        path.write_bytes('Nom;Ville\n"Dupont ""A""";Lyon\nÉmile;"a\nb"\n'.encode("cp1252"))
    await _through_the_workshop(_sheet, path.read_bytes(), path, 200)
