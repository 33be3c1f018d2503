"""The negative control: a sender that notes how far it has read when it fetches, as some mailers do, before anything was sent.

Killed and started again, it goes on behind its checkpoint and skips what it had fetched: the same relay and the same auditor's
question must find that out. A harness that calls this sender faultless would be no proof of anything.
"""

import random
import signal
import smtplib
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.relay import Relay

FETCH = 50  #: recipients at once


def checkpoint_sender_loses(count: int, seed: int, kills: int = 5) -> int:
    """How many of `count` recipients never got their mail though the sender says that it is done; it is killed `kills` times."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="po-chaos-control-") as folder, Relay() as relay:
        path = Path(folder) / "list.db"
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE recipient (id INTEGER PRIMARY KEY, email TEXT)")
        base.execute("CREATE TABLE campaign (last INTEGER)")
        base.execute("INSERT INTO campaign VALUES (0)")
        base.executemany("INSERT INTO recipient VALUES (?, ?)", ((number, f"c{number}@x.fr") for number in range(1, count + 1)))
        base.commit()
        base.close()
        marks = sorted(dice.sample(range(count // 20, count * 4 // 5), kills))
        for mark in [*marks, count]:
            sender = subprocess.Popen([sys.executable, "-m", "tests.chaos.control", str(path), str(relay.port)])
            while sender.poll() is None and (mark == count or len(relay.taken) < mark):
                time.sleep(0.005)
            sender.send_signal(signal.SIGKILL)
            sender.wait(200)
        return count - len({recipient for recipient, _ in relay.taken})


def send_all(path: Path, port: int) -> None:
    """Fetch, note, send; until nothing is left."""
    base = sqlite3.connect(path)
    while True:
        (last,) = base.execute("SELECT last FROM campaign").fetchone()
        rows = base.execute("SELECT id, email FROM recipient WHERE id > ? ORDER BY id LIMIT ?", (last, FETCH)).fetchall()
        if not rows:
            return
        base.execute("UPDATE campaign SET last = ?", (rows[-1][0],))
        base.commit()  # the mistake: it is noted as done, and not one of them was sent
        with smtplib.SMTP("127.0.0.1", port) as line:
            for number, email in rows:
                line.sendmail("office@example.fr", email, f"Message-ID: <{number}@control>\r\nSubject: hello\r\n\r\nhello\r\n")
                time.sleep(0.001)


if __name__ == "__main__":
    send_all(Path(sys.argv[1]), int(sys.argv[2]))
