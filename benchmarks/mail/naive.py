"""The usual Python way: EmailMessage, dkimpy, and a pool of persistent aiosmtplib connections."""

import asyncio
import itertools
import random
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path

import aiosmtplib
import dkim
import jinja2

from benchmarks.mail.job import DOMAIN, SELECTOR, SENDER, pdf_of, read_job, serve, values

HEADERS = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"]


async def main() -> None:
    """Send what the job says."""
    job = read_job()
    folder = Path(job.folder)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder / "templates/email/bench/fr"), autoescape=True)
    subject, text, html = (environment.get_template(name) for name in ("subject.txt", "body.txt", "body.html"))
    key = (folder / "key.pem").read_bytes()
    base = random.Random(1).randbytes(job.pdf)

    def mail(number: int) -> tuple[str, bytes]:
        context = {**values(number), "subject": ""}
        to = f"anna{number}@client.example"
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Mairie de Lys <{SENDER}>"
        message["To"] = to
        message["Subject"] = subject.render(context)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=DOMAIN)
        message.set_content(text.render(context))
        message.add_alternative(html.render(context), subtype="html")
        if job.pdf:
            message.add_attachment(pdf_of(base, number), maintype="application", subtype="pdf", filename="Facture.pdf")
        content = message.as_bytes()
        signature = dkim.sign(
            content, SELECTOR.encode(), DOMAIN.encode(), key, canonicalize=(b"relaxed", b"relaxed"), include_headers=HEADERS
        )
        return to, signature + content

    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=job.port, start_tls=False, use_tls=False) for _ in range(job.connections)]
    for client in clients:
        await client.connect()

    async def send(first: int, count: int) -> None:
        numbers = itertools.chain(range(first, first + count))

        async def hand(client: aiosmtplib.SMTP) -> None:
            for number in numbers:
                to, content = mail(number)
                await client.sendmail(SENDER, [to], content)

        await asyncio.gather(*map(hand, clients))

    await serve(job, send)
    for client in clients:
        await client.quit()


asyncio.run(main())
