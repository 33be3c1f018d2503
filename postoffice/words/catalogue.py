"""Catalogues: .po files read at start, so that there is nothing to compile and nothing to forget."""

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locales"

Texts = Mapping[str, tuple[str, ...]]
"""English text -> its translation, one for each form (singular, plural)"""


@cache
def texts(language: str) -> Texts:
    """The catalogue of a language; empty for English, which is what the msgids are written in."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {_key(message.id): _forms(message.string) for message in catalogue if message.id and not message.fuzzy}


def _key(message_id: object) -> str:
    return str(message_id[0]) if isinstance(message_id, tuple | list) else str(message_id)


def _forms(string: object) -> tuple[str, ...]:
    return tuple(str(one) for one in string) if isinstance(string, tuple | list) else (str(string),)


@lru_cache(maxsize=10_000)
def form(language: str, number: float) -> int:
    """Which form a number takes: 0 singular, 1 plural (French says "0 pli", English "0 letters")."""
    return 0 if Locale(language).plural_form(number) == "one" else 1
