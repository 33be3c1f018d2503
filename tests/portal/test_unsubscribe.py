"""One-click unsubscription (RFC 8058): programs and people, once and often, with odd bodies and forged addresses."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from postoffice.model.channel import Channel, Purpose
from postoffice.model.ids import new_id
from postoffice.portal import mask_token
from postoffice.store import deliveries, events, suppressions
from postoffice.store import schema as tables
from tests.doors import Office
from tests.portal.conftest import Letter, sent

CLICK = {"List-Unsubscribe": "One-Click"}


async def mailed(office: Office, purpose: Purpose = Purpose.PROMOTION) -> tuple[Letter, str]:
    """A letter that went by e-mail, and the path of its List-Unsubscribe address."""
    (letter,) = await sent(office, 1, purpose=purpose)
    key = new_id()
    row = {"id": key, "organisation_id": letter.item.organisation_id, "mailing_id": letter.item.mailing_id, "item_id": letter.item.id}
    more = {"batch_id": None, "rung": 0, "channel": "email", "carrier": "relay", "to": "Anne@Example.fr"}
    async with office.house.database.write() as connection:
        await deliveries.add_all(connection, [{**row, **more, "created_at": office.clock.now()}])
    return letter, f"/u/{office.house.keyring.unsubscribe_token(key)}"


async def blocked(office: Office, purpose: Purpose, address: str = "anne@example.fr") -> bool:
    blind = office.house.keyring.blind(suppressions.normal(Channel.EMAIL, address, None))
    async with office.house.database.read() as connection:
        found = await suppressions.among(connection, office.organisation_id, purpose, [blind], office.clock.now())
    return (Channel.EMAIL, blind) in found


async def told(office: Office, letter: Letter) -> list[str]:
    async with office.house.database.read() as connection:
        return [line.kind.value for line in await events.of_item(connection, letter.item.id)]


async def test_one_post_without_cookie_or_redirect_takes_effect_at_once(office_on_both: Office) -> None:
    office = office_on_both
    letter, path = await mailed(office)
    answer = await office.client.post(path, data=CLICK, allow_redirects=False)
    assert answer.status == 200 and "Set-Cookie" not in answer.headers
    assert await blocked(office, Purpose.PROMOTION)
    assert not await blocked(office, Purpose.INVOICE), "only what it was for"
    assert (await told(office, letter)).count("opted_out") == 1


async def test_the_second_and_third_time_change_nothing(office: Office) -> None:
    letter, path = await mailed(office)
    for _ in range(3):
        assert (await office.client.post(path, data=CLICK)).status == 200
        office.clock.time += timedelta(minutes=1)
    async with office.house.database.read() as connection:
        rows = await connection.scalar(sa.select(sa.func.count()).select_from(tables.suppressions))
    assert rows == 1 and (await told(office, letter)).count("opted_out") == 1


async def test_a_get_by_a_scanner_changes_nothing(office: Office) -> None:
    letter, path = await mailed(office)
    for method in ("GET", "HEAD"):
        answer = await office.client.request(method, path)
        assert answer.status == 200 and answer.headers["Referrer-Policy"] == "no-referrer"
    text = await (await office.client.get(path)).text()
    assert "Example.fr" not in text and 'name="List-Unsubscribe"' in text
    assert not await blocked(office, Purpose.PROMOTION) and "opted_out" not in await told(office, letter)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded", 200),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            200,
        ),
        (b"", "application/x-www-form-urlencoded", 422),
        (b"List-Unsubscribe=No", "application/x-www-form-urlencoded", 422),
        (b"x" * 20_000 + b"&List-Unsubscribe=One-Click", "application/x-www-form-urlencoded", 422),
        (b"\xff\x00", "text/plain", 422),
    ],
)
async def test_what_a_mailbox_program_sends_and_what_it_does_not(office: Office, body: bytes, kind: str, status: int) -> None:
    _, path = await mailed(office)
    answer = await office.client.post(path, data=body, headers={"Content-Type": kind, "Origin": "https://mail.example"})
    assert answer.status == status
    assert await blocked(office, Purpose.PROMOTION) == (status == 200)


async def test_forged_and_cut_addresses_lead_nowhere(office: Office) -> None:
    _, path = await mailed(office)
    for odd in (path[:-1], path + "a", "/u/" + new_id(), "/u/é", "/u/" + "a" * 5000, path[:-32] + "a" * 32):
        assert (await office.client.post(odd, data=CLICK)).status == 404
    assert not await blocked(office, Purpose.PROMOTION)


def test_the_token_is_kept_out_of_logs() -> None:
    assert mask_token("GET /u/01abcsecret HTTP/1.1") == "GET /u/*** HTTP/1.1"
