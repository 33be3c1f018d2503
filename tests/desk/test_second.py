"""The second step: an app's codes, recovery codes, what an organisation asks for, proving again, sessions of one's own."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from postoffice.model import totp
from postoffice.model.people import Grant, Role, User
from postoffice.store import factors, people, sign_ins
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Browser, Office
from tests.desk.offices import actions

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, SHA-1, its last six digits."""
    assert totp.code_of(SECRET, seconds // totp.SECONDS) == code


def code_at(clock: FixedClock, ahead: int = 0, secret: bytes = SECRET) -> str:
    return totp.code_of(secret, totp.step_of(clock.now()) + ahead)


@pytest.fixture
async def codes(office: Office, user: User) -> list[str]:
    """Alice has an app, and these recovery codes."""
    async with office.house.database.write() as connection:
        await factors.set_app(connection, office.house.keyring, user.id, SECRET, None)
        return await factors.new_recovery_codes(connection, office.house.keyring, user, office.house.clock.now())


async def first_step(client: Any, email: str = "alice@example.org", wanted: str = "/mailings") -> None:
    form = {"email": email, "password": PASSWORD, "next": wanted}
    answer = await client.post("/sign-in", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in/second")
    assert [cookie.partition("=")[0] for cookie in answer.headers.getall("Set-Cookie")] == ["postoffice-step"]


async def second_step(client: Any, code: str) -> tuple[int, str]:
    answer = await client.post("/sign-in/second", data={"code": code}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def test_a_password_alone_opens_nothing(office: Office, codes: list[str], clock: FixedClock) -> None:
    async with TestClient(TestServer(office.app)) as client:
        await first_step(client)
        assert (await client.get("/mailings", allow_redirects=False)).headers["Location"].startswith("/sign-in")
        assert (await client.get("/sign-in/second")).status == 200
        assert (await second_step(client, code_at(clock, -2)))[0] == 403
        assert await second_step(client, code_at(clock)) == (303, "/mailings")
        assert (await client.get("/mailings", allow_redirects=False)).status == 200
    async with TestClient(TestServer(office.app)) as client:
        await first_step(client)
        assert (await second_step(client, code_at(clock)))[0] == 403, "a code opens once"
        assert (await second_step(client, code_at(clock, 1)))[0] == 303, "a clock may be half a minute early"
    assert await actions(office) == ["account.sign-in", "account.sign-in"]


async def test_five_wrong_codes_end_the_sign_in_and_twenty_pause_the_account(
    office: Office, codes: list[str], clock: FixedClock
) -> None:
    statuses: list[int] = []
    for _ in range(5):
        async with TestClient(TestServer(office.app)) as client:
            await first_step(client)
            statuses += [(await second_step(client, "000000"))[0] for _ in range(5)]
    assert statuses == [403, 403, 403, 403, 303] * 4 + [429] * 5
    clock.pass_by(minutes=16)
    async with TestClient(TestServer(office.app)) as client:
        await first_step(client)
        assert (await second_step(client, code_at(clock)))[0] == 303


async def test_a_half_done_sign_in_ends(office: Office, user: User, codes: list[str], clock: FixedClock) -> None:
    async with TestClient(TestServer(office.app)) as client:
        await first_step(client)
        clock.pass_by(minutes=10)
        assert await second_step(client, code_at(clock)) == (303, "/sign-in")
        await first_step(client)
        async with office.house.database.write() as connection:
            await people.set_password(connection, user.id, "another one, longer")
        assert await second_step(client, code_at(clock)) == (303, "/sign-in"), "the password was changed meanwhile"


async def test_a_recovery_code_opens_once_and_is_kept_as_a_keyed_hash(office: Office, user: User, codes: list[str]) -> None:
    for expected in (303, 403):
        async with TestClient(TestServer(office.app)) as client:
            await first_step(client)
            assert (await second_step(client, f" {codes[3].upper()} "))[0] == expected
    async with office.house.database.read() as connection:
        assert await factors.recovery_codes_left(connection, user.id) == 9


async def test_an_app_is_set_up_once_its_code_was_typed(office: Office, user: User, alice: Browser, clock: FixedClock) -> None:
    other = await office.cookie_of(user)
    _status, page, _ = await alice.post("/account/second/app")
    letters = re.search(r"<code[^>]*>([A-Z2-7 ]{39})</code>", page)
    step = re.search(r'name="step" value="(\w+)"', page)
    assert letters and step and "<path" in page
    secret = totp.of_letters(letters[1].replace(" ", ""))
    assert (await alice.post("/account/second/app/confirm", {"step": step[1], "code": "123"}))[0] == 422
    status, page, _ = await alice.post("/account/second/app/confirm", {"step": step[1], "code": code_at(clock, 0, secret)})
    shown = re.findall(r"<li><code>([a-z2-9]{5}-[a-z2-9]{5})</code>", page)
    assert status == 200 and len(set(shown)) == 10
    assert (await alice.post("/account/second/app/confirm", {"step": step[1], "code": code_at(clock, 1, secret)}))[0] == 409
    now, idle = clock.now(), house.timedelta(hours=2)
    async with office.house.database.read() as connection:
        assert await people.session(connection, other[0], now, idle) is None, "other sessions end"
        known = await people.user(connection, user.id)
        assert known and known.has_app
    assert (await alice.post("/account/second/app/remove"))[0] == 303
    async with office.house.database.read() as connection:
        assert await factors.recovery_codes_left(connection, user.id) == 0
    assert await actions(office) == ["account.app-on", "account.app-off"]


def test_the_qr_code_says_the_address() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image, ImageDraw

    from postoffice.desk.account import qr_code

    text = totp.address(SECRET, "zoé@example.org", "Mairie: Évian")
    side, path = qr_code(text)
    picture = Image.new("L", (side * 4, side * 4), 255)
    for x, y, wide, high in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+Z", path):
        box = [int(x) * 4, int(y) * 4, (int(x) + int(wide)) * 4 - 1, (int(y) + int(high)) * 4 - 1]
        ImageDraw.Draw(picture).rectangle(box, 0)
    assert zxingcpp.read_barcode(picture).text == text
    assert text.startswith("otpauth://totp/Mairie%3A%20%C3%89vian:zo%C3%A9%40example.org?secret=GEZDGNBV")


async def test_a_role_that_must_have_one_sets_it_up_before_anything_else(office: Office, alice: Browser) -> None:
    assert (await alice.post("/admin/people/second-factor", {"second-sender": "1"}))[0] == 303
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER))
    async with house.browser(office, bob) as his:
        for path in ("/", "/mailings", "/account", "/upload"):
            assert (await his.client.get(path, allow_redirects=False)).headers["Location"] == "/account/second"
        assert "Your role asks for one" in (await his.get("/account/second"))[1]
        async with office.house.database.write() as connection:
            await factors.set_app(connection, office.house.keyring, bob.id, SECRET, None)
        assert (await his.get("/mailings"))[0] == 200
    assert (await alice.get("/mailings"))[0] == 200, "administrators were not named"
    assert await actions(office) == ["office.second-factor"]


async def test_an_administrator_takes_away_a_lost_one(office: Office, alice: Browser) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER))
    async with office.house.database.write() as connection:
        await factors.set_app(connection, office.house.keyring, bob.id, SECRET, None)
    async with house.browser(office, bob) as his:
        assert (await alice.post(f"/admin/people/{bob.id}/second-factor"))[0] == 303
        assert (await his.get("/"))[0] == 303
    async with office.house.database.read() as connection:
        known = await people.user(connection, bob.id)
    assert known and not known.second_factor
    assert await actions(office) == ["user.second-reset"]


async def test_what_is_dangerous_asks_again_after_a_while(office: Office, alice: Browser, clock: FixedClock) -> None:
    assert (await alice.get("/admin/keys"))[0] == 200
    clock.pass_by(minutes=16)
    answer = await alice.client.get("/admin/keys", allow_redirects=False)
    assert answer.headers["Location"] == "/account/prove?next=/admin/keys"
    assert (await alice.post("/admin/keys", {"name": "crm", "kind": "test", "role": "sender"}))[0] == 200, "typed in time"
    clock.pass_by(minutes=60)
    form = {"name": "late", "kind": "test", "role": "sender"}
    assert (await alice.post("/admin/keys", form))[::2] == (303, "/account/prove?next=/admin/keys")
    assert (await alice.post("/account/prove", {"password": "wrong", "next": "/admin/keys"}))[0] == 403
    assert (await alice.post("/account/prove", {"password": PASSWORD, "next": "//evil.example"}))[::2] == (303, "/")
    assert (await alice.get("/admin/keys"))[0] == 200
    assert await actions(office) == ["key.add", "account.proved"]


async def test_own_sessions_are_listed_and_ended(office: Office, user: User, alice: Browser) -> None:
    async with house.browser(office, user) as other, house.browser(office, user) as third:
        page = (await alice.get("/account"))[1]
        marks = re.findall(r"/account/sessions/([0-9a-f]{24})/end", page)
        assert len(marks) == 2 and "this one" in page
        assert (await alice.post(f"/account/sessions/{marks[0]}/end"))[0] == 303
        assert (await alice.post(f"/account/sessions/{marks[0]}/end"))[0] == 404
        assert sorted([(await other.get("/"))[0], (await third.get("/"))[0]]) == [200, 303]
        assert (await alice.post("/account/sessions/end-others"))[0] == 303
        assert [(await one.get("/"))[0] for one in (alice, other, third)] == [200, 303, 303]


async def test_nobody_ends_sessions_or_passkeys_of_somebody_else(office: Office, user: User, alice: Browser) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.VIEWER))
    async with office.house.database.write() as connection:
        key = {"name": "k", "credential": "abc", "public_key": b"x", "uses": 0}
        passkey_id = await factors.add_passkey(connection, user, now=office.house.clock.now(), **key)
    async with house.browser(office, bob) as his:
        mark = sign_ins.hash_token((await office.cookie_of(user))[0])[:24]
        assert (await his.post(f"/account/sessions/{mark}/end"))[0] == 404
        assert (await his.post(f"/account/passkeys/{passkey_id}/remove"))[0] == 404
    assert (await alice.post(f"/account/passkeys/{passkey_id}/remove"))[0] == 303


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", '{"id": 1}', "{" * 9000, '{"rawId": "x", "response": {}, "type": "public-key"}']
)
async def test_passkey_answers_that_are_none_are_refused(office: Office, alice: Browser, answer: str) -> None:
    told = await (await alice.client.post("/account/passkeys/begin", headers={"X-CSRF": alice.csrf})).json()
    assert told["publicKey"]["rp"]["id"] == "localhost" and told["step"]
    status, _text, _ = await alice.post("/account/passkeys", {"step": told["step"], "answer": answer, "name": "x"})
    assert status == 403
    async with TestClient(TestServer(office.app)) as client:
        told = await (await client.post("/sign-in/passkey/begin")).json()
        reply = await client.post("/sign-in/passkey", data={"step": told["step"], "answer": answer})
        assert reply.status == 403
    assert not any("desk.trouble" in line for line in office.log.lines)


async def test_the_account_page_keeps_name_and_language(office: Office, alice: Browser) -> None:
    assert (await alice.post("/account", {"name": "Alice B.", "language": "fr"}))[::2] == (303, "/account?done=kept")
    page = (await alice.get("/account"))[1]
    assert "Alice B." in page and "Où vous êtes connecté" in page
    assert (await alice.post("/account", {"name": " ", "language": "fr"}))[0] == 400
    assert (await alice.post("/account", {"name": "A", "language": "xx"}))[0] == 400
