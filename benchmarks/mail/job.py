"""One message for all senders: its templates, its values by number, and how a sender is told what to do.

A sender is a process that gets the path of a job's JSON, sends a few mails to warm up, prints "ready", waits for a line, sends its
share and prints {"seconds", "cpu", "rss"} (seconds, CPU seconds, MB of memory after a tenth and after all).
"""

import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WARM_UP = 20
SENDER, DOMAIN, SELECTOR = "post@mairie.example", "mairie.example", "s2026"
FIRST_NAMES = ("Anaïs", "Jérôme", "Zoé", "François", "Maëlle", "Théo", "Inès", "Loïc", "Chloé", "Noël")
_ROW = (
    '<tr><td style="padding:6px 10px;border-bottom:1px solid #dde2e7;color:#1a2129">Prestation n° {n} : contrôle, réglage et relevé'
    '</td><td align="right" style="padding:6px 10px;border-bottom:1px solid #dde2e7">{p},00 €</td></tr>\n'
)
_HTML = """<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body style="margin:0;background:#f2f4f6;font:16px/1.5 Arial,sans-serif">
<p>Bonjour {{ name }},</p>
<p>Votre facture n° {{ number }} d'un montant de {{ amount }} € est prête : <a href="{{ link }}">l'ouvrir</a>.</p>
<table width="100%">
ROWS</table>
<p>Ce message a été envoyé à {{ name }} pour la facture {{ number }}. Elle reste à votre disposition pendant un an.</p>
</body></html>
"""
_TEXT = """Bonjour {{ name }},

Votre facture n° {{ number }} d'un montant de {{ amount }} € est prête :
{{ link }}

Prestations :
ROWS
Elle reste à votre disposition pendant un an.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to send. `pdf`: bytes of the attachment, 0 for none."""

    port: int
    count: int
    connections: int
    folder: str  #: with key.pem and templates/email/bench/fr/
    pdf: int
    start: int  #: number of its first message


def write_templates(folder: Path) -> None:
    """subject.txt, body.txt and body.html (23 KB), as the product keeps them."""
    rows = [_ROW.format(n=number, p=number * 7) for number in range(1, 113)]
    lines = [f"- prestation n° {number} : contrôle, réglage et relevé, {number * 7},00 €" for number in range(1, 21)]
    place = folder / "templates/email/bench/fr"
    place.mkdir(parents=True)
    (place / "subject.txt").write_text("Votre facture n° {{ number }} est prête")
    (place / "body.txt").write_text(_TEXT.replace("ROWS", "\n".join(lines)))
    (place / "body.html").write_text(_HTML.replace("ROWS", "".join(rows)))


def values(number: int) -> dict[str, str]:
    """What differs between recipients."""
    return {
        "name": f"{FIRST_NAMES[number % 10]} Dupont",
        "number": f"2026-{number:06}",
        "amount": f"{number % 900 + 20},00",
        "link": f"https://post.example/l/{number:026}abcdef",
    }


def pdf_of(base: bytes, number: int) -> bytes:
    """A file of its own for each recipient."""
    return base + f"\n%{number:026}\n".encode()


def read_job() -> Job:
    """The job that this process was started with."""
    return Job(**json.loads(Path(sys.argv[1]).read_text()))


def write_job(path: Path, job: Job) -> Path:
    """For the process to be started."""
    path.write_text(json.dumps(asdict(job)))
    return path


def memory() -> float:
    """MB that this process has resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


async def serve(job: Job, send: Callable[[int, int], Awaitable[None]]) -> None:
    """The sender's side of the talk. `send(first, count)` sends so many and returns when all were taken."""
    await send(job.start, WARM_UP)
    print("ready", flush=True)
    sys.stdin.readline()
    told: dict[str, Any] = {"rss": []}
    cpu, started = time.process_time(), time.perf_counter()
    tenth = max(1, job.count // 10)
    await send(job.start, tenth)
    told["rss"].append(memory())
    await send(job.start + tenth, job.count - tenth)
    told |= {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    told["rss"].append(memory())
    print(json.dumps(told), flush=True)
