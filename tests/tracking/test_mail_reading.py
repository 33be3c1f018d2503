"""Mails that come back, written after the standards and after what programs really send."""

import base64
import json

import pytest

from postoffice.model.ids import new_id
from postoffice.tracking.mail import Kind, Reading, Reason, read_mail

KEY = new_id()
OURS = f"""Return-Path: <b+{KEY}.a1b2c3d4e5f6@news.example>
Message-ID: <{KEY}@news.example>
List-Unsubscribe: <mailto:stop@news.example>, <https://news.example/u/t0ken>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: m1:invoices:acme
From: Accounts <accounts@news.example>
To: Anna <anna@client.example>
Subject: Your invoice

Please find it attached.
"""


def report(*blocks: str, words: str = "Delivery failed.", subtype: str = "report", original: str = OURS) -> bytes:
    """A bounce after RFC 3464 with one field group a recipient."""
    status = "\n".join(block + "\n" for block in blocks)
    return f"""From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: b+{KEY}.a1b2c3d4e5f6@news.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/{subtype}; report-type=delivery-status; boundary="=b=_1"

A preamble for old programs.

--=b=_1
Content-Type: text/plain

{words}

--=b=_1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

{status}
--=b=_1
Content-Type: message/rfc822

{original}
--=b=_1--
""".encode()


def failed(address: str, status: str, diagnostic: str, action: str = "failed") -> str:
    return f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}"


def free(words: str, head: str = "From: MAILER-DAEMON@mx.example\nSubject: failure notice") -> bytes:
    return f"{head}\n\n{words}".encode()


def told(reading: Reading) -> list[tuple[str, str, bool]]:
    return [(one.address, one.reason.value, one.hard) for one in reading.recipients]


def test_a_report_with_several_recipients_and_its_links() -> None:
    reading = read_mail(
        report(
            failed("anna@client.example", "5.1.1", "550 5.1.1 <anna@client.example>: Recipient address rejected: User unknown"),
            failed("bob@client.example", "5.2.2", "552 5.2.2 Mailbox full"),
            failed("carl@client.example", "2.1.5", "250 2.1.5 Ok", "delivered"),
        )
    )
    assert reading.kind is Kind.BOUNCE
    assert told(reading) == [("anna@client.example", "userunknown", True), ("bob@client.example", "mailboxfull", False)]
    first = reading.recipients[0]
    assert (first.status, first.code, first.final) == ("5.1.1", "550", True)
    assert "User unknown" in first.text
    assert reading.links.key == KEY
    assert reading.links.message_id == f"{KEY}@news.example"
    assert reading.links.return_path == f"b+{KEY}.a1b2c3d4e5f6@news.example"
    assert reading.links.unsubscribe == "https://news.example/u/t0ken"
    assert reading.links.feedback_id == "m1:invoices:acme"


@pytest.mark.parametrize("subtype", ["report", "mixed"])
def test_the_report_type_need_not_be_named(subtype: str) -> None:
    reading = read_mail(report(failed("a@b.example", "5.1.2", "550 Host unknown"), subtype=subtype))
    assert told(reading) == [("a@b.example", "hostunknown", True)]


def test_a_status_part_in_base64_and_crlf_within_a_forwarding_wrapper() -> None:
    fields = base64.b64encode(
        b"Reporting-MTA: dns; x\r\n\r\n" + failed("a@b.example", "5.1.1", "550 5.1.1 No such user").encode()
    ).decode()
    mail = f"""From: postmaster@b.example
Subject: FW: report
Content-Type: multipart/mixed; boundary=out

--out
Content-Type: multipart/report; boundary="in"

--in
Content-Type: text/plain

See below.
--in
Content-Type: message/delivery-status
Content-Transfer-Encoding: base64

{fields}
--in--
--out--
"""
    assert told(read_mail(mail.replace("\n", "\r\n").encode())) == [("a@b.example", "userunknown", True)]


def test_the_alias_of_the_recipient_is_not_whom_we_wrote_to() -> None:
    block = failed("anna@client.example", "5.1.1", "550 5.1.1 User unknown") + "\nX-Actual-Recipient: rfc822; someone@else.example"
    assert [one.address for one in read_mail(report(block)).recipients] == ["anna@client.example"]


def test_only_the_original_recipient_is_named() -> None:
    assert [one.address for one in read_mail(report("Original-Recipient: <anna@client.example>\nAction: failed")).recipients] == [
        "anna@client.example"
    ]


def test_success_is_no_bounce() -> None:
    reading = read_mail(report("Final-Recipient: rfc822; a@b.example\nAction: relayed\nStatus: 2.1.9"))
    assert (reading.kind, told(reading)) == (Kind.DELIVERED, [("a@b.example", "delivered", False)])


def test_delayed_is_told_apart() -> None:
    [one] = read_mail(report(failed("a@b.example", "4.4.1", "connect to b.example: Connection timed out", "delayed"))).recipients
    assert (one.reason, one.hard, one.final) == (Reason.EXPIRED, False, False)


@pytest.mark.parametrize(
    ("status", "words", "reason", "hard"),
    [
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", "blocked", False),
        ("5.1.1", "550 5.1.1 <a@b.example> has sent to too many recipients this hour", "speeding", False),
        ("5.7.1", "550 5.7.1 rejected by DMARC policy for news.example", "authfailure", False),
        ("5.0.0", "550 Unknown user a@b.example", "filtered", False),  # nobody knows at which moment: filters say so after the data
        ("5.0.0", "host b.example said: 550 Unknown user a@b.example (in reply to RCPT TO command)", "userunknown", True),
        ("5.0.0", "550 5.1.8 <x@news.example>: Sender address rejected: Domain not found", "rejected", False),
        ("5.2.1", "550 5.2.1 User unknown", "suspend", False),  # X.2.1: it exists and is disabled
        ("5.1.1", "550 perplexing new wording", "filtered", False),  # the code is the reporter's guess
        ("5.1.1", "550 5.1.1 perplexing new wording", "userunknown", True),
        ("4.1.1", "450 4.1.1 <a@b.example>: Recipient address rejected: User unknown", "expired", False),
        ("5.1.10", "550 5.1.10 Recipient address has null MX", "notaccept", True),
        ("5.1.6", "551 5.1.6 Destination mailbox has moved, no forwarding address", "hasmoved", True),
        ("5.0.0", "", "undefined", False),
    ],
)
def test_words_come_before_codes(status: str, words: str, reason: str, hard: bool) -> None:
    assert told(read_mail(report(failed("a@b.example", status, words), words=""))) == [("a@b.example", reason, hard)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Hi. This is the qmail-send program at mx.\n\n<a@b.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
            [("a@b.example", "userunknown", True)],
        ),
        (
            "A message that you sent could not be delivered to one or more of its\nrecipients. The following address(es) failed:\n\n"
            "  a@b.example\n    SMTP error from remote mail server after RCPT TO:<a@b.example>:\n    550 unknown user\n"
            "  c@d.example\n    mailbox is full\n\n"
            "------ This is a copy of the message, including all the headers. ------\n\nTo: x@y.example\n",
            [("a@b.example", "userunknown", True), ("c@d.example", "mailboxfull", False)],
        ),
        (
            "Your message to the following recipients cannot be delivered:\n\n"
            "<a@b.example>:\n>>> RCPT TO:<a@b.example>\n<<< 550 No such user\n",
            [("a@b.example", "userunknown", True)],
        ),
        ("Unknown user: a@b.example\n\n\nOriginal message follows.\n\nTo: z@z.example\n", [("a@b.example", "userunknown", True)]),
        (
            "A message that you sent has not yet been delivered.\n"
            "The address to which the message has not yet been delivered is:\n\n  a@b.example\n",
            [("a@b.example", "expired", False)],
        ),
        (
            "Votre message n'a pas pu être remis aux destinataires suivants :\n\n  a@b.example\n\nBoite du destinataire pleine\n",
            [("a@b.example", "mailboxfull", False)],
        ),
        (
            "--- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\na@b.example\n",
            [("a@b.example", "userunknown", True)],
        ),
        (
            "We had trouble delivering your message.\n\nSMTP Server <mx.b.example> rejected recipient <a@b.example>\n"
            "  (Error following RCPT command). It responded as follows: [550 User unknown]\n",
            [("a@b.example", "userunknown", True)],
        ),
        (
            "I'm afraid I wasn't able to deliver your message.\n\nFailed recipient(s):\na@b.example\n\n"
            "Error message:\n552 5.2.2 Over quota\n",
            [("a@b.example", "mailboxfull", False)],
        ),
        (
            "Could not be delivered because of\n\n550 5.1.1 User unknown\n\n"
            "The following recipients were affected:\n    a@b.example\n    c@d.example\n",
            [("a@b.example", "userunknown", True), ("c@d.example", "userunknown", True)],
        ),
        (
            "Delivery has failed to these recipients or groups:\n\na@b.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n",
            [("a@b.example", "userunknown", True)],
        ),
        ("抱歉，您的邮件被退回来了\n收件人\ta@b.example\n550 5.1.1 User not found\n", [("a@b.example", "userunknown", True)]),
    ],
    ids=["qmail", "exim", "courier", "imail", "exim delay", "french", "notes", "x6", "james", "marshal", "exchange", "weak"],
)
def test_free_text(words: str, expected: list[tuple[str, str, bool]]) -> None:
    reading = read_mail(free(words))
    assert (reading.kind, told(reading)) == (Kind.BOUNCE, expected)


def test_a_complaint() -> None:
    mail = f"""From: fbl@provider.example
Content-Type: multipart/report; report-type=feedback-report; boundary=z

--z
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Original-Mail-From: <b+{KEY}.a1b2c3d4e5f6@news.example>
Original-Rcpt-To: <anna@client.example>

--z
Content-Type: text/rfc822-headers

{OURS}
--z--
"""
    reading = read_mail(mail.encode())
    assert (reading.kind, told(reading)) == (Kind.FEEDBACK, [("anna@client.example", "feedback", False)])
    assert reading.links.key == KEY
    praise = read_mail(mail.replace("Feedback-Type: abuse", "Feedback-Type: not-spam").encode())
    assert (praise.kind, praise.recipients) == (Kind.OTHER, ())


def test_a_complaint_without_recipient_takes_it_from_our_mail() -> None:
    mail = f"""From: f@p.example
Content-Type: multipart/report; boundary=z

--z
Content-Type: message/feedback-report

Feedback-Type: abuse

--z
Content-Type: message/rfc822

{OURS}
--z--
"""
    assert told(read_mail(mail.encode())) == [("anna@client.example", "feedback", False)]


@pytest.mark.parametrize(
    "mail",
    [
        "From: Anna <anna@client.example>\nSubject: Re: Your invoice\nAuto-Submitted: auto-replied (vacation)\n\nGone fishing.",
        "From: Anna <anna@client.example>\nSubject: Automatic reply: Your invoice\n\nBack on Monday.",
        "From: Anna <anna@client.example>\nSubject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Facture?=\n\nBonjour",
        "From: Anna <anna@client.example>\nSubject: Your invoice\n\nHello, I am out of the office until Monday.",
        "From: Anna <anna@client.example>\nSubject: Facture\n\nBonjour, je suis absente jusqu'au 3 mars.",
        "From: Anna <anna@client.example>\nSubject: Rechnung\nX-Autoreply: yes\n\nDanke.",
    ],
)
def test_an_automatic_reply(mail: str) -> None:
    reading = read_mail(f"In-Reply-To: <{KEY}@news.example>\n{mail}".encode())
    assert (reading.kind, told(reading)) == (Kind.VACATION, [("anna@client.example", "vacation", False)])
    assert reading.links.key == KEY


@pytest.mark.parametrize(
    "mail",
    [
        "From: Anna <anna@client.example>\nSubject: Re: Your invoice\n\nIt is wrong.\n\n> could not be delivered to a@b.example\n",
        "From: Anna <anna@client.example>\nSubject: Re: Undelivered Mail Returned to Sender\n\n"
        "What is this?\n\n<a@b.example>: 550 5.1.1 User unknown\n",
        "From: Anna <anna@client.example>\nSubject: Fwd: failure\n\n"
        "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n",
        "From: postmaster@client.example\nSubject: Our meeting\n\nShall we meet on Tuesday?\n",
        "From: shop@client.example\nSubject: Ticket 12 opened\nAuto-Submitted: auto-generated\n\nThank you.\n",
        "",
    ],
)
def test_people_and_everything_else(mail: str) -> None:
    assert read_mail(mail.encode()) == Reading(Kind.OTHER, ())


def test_an_answer_is_tied_to_its_delivery() -> None:
    reading = read_mail(
        f"From: anna@client.example\nSubject: Re: Your invoice\nReferences: <x@y> <{KEY}@news.example>\n\nThanks!".encode()
    )
    assert (reading.kind, reading.links.key) == (Kind.OTHER, KEY)


def test_a_read_receipt_proves_delivery() -> None:
    mail = f"""From: anna@client.example
Content-Type: multipart/report; boundary=z

--z
Content-Type: message/disposition-notification

Final-Recipient: rfc822;anna@client.example
Original-Message-ID: <{KEY}@news.example>
Disposition: manual-action/MDN-sent-manually; displayed

--z--
"""
    reading = read_mail(mail.encode())
    assert (reading.kind, reading.links.key) == (Kind.DELIVERED, KEY)


@pytest.mark.parametrize(
    ("kind", "section", "expected"),
    [
        (
            "Bounce",
            {
                "bouncedRecipients": [
                    {"emailAddress": "a@b.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
                ]
            },
            "userunknown",
        ),
        ("Complaint", {"complainedRecipients": [{"emailAddress": "a@b.example"}]}, "feedback"),
        ("Delivery", {"recipients": ["a@b.example"]}, "delivered"),
    ],
)
def test_a_notification_of_amazon(kind: str, section: dict[str, object], expected: str) -> None:
    inner = {
        "notificationType": kind,
        kind.lower(): section,
        "mail": {"headers": [{"name": "Message-ID", "value": f"<{KEY}@news.example>"}]},
    }
    reading = read_mail(free(json.dumps({"Type": "Notification", "Message": json.dumps(inner)}), "From: no-reply@sns.amazonaws.com"))
    assert (told(reading)[0][:2], reading.links.key) == (("a@b.example", expected), KEY)
