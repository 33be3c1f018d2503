"""Kannel as second judge: what our carrier puts on the wire for a text is what Kannel's own SMPP client puts there."""

import asyncio
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from postoffice.model.channel import Channel
from tests.channels.fakes import make_piece
from tests.channels.sms.gateway import Gateway, Submit
from tests.channels.sms.test_smpp import carrier_of
from tests.servers import free_port, program, wait_for

pytestmark = pytest.mark.real

CONFIGURATION = """\
group = core
admin-port = {admin}
admin-password = bar
admin-allow-ip = 127.0.0.1
smsbox-port = {box}
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 2

group = smsc
smsc = smpp
smsc-id = judge
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = post
smsc-password = secret
system-type = ""

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {web}
sendsms-interface = 127.0.0.1
log-level = 2

group = sendsms-user
username = u
password = p
max-messages = 6
concatenation = true

group = sms-service
keyword = default
text = ""
max-messages = 0
"""


class Kannel:
    """bearerbox and smsbox, bound to a gateway of ours."""

    def __init__(self, folder: Path, smsc: int) -> None:
        boxes = [program("bearerbox", "/usr/sbin/bearerbox"), program("smsbox", "/usr/sbin/smsbox")]
        self.web = free_port()
        self._configuration = folder / "kannel.conf"
        self._configuration.write_text(CONFIGURATION.format(admin=free_port(), box=free_port(), smsc=smsc, web=self.web))
        self._running = [self._start(boxes[0])]
        time.sleep(1.0)  # smsbox gives up where bearerbox does not listen yet
        self._running.append(self._start(boxes[1]))

    def _start(self, box: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([box, str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, text: str, coding: int) -> int:
        fields = {"username": "u", "password": "p", "from": "MAIRIE", "to": "33639980042", "text": text, "charset": "UTF-8"}
        query = urllib.parse.urlencode(fields | {"coding": str(coding), "dlr-mask": "31", "dlr-url": "http://127.0.0.1:9/"})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/cgi-bin/sendsms?{query}", timeout=10) as answer:
            return int(answer.status)

    def reachable(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.web}/", timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self) -> None:
        for box in reversed(self._running):
            box.terminate()
        for box in reversed(self._running):
            try:
                box.wait(10)
            except subprocess.TimeoutExpired:
                box.kill()
                box.wait(10)


def wire(submits: list[Submit]) -> list[tuple[object, ...]]:
    """What must be alike. Each sender chooses the number that joins the parts; Kannel asks for the first part's receipt only."""
    return [
        (
            one.source,
            one.source_ton,
            one.destination,
            one.esm_class & 0x40,
            one.coding,
            one.text[:3] + one.text[4:] if one.esm_class & 0x40 else one.text,
        )
        for one in submits
    ]


TEXTS = ["Mairie de Lys : votre facture est prête".replace("ê", "e"), "Été à 5 € [@] ~", "a" * 300, "Fête à Lys", "ê" * 150]


async def test_the_wire_is_alike(tmp_path: Path) -> None:
    if shutil.which("bearerbox", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("kannel is not installed")
    gateway = await Gateway().start()
    kannel = await asyncio.to_thread(Kannel, tmp_path, gateway.port)
    carrier = carrier_of(gateway, window=1)
    try:
        await gateway.wait_bound()
        await asyncio.to_thread(wait_for, kannel.reachable, what="smsbox")
        for text in TEXTS:
            gateway.submits.clear()
            receipt = await carrier.send(make_piece(Channel.SMS, text=text))
            ours, count = wire(gateway.submits), len(receipt.reference.split())
            coding = gateway.submits[0].coding
            gateway.submits.clear()
            await asyncio.to_thread(kannel.send, text, 2 if coding == 8 else 0)
            for _ in range(200):
                if len(gateway.submits) >= count:
                    break
                await asyncio.sleep(0.05)
            assert wire(gateway.submits) == ours
    finally:
        await carrier.close()
        await asyncio.to_thread(kannel.stop)
        await gateway.stop()
