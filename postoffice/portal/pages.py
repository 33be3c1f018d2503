"""How a recipient's page is made: language, templates, and the headers that keep it to itself."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from postoffice import trouble
from postoffice.house import HOUSE
from postoffice.model.errors import PostOfficeError
from postoffice.portal.brand import NONE, Brand
from postoffice.words import LANGUAGES, Words

DOCUMENT = "/l/document"  #: the letter behind the link
LETTERS = "/l/documents"  #: and all of this recipient's
CHOICES = "/l/choices"
ENVIRONMENT = web.AppKey("portal_templates", jinja2.Environment)
_POLICY = web.AppKey("portal_policy", str)
_PUBLIC = web.RequestKey("portal_public", bool)  #: of a request whose answer others may keep

_WANTED = re.compile(r"\s*([a-zA-Z]{2,3})(?:-[\w-]+)?\s*(?:;\s*q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?))?\s*")  # one language of a header

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: on every answer: nothing keeps it, nothing frames it, nothing learns where it came from (OWASP ASVS 5.0, 3.4 and 14.3.2)
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def add_templates(app: web.Application) -> None:
    """The environment of the portal's own templates, apart from those of other doors; the style's hash goes into the policy."""
    folder: Path = app[HOUSE].templates / "portal"
    app[ENVIRONMENT] = _environment(folder)
    style = str(app[ENVIRONMENT].globals["style"])
    app[_POLICY] = (
        f"default-src 'none'; style-src {_hash(style)}%s; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


@cache  # it belongs to no application: what was compiled serves them all
def _environment(folder: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # the style is not read anew either; else each page asks the disk for the age of each of its files
    )
    environment.globals["style"] = (folder / "portal.css").read_text(encoding="utf-8").strip()
    return environment


def _hash(style: str) -> str:
    """What lets one style sheet within the page through the content policy, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def language_of(request: web.Request, others: Sequence[str] = ()) -> str:
    """What the reader's browser asks for, else the first that we speak of `others` (the contact's, the sender's)."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(request.headers.get("Accept-Language", "")[:400].split(",")):
        match = _WANTED.fullmatch(part)
        if match and float(match[2] or 1) > 0:
            wanted.append((-float(match[2] or 1), place, match[1].lower()))
    spoken = [language for _, _, language in sorted(wanted)] + list(others)
    return next((language for language in spoken if language in LANGUAGES), "en")


def page(request: web.Request, template: str, words: Words, *, brand: Brand = NONE, status: int = 200, **context: Any) -> web.Response:
    """A template as an answer, with all headers."""
    return _answer(request, _text(request.app[ENVIRONMENT], template, words, brand, context), brand, status)


def _text(environment: jinja2.Environment, template: str, words: Words, brand: Brand, context: dict[str, Any]) -> str:
    facts = {"_": words.gettext, "ngettext": words.ngettext, "words": words, "brand": brand, **context}
    return environment.get_template(template).render(facts)


def _answer(request: web.Request, text: str, brand: Brand, status: int) -> web.Response:
    response = web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
    response.headers["Content-Security-Policy"] = request.app[_POLICY] % (f" {_hash(brand.style)}" if brand.style else "")
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Vary"] = "Accept-Language"
    return response


def public(request: web.Request, response: web.Response, seconds: int = 300) -> web.Response:
    """An answer that is the same for everybody and says nothing of who reads: kept by browsers and others on the way, told again only
    where it has changed (RFC 9110, 13.1.2; RFC 9111)."""
    request[_PUBLIC] = True
    body = response.body if isinstance(response.body, bytes) else b""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response.headers["ETag"], response.headers["Cache-Control"] = tag, f"public, max-age={seconds}"
    response.headers["Vary"] = "Accept-Language"
    told = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if tag not in told and "*" not in told:
        return response
    return web.Response(status=304, headers={name: response.headers[name] for name in ("ETag", "Cache-Control", "Vary")})


def missing(request: web.Request) -> web.Response:
    """Unknown, altered, truncated and revoked links: one page for all, so that nothing can be learnt by trying."""
    return _answer(request, _missing(request.app[ENVIRONMENT], language_of(request)), NONE, 404)


@cache  # it says nothing of anybody
def _missing(environment: jinja2.Environment, language: str) -> str:
    return _text(environment, "missing.html", Words(language), NONE, {})


def unavailable(request: web.Request) -> web.Response:
    """Something of ours is away."""
    response = page(request, "unavailable.html", Words(language_of(request)), status=503)
    response.headers["Retry-After"] = "30"
    return response


def guarded(serve: Serve) -> Serve:
    """Puts the headers on every answer, and tells trouble of ours as a page, without a word of its cause."""

    async def guard(request: web.Request) -> web.StreamResponse:
        house = request.app[HOUSE]
        try:
            response = await serve(request)
        except PostOfficeError as error:
            house.log.warning("portal.trouble", code=error.code)
            response = unavailable(request)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if trouble.left(request, error):
                return trouble.nobody()
            house.log.warning("portal.trouble", kind=type(error).__name__)
            response = unavailable(request)
        except Exception as error:  # what nobody foresaw: its text may hold names, so only its kind is kept
            house.log.error("portal.failed", kind=type(error).__name__)
            response = unavailable(request)
        if not response.prepared:
            kept = {name: response.headers[name] for name in ("Cache-Control",) if request.get(_PUBLIC)}
            response.headers.update({**HEADERS, **kept})
            if house.secure:
                response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    return guard
