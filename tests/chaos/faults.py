"""What goes wrong, drawn by a seed: the same seed wrecks the same things in the same order."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.clock import ahead_of, set_clock
from tests.chaos.house import House
from tests.chaos.parts import ended
from tests.chaos.relay import Mood, Relay
from tests.chaos.town import LEASE, Town


@dataclass(frozen=True)
class World:
    """What can be wrecked."""

    town: Town
    relay: Relay
    house: House


Fault = Callable[[World, random.Random], str]


def kill_worker(world: World, dice: random.Random) -> str:
    """kill -9, and another one in its place."""
    number = dice.randrange(len(world.town.workers))
    world.town.workers[number].signal(signal.SIGKILL)
    world.town.workers[number].start()
    return f"kill -9 worker {number}"


def end_worker(world: World, dice: random.Random) -> str:
    """SIGTERM, as a deploy does; its successor comes before it is gone."""
    number = dice.randrange(len(world.town.workers))
    world.town.leaving.append(world.town.workers[number].leave())
    time.sleep(dice.uniform(0, 1))
    world.town.workers[number].start()
    return f"SIGTERM worker {number}"


def freeze_worker(world: World, dice: random.Random) -> str:
    """A worker stands still for longer than its lease: two believe that they own the same batch."""
    number = dice.randrange(len(world.town.workers))
    world.town.workers[number].signal(signal.SIGSTOP)
    time.sleep(LEASE * dice.uniform(1.2, 1.8))
    world.town.workers[number].signal(signal.SIGCONT)
    return f"froze worker {number}"


def jump_clock(world: World, dice: random.Random) -> str:
    """A worker's clock jumps, ahead or back: its leases end too early or too late, and it takes what others still hold."""
    number, span = dice.randrange(len(world.town.clocks)), LEASE * dice.uniform(-3, 6)
    set_clock(world.town.clocks[number], ahead_of(world.town.clocks[number]) + span)
    return f"clock of worker {number} {span:+.0f} s"


def kill_web(world: World, dice: random.Random) -> str:
    """kill -9 while letters come in."""
    world.town.web.signal(signal.SIGKILL)
    time.sleep(dice.uniform(0, 0.5))
    world.town.web.start()
    return "kill -9 web"


def end_web(world: World, dice: random.Random) -> str:
    """SIGTERM, then another one."""
    left = ended(world.town.web.leave())
    world.town.web.start()
    return "SIGTERM web" + ("" if left else ", which had to be killed")


def freeze_web(world: World, dice: random.Random) -> str:
    """The web process stands still."""
    world.town.web.signal(signal.SIGSTOP)
    time.sleep(dice.uniform(0.5, 2))
    world.town.web.signal(signal.SIGCONT)
    return "froze web"


def kill_redis(world: World, dice: random.Random) -> str:
    """The queue dies, now and then with all that it remembered."""
    forget = dice.random() < 0.5
    world.town.redis.kill(forget=forget)
    time.sleep(dice.uniform(0, 2))
    world.town.redis.start()
    return f"killed redis{', its file lost' if forget else ''}"


def freeze_redis(world: World, dice: random.Random) -> str:
    """The queue neither answers nor closes."""
    world.town.redis.signal(signal.SIGSTOP)
    time.sleep(dice.uniform(0.5, 4))
    world.town.redis.signal(signal.SIGCONT)
    return "froze redis"


def crash_database(world: World, dice: random.Random) -> str:
    """PostgreSQL ends as in a crash and recovers."""
    world.town.base.stop()
    time.sleep(dice.uniform(0, 2))
    world.town.base.start()
    return "crashed PostgreSQL"


def fill_disk(world: World, dice: random.Random) -> str:
    """No room for documents and copies of them."""
    if not world.town.disk.there:
        return "no small disk here"
    world.town.disk.fill()
    time.sleep(dice.uniform(0.5, 2))
    world.town.disk.free()
    return "filled the disk"


def upset_relay(world: World, dice: random.Random) -> str:
    """The relay misbehaves for a while."""
    mood = world.relay.mood = dice.choice([mood for mood in Mood if mood is not Mood.WELL])
    time.sleep(dice.uniform(0.5, 2.5))
    world.relay.mood = Mood.WELL
    return f"relay {mood}"


def break_house(world: World, dice: random.Random) -> str:
    """The print house's line breaks in the middle of a hand-over."""
    return f"print house broke {world.house.break_off(dice)} a move"


FAULTS: tuple[tuple[Fault, int], ...] = (
    (kill_worker, 4),
    (end_worker, 2),
    (freeze_worker, 2),
    (jump_clock, 3),
    (kill_web, 2),
    (end_web, 1),
    (freeze_web, 1),
    (kill_redis, 2),
    (freeze_redis, 1),
    (crash_database, 2),
    (fill_disk, 2),
    (upset_relay, 4),
    (break_house, 2),
)


def wreck(world: World, seed: int, count: int, going: Callable[[], bool]) -> list[str]:
    """So many faults, one after the other, fewer where nothing is going on any more; what was done."""
    dice = random.Random(seed)
    kinds, weights = zip(*FAULTS, strict=True)
    done: list[str] = []
    while len(done) < count and going():
        time.sleep(dice.uniform(0.1, 1.0))
        fault = dice.choices(kinds, weights)[0]
        done.append(fault(world, dice))
    world.town.all_stand()
    return done
