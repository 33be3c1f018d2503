"""Messages a second through the SMPP carrier, receipts told; beside the client of npm's smpp, into the same gateway.

The gateway is tests/real/smsc.js on npm's smpp 0.5.1. One run is left in peace; in the other the gateway is killed in the middle and
started again, and what was lost or doubled is counted from its record.
"""

import argparse
import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from postoffice.model.channel import Channel
from postoffice.model.delivery import Piece
from postoffice.model.errors import PostOfficeError
from tests.channels.fakes import ListLog, make_piece
from tests.real import npm
from tests.real.smsc import HERE, Run, Smsc, drive

COUNT = 10_000
WINDOW = 50


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures, and the ratio to npm's client."""
    count = arguments.count or COUNT
    try:
        peer = _peer(count)
        calm, _ = asyncio.run(_ours(count, kill=False))
        hurt, counted = asyncio.run(_ours(count, kill=True))
    except npm.Missing as missing:
        raise PostOfficeError("no-gateway", f"The gateway cannot be had here: {missing}", help="Install node and npm.") from None
    return {
        "figures": {
            "messages": count,
            "submitted_per_second": count / calm.seconds_sent,
            "with_receipts_per_second": count / calm.seconds,
            "npm_smpp_with_receipts_per_second": peer,
            "restart_with_receipts_per_second": count / hurt.seconds,
            "restart_in_doubt": len(hurt.doubts),
            **counted,
        },
        "ratios": {"npm_smpp": count / calm.seconds / peer},
    }


def _peer(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        smsc = Smsc(Path(folder)).start()
        try:
            words = [npm.node(), str(HERE / "smpp_client.js"), str(smsc.port), str(count), str(WINDOW)]
            told = subprocess.run(words, env=smsc.environment(), capture_output=True, text=True, timeout=300, check=True)
        finally:
            smsc.kill()
    return count / (float(told.stdout) / 1000)


async def _ours(count: int, *, kill: bool) -> tuple[Run, dict[str, int]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        smsc = Smsc(folder).start()
        pieces = [make_piece(Channel.SMS, to=f"+33690{1_000_000 + number}") for number in range(count)]
        carrier = smsc.carrier(ListLog(), folder / "journal")
        try:
            driving = asyncio.create_task(drive(carrier, pieces, patience=240.0))
            if kill:
                await _kill_in_the_middle(smsc, count)
            done = await driving
            return done, _count(smsc, pieces, done)
        finally:
            await carrier.close()
            smsc.kill()


async def _kill_in_the_middle(smsc: Smsc, count: int) -> None:
    bytes_each = len("T 00000001 336901000000 MAIRIE\n") + len("R 00000001\n") * 0.9
    while not smsc.record.exists() or smsc.record.stat().st_size < count / 2 * bytes_each:
        await asyncio.sleep(0.01)
    smsc.kill()
    smsc.start()


def _count(smsc: Smsc, pieces: list[Piece], done: Run) -> dict[str, int]:
    """Lost: called taken and not taken, or its receipt never told. Doubled: taken more than once."""
    taken = smsc.taken()
    number_of = {piece.key: piece.to for piece in pieces}
    lost = sum(number_of[key] not in taken or key not in done.events for key in done.receipts)
    return {
        "restart_lost": lost + len(pieces) - len(done.receipts) - len(done.doubts),
        "restart_doubled": sum(copies > 1 for copies in taken.values()),
    }
