"""Gathers every text that people read: from the marks in code and in templates."""

import io
from pathlib import Path

from babel.messages.extract import extract
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
CODE = [ROOT / "postoffice" / room for room in ("actions", "campaigns", "compose/mail", "desk", "pipeline", "portal", "words")]
PAGES = [ROOT / "templates" / room for room in ("desk", "portal")]


def used() -> dict[str, tuple[str, ...]]:
    """English text -> its forms (one, or singular and plural)."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in CODE:
        for path in sorted(folder.rglob("*.py")):
            for _line, message, _comments, _context in extract("python", io.BytesIO(path.read_bytes()), keywords=KEYWORDS):
                _add(found, message)
    for folder in PAGES:
        for path in sorted(folder.rglob("*.html")):
            options = {"silent": "false", "trimmed": "false"}
            for _line, _function, message, _comments in babel_extract(io.BytesIO(path.read_bytes()), list(KEYWORDS), (), options):
                _add(found, message)
    return found


def _add(found: dict[str, tuple[str, ...]], message: object) -> None:
    forms = tuple(part for part in message if part) if isinstance(message, tuple | list) else (message,)
    if forms and forms[0]:
        found.setdefault(str(forms[0]), tuple(str(form) for form in forms))
