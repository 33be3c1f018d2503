"""The fixes that are offered, with the findings that each answers. Run in child processes; all of them keep the number of pages."""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from postoffice.compose.fixes.clearing import clear_window
from postoffice.compose.pages import read_pages
from postoffice.compose.preflight import of_document
from postoffice.compose.reading import with_copies
from postoffice.compose.rules import parse_rule
from postoffice.compose.split import cut
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding
from postoffice.model.item import NewItem
from postoffice.model.layout import LAYOUTS, Layout
from postoffice.pdf import mend
from postoffice.pdf.cut import cut_many
from postoffice.pdf.document import inspect
from postoffice.pdf.raster import encode, thumbnails

_GAP = 12  #: pixels between two pictures

Apply = Callable[[Path, Sequence[int], Path, Layout], None]


@dataclass(frozen=True, slots=True)
class Fix:
    """A fix: its word, what it does in English and French, and the codes of the findings that it answers."""

    word: str
    label_en: str
    label_fr: str
    answers: frozenset[str]
    apply: Apply

    def label(self, language: str) -> str:
        """What it does, in "fr" or (any other) English."""
        return self.label_fr if language.startswith("fr") else self.label_en


def _to_a4(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.refit(source, pages, target)


def _into_margins(source: Path, pages: Sequence[int], target: Path, layout: Layout) -> None:
    left, top, right, bottom = layout.margins
    mend.refit(source, pages, target, (left, top, 210.0 - left - right, 297.0 - top - bottom))


def _turn(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.turn(source, pages, target)


def _grey(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.by_ghostscript(source, pages, target, mend.GREY)


def _embed(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.by_ghostscript(source, pages, target, mend.EMBED)


def _opaque(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.by_ghostscript(source, pages, target, mend.OPAQUE)


def _flatten_forms(source: Path, pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.flatten_notes(source, pages, target)


def _no_scripts(source: Path, _pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.remove_scripts(source, target)


def _no_files(source: Path, _pages: Sequence[int], target: Path, _layout: Layout) -> None:
    mend.remove_scripts(source, target, files=True)


def _fix(word: str, label_en: str, label_fr: str, answers: Sequence[str], apply: Apply) -> tuple[str, Fix]:
    return word, Fix(word, label_en, label_fr, frozenset(answers), apply)


#: in the order in which they are offered
FIXES: dict[str, Fix] = dict(
    (
        _fix("scale-a4", "Scale the page to A4", "Mettre la page à l'échelle A4", ("page-not-a4", "page-landscape"), _to_a4),
        _fix("rotate", "Turn the page upright", "Tourner la page en portrait", ("page-landscape",), _turn),
        _fix(
            "shrink",
            "Shrink the page into the printable area",
            "Réduire la page dans la zone imprimable",
            ("content-outside-printable-area",),
            _into_margins,
        ),
        _fix(
            "clear-window",
            "Clear the window of all but the address",
            "Dégager la fenêtre de tout sauf l'adresse",
            ("window-not-clear", "address-text-below", "address-set-aside"),
            clear_window,
        ),
        _fix("embed-fonts", "Embed the fonts", "Incorporer les polices", ("font-not-embedded",), _embed),
        _fix(
            "flatten",
            "Flatten what is transparent (the page becomes a picture of 300 dots an inch)",
            "Aplatir les transparences (la page devient une image de 300 points par pouce)",
            ("transparency",),
            _opaque,
        ),
        _fix("grey", "Turn colours into greys", "Convertir les couleurs en gris", ("colour",), _grey),
        _fix(
            "flatten-forms",
            "Make form fields part of the page",
            "Fondre les champs de formulaire dans la page",
            ("pdf-forms", "pdf-xfa"),
            _flatten_forms,
        ),
        _fix("remove-scripts", "Remove the scripts", "Retirer les scripts", ("pdf-scripts",), _no_scripts),
        _fix("remove-files", "Remove the attached files", "Retirer les fichiers joints", ("pdf-attachments",), _no_files),
    )
)


def get(word: str) -> Fix:
    """A fix by its word; PostOfficeError no-such-fix."""
    if word not in FIXES:
        raise PostOfficeError("no-such-fix", f"There is no fix named '{word[:40]}'.", help=f"Use one of: {', '.join(FIXES)}.")
    return FIXES[word]


def offers(findings: Sequence[Finding]) -> list[Fix]:
    """The fixes that answer some of these findings."""
    codes = {one.code for one in findings}
    return [fix for fix in FIXES.values() if fix.answers & codes]


def pages_for(fix: Fix, findings: Sequence[Finding], first_page: int, pages: int) -> list[int]:
    """The pages of an item (from `first_page`) that a fix has to treat: those that its findings name, all where they name none."""
    named = {one.page for one in findings if one.code in fix.answers and one.page is not None}
    run = range(first_page, first_page + pages)
    # some findings are told once for several pages
    return [number for number in run if number in named] if named and fix.word not in _WHOLE else list(run)


#: told at the first page only, or true of the whole document
_WHOLE = frozenset({"embed-fonts", "flatten", "grey", "flatten-forms", "remove-scripts", "remove-files"})


def apply(source: Path, word: str, pages: Sequence[int], layout_name: str, target: Path) -> None:
    """Apply a fix to pages (from 1, ascending) of `source` and write the whole document to `target`.

    PostOfficeError fix-not-possible where it cannot be done rightly; nothing is left at `target` then.
    """
    try:
        get(word).apply(source, sorted(set(pages)), target, LAYOUTS[layout_name])
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def preview(
    source: Path, word: str, pages: Sequence[int], layout_name: str, shown: int, width: int = 480
) -> tuple[bytes, bytes, tuple[str, ...]]:
    """(picture before, picture after, codes of the findings after) of page `shown` (one of `pages`); nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="postoffice-fix-") as folder:
        before, after = Path(folder, "before.pdf"), Path(folder, "after.pdf")
        before.write_bytes(cut_many(source, [(shown, 1)])[0])
        apply(before, word, [1], layout_name, after)
        left, right = (thumbnails(one, [1], width)[0] for one in (before, after))
        facts = read_pages(after, 1, 1, layout_name)[0]
        return left, right, tuple(one.code for one in (*facts.findings, *facts.reading.findings))


def side_by_side(source: Path, word: str, pages: Sequence[int], layout_name: str, shown: int, width: int = 480) -> bytes:
    """One PNG: the page before on the left, after on the right."""
    before, after, _codes = preview(source, word, pages, layout_name, shown, width)
    left, right = (Image.open(io.BytesIO(one)).convert("RGB") for one in (before, after))
    whole = Image.new("RGB", (left.width + right.width + _GAP, max(left.height, right.height)), "#8a94a0")
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width + _GAP, 0))
    return encode(whole)


def check_again(path: Path, runs: Sequence[tuple[int, int]], layout_name: str) -> tuple[list[NewItem], list[Finding]]:
    """(the items of these runs of pages read anew, what is to be said of the document), after a fix."""
    layout, rule = LAYOUTS[layout_name], parse_rule("whole")
    items = []
    for first, count in runs:
        facts = read_pages(path, first, count, layout_name)
        items += [with_copies(item, facts, first) for item in cut(facts, rule, layout)]
    return items, of_document(inspect(path))
