"""Our webhooks before a judge that this project did not write: the standardwebhooks library for node."""

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from postoffice.pipeline.telling import signatures
from postoffice.store.hooks import new_secret
from tests.real import npm

pytestmark = pytest.mark.real

JUDGE = """
const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
try { new Webhook(secret).verify(body, headers); console.log("good"); } catch (error) { console.log("bad: " + error.message); }
"""


@pytest.fixture(scope="module")
def modules() -> Path:
    try:
        return npm.installed("standardwebhooks", "1.0.0")
    except npm.Missing as why:
        pytest.skip(str(why))


def verdict(modules: Path, secret: str, signed_with: Sequence[str], body: bytes, *, changed: bytes = b"", age: int = 0) -> str:
    stamp = int(datetime.now(UTC).timestamp()) - age
    headers = {
        "webhook-id": "msg_01",
        "webhook-timestamp": str(stamp),
        "webhook-signature": signatures(signed_with, "msg_01", stamp, body),
    }
    told = json.dumps({"secret": secret, "body": (changed or body).decode(), "headers": headers})
    done = subprocess.run(
        [npm.node(), "-e", JUDGE], input=told, capture_output=True, text=True, timeout=30, check=True, cwd=modules.parent
    )
    return done.stdout.strip()


def test_the_standard_library_takes_our_signature(modules: Path) -> None:
    new, old, stranger = new_secret(), new_secret(), new_secret()
    body = '{"type":"item.delivered","data":{"item_reference":"réf-é"}}'.encode()
    assert verdict(modules, new, [new], body) == "good"
    assert [verdict(modules, secret, [new, old], body) for secret in (new, old)] == ["good", "good"], "during a rotation"
    for bad in (
        verdict(modules, stranger, [new, old], body),
        verdict(modules, new, [new], body, changed=body.replace(b"delivered", b"bounced")),
        verdict(modules, new, [new], body, age=3600),
    ):
        assert bad.startswith("bad"), bad
