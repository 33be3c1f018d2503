"""The shares that are promised, on real mails; the judging half is the one on which no rule was tuned."""

import json
from pathlib import Path

import pytest

from benchmarks.bounces import Score, _ours, _score, _status_5, read_corpus
from postoffice.__main__ import main
from tests.tracking.corpus import CORPUS

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")


@pytest.fixture(scope="module")
def judged() -> Score:
    return _score([one for one in read_corpus(CORPUS) if one.judges], _ours)


def test_the_promised_shares_on_the_half_that_was_not_tuned(judged: Score) -> None:
    figures = judged.figures("judged")
    assert figures["judged_kind_right_%"] >= 95
    assert figures["judged_exact_recipients_%"] >= 92
    assert figures["judged_hard_precision_%"] >= 92
    assert figures["judged_hard_recall_%"] >= 80


def test_twice_as_right_about_the_dead_as_the_status_5_rule(judged: Score) -> None:
    peer = _score([one for one in read_corpus(CORPUS) if one.judges], _status_5)
    assert (judged.precision or 0) >= 2 * (peer.precision or 0)


def test_the_verb_prints_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(CORPUS / name) for name in ("lhost-dragonfly-24.eml", "arf-18.eml")]
    assert main(["bounce", *files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[0] == {
        "file": files[0],
        "kind": "bounce",
        "recipients": [{"address": "userunknown@libsisimai.net", "reason": "userunknown", "hard": True}],
    }
    assert [one["kind"] for one in told] == ["bounce", "feedback"]


def test_the_verb_tells_of_a_missing_file_and_reads_the_rest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.eml").write_bytes(b"")
    assert main(["bounce", str(tmp_path / "gone.eml"), str(tmp_path / "empty.eml"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == [{"file": str(tmp_path / "empty.eml"), "kind": "other", "recipients": []}]
    assert "gone.eml: No such file" in err
