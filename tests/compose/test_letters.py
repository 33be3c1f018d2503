"""Generated letters of four makers and three windows: every cut point right. `postoffice bench letters` does it with 2,000."""

import pytest

from postoffice.compose.reading import read_document
from tests.papers.letters import KINDS, make_letters, missing


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
