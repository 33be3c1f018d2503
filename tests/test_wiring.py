"""Settings become a house: every part is there, carriers are built once from sealed settings, and all of it closes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.commands.founding import found_office
from postoffice.commands.migrate import upgrade
from postoffice.house import House
from postoffice.logs import set_up
from postoffice.model.channel import Channel
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.pdf.document import page_count
from postoffice.settings import Settings
from postoffice.store import carriers, people, printers
from postoffice.wiring import open_house, owner_name

pytestmark = [pytest.mark.timeout(60), pytest.mark.slow]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(data=tmp_path / "data", redis_url=f"unix://{tmp_path}/nobody.sock", min_free_megabytes=1, child_processes=1)
    await upgrade(settings)
    first = await found_office(settings)
    assert first.password and first.printer_token
    async with open_house(settings, set_up(level="error", as_json=True, process="test")) as opened:
        yield opened


async def organisation(house: House) -> str:
    async with house.database.read() as connection:
        found = await people.first_organisation(connection)
    assert found
    return found.id


async def test_founding_twice_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", redis_url="unix:///nobody")
    await upgrade(settings)
    first = await found_office(settings)
    assert await found_office(settings) == first
    assert (settings.data / "first-sign-in.txt").stat().st_mode & 0o077 == 0
    assert (settings.data / "master.key").stat().st_mode & 0o077 == 0


async def test_a_first_office_reaches_everybody_by_the_sandbox(house: House) -> None:
    organisation_id = await organisation(house)
    for live in (True, False):
        assert await house.carriers.names(organisation_id, live=live) == {channel: f"sandbox-{channel.value}" for channel in Channel}
    async with house.database.read() as connection:
        (printer,) = await printers.all_of(connection, organisation_id)
    assert printer.accepting


async def test_a_carrier_is_built_once_and_anew_when_its_settings_change(house: House) -> None:
    organisation_id = await organisation(house)
    first = await house.carriers.get(organisation_id, "sandbox-sms")
    assert await house.carriers.get(organisation_id, "sandbox-sms") is first
    async with house.database.write() as connection:
        row = await carriers.by_name(connection, organisation_id, "sandbox-sms")
        sealed = carriers.seal(house.keyring, {"pace": 9})
        assert "pace" not in str(sealed)
        await carriers.update(connection, row.id, settings=sealed)
    second = await house.carriers.get(organisation_id, "sandbox-sms")
    assert second is not first and second.abilities.ask_after == 5.0
    await house.carriers.forget(organisation_id, "sandbox-sms")
    assert await house.carriers.get(organisation_id, "sandbox-sms") is not second


async def test_a_carrier_that_is_off_or_unknown(house: House) -> None:
    organisation_id = await organisation(house)
    async with house.database.write() as connection:
        row = await carriers.by_name(connection, organisation_id, "sandbox-fax")
        await carriers.update(connection, row.id, enabled=False)
    for name in ("sandbox-fax", "pigeon"):
        with pytest.raises(NotFound) as caught:
            await house.carriers.get(organisation_id, name)
        assert caught.value.help
    assert Channel.FAX not in await house.carriers.names(organisation_id, live=True)


async def test_tests_stop_at_the_sandbox(house: House) -> None:
    organisation_id = await organisation(house)
    async with house.database.write() as connection:
        await carriers.add(
            connection,
            organisation_id=organisation_id,
            name="our relay",
            kind="smtp",
            channel=Channel.EMAIL,
            settings=carriers.seal(house.keyring, {}),
            now=house.clock.now(),
            preferred=5,
        )
    assert (await house.carriers.names(organisation_id, live=True))[Channel.EMAIL] == "our relay"
    assert (await house.carriers.names(organisation_id, live=False))[Channel.EMAIL] == "sandbox-email"


async def test_settings_of_a_carrier_are_checked(house: House) -> None:
    assert {kind.channel for kind in house.carriers.kinds()} == set(Channel)
    assert house.carriers.check("sandbox-email", {"pace": "2"})["pace"] == 2.0
    for kind, settings in (("pigeon", {}), ("sandbox-email", {"pace": "soon"}), ("sandbox-email", {"wings": 2})):
        with pytest.raises(PostOfficeError):
            house.carriers.check(kind, settings)


async def test_documents_have_their_organisations_key(house: House, tmp_path: Path) -> None:
    organisation_id = await organisation(house)
    stored = await house.documents.put(organisation_id, b"%PDF-1.4")
    assert await house.documents.get(organisation_id, stored.sha256) == b"%PDF-1.4"
    with pytest.raises(NotFound):
        await house.documents.put("nobody", b"x")


async def test_the_workshop_works_and_says_why_not(house: House, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(PostOfficeError) as caught:
        await house.workshop.run(page_count, broken)
    assert caught.value.code and caught.value.help


async def test_a_bell_that_nobody_hears_holds_nobody_up(house: House) -> None:
    await house.bell.ring("post", "b", 1)


def test_owners_differ() -> None:
    assert len({owner_name() for _ in range(100)}) == 100 and len(owner_name()) <= 80
