"""`postoffice bench WHAT`: speed, measured beside a peer in the same run; figures with ratios."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from postoffice.model.errors import PostOfficeError

#: what can be measured -> module of the checkout's benchmarks/ folder
WHAT = {
    "ipp": "one-page print jobs a second into a running office, beside CUPS's sample printer",
    "letters": "2,000 generated letters by maker and by trap: cut points, address lines, honest confidence; scans to the letter",
    "read": "windows read a second, beside a bare pypdfium2 loop over the same windows and pdfplumber; memory of 10,000 pages",
    "split": "pages read and cut a second, beside a bare pypdfium2 loop and pdfplumber",
    "engine": "recipients a second through claim, mark, send and record",
    "million": "a campaign through real processes (--count 1000000): rate, memory, and how long single invoices take meanwhile",
    "events": "milliseconds of readers and writers of the largest table at 1 and at 10 million rows: whether it must be cut by months",
    "months": "what a table a month would bring to the events: seconds to take a month away, bytes, and the price of a look-up",
    "hosts": "mails a second by two worker hosts beside one, in network namespaces, at a relay that takes its time",
    "road": "seconds from the print click to 500 items, and from the button to 500 handed over",
    "bounces": 'mails that came back read rightly, by family, beside "status 5 is hard" and flufl.bounce',
    "email": "e-mails a second from template to relay with DKIM, beside nodemailer and the usual Python way; memory; the office's road",
    "campaign": "messages a second of a campaign beside plain e-mail; 100,000 recipients, killed twice, paused, refused at random",
    "mails": "campaign mails (subject, HTML, text, counted links) a second of a core, beside bare jinja2 and MJML for each",
    "portal": "secure links served a second on two cores, with 10,000 to 1,000,000 items, beside bare aiohttp",
    "raster": "pages a second made into faxes (TIFF-F), and how legible, beside Ghostscript",
    "render": "letters a second from a template, beside naive WeasyPrint, typst and LibreOffice, and how they grow (--growth)",
    "returned": "returned envelopes that tell whose they are, by code and by address, and pages a second, beside zxing-cpp alone",
    "import": "rows of contacts a second from a file into the book (a million), beside csv + executemany; memory",
    "segments": "seconds to count segments over 1,000,000 contacts with 10 million events, on SQLite and PostgreSQL, checked; growth",
    "match": "items a second that find their contact among many (100,000 among a million), and how that grows",
    "figures": "seconds of the figures of a year over a million letters, on SQLite and PostgreSQL, beside the same sums ungrouped",
    "plan": "items planned a second on SQLite and PostgreSQL, beside bare rows; plans a second of the pure policy; growth",
    "sms": "short messages a second through SMPP with receipts, one gateway restart included, beside npm's smpp",
}

_MODULES = {"import": "import_contacts"}  # a module cannot be named by a word of the language


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("bench", help="measure speed beside a peer")
    parser.add_argument("what", choices=[*WHAT, "all"], help="; ".join(f"{word}: {meaning}" for word, meaning in WHAT.items()))
    parser.add_argument("--json", action="store_true", help='print {"figures": {...}, "ratios": {...}}')
    parser.add_argument("--count", type=int, default=0, help="how many jobs, pages or items (default: that of the bench)")
    parser.add_argument("--seed", type=int, default=0, help="letters: another seed gives other letters")
    parser.add_argument("--uri", default="", help="ipp: the printer's address (default: a fresh office of its own)")
    parser.add_argument("--pid", type=int, default=0, help="ipp: process id of the web process, for its memory")
    parser.add_argument("--growth", action="store_true", help="render: also 50,000 letters beside 5,000, and memory by letters")
    parser.add_argument("--quick", action="store_true", help="all: small counts, a few minutes in all")
    parser.add_argument("--full", action="store_true", help="all: growth curves up to 1,000,000")
    parser.add_argument("--database", default="", choices=["", "sqlite", "postgresql"], help="million: only on this one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print a table or JSON."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks").is_dir():
        raise PostOfficeError(
            "no-benchmarks", "Benchmarks come with the source, not with the installed package.", help="Run it in a checkout."
        )
    sys.path.insert(0, str(checkout))
    if arguments.what == "all":
        return _all(arguments)
    result: dict[str, dict[str, Any]] = importlib.import_module(f"benchmarks.{_MODULES.get(arguments.what, arguments.what)}").run(
        arguments
    )
    if arguments.json:
        print(json.dumps(result, indent=2))
        return 0
    print(arguments.what)
    for kind in ("figures", "ratios"):
        for name, value in result[kind].items():
            shown = f"{value:,.2f}" if isinstance(value, float) else str(value)
            print(f"  {kind[:-1]:7} {name:44} {shown:>14}")
    return 0


def _all(arguments: argparse.Namespace) -> int:
    results = importlib.import_module("benchmarks.all").run(arguments, list(WHAT))
    if arguments.json:
        print(json.dumps(results, indent=2))
    return 1 if any("failed" in found for found in results.values()) else 0
