"""No bytes make the reading fail or dawdle."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postoffice.tracking.mail import Kind, Reading, read_mail
from tests.tracking.corpus import CORPUS
from tests.tracking.test_mail_reading import failed, free, report

LONGEST = 4.0  #: seconds for any input, on a loaded machine
MEGA = 1 << 20


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    assert isinstance(read_mail(raw), Reading)


WORDS = st.sampled_from(
    [
        b"From: MAILER-DAEMON@x.example\n",
        b"Subject: =?utf-8?b?////?= failure notice\n",
        b"Content-Type: multipart/report; boundary=b\n",
        b"\n",
        b"\r\n\r\n",
        b"--b\n",
        b"--b--\n",
        b"Content-Type: message/delivery-status\n",
        b"Content-Type: text/html; charset=idna\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Final-Recipient: rfc822; a@b.example\n",
        b"Action: failed\n",
        b"Status: 5.1.1\n",
        b"=E9=\xff\n",
        b"AAA",
        b"<a@b.example>: 550 User unknown\n",
        b'{"notificationType":"Bounce","bounce":{"bouncedRecipients":[1,{"emailAddress":2}]}}\n',
        b"following addresses failed:\n",
        b"Content-Type: message/feedback-report\n",
        b"Feedback-Type: abuse\n",
        b"Original-Rcpt-To: @\n",
        b"\x00\x80",
        b">>> RCPT TO:<x@y.example>\n",
        b"Diagnostic-Code: smtp; \n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_any_order_of_what_reports_are_made_of(words: list[bytes]) -> None:
    assert isinstance(read_mail(b"".join(words)), Reading)


def test_real_mails_with_bytes_changed_cut_and_doubled() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus at {CORPUS}")
    chance = random.Random(5)
    for path in sorted(CORPUS.glob("*.eml"))[::6]:
        raw = bytearray(path.read_bytes()[:20_000])
        for _ in range(40):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        cut = chance.randrange(len(raw))
        for one in (raw, raw[:cut], raw[cut:], raw + raw):
            assert isinstance(read_mail(bytes(one)), Reading)


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: message/rfc822\n\n" * 30_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 200_000,
        b"Content-Type: text/html\n\n" + b"<" * MEGA,
        b"Content-Type: text/html\n\n" + b"<style><script><!-- " * 50_000,
        b"From: mailer-daemon\n\n" + b"a@" * 500_000,
        b"From: mailer-daemon\n\n" + b"<a@b.example>:\n" * 60_000,
        b"From: mailer-daemon\nSubject: failure notice\n\nfollowing recipients" + b" of the following addresses" * 40_000,
        b"From: mailer-daemon\nSubject: failure notice\n\nfollowing recipients failed:\n" + b"\n \t" * 300_000,
        b"From: mailer-daemon\n\n" + b"user account mailbox recipient " * 40_000,
        b"A: b\n" * 200_000,
        b"A: " + b"=?utf-8?q?x?= " * 70_000,
        b" " * MEGA,
        b"\n" * MEGA,
        b"{" * MEGA,
        b'"notificationType" ' + b"[" * MEGA,
        b"x" * (10 * MEGA),
    ],
    ids=range(17),
)
@pytest.mark.slow
def test_made_to_be_slow(raw: bytes) -> None:
    start = time.monotonic()
    assert isinstance(read_mail(raw), Reading)
    assert time.monotonic() - start < LONGEST


def test_a_report_before_ten_megabytes_is_read() -> None:
    mail = report(failed("a@b.example", "5.1.1", "550 5.1.1 User unknown"), original="Message-ID: <m@n.example>\n\n" + "x" * 10 * MEGA)
    reading = read_mail(mail)
    assert [one.address for one in reading.recipients] == ["a@b.example"]
    assert reading.links.message_id == "m@n.example"


def test_many_recipients_are_bounded() -> None:
    mail = free("\n".join(f"<user{n}@b.example>:\n550 5.1.1 User unknown" for n in range(3000)))
    assert len(read_mail(mail).recipients) == 500


@pytest.mark.parametrize("charset", ["zlib_codec", "idna", "unicode_escape", "no-such", "x" * 500, "utf-7", "ISO-2022-JP"])
def test_odd_charsets(charset: str) -> None:
    mail = f"From: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: text/plain; charset={charset}\n\n".encode()
    reading = read_mail(mail + b"\xe9\xe8 <a@b.example>:\n<a@b.example>:\n550 5.1.1 User unknown")
    assert reading.kind is Kind.BOUNCE


def test_a_text_without_line_ends_in_recipients() -> None:
    for one in read_mail(free("<a@b.example>:\r\n550 5.1.1 User\runknown\n")).recipients:
        assert "\n" not in one.text and "\r" not in one.text
