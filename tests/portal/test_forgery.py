"""Forged forms (CSRF; OWASP ASVS 5.0, 3.5.1): what another's page sends with the visitor's own cookie does nothing at all.

One table has every route that takes a form. Each is first sent as from elsewhere, which must leave the database as it was, then from
our own page, which must not: so it is known that the form was one that would have worked.
"""

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from postoffice.portal.routes import ROUTES
from postoffice.store.schema import links
from tests.doors import Office
from tests.portal.conftest import Letter, belongs, dump, sent
from tests.portal.test_forms import form_of, link, type_in
from tests.portal.test_letters import enter
from tests.portal.test_stop import NUMBER, code_of
from tests.portal.test_unsubscribe import CLICK, mailed

#: as browsers of today send it, as those of a site beside ours, and as those before 2023
ELSEWHERE: tuple[Mapping[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://post.example.evil.example"},
)
OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}


class Form(NamedTuple):
    """What is sent where. `outside`: made to be sent from elsewhere (RFC 8058: mailbox programs)."""

    route: str
    path: str
    fields: Mapping[str, str]
    outside: bool = False


async def send(office: Office, form: Form, headers: Mapping[str, str]) -> int:
    answer = await office.client.post(form.path, data=dict(form.fields), headers=headers, allow_redirects=False)
    await answer.read()
    return answer.status


async def judge(office: Office, form: Form) -> None:
    before = dump(office)
    for headers in ELSEWHERE:
        if not form.outside:
            assert await send(office, form, headers) in (200, 403, 404), form.route
            assert dump(office) == before, (form.route, headers)
    assert await send(office, form, ELSEWHERE[0] if form.outside else OURS) in (200, 303), form.route
    assert dump(office) != before, f"{form.route}: the form would not have worked anyway"


async def shared_link(office: Office) -> str:
    async with office.house.database.read() as connection:
        return str(await connection.scalar(sa.select(links.c.id).where(links.c.parent_id.is_not(None))))


async def table(office: Office, mine: Letter) -> list[Form]:
    """Forms that need nothing but a visit, or nothing at all."""
    item, other = f"/l/documents/{mine.item.id}", (await sent(office, 1))[0]
    _, unsubscribe = await mailed(office)
    return [
        Form("/l/{token}", other.path, {"proof": other.proof}),
        Form("/u/{token}", unsubscribe, CLICK, outside=True),
        Form("/stop", "/stop", {"number": NUMBER, "code": code_of(office)}),
        Form("/l/documents/{item:[0-9a-z]{26}}/share", item + "/share", {"email": "c@cabinet.example"}),
        Form("/l/choices", "/l/choices", {"invoice.sms": "no", "favourite": "post"}),
        Form("/l/choices/off", "/l/choices/off", {}),
        Form("/l/choices/{what:email|mobile}", "/l/choices/email", {"to": "new@example.org"}),
        Form("/l/data/erase", "/l/data/erase", {}),
    ]


async def public_form(office: Office) -> list[Form]:
    """A form that others' pages embed: what they send leads to our page, filled in, and the link of its message to a button."""
    form = await form_of(office)
    await type_in(office, form)
    stamp = (await (await office.client.get(f"/f/{form.token}")).text()).partition('name="at" value="')[2].partition('"')[0]
    office.clock.pass_by(seconds=9)
    return [
        Form("/k/{code:[a-z2-7]{32}}", await link(office), {}),
        Form("/f/{token:[a-z2-7]{32}}", f"/f/{form.token}", {"at": stamp, "to": "second@example.net"}),
    ]


async def test_what_another_s_page_sends_with_the_visitor_s_cookie_does_nothing_asvs_3_5_1(office: Office) -> None:
    (mine,) = await sent(office, 1)
    await belongs([mine])
    forms = await table(office, mine) + await public_form(office)
    for form in forms:
        office.client.session.cookie_jar.clear()
        await enter(mine)
        await judge(office, form)
    item = f"/l/documents/{mine.item.id}"
    last = [
        Form("/l/documents/{item:[0-9a-z]{26}}/unshare", item + "/unshare", {"link": await shared_link(office)}),
        Form("/l/close", "/l/close", {}),
    ]
    for form in last:
        await judge(office, form)
    assert {form.route for form in forms + last} == {route.path for route in ROUTES if route.method == "POST"}
