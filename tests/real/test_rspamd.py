"""What a receiving server thinks of our mails: rspamd with SPF, DKIM and DMARC from a name server of our own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from postoffice.channels.catalogue import build
from postoffice.channels.email.sign import dns_record, make_key
from postoffice.channels.kind import DkimKey
from postoffice.compose.message import render_message
from postoffice.compose.trial import trial_letters
from postoffice.model import return_path
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Attachment
from postoffice.model.ids import new_id
from tests.channels.email import peer
from tests.channels.fakes import ListLog, MemoryBox, make_piece
from tests.dns import Zone, name_server
from tests.real.rspamd import Rspamd

pytestmark = [pytest.mark.real, pytest.mark.slow]
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
#: rspamd takes links to a reserved name such as .example for disguised ones; nothing is asked outside this machine
DOMAIN, BOUNCES, SELECTOR, ADDRESS = "mairie-de-lys-essai.fr", "bounce.mairie-de-lys-essai.fr", "po202611r", "198.51.100.7"
KEY, RETURN_KEY = make_key(), b"r" * 32


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rspamd]:
    spf = ("TXT", f"v=spf1 ip4:{ADDRESS} -all")
    zone: Zone = {
        DOMAIN: [spf, ("A", ADDRESS), ("MX", f"mx.{DOMAIN}")],
        BOUNCES: [spf, ("MX", f"mx.{DOMAIN}")],
        f"mx.{DOMAIN}": [("A", ADDRESS)],
        f"_dmarc.{DOMAIN}": [("TXT", "v=DMARC1; p=quarantine; adkim=s; aspf=r")],
        f"{SELECTOR}._domainkey.{DOMAIN}": [("TXT", dns_record(KEY))],
        "7.100.51.198.in-addr.arpa": [("PTR", f"mx.{DOMAIN}")],
        f"post.{DOMAIN}": [("A", ADDRESS)],
    }
    with name_server(zone) as port:
        judge = Rspamd(tmp_path_factory.mktemp("rspamd"), port).start()
        try:
            yield judge
        finally:
            judge.stop()


async def sent(purpose: Purpose, pdf: bool, *, signed: bool = True) -> peer.Taken:
    """A mail as it leaves: the office's own template, through the carrier of the catalogue, taken by a relay."""
    link = "" if pdf else f"https://post.{DOMAIN}/l/abcdefghijklmnopqrstuvwxyz234567"
    key = new_id()
    stop = f"https://post.{DOMAIN}/u/{key}abcdefghijklmnopqrstuvwxyz234567" if purpose.is_promotional else ""
    context = {
        "sender_name": "Mairie de Lys",
        "recipient_name": "Anna Dupont",
        "subject": "Votre facture 2026-0117",
        "message": "Merci de votre confiance.",
        "link": link,
        "attachment": pdf,
        "pages": 1,
        "purpose": purpose.value,
        "proof": "postcode",
        "expires_at": datetime(2027, 2, 20, tzinfo=UTC),
        "unsubscribe": stop,
    }
    words = render_message("email/letter", "fr", context, TEMPLATES)
    files = (Attachment("Facture 2026-0117.pdf", "application/pdf", trial_letters(1, 1)),) if pdf else ()
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if stop else {}
    piece = make_piece(
        Channel.EMAIL,
        sender=f"post@{DOMAIN}",
        key=key,
        purpose=purpose,
        subject=words.subject,
        text=words.text,
        html=words.html,
        headers=headers,
        attachments=files,
        organisation_id=new_id(),
        mailing_id=new_id(),
    )
    async with peer.relay() as relay:
        settings = {"host": "127.0.0.1", "port": str(relay.port), "security": "none", "bounce_domain": BOUNCES if signed else ""}
        seals = {"return_key": RETURN_KEY, "dkim": (DkimKey(DOMAIN, SELECTOR, KEY),) if signed else ()}
        carrier = build("smtp", "relay", settings, box=MemoryBox(), log=ListLog(), **seals)
        await carrier.send(piece)
        await carrier.close()
        return relay.mails[0]


def envelope(mail: peer.Taken, address: str = ADDRESS, helo: str = f"mx.{DOMAIN}") -> dict[str, str]:
    return {"IP": address, "Helo": helo, "Hostname": helo, "From": mail.mail_from, "Rcpt": mail.rcpt_tos[0]}


@pytest.mark.parametrize(
    ("purpose", "pdf"), [(Purpose.INVOICE, True), (Purpose.INVOICE, False), (Purpose.SERVICE, False), (Purpose.PROMOTION, False)]
)
async def test_a_signed_mail_has_nothing_against_it(rspamd: Rspamd, purpose: Purpose, pdf: bool) -> None:
    mail = await sent(purpose, pdf)
    score, symbols = rspamd.check(mail.content, envelope(mail))
    against = {name: value for name, value in symbols.items() if value > 0}
    assert {"R_DKIM_ALLOW", "R_SPF_ALLOW", "DMARC_POLICY_ALLOW"} <= set(symbols), symbols
    assert score <= 0.0, against
    assert return_path.read(RETURN_KEY, mail.mail_from.partition("@")[0])


async def test_an_unsigned_one_from_elsewhere_has(rspamd: Rspamd) -> None:
    mail = await sent(Purpose.INVOICE, True, signed=False)
    score, symbols = rspamd.check(mail.content, envelope(mail, "203.0.113.66", "evil.example"))
    assert "R_SPF_FAIL" in symbols and "R_DKIM_ALLOW" not in symbols
    assert score > 4.0, symbols


async def test_a_changed_one_loses_its_signature(rspamd: Rspamd) -> None:
    mail = await sent(Purpose.INVOICE, False)
    _, symbols = rspamd.check(mail.content.replace(b"Bonjour", b"Bonsoir"), envelope(mail))
    assert "R_DKIM_REJECT" in symbols
