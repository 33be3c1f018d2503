"""Several hosts: one is cut off in the middle of a mailing and comes back. Nothing is lost, nothing goes twice."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Ground, Options
from postoffice.store import schema as tables
from tests import servers
from tests.real.hosts import Fleet, fleet

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]
OFFER = Options(channel=Channel.EMAIL, purpose=Purpose.PROMOTION, ground=Ground.CUSTOMERS)
FAX = Options(channel=Channel.FAX, purpose=Purpose.INVOICE)
COUNT = 400
TAKEN = ("handed_over", "delivered")
CUT = float(os.environ.get("CUT_SECONDS", "15"))  #: three leases


def states(office: Fleet, mailing_id: str) -> Counter[str]:
    query = sa.select(tables.items.c.state, sa.func.count()).where(tables.items.c.mailing_id == mailing_id)
    return Counter(dict(tuple(row) for row in office.look(query.group_by(tables.items.c.state))))


def ended(office: Fleet, mailing_id: str) -> bool:
    counts = states(office, mailing_id)
    return sum(counts[word] for word in (*TAKEN, "in_doubt")) == COUNT


def test_a_host_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    with fleet(tmp_path, 2, late=0.05, connections=2, chunk_delay=100) as office:
        offers, faxes = office.submit("offers", OFFER, COUNT), office.submit("faxes", FAX, COUNT)
        for number in (0, 1):
            office.start(number)
        servers.wait_for(lambda: len(office.relay.taken) > COUNT // 8, 90, 0.05, "mails at the relay")
        owners = sa.select(tables.batches.c.lease_owner).where(tables.batches.c.lease_owner.is_not(None)).distinct()
        servers.wait_for(lambda: len(office.look(owners)) > 1, 30, 0.05, "both hosts at work")
        office.net.cut(1)
        before = len(office.relay.taken)
        time.sleep(CUT)
        assert len(office.relay.taken) > before, "the other host goes on"
        office.net.mend(1)
        servers.wait_for(lambda: ended(office, offers) and ended(office, faxes), 120, 0.3, "all at an end")
        time.sleep(2)
        taken = Counter(recipient for recipient, _ in office.relay.taken)
        assert max(taken.values()) == 1, "an offer reached somebody twice"
        rows = office.look(sa.select(tables.items.c.email, tables.items.c.state).where(tables.items.c.mailing_id == offers))
        lost = [row.email for row in rows if row.state in TAKEN and not taken[row.email]]
        assert not lost, f"told as handed over, never seen: {lost}"
        assert states(office, faxes)["in_doubt"] == 0, "its carrier keeps keys"
        box = office.look(sa.select(sa.func.count(), sa.func.count(sa.distinct(tables.sandbox_box.c.to))))[0]
        assert tuple(box) == (COUNT, COUNT)
        print(f"\ncut off for {CUT:g} s: {dict(states(office, offers))} offers, {dict(states(office, faxes))} faxes")  # noqa: T201
