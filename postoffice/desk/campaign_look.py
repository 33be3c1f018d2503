"""What a campaign's page shows of its progress: waves with their counts, how many were handed over, how fast."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.campaigns import experiment
from postoffice.campaigns.experiment import Arm, Verdict
from postoffice.model.campaign import Campaign, Measure, Wave, WaveKind
from postoffice.model.states import ItemState
from postoffice.store import campaigns_members as members
from postoffice.store import campaigns_waves as waves
from postoffice.store import items

_GONE = (ItemState.HANDED_OVER, ItemState.IN_PRODUCTION, ItemState.MAILED)


@dataclass(frozen=True, slots=True)
class WaveLook:
    """One wave: how many of it stand where."""

    wave: Wave
    waiting: int
    gone: int
    arrived: int
    failed: int
    in_doubt: int

    @property
    def parts(self) -> list[tuple[str, int]]:
        """For the bar: tone -> how many."""
        return [("arrived", self.arrived), ("moving", self.gone), ("needs-you", self.in_doubt), ("failed", self.failed)]


@dataclass(frozen=True, slots=True)
class Look:
    """All waves together."""

    waves: Sequence[WaveLook]
    left_out: Sequence[tuple[str, int]]
    verdict: Verdict | None
    arms: Sequence[Arm]

    @property
    def total(self) -> int:
        """Messages of all waves."""
        return sum(one.wave.filled for one in self.waves)

    @property
    def done(self) -> int:
        """Of them, those that wait no more."""
        return sum(one.gone + one.arrived + one.failed for one in self.waves)


async def look_at(connection: AsyncConnection, campaign: Campaign) -> Look:
    """How a campaign stands."""
    known = await waves.of_campaign(connection, campaign.id)
    looks, left_out = [], Counter[str]()
    for one in known:
        states = await items.count_by_state(connection, one.mailing_id) if one.mailing_id else {}
        gone = sum(states.get(state, 0) for state in _GONE)
        arrived, failed = states.get(ItemState.DELIVERED, 0), states.get(ItemState.FAILED, 0) + states.get(ItemState.RETURNED, 0)
        doubt = states.get(ItemState.IN_DOUBT, 0)
        looks.append(WaveLook(one, max(0, one.filled - gone - arrived - failed - doubt), gone, arrived, failed, doubt))
        left_out.update(one.left_out)
    arms = await _arms(connection, campaign, known)
    test = campaign.design.test
    verdict = None
    if test is not None and len(arms) == 2:
        verdict = experiment.judge(arms[0], arms[1], test.rule, test.risk, fewest=test.measure is Measure.UNSUBSCRIBES)
    return Look(looks, left_out.most_common(), verdict, arms)


async def _arms(connection: AsyncConnection, campaign: Campaign, known: Sequence[Wave]) -> list[Arm]:
    test, arms = campaign.design.test, []
    for kind in (WaveKind.TEST_A, WaveKind.TEST_B):
        wave = next((one for one in known if one.kind is kind and one.mailing_id), None)
        if test is None or wave is None or wave.mailing_id is None:
            return []
        what = "clicks" if test.measure is Measure.PERSON else test.measure.value
        hits = (await members.responses(connection, wave.mailing_id)).get(what, 0)
        arms.append(Arm(wave.filled, min(wave.filled, hits)))
    return arms
