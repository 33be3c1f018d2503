"""A spreadsheet with one row per item, in the order of the document: by its column of page counts, or by name and postcode."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from postoffice.compose.countries import plain
from postoffice.compose.cutting import Cut, Run
from postoffice.compose.findings import finding
from postoffice.compose.marker import KEYS
from postoffice.compose.pages import PageFacts
from postoffice.compose.sheet_rows import Row, unreadable
from postoffice.compose.signs import unpacked
from postoffice.compose.values import Value, check_value
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding

#: names of columns as people write them, without accents and marks -> what the column holds
_COLUMNS = {
    **dict.fromkeys(
        ("pages", "page", "nombre de pages", "nb pages", "nb de pages", "nbpages", "page count", "number of pages", "seiten"), "pages"
    ),
    **dict.fromkeys(
        ("nom", "name", "destinataire", "recipient", "nom complet", "full name", "raison sociale", "societe", "company"), "name"
    ),
    **dict.fromkeys(("prenom", "first name", "firstname", "vorname"), "first"),
    **dict.fromkeys(("code postal", "cp", "postcode", "zip", "zip code", "postal code", "plz"), "postcode"),
    **dict.fromkeys(("n client", "no client", "numero client", "code client", "customer number", "customer no"), "customer"),
    **dict.fromkeys(("n facture", "no facture", "numero facture", "invoice number", "invoice no"), "invoice"),
    **dict.fromkeys(("date d echeance", "due date", "echeance"), "due"),
    **dict.fromkeys(("montant ttc", "total", "total ttc", "amount due"), "amount"),
    **dict.fromkeys(("adresse e mail", "adresse email", "e mail", "email address", "courriel"), "email"),
    **dict.fromkeys(("telephone mobile", "tel mobile", "mobile number", "portable"), "mobile"),
    **dict.fromkeys(("telecopie", "fax number"), "fax"),
}
#: letters of a page in which a name is looked for where its window could not be read
_SAMPLE = 1500


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: its number in the spreadsheet, pages (0: not said), what identifies the recipient, and the values that it gives."""

    number: int
    pages: int
    name: str
    postcode: str
    values: dict[str, Value] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()  #: cells that could not be used

    @property
    def words(self) -> tuple[str, ...]:
        """What must stand in the address: the words of the name, and the postcode."""
        return (*plain(self.name).split(), *(part for part in (plain(self.postcode).replace(" ", ""),) if part))


@dataclass(frozen=True, slots=True)
class Ordered:
    """The cut that a spreadsheet says, and the row of each run."""

    cut: Cut
    entries: tuple[Entry, ...]


def read_entries(rows: Sequence[Row], country: str) -> list[Entry]:
    """The rows of a spreadsheet as entries. PostOfficeError unreadable-spreadsheet without a column of pages or names."""
    columns = [_meaning(cell) for cell in rows[0].cells]
    body = rows[1:]
    if not any(columns):
        if not all(row.cells[0].isdigit() for row in rows):
            raise unreadable("No column of the spreadsheet is called Pages, or Name.")
        columns, body = ["pages"], rows
    if "pages" not in columns and "name" not in columns:
        raise unreadable("The spreadsheet has neither a column Pages nor a column Name: what belongs to which letter cannot be known.")
    if not body:
        raise unreadable("The spreadsheet has a row of names of columns and no other.")
    return [_entry(row, columns, country) for row in body]


def _meaning(cell: str) -> str:
    """What a column holds by its name; empty where it is not known."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", cell.lower()) if not unicodedata.combining(letter))
    bare = " ".join(re.sub(r"[^a-z0-9]+", " ", bare.replace("n°", "n ").replace("nº", "n ")).split())
    return _COLUMNS.get(bare) or KEYS.get(bare, "")


def _entry(row: Row, columns: Sequence[str], country: str) -> Entry:
    told: dict[str, str] = {}
    for meaning, cell in zip(columns, row.cells, strict=False):
        if meaning and cell:
            told.setdefault(meaning, cell)
    values: dict[str, Value] = {}
    wrong = []
    for name in set(told) - {"pages", "name", "first", "postcode"}:
        value = check_value(name, told[name].lower() if name in ("channel", "purpose") else told[name], country)
        if value is None:
            wrong.append(f"{name}: {told[name][:60]}")
        else:
            values[name] = value
    pages = told.get("pages", "")
    if "pages" in columns and not (pages.isascii() and pages.isdigit() and 1 <= int(pages[:6]) <= 100_000):
        raise unreadable(f"Row {row.number} of the spreadsheet: '{pages[:20]}' is no number of pages.")
    name = " ".join(part for part in (told.get("first", ""), told.get("name", "")) if part)
    return Entry(row.number, int(pages or 0), name, told.get("postcode", ""), values, tuple(sorted(wrong)))


def by_order(pages: Sequence[PageFacts], entries: Sequence[Entry]) -> Ordered:
    """The cut. PostOfficeError order-mismatch names the row and the page where spreadsheet and document part."""
    starts = _by_counts(pages, entries) if entries[0].pages else _by_names(pages, entries)
    ends = [*starts[1:], len(pages)]
    runs = []
    for start, end, entry in zip(starts, ends, entries, strict=True):
        runs.append(Run(start, end - start, _remarks(pages[start], entry)))
    return Ordered(Cut(runs, matched=len(runs)), tuple(entries))


def _remarks(page: PageFacts, entry: Entry) -> list[Finding]:
    found = [finding("order-bad-value", page.page, text=wrong) for wrong in entry.wrong]
    if entry.name and page.reading.address and not _names(page, entry):
        found.append(finding("order-other-address", page.page, page.reading.box, f"{entry.number}: {entry.name}"))
    return found


def _by_counts(pages: Sequence[PageFacts], entries: Sequence[Entry]) -> list[int]:
    starts, place = [], 0
    for entry in entries:
        starts.append(place)
        place += entry.pages
    if place != len(pages):
        number = next((at for at, start in enumerate(starts) if start >= len(pages) or _contradicts(pages, start, entries[at])), None)
        raise _mismatch(
            f"The spreadsheet counts {place} pages in {len(entries)} rows, the document has {len(pages)}.", entries, starts, number
        )
    return starts


def _contradicts(pages: Sequence[PageFacts], start: int, entry: Entry) -> bool:
    """Whether what stands at `start` cannot be the first page of a row's letter, or one of the others clearly begins another."""
    first, inside = pages[start], pages[start + 1 : start + entry.pages]
    named = entry.name and first.reading.address is not None and not _names(first, entry)
    bare = first.reading.kind in ("none", "text")
    return bool(named or bare or any(page.reading.kind == "complete" and page.reading.key != first.reading.key for page in inside))


def _mismatch(why: str, entries: Sequence[Entry], starts: Sequence[int], number: int | None) -> PostOfficeError:
    """`number`: index of the first row that does not fit; None: all rows fit, the end does not."""
    if number is None:
        where, row, page = "All rows fit; it is the end that does not.", entries[-1].number, 0
    else:
        row, page = entries[number].number, (starts[number] + 1) if number < len(starts) else 0
        name = f" ({entries[number].name[:40]})" if entries[number].name else ""
        where = f"They part at row {row}{name}, which would begin on page {page}." if page else f"They part at row {row}{name}."
    return PostOfficeError(
        "order-mismatch",
        f"{why} {where}",
        help="Look at this row and the ones before it: one may be missing or too many. Correct the spreadsheet and read again.",
        row=row,
        page=page,
    )


def _by_names(pages: Sequence[PageFacts], entries: Sequence[Entry]) -> list[int]:
    """Each row's letter begins on the first page, after the one of the row before, that bears its name (and postcode)."""
    starts: list[int] = []
    texts = [_where_names_are(page) for page in pages]
    for number, entry in enumerate(entries):
        if not entry.words:
            raise unreadable(f"Row {entry.number} of the spreadsheet has no name.")
        place = starts[-1] + 1 if starts else 0
        found = next((at for at in range(place, len(pages)) if _has_words(texts[at], entry.words)), None)
        if found is None or (number == 0 and found > 0):
            why = (
                f"The spreadsheet has {len(entries)} rows; the letter of one is not found after page {starts[-1] + 1 if starts else 1}."
            )
            raise _mismatch(why, entries, [], number)
        skipped = _skipped(pages, texts, starts, found, entries[number + 1 :])
        if skipped is not None:
            raise PostOfficeError(
                "order-mismatch",
                f"The letter on page {skipped} is in no row of the spreadsheet: before row {entry.number} ({entry.name[:40]}).",
                help="Add its row at its place, or take its pages out of the document, and read again.",
                row=entry.number,
                page=skipped,
            )
        starts.append(found)
    return starts


def _skipped(pages: Sequence[PageFacts], texts: Sequence[str], starts: Sequence[int], found: int, later: Sequence[Entry]) -> int | None:
    """The page (from 1) before `found` that begins the letter of a later row: then a row stands at the wrong place."""
    if not starts or not later:
        return None
    for at in range(starts[-1] + 1, found):
        if pages[at].reading.kind == "complete" and any(_has_words(texts[at], entry.words) for entry in later[:3]):
            return pages[at].page
    return None


def _where_names_are(page: PageFacts) -> str:
    address = page.reading.address
    return plain(" ".join(address.lines)) if address else plain(unpacked(page.text)[:_SAMPLE])


def _names(page: PageFacts, entry: Entry) -> bool:
    return _has_words(_where_names_are(page), entry.words)


def _has_words(text: str, words: Sequence[str]) -> bool:
    have = set(text.split())
    return all(word in have or (any(letter.isdigit() for letter in word) and word in text.replace(" ", "")) for word in words)
