"""Letters of a template: one for a preview, or one for each record of a job. What runs in a child process of the workshop."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postoffice.compose import recheck, render
from postoffice.compose.merge.checks import Checked, Problem, check_record
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record, job_of, unpack
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import TRIED_LINK, Named, Situation, Wording
from postoffice.compose.render.faults import RowError, TemplateFault
from postoffice.compose.render.template import LETTER, Template
from postoffice.model.address import PostalAddress
from postoffice.model.finding import Finding
from postoffice.model.layout import LAYOUTS
from postoffice.pdf.cut import join

#: seconds that one letter of a merge may take
SECONDS = 6.0
#: the first letters of a job that are all too slow speak against the template, not against their rows
_ALL_SLOW = 3
#: codes of TemplateFault that speak of a value of the row -> the finding
_OF_ROW = {"missing-field": "row-missing", "field-not-number": "row-bad-amount", "field-not-date": "row-bad-date"}


@dataclass(slots=True)
class Made:
    """What became of a record. `first`: page of the chunk's PDF (from 1) that its letter begins on; of the sheet that stands for it
    where none was made."""

    checked: Checked
    first: int = 0
    pages: int = 1
    notes: str = ""  #: characters that no font has
    address: PostalAddress | None = None  #: of the fields, checked as one that was read
    found: tuple[Finding, ...] = ()  #: what is wrong with it, on page 1

    @property
    def problems(self) -> list[Problem]:
        """Why no letter was made; empty where there is one."""
        return self.checked.problems


@dataclass(slots=True)
class Chunk:
    """A part of a job, printed."""

    made: list[Made] = field(default_factory=list)
    pages: int = 0
    roads: dict[str, int] = field(default_factory=dict)


def letter_template(content: Content, pictures: Path | None, title: str = "") -> Template:
    """The template of render, all languages in one. TemplateFault no-letter."""
    written = {language: parts.letter for language, parts in content.parts.items() if parts.letter.strip()}
    if not written:
        raise TemplateFault("no-letter", "The template has no letter.", help="Write its letter; e-mail and SMS may be left out.")
    sources = {f"{language}.html": source for language, source in written.items()} | {"style.css": content.style}
    sources[LETTER] = "{% include po_letter %}"
    return Template(sources, assets=pictures, language=content.language, title=title)


def letter_values(wording: Wording, checked: Checked) -> dict[str, Any]:
    """What fills the letter of a record."""
    values = wording.values(checked.data, checked.language, checked.lines, Situation())
    written = checked.language if wording.content.of(checked.language).letter.strip() else wording.content.language
    return values | {"po_letter": f"{written}.html"}


def preview(content: Content, pictures: Path | None, record: Record, day: str, sender_name: str) -> bytes:
    """The letter of one record as a PDF. TemplateFault with `part` and `line` where it cannot be."""
    wording = Wording(content, day, sender_name)
    checked = check_record(record, wording.uses, content)
    template = letter_template(content, pictures)
    try:
        return render.render_letter(template, letter_values(wording, checked), seconds=SECONDS)
    except TemplateFault as fault:
        fault.facts.setdefault("part", f"{checked.language}.letter")
        raise


def words_of(
    content: Content, record: Record, day: str, sender_name: str, situation: Situation, pictures: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The e-mail and short message of one record, for the preview: {"email": Message | None, "sms": ..., "faults": {part: fault}}.

    `pictures`: file name -> address, see Wording.
    """
    wording = Wording(content, day, sender_name, pictures if pictures is not None else Named())
    checked = check_record(record, wording.uses, content)
    found: dict[str, Any] = {"email": None, "sms": None, "faults": {}}
    for kind, make in (("email", wording.email), ("sms", wording.sms)):
        try:
            found[kind] = make(checked.data, checked.language, checked.lines, situation)
        except TemplateFault as fault:
            found["faults"][kind] = fault
    return found


def print_chunk(packed: Path, content: Content, pictures: Path | None, target: Path, sender_name: str, first_chunk: bool) -> Chunk:
    """Print the letters of a packed file into `target`; rows that cannot be get a sheet that says so.

    TemplateFault where nothing can be made of the template at all; letter-too-slow where its first letters never end.
    """
    wording = Wording(content, job_of(packed).day, sender_name, Named())
    template = letter_template(content, pictures)
    chunk = Chunk()
    good: list[Made] = []

    def rows() -> Iterator[Mapping[str, object]]:
        for record in unpack(packed):
            made = Made(_judged(wording, record))
            chunk.made.append(made)
            if not made.problems:
                good.append(made)
                yield letter_values(wording, made.checked)

    with target.open("wb") as file:
        letters = render.render_letters(template, rows(), file, seconds=SECONDS)
    for number, first, pages in letters.ranges():
        good[number].first, good[number].pages = first, pages
    for error in letters.errors:
        made = good[error.row]
        made.checked.problems.append(_problem(error, made.checked))
    for note in letters.notes:
        good[note.row].notes = note.text
    slow = [error.row for error in letters.errors if error.code == "letter-too-slow"]
    if first_chunk and slow and len(slow) == len(good) and len(slow) >= min(_ALL_SLOW, len(good)):
        raise TemplateFault(
            "letter-too-slow",
            f"Every letter takes longer than the {SECONDS:.0f} s that a letter may take.",
            help="Look for a loop that does not end, or for boxes within boxes.",
            seconds=SECONDS,
        )
    chunk.roads, chunk.pages = letters.roads, letters.pages
    _stand_ins(chunk, content, target)
    _addresses(chunk, content)
    return chunk


def print_refusal(packed: Path, content: Content, target: Path, why: str) -> Chunk:
    """The sheet of a record that no letter can be made of, because the process that tries does not live through it."""
    uses = uses_of(content)
    chunk = Chunk([Made(check_record(record, uses, content)) for record in unpack(packed)])
    for made in chunk.made:
        made.checked.problems.append(Problem("row-not-made", why))
    _stand_ins(chunk, content, target)
    _addresses(chunk, content)
    return chunk


def _addresses(chunk: Chunk, content: Content) -> None:
    """Here and not where the items are written: it takes a millisecond each, and others wait for the database."""
    for made in chunk.made:
        if made.checked.lines:
            made.address, made.found = recheck.address(made.checked.lines, LAYOUTS[content.layout], 1, ())


def _judged(wording: Wording, record: Record) -> Checked:
    """A record checked, its e-mail and short message tried."""
    checked = check_record(record, wording.uses, wording.content)
    if checked.problems:
        return checked
    tried = Situation(link=TRIED_LINK, unsubscribe=TRIED_LINK)
    for make in (wording.email, wording.sms):
        try:
            make(checked.data, checked.language, checked.lines, tried)
        except TemplateFault as fault:
            checked.problems.append(fault_problem(fault, checked))
            break
    return checked


def fault_problem(fault: TemplateFault, checked: Checked) -> Problem:
    """A fault of the template on one row as a problem of this row."""
    line = fault.facts.get("line", 0)
    error = RowError(0, fault.code, fault.message, fault.help, str(fault.facts.get("field", "")), line if isinstance(line, int) else 0)
    return _problem(error, checked)


def _problem(error: RowError, checked: Checked) -> Problem:
    code = _OF_ROW.get(error.code, "row-not-made")
    if code == "row-not-made":
        where = f" ({checked.language}, {error.line})" if error.line else ""
        return Problem(code, f"{error.message}{where}")
    return Problem(code, error.field or f"{checked.language}, {error.line}")


def _stand_ins(chunk: Chunk, content: Content, target: Path) -> None:
    """Sheets for the rows that no letter was made of, behind the letters."""
    bad = [made for made in chunk.made if made.problems]
    if not bad:
        return
    part = target.with_suffix(".held")
    french = content.language.startswith("fr")
    rows = [{"language": "fr" if french else "en", "lines": _said(made, french=french)} for made in bad]
    with part.open("wb") as file:
        sheets = render.render_letters(Template(_SHEET), rows, file)
    for number, first, pages in sheets.ranges():
        bad[number].first, bad[number].pages = chunk.pages + first, pages
    joined = target.with_suffix(".joined")
    join([target, part] if chunk.pages else [part], joined)
    shutil.move(joined, target)
    part.unlink()
    chunk.pages += sheets.pages


def _said(made: Made, *, french: bool) -> list[str]:
    where = "Ligne" if french else "Row"
    return [f"{where} {problem.text(made.checked.number)}"[:300] for problem in made.problems[:12]]


_SHEET = """<!doctype html><html lang="{{ language }}"><meta charset="utf-8"><style>
@page { size: A4; margin: 60mm 30mm }
body { font: 11pt/1.5 "Liberation Sans", sans-serif; color: #333 }
h1 { font-size: 16pt; margin: 0 0 6mm } p { margin: 0 0 2mm; overflow-wrap: anywhere }
</style>
<h1>{{ "Ce pli n'a pas été fait." if language == "fr" else "This letter was not made." }}</h1>
{% for line in lines %}<p>{{ line }}</p>{% endfor %}
</html>"""
