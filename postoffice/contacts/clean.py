"""A row of a file as a card: texts made tidy, numbers and addresses checked, what cannot be used named. Pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from postoffice.contacts.card import COMPANY, PERSON, Card, Reason, sender_lines
from postoffice.contacts.words import bare, listed
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.consent import ALL

_LONGEST = 300
_LONGEST_LINE = 200
_MOST_ATTRIBUTES = 200
_YES = listed("oui yes o y 1 true vrai x ok accord optin ja wahr")
_NO = listed("non no n 0 false faux refus optout nein falsch stop")
_COMPANIES = listed("company societe entreprise b2b pro professionnel organisation organization morale firma")
_CHANNELS = {
    **{channel.value: channel.value for channel in Channel},
    "mail": "email",
    "courriel": "email",
    "mel": "email",
    "texto": "sms",
    "mobile": "sms",
    "portable": "sms",
    "courrier": "post",
    "papier": "post",
    "paper": "post",
    "letter": "post",
    "lettre": "post",
    "telecopie": "fax",
}
_LANGUAGES = {"francais": "fr", "french": "fr", "anglais": "en", "english": "en", "allemand": "de", "german": "de", "deutsch": "de"}
_COUNTRIES = {"france": "FR", "belgique": "BE", "belgium": "BE", "suisse": "CH", "switzerland": "CH", "luxembourg": "LU"}
_COUNTRIES |= {"allemagne": "DE", "germany": "DE", "deutschland": "DE", "espagne": "ES", "spain": "ES", "italie": "IT", "italy": "IT"}
_COUNTRIES |= {
    "royaumeuni": "GB",
    "unitedkingdom": "GB",
    "uk": "GB",
    "etatsunis": "US",
    "unitedstates": "US",
    "usa": "US",
    "monaco": "MC",
}
_LOST_DIGITS = re.compile(r"^\d([.,]\d+)?e[+]?\d+$", re.IGNORECASE)
_FLOAT = re.compile(r"^\+?(\d{6,15})[.,]0+$")
_SEVERAL = re.compile(r"[;|/\n]|,(?=\s*\S+@)")
_TAGS = re.compile(r"[;,|\n]")
_INTEGER = re.compile(r"^-?(0|[1-9]\d{0,14})$")
_DECIMAL = re.compile(r"^-?\d{1,12}[.,]\d{1,6}$")

Check = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Checks:
    """What the house knows of addresses. Each returns the normal writing, "" for what cannot be one."""

    email: Check
    mobile: Check
    fax: Check


@dataclass(frozen=True, slots=True)
class Choices:
    """How a file is read. `mapping`: place of a column -> (its name, target). `system`: whose numbers the references are."""

    mapping: Mapping[int, tuple[str, str]]
    system: str = "file"
    country: str = "FR"
    tags: tuple[str, ...] = ()  #: for every contact of the file


def card_of(cells: Sequence[str], choices: Choices, checks: Checks) -> tuple[Card, list[Reason]]:
    """The row's card, and what in it cannot be used (that part is left out). A card that `is_empty` says nobody."""
    told, attributes = _sorted(cells, choices)
    for field, target in (("first_name", "given_name"), ("last_name", "family_name")):  # for greetings
        if told[target]:
            attributes.setdefault(field, told[target][:_LONGEST])
    wrong: list[Reason] = []
    name = " ".join(filter(None, (told["name"] or _joined(told["given_name"], told["family_name"])).split()))[:_LONGEST]
    company = told["company"][:_LONGEST]
    card = Card(
        name=name,
        company=company,
        kind=_kind(told["kind"], name, company),
        address=_address(told, name, company, choices.country, wrong),
        emails=_several(told["email"], "email", _email(checks), wrong),
        mobiles=_several(told["mobile"], "mobile", _number(checks.mobile), wrong),
        faxes=_several(told["fax"], "fax", _number(checks.fax), wrong),
        language=_language(told["language"]),
        preferred_channel=_CHANNELS.get(bare(told["channel"]).replace("-", "").replace(" ", ""), ""),
        external_ids={choices.system: _whole(told["reference"])[:200]} if told["reference"] else {},
        attributes=dict(list(attributes.items())[:_MOST_ATTRIBUTES]),
        tags=tuple(sorted({*choices.tags, *(tag.strip()[:60] for tag in _TAGS.split(told["tags"]) if tag.strip())})),
        consents=_consents(told),
    )
    return card, wrong


def _sorted(cells: Sequence[str], choices: Choices) -> tuple[defaultdict[str, str], dict[str, str | int | float | bool]]:
    """Texts by target, and attributes by their column's name. What several columns tell is joined."""
    told: defaultdict[str, str] = defaultdict(str)
    attributes: dict[str, str | int | float | bool] = {}
    for place, (name, target) in choices.mapping.items():
        text = _tidy(cells[place]) if place < len(cells) else ""
        if not text:
            continue
        if target == "attribute":
            attributes[name] = typed(text)
        else:
            told[target] = f"{told[target]};{text}" if told[target] else text
    return told, attributes


def _tidy(text: str) -> str:
    text = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    return text if text.isprintable() else "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text).strip()


def typed(text: str) -> str | int | float | bool:
    """A cell as JSON has it; numbers that begin with 0 are codes and stay texts."""
    if _INTEGER.match(text):
        return int(text)
    if _DECIMAL.match(text):
        return float(text.replace(",", "."))
    plain = bare(text)
    return plain in ("true", "vrai") if plain in ("true", "vrai", "false", "faux") else text[:1000]


def _joined(given: str, family: str) -> str:
    return f"{given} {family}".strip()


def _whole(text: str) -> str:
    """A number that a spreadsheet made a fraction of: "1042.0" -> "1042"."""
    return text[: -len(text.partition(".")[2]) - 1] if re.fullmatch(r"\d+\.0+", text) else text


def _kind(told: str, name: str, company: str) -> str:
    if told:
        return COMPANY if bare(told).replace(" ", "") in _COMPANIES else PERSON
    return COMPANY if company and not name else PERSON if name else ""


def _address(told: Mapping[str, str], name: str, company: str, home: str, wrong: list[Reason]) -> PostalAddress | None:
    streets = [line for part in ("street", "street2", "street3") for line in re.split(r"[\n;]", told.get(part, "")) if line.strip()]
    postcode, town = _whole(told.get("postcode", "")), told.get("town", "")
    if not (streets or (postcode and town)):
        return None  # a town alone is something to know of a contact, but no letter gets there
    country = _country(told.get("country", ""))
    if (country or home) == "FR" and postcode.isdigit() and len(postcode) == 4:
        postcode = "0" + postcode  # a spreadsheet took 01000 for a number
    title = told.get("title", "")
    person = f"{title} {name}".strip() if name and title and not bare(name).startswith(bare(title)) else name
    lines = sender_lines(person, company, (*(line.strip() for line in streets), f"{postcode} {town}".strip()))
    if country and country != home:
        lines = (*lines, told["country"].upper())
    if not (person or company) or not (postcode or town) or len(lines) > 7:
        wrong.append(Reason("import-address", "street"))
        return None
    return PostalAddress(tuple(line[:_LONGEST_LINE] for line in lines), postcode, town, country or home)


def _country(text: str) -> str:
    if len(text) == 2 and text.isalpha():
        return text.upper()
    return _COUNTRIES.get("".join(letter for letter in bare(text) if letter.isalpha()), "")


def _several(text: str, field: str, check: Check, wrong: list[Reason]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for part in _SEVERAL.split(text) if text else ():
        if not part.strip():
            continue
        normal = check(part.strip())
        if normal:
            found[normal] = None
        else:
            wrong.append(Reason(f"import-{field}", field))
    return tuple(found)


def _email(checks: Checks) -> Check:
    return lambda text: checks.email(text.removeprefix("mailto:").strip("<> ")).lower()


def _number(check: Check) -> Check:
    def number(text: str) -> str:
        whole = _FLOAT.match(text)
        return "" if _LOST_DIGITS.match(text) else check(whole[1] if whole else text)

    return number


def _language(text: str) -> str:
    plain = bare(text)
    return _LANGUAGES.get(plain, plain[:2] if re.fullmatch(r"[a-z]{2}([-_][a-z]{2})?", plain) else "")


def _consents(told: Mapping[str, str]) -> tuple[tuple[str, str, bool], ...]:
    found = []
    for word, channel in (("all", ALL), ("email", "email"), ("sms", "sms"), ("fax", "fax"), ("post", "post")):
        said = bare(told.get(f"consent_{word}", "")).replace("-", "").replace(" ", "").removesuffix(".0")
        if said in _YES or said in _NO or _is_date(said):
            found.append(("promotion", channel, said not in _NO))
    return tuple(found)


def _is_date(text: str) -> bool:
    """A date in a consent's column is the day on which it was given."""
    try:
        return len(text) == 8 and bool(date.fromisoformat(text))
    except ValueError:
        return False
