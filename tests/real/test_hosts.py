"""Several hosts: one is cut off in the middle of a mailing and comes back. Nothing is lost, nothing goes twice."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Ground, Options
from postoffice.store import schema as tables
from tests import servers
from tests.real.hosts import LEASE, Fleet, fleet

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]
OFFER = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
FAX = Options(channel=Channel.FAX, purpose=Purpose.INVOICE)
MAILINGS, EACH = 6, 40  #: of each kind; more than one host takes at once, so that none can take them all
COUNT = MAILINGS * EACH
TAKEN = ("handed_over", "delivered")
CUT = float(os.environ.get("CUT_SECONDS", str(2 * LEASE)))


def states(office: Fleet, mailings: Sequence[str]) -> Counter[str]:
    query = sa.select(tables.items.c.state, sa.func.count()).where(tables.items.c.mailing_id.in_(mailings))
    return Counter(dict(tuple(row) for row in office.look(query.group_by(tables.items.c.state))))


def ended(office: Fleet, mailings: Sequence[str]) -> bool:
    counts = states(office, mailings)
    return sum(counts[word] for word in (*TAKEN, "in_doubt")) == COUNT


def busy(office: Fleet) -> int:
    """Hosts that hold mails."""
    held = sa.select(tables.batches.c.lease_owner).where(tables.batches.c.lease_owner.is_not(None), tables.batches.c.step == "dispatch")
    return len(set(office.look(held)))


def test_a_host_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    with fleet(tmp_path, 2, late=0.05, connections=2, chunk_delay=100) as office:
        for number in (0, 1):
            office.start(number)
        office.await_ready()
        offers = office.submit("offers", OFFER, EACH, MAILINGS)
        servers.wait_for(lambda: busy(office) > 1 and office.relay.taken, 100, 0.02, "both hosts at work")
        faxes = office.submit("faxes", FAX, EACH, MAILINGS)
        office.net.cut(1)
        before = len(office.relay.taken)
        time.sleep(CUT)
        assert len(office.relay.taken) > before, "the other host goes on"
        office.net.mend(1)
        servers.wait_for(lambda: ended(office, offers) and ended(office, faxes), 200, 0.3, "all at an end")
        for number in (0, 1):
            office.stop(number)  # whatever they still had in hand is out
        taken = Counter(recipient for recipient, _ in office.relay.taken)
        assert max(taken.values()) == 1, "an offer reached somebody twice"
        rows = office.look(sa.select(tables.items.c.email, tables.items.c.state).where(tables.items.c.mailing_id.in_(offers)))
        lost = [row.email for row in rows if row.state in TAKEN and not taken[row.email]]
        assert not lost, f"told as handed over, never seen: {lost}"
        assert states(office, faxes)["in_doubt"] == 0, "its carrier keeps keys"
        box = office.look(sa.select(sa.func.count(), sa.func.count(sa.distinct(tables.sandbox_box.c.key))))[0]
        assert tuple(box) == (COUNT, COUNT)
        print(f"\ncut off for {CUT:g} s: {dict(states(office, offers))} offers, {dict(states(office, faxes))} faxes")  # noqa: T201
