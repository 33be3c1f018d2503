"""The mail's editor: blocks are added, moved, kept and seen; MJML by hand; the check and the test are pages."""

import re

from tests.desk.house import Browser, Office


async def begun(alice: Browser, sample: str = "newsletter") -> str:
    status, _, path = await alice.post("/templates", {"sample": sample})
    assert status == 303 and path.endswith("/mail")
    return path


async def form_of(alice: Browser, path: str) -> dict[str, str]:
    """What a browser would send of the blocks' form."""
    from html import unescape

    _, page = await alice.get(path)
    form = page[page.index('id="source-form"') : page.index("</form>", page.index('id="source-form"'))]
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
    fields |= dict(re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL))
    chosen = re.findall(r'<select name="([^"]+)">.*?(?:<option selected>([^<]*)|</select>)', form, re.DOTALL)
    return {name: unescape(value) for name, value in {**fields, **dict(chosen)}.items()}


def kinds(form: dict[str, str]) -> list[str]:
    return [form[f"b{place}-kind"] for place in range(60) if f"b{place}-kind" in form]


async def test_blocks_are_added_moved_doubled_and_removed_by_buttons(office: Office, alice: Browser) -> None:
    path = f"{await begun(alice)}?lang=en"
    form = await form_of(alice, path)
    assert kinds(form) == ["header", "picture", "heading", "text", "button", "divider", "columns", "divider", "text", "footer"]
    for what, expected, place in (
        ("add:button", [*kinds(form)[:9], "button", "footer"], 9),
        ("up:9", [*kinds(form)[:8], "button", "text", "footer"], 8),
        ("copy:0", ["header", "header", *kinds(form)[1:8], "button", "text", "footer"], 1),
        ("remove:0", [*kinds(form)[:8], "button", "text", "footer"], 0),
        ("down:10", [*kinds(form)[:8], "button", "text", "footer"], 10),
        ("evil:3", [*kinds(form)[:8], "button", "text", "footer"], 3),
    ):
        status, _, to = await alice.post(path.partition("?")[0], {**await form_of(alice, path), "do": what})
        assert status == 303 and to.endswith(f"#block-{place}"), what
        assert kinds(await form_of(alice, path)) == expected, what


async def test_what_is_typed_is_seen_in_light_and_dark(alice: Browser) -> None:
    path = await begun(alice)
    form = {**await form_of(alice, f"{path}?lang=en"), "b2-text": "News for {{ first_name }} & <b>", "subject": "S {{ first_name }}"}
    status, preview, _ = await alice.post(path, form, **{"HX-Request": "true"})
    assert status == 200 and "<b>S Inès</b>" in preview and "&dark=1" in preview and "data-revision=" in preview
    _, light = await alice.get(f"{path}.html?lang=en")
    _, dark = await alice.get(f"{path}.html?lang=en&dark=1")
    assert "News for Inès &amp; &lt;b&gt;" in light and "data:image/jpeg" in light
    assert "@media not all" in light and "@media all" in dark
    status, _, _ = await alice.post(path, form, **{"HX-Request": "true"})
    assert status == 409, "built on a revision that is no longer the last one"


async def test_mjml_by_hand_names_its_faulty_line(alice: Browser) -> None:
    path = await begun(alice)
    await alice.post(path, {**await form_of(alice, path), "do": "mode:mjml"})
    _, page = await alice.get(path)
    assert 'id="source" name="mjml"' in page and "&lt;mj-wrapper" in page
    form = {**await form_of(alice, path), "mjml": "<mjml><mj-body>\n<mj-nothing /></mj-body></mjml>"}
    status, preview, _ = await alice.post(path, form, **{"HX-Request": "true"})
    assert status == 200 and 'data-line="2"' in preview and "mj-nothing" in preview


async def test_a_mail_without_a_letter_is_published_and_keeps_what_it_was(office: Office, alice: Browser) -> None:
    from postoffice.compose.merge.content import Content
    from postoffice.store import templates

    path = await begun(alice, "offer")
    root = path.removesuffix("/mail")
    _, listed = await alice.get("/templates")
    assert "pageless" in listed and "thumb.png" not in listed, "what has no page has no picture of one"
    assert (await alice.post(f"{root}/publish"))[0] == 303
    async with office.house.database.read() as connection:
        kept = await templates.all_of(connection, office.organisation_id)
        version = await templates.version(connection, office.organisation_id, template_id=kept[0].id, number=1)
    content = Content.from_dict(version.content)
    assert set(content.compiled) == {"fr", "en"} and content.same_as(Content.from_dict(kept[0].draft))
    await alice.post(f"{root}/restore", {"number": "1"})
    async with office.house.database.read() as connection:
        draft = Content.from_dict((await templates.all_of(connection, office.organisation_id))[0].draft)
    assert not draft.compiled and draft.same_as(content)


async def test_the_check_is_a_page_and_a_test_tells_its_fate(alice: Browser) -> None:
    root = (await begun(alice)).removesuffix("/mail")
    status, page = await alice.get(f"{root}/check")
    assert status == 200 and "The organisation has no sender address" in page and "1 thing keeps this from going" in page
    status, page, _ = await alice.post(f"{root}/trial", {"lang": "fr", "to": "stranger@example.org"})
    assert status == 400 and "A test goes to one to five addresses" in page
    status, page, _ = await alice.post(f"{root}/trial", {"lang": "fr", "to": "alice@example.org"})
    assert status == 400 and "The carrier took none of the tests" in page
