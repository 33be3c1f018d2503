"""The editor of a template's e-mail: blocks, or MJML, beside the mail as its recipients will see it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from postoffice.actions import mail_pictures, templating
from postoffice.compose.mail import blocks
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.uses import uses_of
from postoffice.compose.render import TemplateFault
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, is_partial, render
from postoffice.desk.templates import load
from postoffice.desk.templates_preview import mail_context
from postoffice.desk.visit import VISIT, house_of
from postoffice.store.templates import Template
from postoffice.words import N_

#: kinds of blocks as people call them
KINDS = {
    "header": N_("Logo or name"),
    "heading": N_("Heading"),
    "text": N_("Text"),
    "picture": N_("Picture"),
    "button": N_("Button"),
    "columns": N_("Two columns"),
    "products": N_("List of products"),
    "divider": N_("Line"),
    "footer": N_("Footer"),
}
#: fields of blocks; those of a column's side stand in two groups
FIELDS = {
    "text": N_("Words"),
    "long": N_("Text"),
    "picture": N_("Picture"),
    "alt": N_("What the picture shows, for those who do not see it"),
    "link": N_("Leads to"),
    "list": N_("Field with the list"),
}
BUTTON_FIELDS = {"text": N_("Words on the button")}
SIDES = {"left": N_("Left"), "right": N_("Right")}
#: what a mail of blocks begins with
_STARTER = {
    "fr": ("Un titre qui dit l'essentiel", "Bonjour {{ name }},\n\nVotre texte.", "En savoir plus"),
    "en": ("A heading that says what matters", "Hello {{ name }},\n\nYour text.", "Learn more"),
}
_MOST = 200_000


async def page(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/mail"""
    template = await load(request)
    content = Content.from_dict(template.draft)
    return render(request, "template-mail.html", await _context(request, template, content, _language(request, content)))


def _language(request: web.Request, content: Content, told: str = "") -> str:
    wanted = told or request.query.get("lang", "")
    return wanted if wanted in content.parts else content.spoken(request[VISIT].words.language)


async def _context(request: web.Request, template: Template, content: Content, language: str) -> dict[str, Any]:
    parts = content.of(language)
    try:
        uses = uses_of(content)
    except TemplateFault:
        uses = []
    return {
        "template": template,
        "content": content,
        "lang": language,
        "parts": parts,
        "by_blocks": bool(parts.blocks),
        "blocks": blocks.read(parts.blocks),
        "kinds": KINDS,
        "fields": FIELDS,
        "button_fields": BUTTON_FIELDS,
        "sides": SIDES,
        "of_kind": blocks.KINDS,
        "uses": uses,
        "mail_pictures": [name for name in content.pictures if Path(name).suffix.lower() in mail_pictures.MAIL_SUFFIXES],
        **await mail_context(request, template, content, language),
    }


async def save(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/mail: keep what the form holds, and do what its button says. htmx gets the preview."""
    template, visit = await load(request), request[VISIT]
    form = await request.post()
    content = Content.from_dict(template.draft)
    language = text_of(form, "lang", 10)
    if language not in content.parts:
        raise unknown_word()
    content, place = _changed(content, language, form)
    told = text_of(form, "revision", 12)
    revision = int(told) if told.isdigit() else None
    fresh = await templating.save(house_of(request), template, content, visit.actor, revision=revision)
    if not is_partial(request):
        row = text_of(form, "row", 6)
        mark = f"#block-{place}" if place >= 0 else ""
        return go(request, f"/templates/{template.id}/mail?lang={language}&row={row if row.isdigit() else 0}{mark}")
    context = await mail_context(request, template, content, language)
    return render(request, "template-mail-preview.html", {**context, "template": template, "lang": language, "revision": fresh})


def _changed(content: Content, language: str, form: Mapping[str, Any]) -> tuple[Content, int]:
    """(the draft with what the form holds, place of the block to look at next or -1)."""
    parts = content.of(language)
    for name in ("subject", "preheader"):
        if name in form:
            parts = replace(parts, **{name: " ".join(text_of(form, name, 1000).split())})
    content = replace(content, parts={**content.parts, language: parts})
    what, _, at = text_of(form, "do", 40).partition(":")
    if what == "mode":
        return _other_way(content, language, at), -1
    if "mjml" in form:
        source = str(form["mjml"])[:_MOST].replace("\r\n", "\n")
        return content.with_part(language, "mjml", source).with_part(language, "blocks", ""), -1
    if parts.blocks:
        listed, place = _done(_blocks_of(form), what, at)
        content = content.with_blocks(language, blocks.written(listed))
        return content, place
    return content, -1


def _other_way(content: Content, language: str, way: str) -> Content:
    """Blocks from now on, begun anew; or the MJML that they made, written by hand."""
    if way == "blocks":
        return content.with_part(language, "html", "").with_part(language, "text", "").with_blocks(language, starter(language))
    if way == "mjml":
        fresh = content if content.of(language).mjml else content.with_blocks(language, starter(language))
        return fresh.with_part(language, "blocks", "").with_part(language, "html", "")
    raise unknown_word()


def starter(language: str) -> str:
    """What a mail of blocks begins with, as it is kept."""
    heading, text, button = _STARTER["fr" if language.startswith("fr") else "en"]
    first = [{"kind": "header"}, {"kind": "heading", "text": heading}, {"kind": "text", "long": text}]
    return blocks.written([*first, {"kind": "button", "text": button, "link": "https://"}, {"kind": "footer"}])


def _blocks_of(form: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for place in range(blocks.MOST):
        kind = text_of(form, f"b{place}-kind", 20)
        if kind not in blocks.KINDS:
            break
        values = {name: str(form.get(f"b{place}-{name}", "")).replace("\r\n", "\n") for name in blocks.KINDS[kind]}
        found.append({"kind": kind, **values})
    return found


def _done(listed: list[dict[str, str]], what: str, at: str) -> tuple[list[dict[str, str]], int]:
    """The list after a button: up, down, remove, copy (of a place) or add (a kind, before the footer)."""
    if what == "add" and at in blocks.KINDS:
        foot = next((place for place, one in enumerate(listed) if one["kind"] == "footer"), len(listed))
        place = len(listed) if at == "footer" else 0 if at == "header" else foot
        listed.insert(place, {"kind": at})
        return listed, place
    place = int(at) if at.isdigit() else -1
    if not 0 <= place < len(listed):
        return listed, -1
    if what == "remove":
        listed.pop(place)
        return listed, min(place, len(listed) - 1)
    if what == "copy":
        listed.insert(place + 1, dict(listed[place]))
        return listed, place + 1
    to = place + {"up": -1, "down": 1}.get(what, 0)
    if 0 <= to < len(listed):
        listed[place], listed[to] = listed[to], listed[place]
        return listed, to
    return listed, place
