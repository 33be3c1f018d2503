"""Never lost, never twice: real processes are killed, frozen, stopped and started at random while they send; then an auditor counts.

A short run is part of `make test`; `make chaos SEEDS="1 2 3" CHAOS_SECONDS=60` wrecks longer. The same seed does the same.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.store import schema as tables
from tests.chaos.audit import Report, audit_mail, audit_paper
from tests.chaos.faults import wreck
from tests.chaos.relay import Relay
from tests.chaos.town import INVOICE, PAPER, PROMOTION, Town

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
SEEDS = [int(word) for word in os.environ.get("SEEDS", "7").split()]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "20"))
COUNT = int(os.environ.get("CHAOS_ITEMS", "300"))
UNDER_WAY = ("draft", "queued", "sending")


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as opened:
        yield opened


@pytest.fixture
def town(tmp_path: Path, relay: Relay) -> Iterator[Town]:
    opened = Town(tmp_path, relay.port)
    yield opened
    opened.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_goes_twice(town: Town, relay: Relay, seed: int) -> None:
    mailings = {
        "offers": town.submit("offers", PROMOTION, COUNT),
        "invoices": town.submit("invoices", INVOICE, COUNT),
        "letters": town.submit("letters", PAPER, COUNT),
    }
    under_way = sa.select(sa.func.count()).where(tables.items.c.mailing_id.in_(mailings.values()), tables.items.c.state.in_(UNDER_WAY))

    def going() -> bool:
        try:
            return bool(town.look(under_way)[0][0])
        except (sa.exc.SQLAlchemyError, OSError):
            return True

    for number in range(len(town.workers)):
        town.start_worker(number)
    done = wreck(town, relay, seed, SECONDS, going)
    town.until(lambda: not town.look(under_way)[0][0], 240, "every item at its end")
    reports: dict[str, Report] = {
        "offers": audit_mail(town, relay, mailings["offers"], once=True),
        "invoices": audit_mail(town, relay, mailings["invoices"], once=False),
        "letters": audit_paper(town, mailings["letters"]),
    }
    for name, report in reports.items():
        print(f"\nseed {seed}: {name} {report.states}, {report.repeated} shown again")  # noqa: T201
    print(f"{len(done)} faults: {', '.join(done)}")  # noqa: T201
    assert {name: report.faults for name, report in reports.items() if report.faults} == {}, (
        f"faults: {done}\n{town.log.read_text()[-3000:]}"
    )
