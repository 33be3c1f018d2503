"""What the reading of mails that come back gets right, on real ones, beside the "status 5 is hard" rule and flufl.bounce.

The corpus lies outside the checkout. Rules were tuned on one half of it (first byte of the SHA-256 of the file's name is even) and are
judged on the other.
"""

import argparse
import hashlib
import importlib
import importlib.util
import json
import re
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from postoffice.tracking.mail import read_mail

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
    figures["flufl.bounce"] = "beside us" if flufl else "not installed: no comparison with it"
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
