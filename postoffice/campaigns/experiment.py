"""A/B tests that tell the truth: who is in which half, when a difference may be told, how large it is, and what a sample can show.

Two rules of stopping. *Fixed*: one look at the end; a difference is told where Newcombe's interval for the difference of two shares
(Statistics in Medicine 17, 1998, method 10, of Wilson's intervals) leaves out nothing. *Sequential*: any number of looks; under "no
difference" each success belongs to B with the chance q that B's share of the recipients is, so that the likelihood ratio of a
beta mixture against q is a martingale that starts at 1; by Ville's inequality it ever reaches 1/risk with a chance of at most `risk`,
however often one looks.
Pure: no clock, no database.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass
from statistics import NormalDist

from postoffice.model.campaign import Rule

#: how sure the mixture is beforehand that the halves are alike: fits differences of a fifth to a third
_CONCENTRATION = 100.0
_WANTED_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Arm:
    """One half: how many got it, how many did what counts."""

    sent: int
    hits: int

    @property
    def rate(self) -> float:
        """The share that did; 0 where nobody got it."""
        return self.hits / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said. `winner`: a, b, or empty where no difference is shown."""

    winner: str
    difference: float  #: share of B less share of A
    low: float  #: interval of that difference, as sure as 1 - risk
    high: float
    evidence: float  #: sequential: how many times likelier than chance; fixed: 0


def slot(key: bytes, contact_id: str) -> float:
    """Where somebody falls in [0, 1): the same for ever, and nobody can choose it who does not know the key."""
    digest = hmac.digest(key, contact_id.encode(), hashlib.sha256)
    return int.from_bytes(digest[:7]) / (1 << 56)


def half_of(place: float, share: float) -> str:
    """a or b: in the sample, in that half; empty: not in the sample. `share`: of the whole, both halves together."""
    if place < share / 2:
        return "a"
    return "b" if place < share else ""


def wilson(arm: Arm, risk: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not arm.sent:
        return 0.0, 1.0
    z, n, p = NormalDist().inv_cdf(1 - risk / 2), arm.sent, arm.rate
    middle, wide = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - wide) / scale), min(1.0, (middle + wide) / scale)


def newcombe(a: Arm, b: Arm, risk: float) -> tuple[float, float]:
    """The interval of B's share less A's."""
    (low_a, high_a), (low_b, high_b) = wilson(a, risk), wilson(b, risk)
    gap = b.rate - a.rate
    low = gap - math.hypot(b.rate - low_b, high_a - a.rate)
    high = gap + math.hypot(high_b - b.rate, a.rate - low_a)
    return max(-1.0, low), min(1.0, high)


def evidence(a: Arm, b: Arm) -> float:
    """How many times likelier the successes are under "B differs" (a mixture) than under "they are alike"; 1 where nothing happened."""
    hits = a.hits + b.hits
    if not hits or not a.sent or not b.sent:
        return 1.0
    q = b.sent / (a.sent + b.sent)
    alpha, beta = _CONCENTRATION * q, _CONCENTRATION * (1 - q)
    mixed = _log_beta(alpha + b.hits, beta + a.hits) - _log_beta(alpha, beta)
    plain = b.hits * math.log(q) + a.hits * math.log(1 - q)
    return math.exp(min(700.0, mixed - plain))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def judge(a: Arm, b: Arm, rule: Rule, risk: float, *, fewest: bool = False) -> Verdict:
    """What may be said at this look. `fewest`: the smaller share wins (unsubscribes)."""
    low, high = newcombe(a, b, risk)
    seen = evidence(a, b) if rule is Rule.SEQUENTIAL else 0.0
    shown = seen >= 1 / risk if rule is Rule.SEQUENTIAL else (low > 0 or high < 0)
    better = "b" if (b.rate > a.rate) != fewest else "a"
    return Verdict(better if shown else "", b.rate - a.rate, low, high, seen)


def power(sample: int, rate: float, lift: float, rule: Rule, risk: float) -> float:
    """The chance that a test with `sample` in each half shows a difference where A's share is `rate` and B's is `rate * (1 + lift)`.

    By the normal approximation; for the sequential rule at its last look alone, which is a little less than it really has.
    """
    other = min(1.0, rate * (1 + lift))
    if not sample or not 0 < rate < 1 or other == rate:
        return 0.0
    if rule is Rule.SEQUENTIAL:
        return _sequential_power(sample, rate, other, risk)
    spread = math.sqrt((rate * (1 - rate) + other * (1 - other)) / sample)
    z = NormalDist().inv_cdf(1 - risk / 2)
    return 1 - NormalDist().cdf(z - abs(other - rate) / spread)


def _sequential_power(sample: int, rate: float, other: float, risk: float) -> float:
    hits = max(1, round(sample * (rate + other)))
    if hits > 20_000:  # far beyond what any difference of interest needs
        hits = 20_000
    strong = other / (rate + other)
    if strong < 0.5:
        strong = 1 - strong
    low, high = hits // 2, hits  # the fewest successes of B that are enough
    even = max(sample, hits)
    while high - low > 1:
        middle = (low + high) // 2
        enough = evidence(Arm(even, hits - middle), Arm(even, middle)) >= 1 / risk
        low, high = (low, middle) if enough else (middle, high)
    spread = math.sqrt(hits * strong * (1 - strong))
    return 1 - NormalDist().cdf((high - 0.5 - hits * strong) / spread) if spread else 0.0


def smallest_lift(sample: int, rate: float, rule: Rule, risk: float) -> float | None:
    """The smallest relative difference that is shown in four tests of five; None where even the tenfold is not."""
    low, high = 0.0, 9.0
    if power(sample, rate, high, rule, risk) < _WANTED_POWER:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(sample, rate, middle, rule, risk) >= _WANTED_POWER else (middle, high)
    return high
