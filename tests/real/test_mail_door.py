"""The whole way of a bounce: a running office, its mail door, and the letter that it speaks of."""

import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postoffice.model import return_path
from postoffice.store.keys import Keyring
from tests import servers
from tests.papers.merge import make_merge
from tests.pipeline.returning import bounce
from tests.real.client import Api
from tests.real.office import Office

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("door") / "data", mail_port=servers.free_port()).start()
    yield office
    office.stop()


def handed_over(api: Api, folder: Path) -> tuple[str, str]:
    """A letter that the sandbox took by e-mail and says no more of: ids of item and delivery."""
    status, _ = api.upload(make_merge(folder, 1, engine="weasyprint")[0].read_bytes(), name="Factures")
    assert status in (200, 201, 202)
    mailing = api.until(f"/mailings/{api.newest()['id']}", lambda one: one["state"] == "waiting")
    (item,) = api.items(mailing["id"])
    api.call("PATCH", f"/items/{item['id']}", {"email": "silent@example.fr", "channel": "email"})
    api.call("POST", f"/mailings/{mailing['id']}/send", {})
    api.until(f"/items/{item['id']}", lambda one: one["state"] == "handed_over")
    events = api.call("GET", f"/items/{item['id']}/events")["data"]
    return item["id"], next(one["delivery_id"] for one in events if one["kind"] == "handed_over")


def test_a_bounce_at_the_door_reaches_its_letter_once(running: Office, tmp_path: Path) -> None:
    api = Api(running)
    item_id, delivery_id = handed_over(api, tmp_path)
    key = Keyring(bytes.fromhex((Path(running.data) / "master.key").read_text().strip())).return_path_key()
    back = return_path.make(key, delivery_id, "bounces.example")
    port = int(running.environment["POSTOFFICE_MAIL_PORT"])
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.starttls()
        client.ehlo()
        for _ in range(2):
            assert client.sendmail("", [back], bounce(to="silent@example.fr")) == {}
        client.mail("")
        assert client.rcpt("someone@else.example")[0] == 550
    item: dict[str, Any] = api.until(f"/items/{item_id}", lambda one: one["state"] == "failed")
    assert item["id"] == item_id
    kinds = [one["kind"] for one in api.call("GET", f"/items/{item_id}/events")["data"]]
    assert kinds.count("bounced") == 1
