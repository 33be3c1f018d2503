"""The product's own code: its templates' renderer, its SMTP carrier with DKIM, pool and pipelining."""

import asyncio
import itertools
import random
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.mail.job import DOMAIN, SELECTOR, SENDER, pdf_of, read_job, serve, values
from postoffice.channels.email.pool import Relay
from postoffice.channels.email.sign import Signer
from postoffice.channels.email.smtp import SmtpCarrier
from postoffice.compose.message import render_message
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Attachment, Piece
from postoffice.model.ids import new_id


class NoLog:
    """ports.Log that keeps nothing."""

    def debug(self, event: str, **facts: object) -> None:
        """Nothing."""

    info = warning = error = debug


async def main() -> None:
    """Send what the job says."""
    job = read_job()
    folder = Path(job.folder)
    templates = folder / "templates"
    base = random.Random(1).randbytes(job.pdf)
    now = datetime.now(UTC)
    relay = Relay("127.0.0.1", job.port, "none", connections=job.connections, mails_per_connection=10**9)
    carrier = SmtpCarrier("bench", relay, NoLog(), signers=[Signer(DOMAIN, SELECTOR, (folder / "key.pem").read_text())])

    def piece_of(number: int) -> Piece:
        context = {**values(number), "subject": "", "expires_at": now}
        words = render_message("email/bench", "fr", context, templates)
        files = (Attachment("Facture.pdf", "application/pdf", pdf_of(base, number)),) if job.pdf else ()
        return Piece(
            key=new_id(),
            organisation_id="bench",
            channel=Channel.EMAIL,
            to=f"anna{number}@client.example",
            address=None,
            sender=SENDER,
            sender_name="Mairie de Lys",
            purpose=Purpose.INVOICE,
            language="fr",
            subject=words.subject,
            text=words.text,
            html=words.html,
            attachments=files,
        )

    async def send(first: int, count: int) -> None:
        numbers = itertools.chain(range(first, first + count))

        async def hand() -> None:
            for number in numbers:
                await carrier.send(piece_of(number))

        await asyncio.gather(*(hand() for _ in range(job.connections)))

    await serve(job, send)
    await carrier.close()


asyncio.run(main())
