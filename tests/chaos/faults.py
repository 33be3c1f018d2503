"""What goes wrong, drawn by a seed: the same seed wrecks the same things in the same order."""

import random
import signal
import subprocess
import time
from collections.abc import Callable

from tests.chaos.relay import Mood, Relay
from tests.chaos.town import LEASE, Town

Fault = Callable[[Town, Relay, random.Random], str]


def kill_worker(town: Town, relay: Relay, dice: random.Random) -> str:
    """kill -9, and another one in its place."""
    number = dice.randrange(len(town.workers))
    town.signal_worker(number, signal.SIGKILL)
    town.start_worker(number)
    return f"kill -9 worker {number}"


def end_worker(town: Town, relay: Relay, dice: random.Random) -> str:
    """SIGTERM, as a deploy does; its successor comes before it is gone."""
    number = dice.randrange(len(town.workers))
    town.signal_worker(number, signal.SIGTERM)
    time.sleep(dice.uniform(0, 1))
    leaving = town.workers[number]
    town.workers[number] = None
    town.start_worker(number)
    if leaving is not None:
        try:
            leaving.wait(45)
        except subprocess.TimeoutExpired:
            leaving.kill()
            leaving.wait(20)
            raise AssertionError("a worker that was asked to end did not within 45 s") from None
    return f"SIGTERM worker {number}"


def freeze_worker(town: Town, relay: Relay, dice: random.Random) -> str:
    """A worker stands still for longer than its lease: two believe that they own the same batch."""
    number = dice.randrange(len(town.workers))
    town.signal_worker(number, signal.SIGSTOP)
    time.sleep(LEASE * dice.uniform(1.2, 1.8))
    town.signal_worker(number, signal.SIGCONT)
    return f"froze worker {number}"


def kill_redis(town: Town, relay: Relay, dice: random.Random) -> str:
    """The queue dies, now and then with all that it remembered."""
    forget = dice.random() < 0.5
    town.redis.kill(forget=forget)
    time.sleep(dice.uniform(0, 2))
    town.redis.start()
    return f"killed redis{', its file lost' if forget else ''}"


def crash_database(town: Town, relay: Relay, dice: random.Random) -> str:
    """PostgreSQL ends as in a crash and recovers."""
    town.base.stop()
    time.sleep(dice.uniform(0, 2))
    town.base.start()
    return "crashed PostgreSQL"


def upset_relay(town: Town, relay: Relay, dice: random.Random) -> str:
    """The relay misbehaves for a while."""
    relay.mood = dice.choice([mood for mood in Mood if mood is not Mood.WELL])
    mood = relay.mood
    time.sleep(dice.uniform(0.5, 2.5))
    relay.mood = Mood.WELL
    return f"relay {mood}"


FAULTS: tuple[tuple[Fault, int], ...] = (
    (kill_worker, 4),
    (end_worker, 2),
    (freeze_worker, 2),
    (kill_redis, 2),
    (crash_database, 2),
    (upset_relay, 5),
)


def wreck(town: Town, relay: Relay, seed: int, seconds: float, going: Callable[[], bool]) -> list[str]:
    """Faults, one after the other, for so many seconds or until nothing is going on any more; what was done."""
    dice = random.Random(seed)
    kinds, weights = zip(*FAULTS, strict=True)
    done: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and going():
        time.sleep(dice.uniform(0.3, 1.5))
        fault = dice.choices(kinds, weights)[0]
        done.append(fault(town, relay, dice))
    for number in range(len(town.workers)):
        town.signal_worker(number, signal.SIGCONT)
        town.start_worker(number)
    return done
