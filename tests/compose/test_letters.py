"""Generated letters of four makers and three windows: every cut point right. `postoffice bench letters` does it with 2,000."""

from pathlib import Path

import pytest

from postoffice.compose.reading import read_document
from postoffice.model.finding import Severity
from postoffice.pdf import ocr
from tests.papers import makers
from tests.papers.letters import KINDS, make_letters, missing
from tests.papers.letters_traps import TRAPS, make_trap


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_cut_points_are_right(kind: str) -> None:
    maker, _, layout = kind.partition("-")
    if reason := missing(maker):
        pytest.skip(reason)
    path, truth = make_letters(kind, 5, seed=21)
    for rule in ("address", "auto"):
        reading = read_document(path, layout, rule)
        assert [(item.first_page, item.pages) for item in reading.items] == [(one.first_page, one.pages) for one in truth]
    wrong = [item for item, one in zip(reading.items, truth, strict=True) if not item.address or item.address.lines != one.lines]
    assert [item for item in wrong if not item.findings] == []


@pytest.mark.slow
def test_the_same_seed_gives_the_same_letters() -> None:
    assert make_letters("weasyprint-fr", 5, seed=21) == make_letters("weasyprint", 5, seed=21)
    assert make_letters("weasyprint-fr", 5, seed=22)[1] != make_letters("weasyprint-fr", 5, seed=21)[1]


#: a choice of TRAPS: `postoffice bench letters` tries all of them
_TRIED = (
    "letter-spaced", "letter-spaced-pango", "justified", "two-columns", "soft-hyphens", "decomposed", "ligatures", "rotated-90",
    "rotated-180", "cropped", "scaled-form", "drawn-twice", "under-picture", "without-unicode", "outlines", "two-a5", "arabic",
    "wrong-no-postcode", "wrong-other-town", "wrong-too-many",
)  # fmt: skip


def wrong_in_silence(path: Path, name: str, count: int) -> list[object]:
    """Letters of a trap whose address is not exact although nothing says so, or that are faulty and pass."""
    truth = make_trap(name, count, 31, path)
    trap = TRAPS[name]
    items = {item.first_page: item for item in read_document(path).items}
    found: list[object] = []
    for one in truth:
        item = items[max(page for page in items if page <= one.first_page)]
        lines = item.address.lines if item.address else ()
        right = lines == one.lines or (trap.folded and [line.casefold() for line in lines] == [line.casefold() for line in one.lines])
        silent = item.level not in (Severity.ERROR, Severity.WARNING)
        if (silent and (trap.faulty or not right)) or not (right or trap.faulty or trap.recognised):
            found.append((lines, one.lines))
    return found


@pytest.mark.parametrize("name", ["letter-by-letter", "type-3"])
def test_letters_placed_one_by_one_are_words(tmp_path: Path, name: str) -> None:
    assert wrong_in_silence(tmp_path / "trap.pdf", name, 3) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", _TRIED)
def test_no_trap_is_fallen_into_in_silence(tmp_path: Path, name: str) -> None:
    if TRAPS[name].engine == "chromium" and not makers.chromium_program():
        pytest.skip("chromium is not installed")
    if TRAPS[name].recognised and not ocr.languages():
        pytest.skip("tesseract is not installed")
    assert wrong_in_silence(tmp_path / "trap.pdf", name, 3) == []
