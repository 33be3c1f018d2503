"""The organisation: what recipients read of it, and in which language, money and time it works."""

import unicodedata
from typing import Any
from zoneinfo import available_timezones

from aiohttp import web
from babel import Locale

from postoffice.compose.recheck import points
from postoffice.desk.admin import admin_page, name_missing, note, of_whole_office
from postoffice.desk.choices import Form, text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.model.people import Organisation
from postoffice.store import people
from postoffice.words import LANGUAGES, Words

CURRENCIES = ("EUR", "CHF", "GBP", "USD", "CAD", "MAD", "TND", "XAF", "XOF", "XPF")
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})  # groups and placeholders among the territories
#: in the organisation's settings; the pipeline gives them to carriers
SENDER, REPLY_TO = "sender_email", "reply_to"
UNSUBSCRIBE = "unsubscribe"  # words of the purposes, besides offers, whose e-mails can be stopped by their reader


async def organisation_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/organisation"""
    of_whole_office(request[VISIT])
    return _page(request, _typed_of(request[VISIT].organisation))


def _typed_of(organisation: Organisation) -> dict[str, str]:
    names = ("name", "language", "country", "timezone", "currency")
    addresses = {name: str(organisation.settings.get(name) or "") for name in (SENDER, REPLY_TO)}
    return {**{name: getattr(organisation, name) for name in names}, **addresses, UNSUBSCRIBE: " ".join(stoppable(organisation))}


def stoppable(organisation: Organisation) -> list[str]:
    """The purposes, besides offers, whose e-mails can be stopped by their reader; in the order of the form."""
    kept = organisation.settings.get(UNSUBSCRIBE)
    return [one.value for one in Purpose if not one.is_promotional and isinstance(kept, list) and one.value in kept]


def _page(request: web.Request, typed: dict[str, str], wrong: PostOfficeError | None = None) -> web.Response:
    words = request[VISIT].words
    context = {
        "typed": typed,
        "typed_colour": str(request[VISIT].organisation.settings.get("colour", "")),
        "has_logo": bool(request[VISIT].organisation.settings.get("logo")),
        "countries": countries(words),
        "stoppable": [one for one in Purpose if not one.is_promotional],
        "stopped": typed[UNSUBSCRIBE].split(),
        "timezones": timezones(),
        "currencies": [(code, money_name(words, code)) for code in dict.fromkeys((*CURRENCIES, typed["currency"]))],
        "said": words.problem(wrong) if wrong else None,
    }
    return admin_page(request, "organisation.html", context, status=wrong.status if wrong else 200)


def countries(words: Words) -> list[tuple[str, str]]:
    """(ISO 3166-1 alpha-2, name in the reader's language), by name."""
    known = _locale(words).territories
    found = [(code, name) for code, name in known.items() if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return sorted(found, key=lambda one: _plain(one[1]))


def _plain(name: str) -> str:
    """For sorting: É with E."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)).casefold()


def money_name(words: Words, code: str) -> str:
    """A currency in the reader's language."""
    return str(_locale(words).currencies.get(code, code))


def _locale(words: Words) -> Locale:
    return Locale.parse(words.locale)


def timezones() -> list[str]:
    """Places with a time of their own, without the zone data's historical doubles."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/")))]


def _values(form: Form, organisation: Organisation) -> dict[str, Any]:
    """The columns that a form asks for; of the settings those that it has. PostOfficeError says what cannot be kept."""
    name = text_of(form, "name", 200)
    if not name or not name.isprintable():
        raise name_missing()
    addresses = {
        name: points(email=text_of(form, name, 320), mobile=None, fax=None, country=organisation.country)["email"]
        for name in (SENDER, REPLY_TO)
    }
    chosen = {one: text_of(form, one, 60) for one in ("language", "country", "timezone", "currency")}
    known_countries = {code for code, _name in countries(Words("en"))}
    known = (
        chosen["language"] in LANGUAGES,
        chosen["country"] in known_countries,
        chosen["timezone"] in timezones() or chosen["timezone"] == organisation.timezone,
        chosen["currency"] in (*CURRENCIES, organisation.currency),
    )
    if not all(known):
        raise unknown_word()
    return {"name": name, **chosen, "settings": {**addresses, UNSUBSCRIBE: _stopped(form)}}


def _stopped(form: Form) -> list[str]:
    return [one.value for one in Purpose if not one.is_promotional and text_of(form, f"{UNSUBSCRIBE}-{one.value}", 1) == "1"]


async def change_organisation(request: web.Request) -> web.StreamResponse:
    """POST /admin/organisation"""
    visit, form = request[VISIT], await request.post()
    of_whole_office(visit)
    try:
        values = _values(form, visit.organisation)
    except PostOfficeError as wrong:
        typed = {name: text_of(form, name, 320) for name in _typed_of(visit.organisation)}
        typed[UNSUBSCRIBE] = " ".join(_stopped(form))
        return _page(request, typed, wrong)
    settings = values["settings"]
    after = {**values, **{name: settings[name] or "" for name in (SENDER, REPLY_TO)}, UNSUBSCRIBE: " ".join(settings[UNSUBSCRIBE])}
    changed = sorted(name for name, value in _typed_of(visit.organisation).items() if value != after[name])
    async with house_of(request).database.write() as connection:
        held = await people.hold_organisation(connection, visit.organisation.id)
        await people.update_organisation(connection, held.id, **{**values, "settings": {**held.settings, **settings}})
        await note(request, connection, "organisation.change", visit.organisation.id, changed=changed)
    return go(request, "/admin/organisation?done=kept")
