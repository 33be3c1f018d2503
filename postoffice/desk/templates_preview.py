"""The preview of a template on a row: pages of the letter, the e-mail, the short message, and what is wrong, with its line."""

import base64
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from postoffice.actions import mail_pictures, templating
from postoffice.compose import sms
from postoffice.compose.merge import printing
from postoffice.compose.merge.checks import check_record
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import Record
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.merge.wording import TRIED_LINK, Situation
from postoffice.compose.render import TemplateFault
from postoffice.desk.sandbox import MAIL_POLICY
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.store import templates
from postoffice.store.templates import Template

THUMB_WIDTH = 240
PAGE_WIDTH = 620
_KEPT = 60  # thumbnails in memory


@dataclass(frozen=True, slots=True)
class Look:
    """Thumbnails of drafts, by template and revision."""

    kept: "OrderedDict[tuple[str, int], bytes]"


LOOKS = web.AppKey("template_looks", Look)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, for the reader: where (part and line, 0: unknown), what, and what to do."""

    part: str
    line: int
    message: str
    help: str
    detail: str = ""  #: the engine's own words, in English


async def preview_context(request: web.Request, template: Template, content: Content, language: str) -> dict[str, Any]:
    """What the preview shows of the row that the address (or the form) names."""
    number = await _number(request)
    count = max(1, len(template.sample))
    number %= count
    row = {**templating.sample_row(template, number), "language": language}
    house, visit = house_of(request), request[VISIT]
    troubles: list[Trouble] = []
    context: dict[str, Any] = {
        "row_number": number,
        "rows": count,
        "row": row,
        "pages": [],
        "mail": None,
        "short": None,
        "parts_of_sms": None,
    }
    try:
        problems = check_record(Record(number + 1, dict(row), exact=True), uses_of(content), content).problems
        context["row_problems"] = [] if not template.sample else problems
        made = await templating.page_pictures(house, template.organisation_id, content, row, visit.organisation.name, PAGE_WIDTH)
        context["pages"] = [base64.b64encode(one).decode() for one in made]
    except PostOfficeError as error:
        troubles.append(_trouble(request, error, f"{language}.letter"))
        context.setdefault("row_problems", [])
    told = await _told(request, template, content, row)
    for kind, fault in told["faults"].items():
        troubles.append(_trouble(request, fault, f"{language}.{kind}"))
    context["mail"], context["short"] = told["email"], told["sms"]
    if told["sms"]:
        context["parts_of_sms"] = sms.count(told["sms"].text)
    context["troubles"] = list({(one.part, one.line, one.message): one for one in troubles}.values())
    return context


async def _told(request: web.Request, template: Template, content: Content, row: dict[str, Any]) -> dict[str, Any]:
    house = house_of(request)
    out = f"{house.url}/u/…" if content.purpose == "promotion" else ""
    situation = Situation(link=TRIED_LINK, unsubscribe=out, preferences=out)
    shown = await mail_pictures.inline(house, template.organisation_id, content)
    try:
        return await house.workshop.run(
            printing.words_of,
            content,
            Record(1, dict(row), exact=True),
            house.clock.now().date().isoformat(),
            request[VISIT].organisation.name,
            situation,
            shown,
        )
    except TemplateFault as fault:  # a part cannot be read at all: the letter's preview says it already
        return {"email": None, "sms": None, "faults": {}, "unreadable": fault}


async def mail_context(request: web.Request, template: Template, content: Content, language: str) -> dict[str, Any]:
    """What the preview of the e-mail alone shows of a row."""
    count = max(1, len(template.sample))
    number = await _number(request) % count
    row = {**templating.sample_row(template, number), "language": language}
    told = await _told(request, template, content, row)
    faults = [(kind, fault) for kind, fault in told["faults"].items() if kind == "email"]
    faults += [("mjml", told["unreadable"])] if "unreadable" in told else []
    mail = told["email"]
    return {
        "row_number": number,
        "rows": count,
        "row": row,
        "mail": mail,
        "weight": len(_DATA.sub("", mail.html).encode()) if mail else 0,
        "troubles": [_trouble(request, fault, f"{language}.{kind}") for kind, fault in faults],
    }


def _trouble(request: web.Request, error: PostOfficeError, part: str) -> Trouble:
    said = request[VISIT].words.problem(error)
    line = error.facts.get("line", 0)
    detail = error.message.rpartition(": ")[2] if error.code == "template-syntax" else ""
    return Trouble(str(error.facts.get("part", part)), line if isinstance(line, int) else 0, said.message, said.help, detail)


async def _number(request: web.Request) -> int:
    told = request.query.get("row", "")
    if not told and request.method == "POST":
        told = str((await request.post()).get("row", "")) if request.content_type != "multipart/form-data" else ""
    return int(told[:6]) if told.isdigit() else 0


async def thumbnail(request: web.Request, template: Template) -> bytes:
    """The first page of the draft on its first row. PostOfficeError where it cannot be printed."""
    looks, key = request.app[LOOKS].kept, (template.id, template.revision)
    if key not in looks:
        content = Content.from_dict(template.draft)
        row = templating.sample_row(template)
        name = request[VISIT].organisation.name
        looks[key] = (await templating.page_pictures(house_of(request), template.organisation_id, content, row, name, THUMB_WIDTH))[0]
        while len(looks) > _KEPT:
            looks.popitem(last=False)
    return looks[key]


async def mail(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/mail.html: the e-mail of a row, for a frame that may do nothing."""
    template_id, visit = request.match_info["template"], request[VISIT]
    if not is_id(template_id):
        raise templates.missing()
    async with house_of(request).database.read() as connection:
        template = await templates.get(connection, template_id, visit.organisation.id)
    content = Content.from_dict(template.draft)
    language = content.spoken(request.query.get("lang", ""))
    row = {**templating.sample_row(template, await _number(request)), "language": language}
    told = await _told(request, template, content, row)
    if not told["email"] or not told["email"].html:
        raise NotFound("no-preview", "There is no preview of this template.", help="Correct the template first.")
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    html = _in_light(told["email"].html, dark=request.query.get("dark") == "1")
    return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)


def _in_light(html: str, *, dark: bool) -> str:
    """The mail as a program in dark or light mode shows it, whatever this browser prefers."""
    return _DARK.sub("@media all" if dark else "@media not all", html)


#: pictures stand within the preview only
_DATA = re.compile(r"data:image/[^\"']+")
_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
