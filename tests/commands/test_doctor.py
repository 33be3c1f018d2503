"""`postoffice doctor` finds what is wrong, says what to do, and tells nobody's name."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from postoffice.__main__ import main
from postoffice.commands.checkup import machine
from postoffice.commands.checkup.line import Line, Verdict, told
from postoffice.commands.doctor import look
from postoffice.model.ids import new_id
from postoffice.settings import Settings, WrongSetting
from postoffice.store import schema as tables
from postoffice.store.troubles import without_persons
from postoffice.worker import QUEUES
from tests.commands.office import Lying


def _of(lines: list[Line], about: str) -> list[tuple[str, str]]:
    return [(line.verdict.name, line.found) for line in lines if line.about == about]


async def _look(office: Lying, environment: Mapping[str, str] | None = None) -> list[Line]:
    return await look(office.settings, environment or {}, None)


async def _beat(office: Lying, queues: list[str]) -> None:
    now = datetime.now(UTC)
    row = {"owner": "host:1", "kind": "worker", "queues": queues, "started_at": now, "seen_at": now}
    await office.write(tables.heartbeats.delete(), tables.heartbeats.insert().values(row))


@pytest.mark.slow
async def test_a_well_office_but_for_the_queue(office: Lying) -> None:
    await _beat(office, list(QUEUES))
    lines = await _look(office)
    assert {line.about for line in lines if line.verdict is Verdict.BAD} == {"queue"}  # no Redis runs here
    assert all(line.todo for line in lines if line.verdict is not Verdict.OK)
    seen = {
        "settings",
        "master key",
        "disk",
        "documents",
        "programs",
        "database",
        "schema",
        "stored keys",
        "workers",
        "queue age",
        "stuck",
    }
    assert seen | {"set aside", "carriers"} <= {line.about for line in lines}


async def test_redis_without_a_file_is_warned_of_and_its_clock_read(office: Lying, redis_server: str) -> None:
    settings = office.settings.model_copy(update={"redis_url": redis_server})
    lines = await look(settings, {}, None)
    assert [verdict for verdict, _ in _of(lines, "queue")] == ["OK", "WARN"]
    assert _of(lines, "clocks")[0][0] == "OK"


async def test_trouble_of_the_work_is_told_without_names(office: Lying) -> None:
    old = datetime.now(UTC) - timedelta(days=1)
    batch = new_id()
    dead = {"id": batch, "organisation_id": office.organisation_id, "step": "read", "subject_id": office.mailing_id, "queue": "compose"}
    dead |= {"priority": 5, "data": {}, "token": 3, "failures": 8, "rings": 0, "created_at": old}
    said = "550 <bob1@recipient.example> at +33 6 12 34 56 78 unknown"
    await _beat(office, ["compose"])
    await office.write(
        tables.batches.insert().values(dead | {"state": "dead", "error": "TypeError at compose/read.py:7"}),
        tables.batches.insert().values(dead | {"id": new_id(), "state": "open", "queue": "fax", "error": ""}),
        tables.carriers.update().where(tables.carriers.c.channel == "email").values(last_error_at=datetime.now(UTC), last_error=said),
        tables.items.update().where(tables.items.c.position == 1).values(state="in_doubt", updated_at=old),
    )
    lines = await _look(office)
    assert _of(lines, "workers")[0][0] == "BAD" and "fax" in _of(lines, "workers")[0][1]
    assert _of(lines, "queue age")[0][0] == "BAD" and _of(lines, "stuck")[0][0] == "WARN"
    assert batch in _of(lines, "set aside")[0][1] and f"--revive {batch}" in str(lines)
    assert _of(lines, "carriers")[0][0] == "WARN" and "550" in _of(lines, "carriers")[0][1]
    for secret in ("bob1", "12 34", office.settings.key.hex()):
        assert secret not in str(lines)


def test_a_dead_batch_is_opened_again_once_and_the_audit_says_so(office: Lying, capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    batch = asyncio.run(office.rows(sa.select(tables.batches.c.id)))[0].id
    asyncio.run(office.write(tables.batches.update().where(tables.batches.c.id == batch).values(state="dead", failures=8)))
    words = ["doctor", "--revive", batch, "--data", str(office.settings.data)]
    assert main(words) == 0 and "open again" in capsys.readouterr().out
    (row,) = asyncio.run(office.rows(tables.batches.select().where(tables.batches.c.id == batch)))
    assert (row.state, row.failures) == ("open", 0)
    noted = asyncio.run(office.rows(tables.audit.select().where(tables.audit.c.subject == batch)))
    assert [(one.action, one.actor) for one in noted] == [("batch.revive", "office")]
    assert main(words) == 2 and "set aside" in capsys.readouterr().err


def test_the_verb_ends_with_its_worst_verdict_and_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--no-dns", "--json", "--data", str(tmp_path / "nothing")]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "bad" and set(answer["lines"][0]) == {"about", "verdict", "found", "todo"}
    assert not (tmp_path / "nothing").exists()
    assert main(["doctor", "--dashboard"]) == 0 and json.loads(capsys.readouterr().out)["title"] == "Post office"


@pytest.mark.parametrize(
    ("given", "about", "verdict"),
    [
        ({"public_url": "http://post.example.org"}, "address", "BAD"),
        ({"public_url": "http://8.8.8.8"}, "address", "BAD"),
        ({"public_url": "https://post.example.org"}, "address", "WARN"),
        ({"host": "0.0.0.0"}, "address", "WARN"),
        ({"public_url": "http://10.0.0.7"}, "settings", "OK"),
        ({"public_url": "https://post.example.org", "behind_proxies": 1}, "settings", "OK"),
    ],
)
def test_addresses(tmp_path: Path, given: dict[str, Any], about: str, verdict: str) -> None:
    lines = machine.settings_lines(Settings(data=tmp_path, **given), {})
    assert [(line.about, line.verdict.name) for line in lines] == [(about, verdict)]


def test_unknown_settings_are_named_but_not_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "office.env").write_text("# POSTOFFICE_OLD=1\nPOSTOFFICE_MASTERKEY=verysecret\nPOSTOFFICE_PORT=1\n")
    lines = machine.settings_lines(Settings(data=tmp_path), {"POSTOFFICE_WORKER": "hidden", "PATH": "/bin"})
    assert [line.found.split()[0] for line in lines] == ["POSTOFFICE_MASTERKEY", "POSTOFFICE_WORKER"]
    assert "POSTOFFICE_MASTER_KEY" in lines[0].todo and "verysecret" not in str(lines) and "hidden" not in str(lines)


def test_keys_and_disk(office: Lying) -> None:
    settings, key = office.settings, office.settings.data / "master.key"
    assert machine.key_lines(settings)[0].verdict is Verdict.OK
    key.chmod(0o644)
    assert machine.key_lines(settings)[0].verdict is Verdict.WARN
    key.write_text("short")
    assert machine.key_lines(Settings(data=settings.data))[0].verdict is Verdict.BAD
    assert machine.disk_lines(settings.model_copy(update={"min_free_megabytes": 10**9}))[0].verdict is Verdict.BAD
    assert {line.about for line in machine.disk_lines(settings)} >= {"disk", "documents"}


async def test_another_master_key_does_not_open_what_is_stored(office: Lying) -> None:
    (office.settings.data / "master.key").write_text("11" * 32)
    lines = await look(Settings(data=office.settings.data, redis_url="unix:///nobody"), {}, None)
    assert _of(lines, "stored keys")[0][0] == "BAD"


async def test_a_check_that_breaks_says_so_without_its_words() -> None:
    async def broken() -> list[Line]:
        raise ValueError("bob@recipient.example")

    (line,) = await told("x", broken())
    assert line.verdict is Verdict.BAD and "bob" not in str(line)
    assert without_persons("421 try later, see https://relay.example/x?token=1") == "421 try later, see ..."


async def test_traces_that_cannot_go_where_they_are_wanted(office: Lying, unused_tcp_port: int) -> None:
    async def told_of(url: str) -> list[tuple[str, str]]:
        return _of(await machine.traces_lines(office.settings.model_copy(update={"traces_url": url})), "traces")

    assert await told_of("") == []
    ((verdict, found),) = await told_of("collector:4318")
    assert verdict == "BAD" and "POSTOFFICE_TRACES_URL" in found
    pytest.importorskip("opentelemetry.sdk", reason="the extra `traces` is not installed")
    assert await told_of(f"http://127.0.0.1:{unused_tcp_port}") == [("WARN", "the collector does not answer (ConnectionRefusedError)")]
    async with TestServer(web.Application()) as server:
        assert await told_of(str(server.make_url("/"))) == [("OK", "the collector answers; 100% of all journeys are traced")]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("POSTOFFICE_PORT", "secret-1", "port of desk, portal, API and printer"),
        ("POSTOFFICE_LOG_LEVEL", "secret-1", "debug, info, warning or error"),
        ("POSTOFFICE_TRACES_SHARE", "7.5", "from 0 to 1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_value_is_not(
    name: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "office.env").write_text(f"{name}={value}\n")
    assert main(["doctor", "--no-dns", "--data", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert f"{name} cannot be used" in told and said in told and "office.env" in told and value not in told


@pytest.mark.parametrize("url", ["postgres://u:secret-1@h/n", "secret-1", "postgresql+asyncpg://h:secret-1/n"])
async def test_a_database_s_address_of_no_known_form(url: str, tmp_path: Path) -> None:
    lines = await look(Settings(data=tmp_path, database_url=url), {}, None)
    (line,) = [line for line in lines if line.about == "database"]
    assert line.verdict is Verdict.BAD and "postgresql+asyncpg://" in line.todo and "secret-1" not in line.found


def test_a_damaged_master_key_is_no_riddle(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("zz\n")
    with pytest.raises(WrongSetting) as caught:
        _ = Settings(data=tmp_path).key
    assert "64 hexadecimal digits" in caught.value.message and "Lay back" in caught.value.help
