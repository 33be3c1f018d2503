"""Files of contacts as rows that can be read from any place on. What is here runs in child processes.

Whatever was brought (CSV, workbook, vCards) becomes a table first: a line of JSON for each BLOCK rows, so that any block is one seek
away and memory stays flat however long the file is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from postoffice.compose import sheet_rows, values
from postoffice.compose.hidden_rows import hidden_rows
from postoffice.contacts import vcard
from postoffice.contacts.card import Reason
from postoffice.contacts.clean import Checks, Choices, card_of
from postoffice.contacts.columns import header_row, unique
from postoffice.contacts.keys import card_text, keys_of
from postoffice.contacts.sorting import Incoming
from postoffice.model.errors import PostOfficeError

BLOCK = 1_000  #: rows of one line of the table
MOST_ROWS = 5_000_000
MOST_BYTES = 2_000_000_000
MOST_COLUMNS = 2_000
SHOWN = 12  #: rows of the preview
_LONGEST_CELL = 5_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is made of. `blocks`: where each begins in the table; `header`: which of `first` has the names, -1 for none."""

    kind: str  #: table | vcard
    rows: int
    blocks: tuple[int, ...]
    first: tuple[tuple[int, tuple[str, ...]], ...]
    names: tuple[str, ...]
    header: int
    hidden: int

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "blocks": list(self.blocks),
            "first": [[number, list(cells)] for number, cells in self.first],
            "names": list(self.names),
            "header": self.header,
            "hidden": self.hidden,
        }


def make_table(source: Path, target: Path) -> Facts:
    """Write the table of a file. PostOfficeError unreadable-spreadsheet."""
    kind = "vcard" if _is_vcard(source) else "table"
    hidden = hidden_rows(source) if kind == "table" else frozenset()
    found = _card_rows(source) if kind == "vcard" else _sheet(source)
    blocks: list[int] = []
    first: list[tuple[int, tuple[str, ...]]] = []
    count, held = 0, 0
    with target.open("wb") as file:
        block: list[tuple[int, list[str], int]] = []
        for number, cells in found:
            if len(cells) > MOST_COLUMNS:
                raise sheet_rows.unreadable(f"Row {number} has more than {MOST_COLUMNS} columns.")
            held += number in hidden
            if len(first) < SHOWN:
                first.append((number, tuple(cell[:200] for cell in cells)))
            block.append((number, cells, int(number in hidden)))
            count += 1
            if len(block) == BLOCK:
                blocks.append(file.tell())
                file.write(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                block = []
        if block:
            blocks.append(file.tell())
            file.write(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    if not count:
        raise sheet_rows.unreadable("The file has no rows.")
    width = max(len(cells) for _number, cells in first)
    header = header_row([cells for _number, cells in first]) if kind == "table" else 0
    names = list(vcard.COLUMNS) if kind == "vcard" else [*(first[header][1] if header >= 0 else ()), *[""] * width][:width]
    return Facts(kind, count, tuple(blocks), tuple(first), tuple(unique(names)), header, held)


def _is_vcard(source: Path) -> bool:
    with source.open("rb") as file:
        return vcard.is_vcard(file.read(64).decode("utf-8", "replace"))


def _sheet(source: Path) -> Iterator[tuple[int, list[str]]]:
    for row in sheet_rows.stream_rows(source, most_rows=MOST_ROWS, most_bytes=MOST_BYTES):
        cells = [cell[:_LONGEST_CELL] for cell in row.cells]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield row.number, cells


def _card_rows(source: Path) -> Iterator[tuple[int, list[str]]]:
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        yield 0, list(vcard.COLUMNS)
        yield from enumerate(vcard.rows(file), 1)


def read_blocks(path: Path, offsets: Sequence[int], choices: Mapping[str, Any]) -> list[Incoming]:
    """The rows of some blocks as cards. `choices`: mapping {column: target}, names, first (row number of the data), system, country,
    tags, hidden (whether hidden rows count)."""
    chosen = Choices(
        {
            place: (name, choices["mapping"].get(name, ""))
            for place, name in enumerate(choices["names"])
            if choices["mapping"].get(name)
        },
        choices.get("system") or "file",
        choices.get("country") or "FR",
        tuple(choices.get("tags", ())),
    )
    checks = checks_for(chosen.country)
    return [
        _incoming(number, cells, chosen, checks, hidden=bool(hidden) and not choices.get("hidden"))
        for number, cells, hidden in _rows(path, offsets)
        if number >= choices["first"]
    ]


def _rows(path: Path, offsets: Iterable[int]) -> Iterator[tuple[int, list[str], int]]:
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            yield from json.loads(file.readline())


def _incoming(number: int, cells: list[str], choices: Choices, checks: Checks, *, hidden: bool) -> Incoming:
    if hidden:
        return Incoming(number, card_of((), choices, checks)[0], (Reason("import-hidden"),), frozenset(), "")
    card, wrong = card_of(cells, choices, checks)
    keys = keys_of(card.name, card.company, [card.address] if card.address else [], card.external_ids, card.tags)
    return Incoming(number, card, tuple(wrong), keys, card_text(card.address, card.emails, card.mobiles, card.faxes))


@lru_cache(maxsize=4)
def checks_for(country: str) -> Checks:
    """The house's own checks, for rows: what is wrong is told by "" instead of an error."""

    def email(text: str) -> str:
        if text.isascii() and _PLAIN_EMAIL.fullmatch(text):  # the usual ones, at a tenth of the price
            return text
        try:
            return values.check_email(text)
        except PostOfficeError:
            return ""

    return Checks(email, _numbers("mobile", country), _numbers("fax", country))


_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
_FRENCH = re.compile(r"(?:\+33\s?\(?0?\)?|0033|0)?\s?([1-9](?:[ .-]?\d){8})")
_PREFIX = 5  # digits of a French number by which the numbering plan says whether it exists


def _numbers(name: str, country: str) -> Any:
    @lru_cache(maxsize=20_000)
    def known(prefix: str) -> bool:
        return bool(full(f"0{prefix}{'0' * (9 - _PREFIX)}"))

    def full(text: str) -> str:
        try:
            return values.check_number(name, text, country)
        except PostOfficeError:
            return ""

    def check(text: str) -> str:
        found = _FRENCH.fullmatch(text) if country == "FR" else None
        if not found:
            return full(text)
        digits = "".join(letter for letter in found[1] if letter.isdigit())
        return f"+33{digits}" if known(digits[:_PREFIX]) else ""

    return check
