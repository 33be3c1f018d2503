"""Recipients for a template: a spreadsheet or pasted rows, columns and fields, what is wrong with rows, and the mailing of them."""

import re
from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.actions import templating
from postoffice.compose.merge.columns import RECIPIENT, targets
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.sheets import look_at_sheet
from postoffice.compose.merge.uses import uses_of
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.cutting import SPREADSHEET, keep_spreadsheet, no_spreadsheet
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, render
from postoffice.desk.templates import load
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding, Severity
from postoffice.model.mailing import Source
from postoffice.store import mailings
from postoffice.store.templates import Template, Version

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: columns of a very wide spreadsheet that are shown though they fill nothing
SHOWN_COLUMNS = 60
_LONGEST_PASTE = 4_000_000
_LONGEST_FIELD = 2_000


async def page(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/merge"""
    template = await load(request)
    content = await _content(request, template)
    return render(request, "templates-merge.html", {"template": template, "uses": uses_of(content)})


async def _version(request: web.Request, template: Template) -> Version:
    async with house_of(request).database.read() as connection:
        return await templating.published(connection, template)


async def _content(request: web.Request, template: Template) -> Content:
    """Of the version that letters will be made of; NotFound not-published."""
    return Content.from_dict((await _version(request, template)).content)


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/merge: a file, or rows pasted from a spreadsheet."""
    template, visit, house = await load(request), request[VISIT], house_of(request)
    fields = {"csrf": request.headers.get("X-CSRF", "")}
    sheet = ""
    if request.content_type != "multipart/form-data":
        raise no_spreadsheet()
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            break
        if part.name == "sheet" and part.filename:
            check_csrf(visit, fields["csrf"])
            sheet = (await keep_spreadsheet(house, template.organisation_id, part)).removeprefix("order:")
        elif part.name == "pasted":
            check_csrf(visit, fields["csrf"])
            pasted = await _read(part, _LONGEST_PASTE)
            sheet = sheet or await _keep_pasted(request, template, pasted)
        else:
            fields[part.name or ""] = (await _read(part, _LONGEST_FIELD)).decode("utf-8", "replace").strip()
    check_csrf(visit, fields["csrf"])
    if not sheet:
        raise no_spreadsheet()
    return go(request, f"/templates/{template.id}/merge/{sheet}")


async def _read(part: BodyPartReader, most: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        if len(data) < most:
            data += chunk[: most - len(data)]
    return bytes(data)


async def _keep_pasted(request: web.Request, template: Template, pasted: bytes) -> str:
    if not pasted.strip():
        return ""
    house = house_of(request)
    stored = await house.documents.put(template.organisation_id, pasted.strip() + b"\n")
    async with house.database.write() as connection:
        await mailings.note_document(connection, template.organisation_id, stored, SPREADSHEET, house.clock.now())
    return stored.sha256


async def look(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/merge/{sheet}: the columns as guessed or remembered, and every row checked."""
    return await _shown(request, await load(request), None)


async def _shown(request: web.Request, template: Template, chosen: dict[str, str] | None) -> web.StreamResponse:
    house, sheet = house_of(request), _sheet(request)
    content = await _content(request, template)
    async with house.documents.as_file(template.organisation_id, sheet) as path:
        view = await house.workshop.run(look_at_sheet, path, content, dict(template.mapping), chosen)
    words = [(row, Finding(code, Severity.ERROR, None, None, "", ""), column, value) for row, code, column, value in view.problems]
    context = {
        "template": template,
        "sheet": sheet,
        "view": view,
        "problems": words,
        "shown_columns": [
            name for number, name in enumerate(view.headers) if name and (number < SHOWN_COLUMNS or view.mapping.get(name))
        ],
        "targets": targets(uses_of(content)),
        "recipient": list(RECIPIENT),
        "name": text_of(request.query, "name", 200),
    }
    return render(request, "templates-rows.html", context)


def _sheet(request: web.Request) -> str:
    sheet = request.match_info["sheet"]
    if not _SHA256.fullmatch(sheet):
        raise no_spreadsheet()
    return sheet


async def make(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/merge/{sheet}: check again with other columns, keep rows for the preview, or make the letters."""
    template, visit, house, sheet = await load(request), request[VISIT], house_of(request), _sheet(request)
    form = await request.post()
    mapping = mapping_of(form)
    action = text_of(form, "action", 20)
    if action not in ("check", "sample", "make"):
        raise unknown_word()
    version = await _version(request, template)
    content = Content.from_dict(version.content)
    if action == "check":
        await templating.remember(house, template, mapping)
        return await _shown(request, template, mapping)
    if action == "sample":
        async with house.documents.as_file(template.organisation_id, sheet) as path:
            view = await house.workshop.run(look_at_sheet, path, content, {}, mapping)
        await templating.remember(house, template, mapping, view.sample)
        return go(request, f"/templates/{template.id}?done=kept")
    await templating.remember(house, template, mapping)
    name = text_of(form, "name", 255) or template.name
    new = templating.new_mailing(version, template.organisation_id, Source.UPLOAD, name, user_id=visit.user.id)
    mailing = await templating.begin_from_sheet(house, version, sheet, mapping, new)
    return go(request, f"/m/{mailing.id}")


def mapping_of(form: Any) -> dict[str, str]:
    """Column -> field as the form has it: `column-N` names a column, `field-N` what it fills."""
    found = {}
    for key in form:
        number = key.removeprefix("column-")
        if key.startswith("column-") and number.isdigit():
            found[str(form[key])[:200]] = text_of(form, f"field-{number}", 100)
    filled = [field for field in found.values() if field]
    if len(filled) != len(set(filled)):
        double = next(field for field in filled if filled.count(field) > 1)
        raise PostOfficeError("column-twice", f"Two columns fill the field {double}.", help="Choose one of them.", field=double)
    return found
