"""Every route of the portal, asked by everybody: one table says what each gets, and a route that is not in it fails the test."""

import pytest

from postoffice.portal.routes import ROUTES
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, dump, sent
from tests.portal.test_letters import enter

NOBODY, OWNER, OTHER, FOREIGN = "anonymous", "contact A", "contact B", "other organisation"
WHO = (NOBODY, OWNER, OTHER, FOREIGN)
#: (method, path) -> status for each of WHO, asking for what belongs to contact A; `*` in a path is A's item
TABLE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    # a visit shows its own letter at /l/document, whoever's it is
    ("GET", "/l/document"): (403, 200, 200, 200),
    ("GET", "/l/document.pdf"): (403, 200, 200, 200),
    ("GET", "/l/documents"): (403, 200, 200, 200),
    ("GET", "/l/documents/{item:[0-9a-z]{26}}"): (403, 200, 404, 404),
    ("GET", "/l/documents/{item:[0-9a-z]{26}}.pdf"): (403, 200, 404, 404),
    ("GET", "/l/documents/{item:[0-9a-z]{26}}/{page:[0-9]{1,4}}.png"): (403, 200, 404, 404),
    ("POST", "/l/documents/{item:[0-9a-z]{26}}/share"): (403, 200, 404, 404),
    ("POST", "/l/documents/{item:[0-9a-z]{26}}/unshare"): (403, 303, 404, 404),
    ("GET", "/l/choices"): (403, 200, 200, 200),
    ("POST", "/l/choices"): (403, 303, 303, 303),
    ("POST", "/l/choices/off"): (403, 303, 303, 303),
    ("GET", "/l/choices/{what:email|mobile}"): (403, 200, 200, 200),
    ("POST", "/l/choices/{what:email|mobile}"): (403, 200, 200, 200),
    ("GET", "/l/data"): (403, 200, 200, 200),
    ("GET", "/l/data.zip"): (403, 200, 200, 200),
    ("POST", "/l/data/erase"): (403, 303, 303, 303),
    ("POST", "/l/close"): (200, 200, 200, 200),
    # with a token it is the token and the proof that count, not the visit; B and a stranger do not know A's proof
    ("GET", "/l/{token}"): (200, 200, 200, 200),
    ("POST", "/l/{token}"): (422, 422, 422, 422),
    ("GET", "/l/"): (404, 404, 404, 404),
    ("GET", "/u/{token}"): (404, 404, 404, 404),
    ("POST", "/u/{token}"): (404, 404, 404, 404),
    ("GET", "/stop"): (200, 200, 200, 200),
    ("POST", "/stop"): (422, 422, 422, 422),
    ("GET", "/c/{token:[A-Za-z0-9_-]{36}}"): (404, 404, 404, 404),
    ("GET", "/f/{token:[a-z2-7]{32}}"): (404, 404, 404, 404),
    ("POST", "/f/{token:[a-z2-7]{32}}"): (404, 404, 404, 404),
    ("GET", "/k/{code:[a-z2-7]{32}}"): (410, 410, 410, 410),
    ("POST", "/k/{code:[a-z2-7]{32}}"): (410, 410, 410, 410),
    ("GET", "/archive/{slug:[a-z0-9-]{1,60}}"): (404, 404, 404, 404),
    ("GET", "/archive/{slug:[a-z0-9-]{1,60}}/feed.xml"): (404, 404, 404, 404),
    ("GET", "/archive/{slug:[a-z0-9-]{1,60}}/{campaign:[0-9a-z]{26}}"): (404, 404, 404, 404),
}
SENT = {
    "/share": {"email": "c@cabinet.example"},
    "/unshare": {"link": "0" * 26},
    "{what:email|mobile}": {"to": "new@example.org"},
    "/l/{token}": {"proof": "00000"},
}


def address(path: str, letter: Letter) -> str:
    token = letter.token if path.startswith("/l/") else "x" * 58
    named = (
        path.replace("{item:[0-9a-z]{26}}", letter.item.id).replace("{page:[0-9]{1,4}}", "1").replace("{what:email|mobile}", "email")
    )
    named = named.replace("{token:[a-z2-7]{32}}", "x" * 32).replace("{code:[a-z2-7]{32}}", "x" * 32)
    named = named.replace("{slug:[a-z0-9-]{1,60}}", "other").replace("{campaign:[0-9a-z]{26}}", "0" * 26)
    return named.replace("{token}", token).replace("{token:[A-Za-z0-9_-]{36}}", "x" * 36)


async def three(office: Office) -> tuple[Letter, Letter, Letter]:
    mine, other = await sent(office, 2)
    (foreign,) = await sent(office, 1, organisation_id=await office.other_organisation(), subject="Foreign")
    await belongs([mine], "Anne")
    await belongs([other], "Bob", email="bob@example.net", mobile="+33639980011")
    await belongs([foreign], "Carl", email="carl@example.net", mobile="+33639980021")
    return mine, other, foreign


def test_the_table_has_every_route() -> None:
    assert {(route.method, route.path) for route in ROUTES} == set(TABLE)


@pytest.mark.slow
async def test_every_route_answers_everybody_as_the_table_says_asvs_8_2_2(office: Office) -> None:
    mine, other, foreign = await three(office)
    await _carrier(office, foreign)
    for (method, path), expected in TABLE.items():
        told = []
        for visitor in (None, mine, other, foreign):
            office.client.session.cookie_jar.clear()
            if visitor is not None:
                await enter(visitor)
            data = next((fields for end, fields in SENT.items() if path.endswith(end)), {}) if method == "POST" else None
            answer = await office.client.request(method, address(path, mine), data=data, allow_redirects=False)
            body = await answer.read()
            told.append(answer.status)
            if visitor in (None, other, foreign):
                assert b"anne@example.net" not in body, path
        assert tuple(told) == expected, (method, path, dict(zip(WHO, told, strict=True)))


async def _carrier(office: Office, foreign: Letter) -> None:
    """The other organisation sends by a sandbox, too."""
    from postoffice.model.channel import Channel
    from postoffice.store import carriers

    async with office.house.database.write() as connection:
        await carriers.add(
            connection,
            organisation_id=foreign.item.organisation_id,
            name="sandbox-email",
            kind="sandbox-email",
            channel=Channel.EMAIL,
            settings={},
            now=office.clock.now(),
        )


async def test_a_scanner_s_get_or_head_of_every_route_leaves_the_database_byte_identical_asvs_3_5_3(office: Office) -> None:
    mine, _other, _foreign = await three(office)
    unsubscribe = f"/u/{office.house.keyring.unsubscribe_token(mine.item.id)}"
    before = dump(office)
    headers = {"Sec-Purpose": "prefetch", "User-Agent": "Mozilla/5.0 (Windows NT 10.0) HeadlessChrome/120 Safe Links"}
    for path in {route.path for route in ROUTES}:
        for method in ("GET", "HEAD", "OPTIONS"):
            for asked in (address(path, mine), address(path, mine) + "?to=choices&x=1"):
                await office.client.request(method, asked, headers=headers, allow_redirects=False)
    await office.client.get(unsubscribe)
    assert dump(office) == before
