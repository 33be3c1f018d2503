"""What is announced on the network leads to the desk and holds no token."""

import pytest

from postoffice.intake.ipp.discovery import announced, services, txt_record
from tests.intake.ipp.fakes import TOKEN

pytest.importorskip("zeroconf", reason="the package zeroconf (extra discovery) is not installed")


def test_nothing_secret_is_announced() -> None:
    record = txt_record("Post office", "First floor", "https://desk.example")
    assert record["rp"] == "ipp/print" and TOKEN not in str(record)
    assert record["adminurl"] == "https://desk.example/admin/printers"
    assert all(len(f"{key}={value}") < 255 for key, value in record.items())


async def test_services_are_announced_and_withdrawn() -> None:
    found = services("St. Mary's post", "", "https://desk.example", {"ipp": 8631, "ipps": 8632}, ["127.0.0.1", "::1"])
    assert [one.type for one in found] == ["_ipp._tcp.local.", "_ipps._tcp.local."]
    assert found[0].port == 8631 and found[0].properties[b"rp"] == b"ipp/print"
    async with announced([]):
        pass
