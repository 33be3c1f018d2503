"""Two worker hosts beside one, in network namespaces, at a relay that takes its time over each mail: what a second host brings.

The hosts share one PostgreSQL, Redis and S3 store over their lines. The relay answers each mail after a fifth of a second and each
host keeps four lines to it, as providers ask: so it is hosts, not processor time, that bound the speed. Then once more with a relay
that answers at once: all hosts of this bench share one machine's processors, and on two of them nothing can double. Needs root.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from postoffice.model.channel import Channel, Purpose
from postoffice.model.mailing import Options
from tests import servers
from tests.real.hosts import Fleet, fleet

LATE, LINES = 0.2, 4
COUNT = 600
BARE = 3  #: times as many where nothing but processor time bounds the speed
INVOICE = Options(channel=Channel.EMAIL, purpose=Purpose.INVOICE)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Mails a second by one host and by two, of mailings of `count` each, in the same office."""
    count = arguments.count or COUNT
    with (
        tempfile.TemporaryDirectory(prefix="po-bench-hosts-") as folder,
        fleet(Path(folder), 2, late=LATE, connections=LINES) as office,
    ):
        _host(office, 0)
        one = _rate(office, "one", count)
        _host(office, 1)
        two = _rate(office, "two", count)
        office.relay.late = 0.0
        bare_two = _rate(office, "bare-two", count * BARE)
        office.stop(1)
        bare_one = _rate(office, "bare-one", count * BARE)
        twice = len(office.relay.taken) - len({recipient for recipient, _ in office.relay.taken})
    figures: dict[str, Any] = {"one host, mails/s": one, "two hosts, mails/s": two}
    figures |= {"one host, no latency, mails/s": bare_one, "two hosts, no latency, mails/s": bare_two}
    figures |= {"reached twice": twice, "most that a host's lines allow, mails/s": LINES / LATE, "processors": os.cpu_count()}
    return {"figures": figures, "ratios": {"two hosts to one": two / one, "two hosts to one, no latency": bare_two / bare_one}}


def _host(office: Fleet, number: int) -> None:
    office.start(number)
    office.await_ready()


def _rate(office: Fleet, name: str, count: int) -> float:
    """From the tenth part to the ninth: neither planning nor the last batch's end is the host's speed."""
    before = len(office.relay.taken)
    office.submit(name, INVOICE, count)

    def reached(share: float) -> float:
        servers.wait_for(lambda: len(office.relay.taken) - before >= count * share, 600, 0.01, "mails at the relay")
        return time.monotonic()

    begun = reached(0.1)
    rate = count * 0.8 / (reached(0.9) - begun)
    reached(1.0)
    return rate
