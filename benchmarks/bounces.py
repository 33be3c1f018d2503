"""What the reading of mails that come back gets right, on real ones, beside the "status 5 is hard" rule and flufl.bounce.

The corpus lies outside the checkout. Rules were tuned on one half of it (first byte of the SHA-256 of the file's name is even) and are
judged on the other. What to expect of mail that nobody has seen is estimated more strictly: in rounds, half of the corpus drawn by
lot is judged after every wording was taken away that only that half shows (see `_unseen`).
"""

import argparse
import hashlib
import importlib
import importlib.util
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from postoffice.tracking.mail import read_mail, reasons
from postoffice.tracking.mail.papers import lay_out
from postoffice.tracking.mail.rule import Rule, squash

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "bounces"

#: what a reader says of a mail: kind ("" where it does not tell), and for every address whether it is dead
Said = tuple[str, dict[str, bool]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail and what it means."""

    name: str
    raw: bytes
    kind: str
    recipients: dict[str, tuple[str, bool]]  #: address in lower case -> (reason, hard)

    @property
    def family(self) -> str:
        """The program or provider: the file's name without its number."""
        return re.sub(r"-\d+\.eml$", "", self.name)

    @property
    def judges(self) -> bool:
        """Whether it belongs to the half on which nothing was tuned."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1


@dataclass
class Score:
    """Counts over mails and addresses."""

    mails: int = 0
    kinds: int = 0
    exact: int = 0
    reasons: int = 0
    addresses: int = 0
    hard_right: int = 0
    hard_wrong: int = 0
    hard_missed: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, sample: Sample, said: Said) -> None:
        """Count one mail."""
        kind, dead = said
        self.mails += 1
        self.kinds += kind == sample.kind
        self.exact += dead.keys() == sample.recipients.keys()
        for address in dead.keys() | sample.recipients.keys():
            truly = sample.recipients.get(address, ("", False))[1]
            self.hard_right += dead.get(address, False) and truly
            self.hard_wrong += dead.get(address, False) and not truly
            self.hard_missed += truly and not dead.get(address, False)

    def figures(self, name: str) -> dict[str, Any]:
        """Shares in percent; None where nothing was to be counted."""
        return {
            f"{name}_mails": self.mails,
            f"{name}_kind_right_%": _share(self.kinds, self.mails),
            f"{name}_exact_recipients_%": _share(self.exact, self.mails),
            f"{name}_hard_precision_%": self.precision,
            f"{name}_hard_recall_%": _share(self.hard_right, self.hard_right + self.hard_missed),
        }

    @property
    def precision(self) -> float | None:
        """Of what was called dead, how much is."""
        return _share(self.hard_right, self.hard_right + self.hard_wrong)


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def read_corpus(folder: Path = CORPUS) -> list[Sample]:
    """All samples; OSError where the corpus is not there."""
    entries = json.loads((folder / "expected.json").read_text())["entries"]
    return [
        Sample(
            one["file"],
            (folder / one["file"]).read_bytes(),
            one["kind"],
            {told["recipient"].lower(): (told["reason"], told["hard"]) for told in one["expected"]},
        )
        for one in entries
    ]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures of both halves, of the judging half by family, and ratios to the two peers on the judging half."""
    if not (CORPUS / "expected.json").is_file():  # other benches run after this one, so no failure
        return {"figures": {"corpus": "not there: put shared/corpus/bounces beside the checkout"}, "ratios": {}}
    samples = read_corpus()
    judging = [one for one in samples if one.judges]
    ours, peers = _score(judging, _ours), {"status_5": _score(judging, _status_5)}
    flufl = _flufl()
    if flufl:
        peers["flufl"] = _score(judging, flufl)
    figures = ours.figures("judged") | _score([one for one in samples if not one.judges], _ours).figures("tuned")
    for name, score in peers.items():
        figures |= score.figures(name)
    figures["flufl.bounce"] = "beside us" if flufl else "not installed: .venv/bin/pip install flufl.bounce puts it beside us"
    figures |= _unseen(samples)
    figures["mails_per_second"] = round(1 / statistics.median(ours.seconds))
    figures |= _by_family(judging)
    return {"figures": figures, "ratios": _ratios(ours, peers)}


def _score(samples: Iterable[Sample], reader: Callable[[bytes], Said]) -> Score:
    score = Score()
    for sample in samples:
        start = time.perf_counter()
        said = reader(sample.raw)
        score.seconds.append(time.perf_counter() - start)
        score.add(sample, said)
    return score


ROUNDS = 12


def _unseen(samples: Sequence[Sample]) -> dict[str, Any]:
    """Hard or not on halves drawn by lot, without the wordings whose only witnesses lie in the judged half.

    Wordings that no mail of the corpus shows stay: they come from standards and providers' pages. Mean and worst of ROUNDS; a lower
    bound, since a wording is also lost where another half would have taught it in a more general form.
    """
    chance = random.Random(12)
    words = [_words(one.raw) for one in samples]
    wordings = [
        (rule, alternative, {number for number, text in enumerate(words) if re.search(alternative, text)})
        for rule in reasons.RULES
        for alternative in alternatives(rule.pattern.pattern)
    ]
    scores = []
    for _ in range(ROUNDS):
        judged = set(chance.sample(range(len(samples)), len(samples) // 2))
        kept = [(rule, alternative) for rule, alternative, seen in wordings if not seen or seen - judged]
        with _only(kept):
            scores.append(_score([samples[number] for number in sorted(judged)], _ours).figures("unseen"))
    figures: dict[str, Any] = {}
    for name in ("unseen_hard_precision_%", "unseen_hard_recall_%"):
        shares = [score[name] for score in scores if score[name] is not None]
        figures |= {name: round(statistics.mean(shares), 1), f"{name}_worst": min(shares)}
    return figures


def _words(raw: bytes) -> str:
    papers = lay_out(raw)
    told = [value for block in (*papers.blocks, *papers.loose_blocks) for value in block.all("diagnostic-code")]
    return squash(" \n ".join((*told, papers.words[:6000])))


@contextmanager
def _only(kept: Sequence[tuple[Rule, str]]) -> Iterator[None]:
    """The table with these wordings alone, in its order."""
    whole = reasons.RULES
    parts: dict[int, tuple[Rule, list[str]]] = {}
    for one, alternative in kept:
        parts.setdefault(id(one), (one, []))[1].append(alternative)
    reasons.RULES = tuple(one._replace(pattern=re.compile("|".join(some))) for one, some in parts.values())
    try:
        yield
    finally:
        reasons.RULES = whole


def alternatives(pattern: str) -> list[str]:
    """What stands between the bars of a regular expression that are in no group and no class."""
    found, depth, in_class, start, at = [], 0, False, 0, 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 1
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and not depth:
            found.append(pattern[start:at])
            start = at + 1
        at += 1
    return [one for one in (*found, pattern[start:]) if one]


def _by_family(samples: list[Sample]) -> dict[str, str]:
    """For each family: right kinds, exact recipients, and dead addresses found, missed and invented."""
    rows = {}
    for family in sorted({one.family for one in samples}):
        score = _score([one for one in samples if one.family == family], _ours)
        dead = f"dead {score.hard_right} found {score.hard_missed} missed {score.hard_wrong} invented"
        rows[family] = f"kind {score.kinds}/{score.mails} exact {score.exact}/{score.mails} {dead}"
    return rows


def _ratios(ours: Score, peers: dict[str, Score]) -> dict[str, float]:
    ratios = {}
    for name, peer in peers.items():
        ratios[f"{name}_exact_recipients"] = round(ours.exact / max(peer.exact, 1), 2)
        ratios[f"{name}_hard_precision"] = round((ours.precision or 0) / (peer.precision or 1), 2)
    return ratios


def _ours(raw: bytes) -> Said:
    reading = read_mail(raw)
    return reading.kind.value, {one.address.lower(): one.hard for one in reading.recipients}


def _status_5(raw: bytes) -> Said:
    """The twenty lines that everybody writes: the fields of RFC 3464, and a status that begins with 5 is a dead address."""
    dead: dict[str, bool] = {}
    for part in message_from_bytes(raw).walk():
        if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
            continue
        for block in part.walk():
            address = re.sub(r"^.*?;|[<>\s]", "", str(block.get("Final-Recipient", ""))).lower()
            if address:
                dead[address] = str(block.get("Status", "")).strip().startswith("5")
    return ("bounce" if dead else "other"), dead


def _flufl() -> Callable[[bytes], Said] | None:
    """flufl.bounce's permanent failures, where it is installed."""
    try:
        scan = importlib.import_module("flufl.bounce").all_failures
    except ImportError:
        return None

    def read(raw: bytes) -> Said:
        temporary, permanent = scan(message_from_bytes(raw))
        told = dict.fromkeys(temporary, False) | dict.fromkeys(permanent, True)
        dead = {(one.decode("utf-8", "replace") if isinstance(one, bytes) else one).lower(): hard for one, hard in told.items()}
        return ("bounce" if dead else "other"), dead

    return read
