"""How a page is made: the templates' environment, what every page knows, answers that suit htmx as well as a plain browser."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from aiohttp import web

from postoffice import __version__
from postoffice.compose.findings import FINDINGS
from postoffice.desk.navigation import NAVIGATION
from postoffice.desk.visit import VISIT, WORDS, house_of
from postoffice.house import HOUSE
from postoffice.model.finding import Finding
from postoffice.model.people import Right
from postoffice.model.states import (
    CAMPAIGN_LOOK,
    ITEM_LOOK,
    MAILING_LOOK,
    WAVE_LOOK,
    CampaignState,
    DeliveryState,
    ItemState,
    MailingState,
    Tone,
    WaveState,
    item_state_of,
)
from postoffice.words import LANGUAGES, Words

ENVIRONMENT = web.AppKey("desk_templates", jinja2.Environment)


def add_templates(app: web.Application) -> None:
    """The environment of the desk's own templates, apart from those of other doors."""
    app[ENVIRONMENT] = _environment(app[HOUSE].templates / "desk")


@cache  # it belongs to no application: what was compiled serves them all
def _environment(folder: Path) -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"tone": tone_of, "query": query, "Right": Right, "languages": LANGUAGES, "version": __version__}
    return environment


def tone_of(state: MailingState | ItemState | DeliveryState | CampaignState | WaveState) -> Tone:
    """Colour and shape of a state."""
    if isinstance(state, CampaignState):
        return CAMPAIGN_LOOK[state].tone
    if isinstance(state, WaveState):
        return WAVE_LOOK[state].tone
    if isinstance(state, MailingState):
        return MAILING_LOOK[state].tone
    return ITEM_LOOK[state if isinstance(state, ItemState) else item_state_of(state)].tone


def query(address: Mapping[str, str], **changes: object) -> str:
    """`?...` of an address with some parts changed; None takes a part out."""
    parts = {**address, **{key: None if value is None else str(value) for key, value in changes.items()}}
    kept = {key: value for key, value in parts.items() if value}
    return "?" + urlencode(kept, quote_via=quote) if kept else "?"


def finding_words(words: Words, finding: Finding) -> tuple[str, str]:
    """Title and help of a finding in the reader's language; its code and English help where the catalogue has none."""
    known = FINDINGS.get(finding.code)
    return (known.title(words.language), known.help(words.language)) if known else (finding.code, finding.help)


def held_words(words: Words, reason: str) -> str:
    """Why an item is held: a finding's title, or a reason of the plan."""
    known = FINDINGS.get(reason)
    return known.title(words.language) if known else words.reason(reason)


def render(request: web.Request, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200) -> web.Response:
    """A template as an answer. `partial` is true where htmx asks for a part of a page."""
    return web.Response(text=render_text(request, template, context), status=status, content_type="text/html", charset="utf-8")


def render_text(request: web.Request, template: str, context: Mapping[str, Any] | None = None) -> str:
    """A template as text."""
    return request.app[ENVIRONMENT].get_template(template).render({**_everywhere(request), **(context or {})})


def _everywhere(request: web.Request) -> dict[str, Any]:
    words, visit = request[WORDS], request.get(VISIT)
    return {
        "_": words.gettext,
        "ngettext": words.ngettext,
        "words": words,
        "visit": visit,
        "csrf": visit.csrf if visit else "",
        "navigation": [one for one in NAVIGATION if visit and visit.may(one.right)],
        "path": request.path,
        "here": request.path_qs,
        "address": dict(request.query),
        "partial": is_partial(request),
        "now": house_of(request).clock.now(),
        "finding_words": lambda finding: finding_words(words, finding),
        "held_words": lambda reason: held_words(words, reason),
    }


def is_partial(request: web.Request) -> bool:
    """Whether htmx asks for a part of a page (not for a whole one that it puts in the history)."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def go(request: web.Request, address: str) -> web.Response:
    """Go to another page after an action: 303, or htmx's own way of saying so."""
    if "HX-Request" in request.headers:
        return web.Response(status=204, headers={"HX-Redirect": address})
    return web.Response(status=303, headers={"Location": address})
