"""`postoffice bounce FILE...`: what mails that came back mean, without storing anything."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from postoffice.tracking.mail import Reading, read_mail
from postoffice.tracking.mail.mime import MOST_BYTES


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("bounce", help="read mails that came back, store nothing", description=__doc__)
    parser.add_argument("files", metavar="FILE", nargs="+", help="a mail as it came (.eml); - for standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where every file could be opened, 2 where one could not; the others are told all the same."""
    told: list[dict[str, Any]] = []
    status = 0
    for file in arguments.files:
        try:
            told.append(as_json(file, read_mail(_start_of(file))))
        except OSError as error:
            print(f"{file}: {error.strerror or type(error).__name__}. Check the file's name and rights.", file=sys.stderr)
            status = 2
    print(
        json.dumps(told, ensure_ascii=False, indent=2) if arguments.json else "\n".join(line for one in told for line in as_lines(one))
    )
    return status


def _start_of(file: str) -> bytes:
    """As much of a mail as is read at all."""
    if file == "-":
        return sys.stdin.buffer.read(MOST_BYTES)
    with Path(file).open("rb") as source:
        return source.read(MOST_BYTES)


def as_json(file: str, reading: Reading) -> dict[str, Any]:
    """{"file", "kind", "recipients": [{"address", "reason", "hard"}]}."""
    recipients = [{"address": one.address, "reason": one.reason.value, "hard": one.hard} for one in reading.recipients]
    return {"file": file, "kind": reading.kind.value, "recipients": recipients}


def as_lines(told: dict[str, Any]) -> list[str]:
    """The same for people."""
    rows = [f"  {one['address']:40} {one['reason']:16} {'dead' if one['hard'] else 'may live'}" for one in told["recipients"]]
    return [f"{told['file']}: {told['kind']}", *rows]
