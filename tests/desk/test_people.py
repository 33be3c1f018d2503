"""People, API keys, the organisation and the audit trail."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.desk.audit import DEEDS
from postoffice.model.people import Grant, Role, User
from postoffice.store import accounts, people, sandbox, sign_ins
from tests.conftest import FixedClock
from tests.desk import house
from tests.desk.house import PASSWORD, Browser, Office
from tests.desk.offices import ALL, actions, add_printer, other_organisation, signed_in, with_carriers

INVITE = {"name": "Zoé", "email": "Zoe@Example.org", "language": "fr", "role-sender": "all"}
ORGANISATION = {
    "name": "Mairie <Neuve>",
    "sender_email": "courrier@example.org",
    "language": "en",
    "country": "DE",
    "timezone": "Europe/Berlin",
    "currency": "CHF",
    "reply_to": "accueil@example.org",
    "unsubscribe-service": "1",
}


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def root(office: Office) -> User:
    return await office.add_user("root@example.org", ALL)


@pytest.fixture
async def admin(office: Office, root: User) -> AsyncIterator[Browser]:
    async with house.browser(office, root) as browser:
        yield browser


async def by_email(office: Office, email: str) -> User:
    async with office.house.database.read() as connection:
        found = await people.user_by_email(connection, email)
    assert found is not None
    return found


async def works(office: Office, email: str, password: str) -> bool:
    async with office.house.database.read() as connection:
        account = await sign_ins.known(connection, email)
    return await sign_ins.fits(account, password)


async def test_somebody_is_invited_with_a_password_that_is_shown_once(office: Office, admin: Browser) -> None:
    status, page, _where = await admin.post("/admin/people/new", INVITE)
    found = re.search(r'<code id="password"[^>]*>([a-z0-9-]{19})</code>', page)
    assert status == 200 and found
    made = await by_email(office, "zoe@example.org")
    assert made.must_change_password and made.grants == (Grant(Role.SENDER),) and made.language == "fr"
    assert await works(office, "zoe@example.org", found[1])
    assert found[1] not in (await admin.get(f"/admin/people/{made.id}"))[1] + (await admin.get("/admin/people"))[1]
    assert "invited" in (await admin.get("/admin/people"))[1]
    assert (await admin.post("/admin/people/new", INVITE))[0] == 409, "the same address again"
    assert found[1] not in "".join(office.log.lines)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": ""}, "not an e-mail address"),
        ({"name": " "}, "A name is needed."),
        ({"role-sender": "some"}, "needs at least one"),
        ({"role-sender": "some", "at-sender": "0" * 26}, "choice does not exist"),
        ({"role-sender": "king"}, "choice does not exist"),
        ({"language": "xx"}, "choice does not exist"),
    ],
)
async def test_a_wrong_invitation_keeps_what_was_typed(office: Office, admin: Browser, wrong: dict[str, str], said: str) -> None:
    status, page, _where = await admin.post("/admin/people/new", {**INVITE, **wrong})
    assert status == 400 and said in page and ("Zoé" in page or "name" in wrong)
    assert await actions(office) == []


async def test_roles_are_narrowed_to_printers(office: Office, admin: Browser) -> None:
    one, two = await add_printer(office, "One"), await add_printer(office, "Two")
    bob = await office.add_user("bob@example.org", Grant(Role.VIEWER))
    form = {"name": "Bob B.", "language": "fr", "role-sender": "some", "at-sender": two, "role-viewer": "all", "at-viewer": one}
    assert (await admin.post(f"/admin/people/{bob.id}", form))[0] == 303
    again = await by_email(office, "bob@example.org")
    assert set(again.grants) == {Grant(Role.SENDER, two), Grant(Role.VIEWER)} and again.name == "Bob B."
    page = (await admin.get(f"/admin/people/{bob.id}"))[1]
    assert f'name="at-sender" value="{two}" checked' in page and f'name="at-sender" value="{one}">' in page
    assert "only Two" in (await admin.get("/admin/people"))[1]
    assert "Bob B." in (await admin.get(f"/admin/printers/{two}"))[1]


async def test_a_disabled_account_is_out_at_once_and_comes_back(office: Office, admin: Browser) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER))
    async with house.browser(office, bob) as his:
        assert (await his.get("/"))[0] == 200
        assert (await admin.post(f"/admin/people/{bob.id}/switch", {"on": "0"}))[0] == 303
        assert (await his.get("/"))[0] == 303
    assert not await works(office, "bob@example.org", PASSWORD)
    assert "disabled" in (await admin.get("/admin/people"))[1]
    await admin.post(f"/admin/people/{bob.id}/switch", {"on": "1"})
    assert await works(office, "bob@example.org", PASSWORD)
    assert await actions(office) == ["user.disable", "user.enable"]


async def test_a_new_first_password_ends_the_old_one(office: Office, admin: Browser) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER))
    page = (await admin.post(f"/admin/people/{bob.id}/password"))[1]
    found = re.search(r'<code id="password"[^>]*>([a-z0-9-]{19})</code>', page)
    assert found and await works(office, "bob@example.org", found[1]) and not await works(office, "bob@example.org", PASSWORD)
    assert (await by_email(office, "bob@example.org")).must_change_password


async def test_the_last_administrator_stays(office: Office, admin: Browser, root: User) -> None:
    await office.add_user("half@example.org", Grant(Role.ADMINISTRATOR, await add_printer(office)))
    status, page, _where = await admin.post(f"/admin/people/{root.id}", {"name": "R", "language": "en", "role-sender": "all"})
    assert status == 409 and "last administrator" in page
    assert (await by_email(office, "root@example.org")).grants == (ALL,)
    assert (await admin.post(f"/admin/people/{root.id}/switch", {"on": "0"}))[0] == 409
    second = await office.add_user("second@example.org", ALL)
    await admin.post(f"/admin/people/{second.id}/switch", {"on": "0"})
    status, _page, _where = await admin.post(f"/admin/people/{root.id}", {"name": "R", "language": "en", "role-sender": "all"})
    assert status == 409, "a disabled administrator does not count"
    await admin.post(f"/admin/people/{second.id}/switch", {"on": "1"})
    assert (await admin.post(f"/admin/people/{root.id}", {"name": "R", "language": "en", "role-sender": "all"}))[0] == 303
    assert (await admin.get("/admin/people"))[0] == 403, "and from now on it is somebody else's work"


async def test_people_of_another_organisation_do_not_exist(office: Office, admin: Browser) -> None:
    theirs = await other_organisation(office)
    async with office.house.database.write() as connection:
        stranger = await people.add_user(
            connection,
            organisation_id=theirs,
            email="them@example.org",
            name="Them",
            password=PASSWORD,
            roles=[ALL],
            now=office.house.clock.now(),
        )
        key_id, _secret = await people.add_api_key(
            connection,
            organisation_id=theirs,
            name="their key",
            live=True,
            role=Role.SENDER,
            created_by=None,
            now=office.house.clock.now(),
        )
        await people.note(
            connection, organisation_id=theirs, actor="office", action="secret.deed", subject="", now=office.house.clock.now()
        )
    assert (await admin.get(f"/admin/people/{stranger}"))[0] == 404
    for action in ("", "/switch", "/password"):
        assert (await admin.post(f"/admin/people/{stranger}{action}", INVITE))[0] == 404
    assert (await admin.post(f"/admin/keys/{key_id}/revoke"))[0] == 404
    assert "Them" not in (await admin.get("/admin/people"))[1]
    assert "their key" not in (await admin.get("/admin/keys"))[1]
    assert "secret.deed" not in (await admin.get("/admin/audit"))[1]
    async with office.house.database.read() as connection:
        await accounts.keep_an_administrator(connection, theirs)


@pytest.mark.parametrize("role", [Role.SENDER, Role.VIEWER, Role.PRIVACY])
async def test_others_manage_nothing(office: Office, role: Role) -> None:
    async with signed_in(office, Grant(role), email="x@example.org") as other:
        for tab in ("people", "people/new", "keys", "carriers", "printers", "organisation"):
            assert (await other.get(f"/admin/{tab}"))[0] == 403
        assert (await other.post("/admin/keys", {"name": "x", "kind": "live", "role": "administrator"}))[0] == 403
        status, page = await other.get("/admin/audit")
        assert status == (200 if role is Role.PRIVACY else 403)
        assert ("/admin/people" in page) is False


async def test_a_key_is_shown_once_works_and_is_revoked(office: Office, admin: Browser) -> None:
    status, page, _where = await admin.post("/admin/keys", {"name": "CRM", "kind": "live", "role": "sender"})
    found = re.search(r"po_live_[a-z2-7]{32}", page)
    assert status == 200 and found
    async with office.house.database.read() as connection:
        key = await people.api_key(connection, found[0])
    assert key is not None and key.live and key.role is Role.SENDER
    listed = (await admin.get("/admin/keys"))[1]
    assert found[0] not in listed and found[0][:12] in listed
    assert (await admin.post(f"/admin/keys/{key.id}/revoke"))[0] == 303
    async with office.house.database.read() as connection:
        assert await people.api_key(connection, found[0]) is None
    assert (await admin.post("/admin/keys", {"name": "", "kind": "live", "role": "sender"}))[0] == 400
    assert (await admin.post("/admin/keys", {"name": "x", "kind": "live", "role": "privacy"}))[0] == 400
    assert await actions(office) == ["key.add", "key.revoke"]
    assert found[0] not in "".join(office.log.lines)


async def test_the_organisation_is_what_recipients_read(office: Office, admin: Browser) -> None:
    assert (await admin.post("/admin/organisation", ORGANISATION))[0] == 303
    async with office.house.database.read() as connection:
        now = await people.organisation(connection, office.organisation_id)
    assert (now.name, now.country, now.timezone, now.currency, now.language) == ("Mairie <Neuve>", "DE", "Europe/Berlin", "CHF", "en")
    assert now.settings["sender_email"] == "courrier@example.org"
    assert (now.settings["reply_to"], now.settings["unsubscribe"]) == ("accueil@example.org", ["service"])
    page = (await admin.get("/admin/organisation"))[1]
    assert "Mairie &lt;Neuve&gt;" in page and '<option value="DE" selected>Germany' in page
    assert 'name="reply_to" maxlength="254" value="accueil@example.org"' in page
    assert 'name="unsubscribe-service" value="1" checked' in page and 'name="unsubscribe-invoice" value="1">' in page
    trail = (await admin.get("/admin/audit"))[1]
    assert "changed the organisation&#39;s settings" in trail and "courrier@example.org" not in trail


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"sender_email": "nobody"},
        {"reply_to": "nobody"},
        {"sender_email": "a@b.example\r\nBcc: x@y.example"},
        {"country": "XX"},
        {"timezone": "Moon/Base"},
        {"currency": "BTC"},
    ],
)
async def test_what_no_organisation_can_be_is_refused(office: Office, admin: Browser, wrong: dict[str, str]) -> None:
    status, page, _where = await admin.post("/admin/organisation", {**ORGANISATION, **wrong})
    assert status == 400 and ("Neuve" in page or "name" in wrong)
    async with office.house.database.read() as connection:
        assert (await people.organisation(connection, office.organisation_id)).name == "Mairie de Test"


async def test_the_trail_says_who_did_what_and_pages(office: Office, admin: Browser, root: User) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER))
    async with office.house.database.write() as connection:
        for number in range(120):
            await people.note(
                connection,
                organisation_id=office.organisation_id,
                actor=f"user:{bob.id}" if number % 2 else "office",
                action="printer.pause",
                subject="x",
                now=office.house.clock.now(),
                detail={"number": number},
            )
    seen: list[int] = []
    address = "/admin/audit"
    while address:
        page = (await admin.get(address))[1]
        seen += [int(found) for found in re.findall(r"number: (\d+)", page)]
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = "/admin/audit" + older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(119, -1, -1))
    only = (await admin.get(f"/admin/audit?who=user:{bob.id}"))[1]
    assert "paused a printer" in only and "number: 118" not in only and "number: 119" in only
    assert (await admin.get("/admin/audit?before=%00&who=%27"))[0] == 200


async def test_the_trail_in_french(office: Office, admin: Browser) -> None:
    await admin.post("/admin/people/new", INVITE)
    async with signed_in(office, ALL, email="fr@example.org", language="fr") as french:
        page = (await french.get("/admin/audit"))[1]
    assert "a invité quelqu&#39;un" in page and "Root" in page


def test_every_deed_that_code_notes_has_its_words() -> None:
    code = Path(__file__).resolve().parents[2] / "postoffice"
    told: set[str] = set()
    for path in [*code.glob("actions/*.py"), *code.glob("desk/*.py"), *code.glob("portal/*.py")]:
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'"((?:mailing|items|item|printer|carrier|user|key|organisation|link)\.[a-z-]+)"', text))
    of_others = {"carrier.tested", *(word for word in told if word.endswith(".html"))}  # of the log, of templates
    assert told - set(DEEDS) - of_others == set()


async def test_the_administration_opens_on_what_one_may_see(office: Office, admin: Browser) -> None:
    answer = await admin.client.get("/admin", allow_redirects=False)
    assert answer.headers["Location"] == "/admin/printers"
    async with signed_in(office, Grant(Role.PRIVACY), email="dpo@example.org") as privacy:
        answer = await privacy.client.get("/admin", allow_redirects=False)
        assert answer.headers["Location"] == "/admin/audit"


async def test_who_signs_in_in_another_way_is_told_by_mail(office: Office, admin: Browser, root: User) -> None:
    bob = await office.add_user("bob@example.org", Grant(Role.SENDER), language="en")
    assert (await admin.post(f"/admin/people/{bob.id}/password"))[0] == 200
    assert (await admin.post(f"/admin/people/{bob.id}/second-factor"))[0] == 303
    assert (await admin.post("/admin/keys", {"name": "crm", "kind": "test", "role": "sender"}))[0] == 200
    async with office.house.database.read() as connection:
        told = sorted((one.to, one.subject.partition(": ")[2]) for one, _ in await sandbox.page(connection, office.organisation_id))
    assert told == [
        ("bob@example.org", "you were given a new password"),
        ("bob@example.org", "your second factor was taken away"),
        ("root@example.org", "an API key was made in your name"),
    ]
