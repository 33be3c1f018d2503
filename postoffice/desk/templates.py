"""Templates: the list, the editor and its draft, versions with what differs between them."""

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.actions import templating
from postoffice.compose.merge.content import PARTS, SENDER, Content, Parts
from postoffice.compose.merge.samples import samples, starter
from postoffice.compose.merge.uses import Use, uses_of
from postoffice.compose.render import TemplateFault
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, is_partial, render
from postoffice.desk.templates_preview import preview_context, thumbnail
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Purpose
from postoffice.model.errors import NotFound, PostOfficeError
from postoffice.model.ids import is_id
from postoffice.model.layout import LAYOUTS
from postoffice.store import people, templates
from postoffice.store.templates import Template, Version
from postoffice.words import N_

#: names of the parts on the tabs
TABS = {
    "letter": N_("Letter"),
    "subject": N_("Subject"),
    "text": N_("E-mail, plain text"),
    "html": N_("E-mail, HTML"),
    "sms": N_("SMS"),
    "style": N_("Style sheet"),
}
#: the sender's fields on the form
SENDER_LABELS = {
    "name": N_("Name"),
    "line1": N_("Address, first line"),
    "line2": N_("Address, second line"),
    "line3": N_("Address, third line"),
    "phone": N_("Telephone"),
    "email": N_("E-mail"),
    "web": N_("Web site"),
    "legal": N_("Legal line"),
    "vat": N_("VAT number"),
    "iban": "IBAN",
    "bic": "BIC",
    "colour": N_("Colour"),
    "logo": N_("Logo (name of a file)"),
}
_MOST = 400_000  # characters of a source in a form


async def load(request: web.Request) -> Template:
    """The template that the address names; NotFound no-such-template."""
    template_id = request.match_info["template"]
    if not is_id(template_id):
        raise templates.missing()
    async with house_of(request).database.read() as connection:
        return await templates.get(connection, template_id, request[VISIT].organisation.id)


async def all_templates(request: web.Request) -> web.StreamResponse:
    """GET /templates"""
    house, visit = house_of(request), request[VISIT]
    async with house.database.read() as connection:
        found = await templates.all_of(connection, visit.organisation.id)
    shown = [(one, Content.from_dict(one.draft)) for one in found]
    return render(request, "templates.html", {"templates": shown, "samples": samples(house.templates)})


async def create(request: web.Request) -> web.StreamResponse:
    """POST /templates: from a sample, or from next to nothing."""
    house, visit = house_of(request), request[VISIT]
    form = await request.post()
    wanted, language = text_of(form, "sample"), visit.words.language
    chosen = next((one for one in samples(house.templates) if one.name == wanted), None)
    if wanted and chosen is None:
        raise unknown_word()
    content = replace(chosen.content, language=language) if chosen else starter(language)
    name = text_of(form, "name") or (chosen.titles.get(language, chosen.name) if chosen else visit.words._("New template"))
    for file, path in (chosen.files if chosen else {}).items():
        content = await templating.add_picture(house, visit.organisation.id, content, file, await asyncio.to_thread(path.read_bytes))
    made = await templating.create(house, visit.organisation, name, content, chosen.rows if chosen else (), visit.actor)
    return go(request, f"/templates/{made.id}/mail" if chosen and chosen.files else f"/templates/{made.id}")


async def editor(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}"""
    template = await load(request)
    return render(request, "templates-edit.html", await _editor(request, template))


async def _editor(request: web.Request, template: Template) -> dict[str, Any]:
    content = Content.from_dict(template.draft)
    language = request.query.get("lang", "")
    language = language if language in content.parts else content.spoken(request[VISIT].words.language)
    part = request.query.get("part", "letter")
    part = part if part in TABS else "letter"
    async with house_of(request).database.read() as connection:
        versions = await templates.versions(connection, template.id)
        staff = {f"user:{one.id}": one.name for one in await people.all_users(connection, template.organisation_id)}
    changed = not versions or not content.same_as(Content.from_dict(versions[0].content))
    return {
        "template": template,
        "content": content,
        "lang": language,
        "part": part,
        "tabs": TABS,
        "source": content.style if part == "style" else getattr(content.of(language), part),
        "uses": _uses(content),
        "versions": versions,
        "staff": staff,
        "changed": changed,
        "layouts": LAYOUTS,
        "purposes": list(Purpose),
        "sender_labels": SENDER_LABELS,
        **await preview_context(request, template, content, language),
    }


def _uses(content: Content) -> Sequence[Use]:
    """The fields for the insert buttons; none while a source cannot be read (the preview says why)."""
    try:
        return uses_of(content)
    except TemplateFault:
        return ()


async def save(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}: keep the draft. htmx gets the preview, a plain form the page again."""
    template, visit = await load(request), request[VISIT]
    form = await request.post()
    content = _changed(Content.from_dict(template.draft), form)
    told = text_of(form, "revision", 12)
    revision = int(told) if told.isdigit() else None
    name = text_of(form, "name", 200) if "name" in form else None
    fresh = await templating.save(house_of(request), template, content, visit.actor, name=name, revision=revision)
    language = text_of(form, "lang", 10)
    language = language if language in content.parts else content.language
    if not is_partial(request):
        part = text_of(form, "part", 10)
        return go(request, f"/templates/{template.id}?lang={language}&part={part if part in TABS else 'letter'}&done=kept")
    context = await preview_context(request, template, content, language)
    return render(request, "templates-preview.html", {**context, "template": template, "lang": language, "revision": fresh})


def _changed(content: Content, form: Mapping[str, Any]) -> Content:
    """The draft with what the form holds; what it does not hold stays."""
    language, part = text_of(form, "lang", 10), text_of(form, "part", 10)
    if "source" in form:
        source = str(form["source"])[:_MOST].replace("\r\n", "\n")
        if part == "style":
            content = replace(content, style=source)
        elif part in PARTS and language in content.parts:
            content = content.with_part(language, part, source)
        else:
            raise unknown_word()
    if "layout" in form:
        told = {name: text_of(form, name, 20) for name in ("layout", "purpose", "language")}
        if told["language"] not in content.parts:
            raise unknown_word()
        content = replace(content, layout=told["layout"], purpose=told["purpose"], language=told["language"])
    if "sender-name" in form:
        sender = {name: text_of(form, f"sender-{name}", 300) for name in SENDER}
        content = replace(content, sender=sender).rebuilt()
    return content


async def add_language(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/language: another language, begun as a copy of the one that is shown; or take one out."""
    template, visit = await load(request), request[VISIT]
    form = await request.post()
    content = Content.from_dict(template.draft)
    language, like = text_of(form, "language", 10).lower(), text_of(form, "like", 10)
    parts: dict[str, Parts] = dict(content.parts)
    if "remove" in form:
        parts.pop(language, None)
        content = replace(content, parts=parts, language=content.language if content.language in parts else next(iter(parts), ""))
        language = content.language
    else:
        content = replace(content, parts={**parts, language: parts.get(language, content.of(like))})
    await templating.save(house_of(request), template, content, visit.actor)
    return go(request, f"/templates/{template.id}?lang={language}")


async def add_picture(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/picture: a file that the letter shows; a form with `remove` takes one out."""
    template, visit = await load(request), request[VISIT]
    content = Content.from_dict(template.draft)
    if request.content_type != "multipart/form-data":
        raise unknown_word()
    reader, fields = await request.multipart(), {"csrf": request.headers.get("X-CSRF", "")}
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            break
        if part.name == "picture" and part.filename:
            check_csrf(visit, fields["csrf"])
            data = bytes(await part.read_chunk(templating.MOST_PICTURE_BYTES + 1))
            while len(data) <= templating.MOST_PICTURE_BYTES and (more := await part.read_chunk()):
                data += more
            content = await templating.add_picture(house_of(request), template.organisation_id, content, part.filename, data)
        else:
            fields[part.name or ""] = bytes(await part.read_chunk(2_000)).decode("utf-8", "replace").strip()
    check_csrf(visit, fields["csrf"])
    if fields.get("remove"):
        content = replace(content, pictures={name: one for name, one in content.pictures.items() if name != fields["remove"]})
    await templating.save(house_of(request), template, content, visit.actor)
    if fields.get("back") == "mail":
        return go(request, f"/templates/{template.id}/mail?lang={content.spoken(fields.get('lang'))}#pictures")
    return go(request, f"/templates/{template.id}?done=kept#pictures")


async def publish(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/publish"""
    template, visit = await load(request), request[VISIT]
    form = await request.post()
    try:
        await templating.publish(house_of(request), template, visit.actor, text_of(form, "note", 500))
    except TemplateFault as fault:
        context = await _editor(request, template)
        context["refused"] = visit.words.problem(fault)
        context["refused_at"] = fault.facts
        return render(request, "templates-edit.html", context, status=422)
    return go(request, f"/templates/{template.id}?done=published")


async def restore(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/restore: an old version becomes the draft."""
    template, visit = await load(request), request[VISIT]
    number = text_of(await request.post(), "number", 8)
    if not number.isdigit():
        raise unknown_word()
    await templating.restore(house_of(request), template, int(number), visit.actor)
    return go(request, f"/templates/{template.id}?done=restored")


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/remove"""
    template, visit = await load(request), request[VISIT]
    await templating.remove(house_of(request), template, visit.actor)
    return go(request, "/templates?done=removed")


async def compare(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/versions/{number}: a version, and how the draft differs from it."""
    template = await load(request)
    async with house_of(request).database.read() as connection:
        version = await templates.version(
            connection, template.organisation_id, template_id=template.id, number=int(request.match_info["number"])
        )
    changes = _differences(version, Content.from_dict(template.draft))
    return render(request, "templates-version.html", {"template": template, "shown": version, "changes": changes, "tabs": TABS})


def _differences(version: Version, draft: Content) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(language, part, lines as (mark, text)) of what differs; marks are + - @ or a space."""
    old = Content.from_dict(version.content)
    pairs = [("", "style", old.style, draft.style)]
    for language in dict.fromkeys((*old.parts, *draft.parts)):
        pairs += [(language, part, getattr(old.of(language), part), getattr(draft.of(language), part)) for part in PARTS]
    found = []
    for language, part, before, after in pairs:
        if before != after:
            lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
            found.append((language, part, [(line[:1] or " ", line if line.startswith("@") else line[1:]) for line in lines]))
    return found


async def thumb(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/thumb.png"""
    template = await load(request)
    try:
        made = await thumbnail(request, template)
    except PostOfficeError as error:
        raise NotFound("no-preview", "There is no preview of this template.", help=error.help) from error
    return web.Response(body=made, content_type="image/png", headers={"Cache-Control": "private, max-age=60"})
