"""`postoffice read FILE.pdf`: what the post office would make of a document, without storing anything."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from postoffice.compose.reading import Reading, check_choice, read_document
from postoffice.model.errors import PostOfficeError, Unreadable
from postoffice.model.finding import Finding
from postoffice.model.item import NewItem
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.convert import to_pdf
from postoffice.pdf.sniff import ENOUGH, PDF, sniff


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("read", help="cut and read a document, store nothing", description=__doc__)
    parser.add_argument("file", type=Path, help="a PDF (or PostScript, JPEG, PNG, TIFF, PWG or URF)")
    parser.add_argument("--layout", choices=sorted(LAYOUTS), default="fr", help="where the window is (default: fr)")
    parser.add_argument(
        "--split",
        default="address",
        metavar="RULE",
        help="auto, address, pages:N, text:X,Y,W,H~REGEX, separator:KIND, marker, order:FILE, bookmarks:LEVEL or whole",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where the document could be read, with findings or without; 1 where not, 2 for a wrong rule or a missing file."""
    try:
        check_choice(arguments.layout, arguments.split)
        with _as_pdf(arguments.file) as path:
            reading = read_document(path, arguments.layout, arguments.split)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _fail(
            PostOfficeError("no-such-file", f"{arguments.file}: {reason}.", help="Check the file's name and rights."), arguments, 2
        )
    except Unreadable as error:
        return _fail(error, arguments, 1)
    except PostOfficeError as error:
        return _fail(error, arguments, 2 if error.code in ("bad-split-rule", "unknown-layout") else 1)
    print(json.dumps(as_json(reading), ensure_ascii=False, indent=2) if arguments.json else as_table(reading))
    return 0


@contextmanager
def _as_pdf(file: Path) -> Iterator[Path]:
    """The file itself, or a PDF made of it that goes away afterwards."""
    with file.open("rb") as source:
        kind = sniff(source.read(ENOUGH))
    if kind is None or kind.media_type == PDF:
        yield file
        return
    folder = tempfile.mkdtemp(prefix="postoffice-read-")
    try:
        target = Path(folder, "document.pdf")
        to_pdf(file, kind.media_type, target)
        yield target
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fail(error: PostOfficeError, arguments: argparse.Namespace, status: int) -> int:
    if arguments.json:
        print(json.dumps({"error": {"code": error.code, "message": error.message, "help": error.help}}, ensure_ascii=False))
    print(f"{error.message} {error.help}".strip(), file=sys.stderr)
    return status


def as_json(reading: Reading) -> dict[str, Any]:
    """{"items": [{"first_page", "pages", "address": [lines], "email", ..., "findings": [...]}], "findings": [of the whole document],
    "rule": as taken, "sure", "proposals": [...]}."""
    return {
        "rule": reading.rule,
        "sure": reading.sure,
        "proposals": [one.as_dict() for one in reading.proposals],
        "items": [
            {
                "first_page": item.first_page,
                "pages": item.pages,
                "address": list(item.address.lines) if item.address else [],
                "email": item.email,
                "mobile": item.mobile,
                "reference": item.reference,
                "fields": dict(item.fields),
                "findings": [one.as_dict() for one in item.findings],
            }
            for item in reading.items
        ],
        "findings": [one.as_dict() for one in reading.findings],
    }


def as_table(reading: Reading) -> str:
    """The same for people."""
    rows = [f"{'item':>5} {'pages':>11}  address"]
    for number, item in enumerate(reading.items, 1):
        rows += _rows(number, item)
    rows += [_words(one) for one in reading.findings]
    held = sum(item.level is not None and item.level.value == "error" for item in reading.items)
    for one in reading.proposals:
        why = ", ".join(f"{code} {n}" for code, n in one.reasons.items())
        rows.append(f"{'proposal':>18} {one.rule}: {one.items} items, {one.confidence:.0%} sure ({why or 'nothing speaks for it'})")
    rows.append(f"{len(reading.items)} items, {reading.pages} pages, {held} held by an error")
    return "\n".join(rows)


def _rows(number: int, item: NewItem) -> list[str]:
    span = f"{item.first_page}-{item.first_page + item.pages - 1}" if item.pages > 1 else f"{item.first_page}"
    address = " | ".join(item.address.lines) if item.address else "-"
    return [f"{number:>5} {span:>11}  {address}", *(_words(one) for one in item.findings)]


def _words(one: Finding) -> str:
    place = f" page {one.page}" if one.page else ""
    box = " at {:.0f},{:.0f} {:.0f}x{:.0f} mm".format(*one.box_mm) if one.box_mm else ""
    text = f": {one.text!r}" if one.text else ""
    return f"{'':>18} {one.severity.value}: {one.code}{place}{box}{text}"
