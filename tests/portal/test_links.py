"""Secure links against the checklist of OWASP ASVS 5.0; every test names the requirements that it proves."""

import asyncio
import io
import re
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from postoffice.model.channel import Purpose
from postoffice.portal import mask_token
from postoffice.portal.visit import LIFETIME
from postoffice.store import events, items, links
from postoffice.store import schema as tables
from tests.doors import Office, open_office
from tests.portal.conftest import WRONG, Letter, sent

FR = {"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}


async def prove(letter: Letter, typed: str, **headers: str) -> ClientResponse:
    """Type something and press the button; redirects are not followed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await letter.office.client.post(letter.path, data={"proof": typed}, headers=named, allow_redirects=False)


def forget(client: TestClient[Any, Any]) -> None:
    """Another browser."""
    client.session.cookie_jar.clear()


async def rows(office: Office, table: sa.Table) -> list[Any]:
    async with office.house.database.read() as connection:
        return list(await connection.execute(sa.select(table)))


async def test_link_proof_letter_download_on_both_databases(office_on_both: Office) -> None:
    office = office_on_both
    letter, other = await sent(office, 2)
    landing = await office.client.get(letter.path, headers=FR)
    text = await landing.text()
    assert landing.status == 200 and "Mairie de Test" in text and letter.item.address and letter.item.address.name not in text
    went = await prove(letter, letter.proof)
    assert went.status == 303 and went.headers["Location"] == "/l/document", "no token in the address"
    page = await office.client.get("/l/document", headers=FR)
    assert page.status == 200 and "Facture 2026-11" in await page.text() and letter.token not in await page.text()
    answer = await office.client.get("/l/document.pdf?download=1")
    with pikepdf.open(io.BytesIO(await answer.read())) as pdf:
        assert len(pdf.pages) == letter.item.pages, "its own pages, not its neighbour's"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="Facture 2026-11.pdf"')
    async with office.house.database.read() as connection:
        kinds = [line.kind.value for line in await events.of_item(connection, letter.item.id)]
        assert (await items.get(connection, letter.item.id)).opened_at == office.clock.now()
        assert (await items.get(connection, other.item.id)).opened_at is None
    assert kinds[-2:] == ["clicked", "downloaded"]


async def test_a_get_or_head_by_a_scanner_leaves_the_database_byte_identical_asvs_3_5_3(office: Office, tmp_path: Path) -> None:
    (letter,) = await sent(office, 1)
    path = office.house.database.url.database

    def dump() -> str:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return "\n".join(connection.iterdump())

    before = dump()
    for address in (letter.path, letter.path + "?x=1", "/l/unknown", "/l/document", "/l/document.pdf", "/l/", "/l/close"):
        for method in ("GET", "HEAD", "OPTIONS"):
            await office.client.request(method, address, headers={"Sec-Purpose": "prefetch"})
    assert dump() == before


async def test_tokens_are_160_bits_stored_hashed_and_masked_in_logs_asvs_11_5_1_6_5_2_14_2_1(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, WRONG)
    await prove(letter, letter.proof)
    cookie = next(iter(office.client.session.cookie_jar)).value
    assert len(letter.token) == 32 and len(set(letter.token)) > 8
    everything = str([await rows(office, table) for table in (tables.links, tables.link_sessions, tables.events, tables.audit)])
    for secret in (letter.token, cookie, letter.proof.join("''")):
        assert secret not in everything
        assert secret not in str(office.log.lines)
    assert mask_token(f"GET /l/{letter.token}?a=1 HTTP/1.1") == "GET /l/***?a=1 HTTP/1.1"
    assert mask_token("/l/document.pdf") == "/l/document.pdf"


async def test_every_answer_carries_its_headers_asvs_3_4_3_to_3_4_6_and_14_3_2(office: Office) -> None:
    (letter,) = await sent(office, 1)
    answers = [await office.client.get(letter.path), await office.client.get("/l/unknown"), await prove(letter, WRONG)]
    answers += [await prove(letter, letter.proof), await office.client.get("/l/document"), await office.client.get("/l/document.pdf")]
    forget(office.client)
    answers.append(await office.client.get("/l/document"))
    for answer in answers:
        headers = answer.headers
        assert headers["Referrer-Policy"] == "no-referrer" and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store" and "noindex" in headers["X-Robots-Tag"]
        if answer.status != 303 and answer.content_type == "text/html":
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answers[5].headers["Content-Security-Policy"] == "frame-ancestors 'self'" and answers[5].content_type == "application/pdf"


async def test_pages_are_small_and_load_nothing_from_elsewhere(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, letter.proof)
    for address in (letter.path, "/l/document", "/l/unknown"):
        text = await (await office.client.get(address)).text()
        assert len(text.encode()) < 20_000, "the limit is 100 kB"
        assert not re.search(r"<script|@import|url\(|(?:src|href|action)=\"(?!/l/|data:,)", text), address


async def test_the_cookie_is_bound_to_host_link_and_time_asvs_3_3_and_7_3(
    office: Office, documents: Any, keyring: Any, clock: Any
) -> None:
    (letter, other) = await sent(office, 2)
    await prove(letter, letter.proof)
    assert (await office.client.get("/l/document")).status == 200
    clock.time += LIFETIME + timedelta(seconds=1)
    assert (await office.client.get("/l/document")).status == 403
    assert (await office.client.get("/l/document.pdf")).status == 403
    forget(office.client)
    https = open_office(
        office.house.database, documents, keyring, clock, await office.other_organisation(), *[_portal()], url="https://post.example"
    )
    async with https as safe:
        went = await safe.client.post(letter.path, data={"proof": letter.proof}, allow_redirects=False)
        (set_cookie,) = went.headers.getall("Set-Cookie")
        assert set_cookie.startswith("__Host-po_link=") and "Domain" not in set_cookie
        assert all(word in set_cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert "max-age" in went.headers["Strict-Transport-Security"]


def _portal() -> Any:
    from postoffice.portal import add_portal

    return add_portal


async def test_forms_of_other_sites_are_refused_asvs_3_5_1(office: Office) -> None:
    (letter,) = await sent(office, 1)
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "https://evil.example"}):
        answer = await prove(letter, letter.proof, **headers)
        assert answer.status == 403 and "Set-Cookie" not in answer.headers
    for headers in ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, {"Origin": "null"}, {}):
        assert (await prove(letter, letter.proof, **headers)).status == 303


async def test_the_sixth_try_is_429_and_survives_a_restart_asvs_6_6_3(
    office_on_both: Office, documents: Any, keyring: Any, clock: Any
) -> None:
    office = office_on_both
    (letter,) = await sent(office, 1)
    for _ in range(5):
        assert (await prove(letter, WRONG)).status == 422
    paused = await prove(letter, letter.proof)
    assert paused.status == 429 and int(paused.headers["Retry-After"]) > 0, "even the right one has to wait"
    other = await office.other_organisation()
    async with open_office(office.house.database, documents, keyring, clock, other, _portal()) as restarted:
        assert (await restarted.client.post(letter.path, data={"proof": letter.proof}, allow_redirects=False)).status == 429
    clock.time += links.TRIES_WITHIN + timedelta(seconds=1)
    assert (await prove(letter, letter.proof)).status == 303


async def test_tries_at_the_same_time_are_counted_one_by_one_asvs_6_6_3(office_on_both: Office) -> None:
    (letter,) = await sent(office_on_both, 1)
    answers = await asyncio.gather(*(prove(letter, WRONG) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [422] * 5 + [429] * 15


async def test_unknown_altered_truncated_and_revoked_links_look_the_same_asvs_6_3_8(office: Office) -> None:
    letter, other = await sent(office, 2)
    async with office.house.database.write() as connection:
        await links.revoke_item(connection, office.organisation_id, letter.item.id, office.clock.now())
    altered = other.token[:-1] + ("a" if other.token[-1] != "a" else "b")
    told = set()
    for token in (letter.token, altered, other.token[:20], "x", "%00", "é", "a" * 3000, "..%2f..", other.token.upper()):
        for method in ("GET", "POST"):
            answer = await office.client.request(method, f"/l/{token}", data={"proof": other.proof} if method == "POST" else None)
            told.add((answer.status, await answer.text(), tuple(sorted(name for name in answer.headers if name != "Date"))))
    assert len(told) == 1 and next(iter(told))[0] == 404


async def test_unknown_and_revoked_take_the_same_time_asvs_6_3_8(office: Office) -> None:
    letter, _ = await sent(office, 2)
    async with office.house.database.write() as connection:
        await links.revoke_item(connection, office.organisation_id, letter.item.id, office.clock.now())
    spans: dict[str, list[float]] = {letter.path: [], "/l/" + "a" * 32: []}
    for _ in range(60):
        for path, span in spans.items():
            began = time.perf_counter()
            await office.client.get(path)
            span.append(time.perf_counter() - began)
    known, unknown = (sorted(span)[len(span) // 2] for span in spans.values())
    assert abs(known - unknown) < max(known, unknown) * 0.5


async def test_expired_is_410_for_who_proves_and_says_whom_to_ask_asvs_6_3_8(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, letter.proof)
    before = await (await office.client.get(letter.path)).text()
    office.clock.time += timedelta(days=91)
    landing = await office.client.get(letter.path)
    assert landing.status == 200 and await landing.text() == before, "a stranger learns nothing"
    assert (await prove(letter, WRONG)).status == 422
    answer = await prove(letter, letter.proof)
    assert answer.status == 410 and "Mairie de Test" in await answer.text() and "Set-Cookie" not in answer.headers
    assert (await office.client.get("/l/document")).status == 403


async def test_block_now_ends_link_and_visit_at_once(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, letter.proof)
    assert (await office.client.get("/l/document")).status == 200
    async with office.house.database.write() as connection:
        await links.revoke_item(connection, office.organisation_id, letter.item.id, office.clock.now())
    assert (await office.client.get("/l/document")).status == 403
    assert (await office.client.get("/l/document.pdf")).status == 403
    assert (await office.client.get(letter.path)).status == 404


async def test_one_recipient_never_sees_another_s_letter_asvs_8_2_2(office: Office) -> None:
    first, second = await sent(office, 2)
    foreign_organisation = await office.other_organisation()
    (foreign,) = await sent(office, 1, organisation_id=foreign_organisation, subject="Foreign")
    await prove(first, first.proof)
    own = await _pages(office)
    for other in (second, foreign):
        landing = await (await office.client.get(other.path)).text()
        assert 'name="proof"' in landing, "a visit for one letter opens no other"
        assert (await office.client.get(f"{other.path}/document")).status == 404
    assert await _pages(office) == own
    if first.proof != second.proof:
        assert (await prove(second, first.proof)).status == 422
    await prove(foreign, foreign.proof)
    assert "Foreign" in await (await office.client.get("/l/document")).text()


async def _pages(office: Office) -> list[bytes]:
    content = await (await office.client.get("/l/document.pdf")).read()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return [page.Contents.read_bytes() for page in pdf.pages]


async def test_each_access_is_in_the_audit_trail_without_what_was_typed_asvs_16(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, WRONG)
    await prove(letter, letter.proof)
    trail = [row for row in await rows(office, tables.audit) if row.actor.startswith("link:")]
    assert [row.action for row in trail] == ["link.wrong", "link.proven"] and {row.subject for row in trail} == {letter.item.id}
    assert WRONG not in str(trail)


@pytest.mark.parametrize(
    ("kind", "kept", "typed"),
    [
        ("postcode", "75008", " 75 008 "),
        ("email", "zoe@example.net", "Zoe@Example.NET "),
        ("reference", "C-00 12", "c0012"),
        ("mobile", "+33639980001", "06 39 98 00 01"),
        ("something-new", "abc", "ABC"),
    ],
)
@pytest.mark.slow
async def test_proofs_are_compared_as_people_type_them(office: Office, kind: str, kept: str, typed: str) -> None:
    (letter,) = await sent(office, 1, proof=(kind, kept))
    assert (await prove(letter, "")).status == 422
    assert (await prove(letter, "nearly")).status == 422
    assert (await prove(letter, typed)).status == 303


async def test_odd_forms_are_no_proof_and_no_failure(office: Office) -> None:
    (letter,) = await sent(office, 1)
    for data in (b"proof=%ff%00", b"x=1", b"proof=" + b"9" * 5000, b"&&&&", b"proof=1&" * 50):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await office.client.post(letter.path, data=data, headers=headers, allow_redirects=False)
        assert answer.status in (422, 429), data
    assert (await office.client.post(letter.path, json={"proof": letter.proof}, allow_redirects=False)).status in (422, 429)


@pytest.mark.parametrize(
    "subject",
    ['a"b\\c', "a\u202egpj.exe", "../../etc/passwd", "x" * 300, "Été — № 5 €", "CON", "a;b=c", "%41%0d%0a", "\u200b", "..."],
)
@pytest.mark.slow
async def test_hostile_names_are_harmless_in_the_header_asvs_5_4_1_and_5_4_2(office: Office, subject: str) -> None:
    (letter,) = await sent(office, 1, subject=subject)
    await prove(letter, letter.proof)
    answer = await office.client.get("/l/document.pdf")
    value = answer.headers["Content-Disposition"]
    match = re.fullmatch(r"inline; filename=\"([ -~]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", value)
    assert match and match[1].endswith(".pdf") and match[2].endswith(".pdf") and not set(match[1]) & set('"\\/:;%')
    assert "%0D" not in match[2].upper() and "%E2%80%AE" not in match[2].upper()


async def test_the_reader_s_language_wins_then_the_sender_s(office: Office) -> None:
    (letter,) = await sent(office, 1, purpose=Purpose.OTHER)
    told = {language: await (await office.client.get(letter.path, headers={"Accept-Language": language})).text() for language in (
        "en-GB,fr;q=0.5", "fr", "de;q=0.9,en;q=0.8", "zz", "", "x" * 500, "fr;q=0,en"
    )}  # fmt: skip
    languages = {key[:12]: re.search(r'<html lang="(\w+)"', text)[1] for key, text in told.items()}  # type: ignore[index]
    assert list(languages.values()) == ["en", "fr", "en", "fr", "fr", "fr", "en"]


async def test_a_document_whose_file_is_gone_is_told_as_our_fault(office: Office, tmp_path: Path) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, letter.proof)
    for path in (tmp_path / "documents" / office.organisation_id).rglob("*"):
        if path.is_file():
            path.unlink()
    answer = await office.client.get("/l/document.pdf")
    assert answer.status == 503 and answer.headers["Retry-After"] and answer.content_type == "text/html"
    async with office.house.database.read() as connection:
        assert "downloaded" not in [line.kind.value for line in await events.of_item(connection, letter.item.id)]


async def test_without_cookies_the_page_says_so_and_close_ends_the_visit(office: Office) -> None:
    (letter,) = await sent(office, 1)
    assert (await office.client.get("/l/document")).status == 403
    await prove(letter, letter.proof)
    kept = next(iter(office.client.session.cookie_jar)).value
    closed = await office.client.post("/l/close")
    assert closed.status == 200
    answer = await office.client.get("/l/document", headers={"Cookie": f"po_link={kept}"})
    assert answer.status == 403


async def test_a_viewer_that_asks_often_is_one_download(office: Office) -> None:
    (letter,) = await sent(office, 1)
    await prove(letter, letter.proof)
    for _ in range(3):
        assert (await office.client.get("/l/document.pdf")).status == 200
    head = await office.client.head("/l/document.pdf")
    assert head.status == 200 and head.content_type == "application/pdf"
    async with office.house.database.read() as connection:
        kinds = [line.kind.value for line in await events.of_item(connection, letter.item.id)]
    assert kinds.count("downloaded") == 1 and kinds.count("clicked") == 1
