"""Importing contacts: bring a file, say what its columns are, look at the difference, write it, take it back."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.contacts.columns import TARGETS, guess, unique
from postoffice.contacts.vcard import COLUMNS
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, render
from postoffice.desk.upload import CHUNK, LONGEST_FIELD
from postoffice.desk.visit import VISIT, WORDS, Visit, house_of
from postoffice.house import House
from postoffice.model.errors import NotFound, PostOfficeError, TooLarge
from postoffice.model.ids import is_id
from postoffice.model.ports import StoredDocument
from postoffice.store import batches, imports, mailings, people
from postoffice.store.imports import WORKING, Import
from postoffice.words import N_

QUEUE, STEP = "compose", "import"
_SHOWN_COLUMNS = 200
#: what a column can be, in words
TARGET_WORDS = {
    "name": N_("Name, whole"),
    "title": N_("Title (M., Mme)"),
    "given_name": N_("First name"),
    "family_name": N_("Family name"),
    "company": N_("Company"),
    "kind": N_("Person or company"),
    "street": N_("Street"),
    "street2": N_("Street, second line"),
    "street3": N_("Street, third line"),
    "postcode": N_("Postcode"),
    "town": N_("Town"),
    "country": N_("Country"),
    "email": N_("E-mail"),
    "mobile": N_("Mobile"),
    "fax": N_("Fax"),
    "language": N_("Language"),
    "channel": N_("Preferred channel"),
    "reference": N_("Customer's number"),
    "tags": N_("Tags"),
    "consent_email": N_("Consent to e-mail (yes, no)"),
    "consent_sms": N_("Consent to SMS (yes, no)"),
    "consent_fax": N_("Consent to fax (yes, no)"),
    "consent_post": N_("Consent to letters (yes, no)"),
    "consent_all": N_("Consent to everything (yes, no)"),
    "attribute": N_("Something else: keep it under its own name"),
}
#: why a row, or a part of it, was left out
CODE_WORDS = {
    "import-nobody": N_("Nothing in the row says who it is."),
    "import-hidden": N_("The row is hidden in the spreadsheet."),
    "import-address": N_("The postal address lacks a name, a postcode and town, or has too many lines."),
    "import-email": N_("The e-mail address is none."),
    "import-mobile": N_("The mobile number is none; a spreadsheet may have cut its digits."),
    "import-fax": N_("The fax number is none."),
    "import-other-name": N_("A contact with another name has this address: which of the two is meant?"),
    "import-several": N_("Several contacts fit alike: merge them first, or give the customer's number."),
    "import-two-numbers": N_("The numbers in the row belong to two different contacts."),
}
FIELD_WORDS = {
    "name": N_("Name"),
    "company": N_("Company"),
    "kind": N_("Person or company"),
    "language": N_("Language"),
    "preferred_channel": N_("Preferred channel"),
    "external_ids": N_("Customer's number"),
    "attributes": N_("Attributes"),
    "tags": N_("Tags"),
    "post": N_("Postal address"),
    "email": N_("E-mail"),
    "sms": N_("Mobile"),
    "fax": N_("Fax"),
}


async def all_imports(request: web.Request) -> web.StreamResponse:
    """GET /contacts/imports"""
    visit, house = request[VISIT], house_of(request)
    async with house.database.read() as connection:
        found = await imports.latest(connection, visit.organisation.id)
    return render(request, "contact-imports.html", {"imports": found, "most": house.limits.max_upload})


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /contacts/imports: fields first, then the file, streamed."""
    visit, house = request[VISIT], house_of(request)
    if not request.content_type.startswith("multipart/"):
        raise _no_file()
    csrf, parts = request.headers.get("X-CSRF", ""), await request.multipart()
    while isinstance(part := await parts.next(), BodyPartReader):
        if part.name == "csrf":
            csrf = bytes(await part.read_chunk(LONGEST_FIELD)).decode("utf-8", "replace").strip()
        elif part.name == "file" and part.filename:
            check_csrf(visit, csrf)
            stored = await keep_file(house, visit.organisation.id, part)
            name = part.filename.replace("\\", "/").rsplit("/", 1)[-1]
            return go(request, f"/contacts/imports/{await add_import(house, visit, name, stored)}")
    raise _no_file()


def _no_file() -> PostOfficeError:
    return PostOfficeError("no-file", "No file was chosen.", help="Choose a file or drop it on the page.")


async def keep_file(house: House, organisation_id: str, part: BodyPartReader) -> StoredDocument:
    """Store a file as it comes in. TooLarge."""
    size, limit = 0, house.limits.max_upload
    async with house.documents.upload(organisation_id) as upload:
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            if limit and size > limit:
                raise TooLarge(
                    "too-large", f"This document is larger than the {limit // 1_000_000} MB that one job may have.", limit=limit
                )
            await upload.write(chunk)
        return await upload.finish()


async def add_import(house: House, visit: Visit, name: str, stored: StoredDocument, of: str = "") -> str:
    """Note it, and let the worker read it; the import's id."""
    now, mine = house.clock.now(), visit.organisation.id
    async with house.database.write() as connection:
        await mailings.note_document(connection, mine, stored, "application/octet-stream", now)
        import_id = await imports.add(connection, mine, name, stored.sha256, visit.actor.name, now, of=of)
        batch_id = await _work(connection, mine, import_id, now)
    await house.bell.ring(QUEUE, batch_id, 1)
    return import_id


async def _work(connection: Any, organisation_id: str, import_id: str, now: Any) -> str:
    return await batches.add(
        connection, organisation_id=organisation_id, step=STEP, subject_id=import_id, queue=QUEUE, now=now, priority=4
    )


async def _load(request: web.Request) -> Import:
    import_id = request.match_info["import"]
    if not is_id(import_id):
        raise NotFound("no-such-import", "There is no such import.", help="Look for it in the list of imports.")
    async with house_of(request).database.read() as connection:
        return await imports.get(connection, import_id, request[VISIT].organisation.id, of="")


async def import_page(request: web.Request) -> web.StreamResponse:
    """GET /contacts/imports/{import}: what its state asks for."""
    one = await _load(request)
    async with house_of(request).database.read() as connection:
        lines = await imports.lines(connection, one, ("refused", "conflict", "partly"), limit=100)
        remembered = await imports.remembered(connection, one.organisation_id)
    names = one.choices.get("names") or one.facts.get("names") or []
    vcards = one.facts.get("kind") == "vcard"
    context = {
        "one": one,
        "working": one.state in WORKING,
        "lines": lines,
        "names": names[:_SHOWN_COLUMNS],
        "mapping": one.choices.get("mapping") or (dict(COLUMNS) if vcards else guess(names, remembered)),
        "header": one.choices.get("header", one.facts.get("header", 0)),
        "targets": TARGET_WORDS,
        "codes": CODE_WORDS,
        "field_words": FIELD_WORDS,
        "said": said_of(request, one),
        "done_rows": one.outcome.get("tried", 0) if one.state.value == "trying" else one.next_row,
    }
    return render(request, "contact-import.html", context)


def said_of(request: web.Request, one: Import) -> Any:
    """Why it failed, in the reader's language; None where it did not."""
    if not one.error:
        return None
    error = one.error
    failure = PostOfficeError(error["code"], error["message"], help=error.get("help", ""), **error.get("facts", {}))
    return request[WORDS].problem(failure)


async def choose(request: web.Request) -> web.StreamResponse:
    """POST /contacts/imports/{import}/choose: the columns; then the trial, or the columns anew where the row of names is another."""
    one, visit = await _load(request), request[VISIT]
    form = await request.post()
    header = int(text_of(form, "header") or 0) if text_of(form, "header").lstrip("-").isdigit() else 0
    first = one.facts["first"]
    if not -1 <= header < len(first):
        raise unknown_word()
    before = one.choices.get("header", one.facts["header"])
    if one.facts["kind"] == "table" and header != before:
        width = len(one.facts["names"])
        names = unique([*(first[header][1] if header >= 0 else ()), *[""] * width][:width])
        async with house_of(request).database.write() as connection:
            await imports.note(connection, one.id, choices={"names": names, "header": header})
        return go(request, f"/contacts/imports/{one.id}")
    chosen = _choices(one, form, header, visit.organisation.country)
    return await _begin(request, one, "try", choices=chosen, next_row=0, outcome={})


def _choices(one: Import, form: Mapping[str, Any], header: int, country: str) -> dict[str, Any]:
    names = one.choices.get("names") or one.facts["names"]
    mapping = {name: text_of(form, f"col-{place}") for place, name in enumerate(names)}
    if any(target not in ("", *TARGETS) for target in mapping.values()):
        raise unknown_word()
    if not any(mapping.values()):
        raise PostOfficeError("no-columns", "No column is to be imported.", help="Say at least which one has the name or an address.")
    return {
        "names": names,
        "header": header,
        "mapping": mapping,
        "first": one.facts["first"][header][0] + 1 if header >= 0 else 0,
        "system": text_of(form, "system")[:20] or "crm",
        "country": country or "FR",
        "tags": [tag.strip()[:60] for tag in text_of(form, "tags").split(",") if tag.strip()],
        "hidden": text_of(form, "hidden") == "1",
    }


async def act(request: web.Request) -> web.StreamResponse:
    """POST /contacts/imports/{import}/{word}: apply, undo, or change the columns once more."""
    one, word = await _load(request), request.match_info["word"]
    if word == "change":
        async with house_of(request).database.write() as connection:
            await imports.command(connection, one, "change")
        return go(request, f"/contacts/imports/{one.id}")
    return await _begin(request, one, word, **({"next_row": 0} if word == "apply" else {}))


async def _begin(request: web.Request, one: Import, word: str, **values: Any) -> web.StreamResponse:
    """Let the worker do the next part."""
    house, visit = house_of(request), request[VISIT]
    now = house.clock.now()
    async with house.database.write() as connection:
        await imports.command(connection, one, word, **values)
        batch_id = await _work(connection, one.organisation_id, one.id, now)
        await people.note(
            connection,
            organisation_id=one.organisation_id,
            actor=visit.actor.name,
            action=f"contacts.import-{word}",
            subject=one.id,
            now=now,
            detail={"rows": one.rows},
        )
    await house.bell.ring(QUEUE, batch_id, 1)
    return go(request, f"/contacts/imports/{one.id}")


async def refused(request: web.Request) -> web.StreamResponse:
    """GET /contacts/imports/{import}/refused.csv: row numbers and reasons, to mend the file by."""
    one, words = await _load(request), request[WORDS]
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";" if words.language == "fr" else ",")
    writer.writerow([words.gettext("Row"), words.gettext("Why")])
    after = -1
    while True:
        async with house_of(request).database.read() as connection:
            lines = await imports.lines(connection, one, ("refused", "conflict", "partly"), after=after, limit=1_000)
        if not lines:
            break
        writer.writerows([line["row"], words.gettext(CODE_WORDS.get(line["code"], line["code"]))] for line in lines)
        after = lines[-1]["row"]
    headers = {"Content-Disposition": 'attachment; filename="refused.csv"', "Cache-Control": "no-store"}
    return web.Response(text="\ufeff" + target.getvalue(), content_type="text/csv", charset="utf-8", headers=headers)
