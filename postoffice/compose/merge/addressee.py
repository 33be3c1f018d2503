"""The address of a record, from its fields, in the lines of NF Z 10-011, DIN 5008 or Royal Mail, as the window's country has it."""

import re
from collections.abc import Mapping
from typing import Any

from postoffice.compose.countries import country_of, plain
from postoffice.model.layout import Layout

#: what La Poste abbreviates where a line is too long (NF Z 10-011, annex; the words are those of its own list)
_SHORTER = {
    "APPARTEMENT": "APP",
    "AVENUE": "AV",
    "BATIMENT": "BAT",
    "BÂTIMENT": "BAT",
    "BOULEVARD": "BD",
    "CENTRE": "CTRE",
    "CHEMIN": "CHE",
    "COMMERCIAL": "CIAL",
    "ETABLISSEMENTS": "ETS",
    "ÉTABLISSEMENTS": "ETS",
    "ETAGE": "ETG",
    "ÉTAGE": "ETG",
    "FAUBOURG": "FG",
    "GENERAL": "GAL",
    "GÉNÉRAL": "GAL",
    "IMMEUBLE": "IMM",
    "IMPASSE": "IMP",
    "INDUSTRIELLE": "IND",
    "LOTISSEMENT": "LOT",
    "MADAME": "MME",
    "MARECHAL": "MAL",
    "MARÉCHAL": "MAL",
    "MONSIEUR": "M",
    "PLACE": "PL",
    "PRESIDENT": "PDT",
    "PRÉSIDENT": "PDT",
    "QUARTIER": "QUA",
    "RESIDENCE": "RES",
    "RÉSIDENCE": "RES",
    "ROUTE": "RTE",
    "SAINT": "ST",
    "SAINTE": "STE",
    "SOCIETE": "STE",
    "SOCIÉTÉ": "STE",
    "SQUARE": "SQ",
}
_OF_ADDRESS = ("street", "street2", "box", "postcode", "town")


def has_address(data: Mapping[str, Any]) -> bool:
    """Whether a record says where its recipient lives."""
    return bool(_given(data)) or any(_text(data, name) for name in _OF_ADDRESS)


def name_of(data: Mapping[str, Any]) -> str:
    """The recipient as one is addressed: the name, or title, first and last name."""
    whole = _text(data, "name")
    parts = [_text(data, part) for part in ("first_name", "last_name")]
    if whole and not (parts[0] or parts[1]):
        return _joined([_text(data, "title"), whole]) if not _starts_with_title(whole) else whole
    if whole and parts[0] and not parts[1]:  # columns `Prénom` and `Nom`
        return _joined([_text(data, "title"), parts[0], whole])
    return _joined([_text(data, "title"), *parts]) if parts[1] else whole


def address_lines(data: Mapping[str, Any], layout: Layout) -> list[str]:
    """Lines from top to bottom, the country last where it is not the window's own; too long ones are abbreviated where they can be.

    A text or list in the field `address` is taken as it is.
    """
    given = _given(data)
    if given:
        return given
    company, name = _text(data, "company"), name_of(data)
    named = _text(data, "country")
    country = country_of(named) or (named.upper() if len(named) == 2 and named.isalpha() else "") or layout.country
    lines = [company, name if plain(name) != plain(company) else ""]
    lines += [_text(data, part) for part in ("department", "extra", "street", "street2", "box")]
    lines += _place(_postcode(_text(data, "postcode"), country), _text(data, "town"), country)
    if country != layout.country:
        lines.append(_country_line(named, country))
    elif named and plain(named) != layout.country and country_of(named) is None:
        lines.append(named.upper())  # a country that nobody knows: the check of the address tells it
    return [_fitted(line, layout.max_characters) for line in lines if line]


def _given(data: Mapping[str, Any]) -> list[str]:
    value = data.get("address")
    if isinstance(value, list):
        return [line for line in (" ".join(str(one).split()) for one in value) if line]
    if isinstance(value, str) and "\n" in value.strip():
        return [line for line in (" ".join(one.split()) for one in value.splitlines()) if line]
    return []


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return " ".join(str(value).split()) if value is not None and not isinstance(value, dict | list) else ""


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def _starts_with_title(name: str) -> bool:
    return bool(re.match(r"(?i)(m|mr|mrs|ms|mme|mlle|dr|me|monsieur|madame|herr|frau)\b\.?\s", name))


def _postcode(code: str, country: str) -> str:
    """French and German codes lose their leading zero in number cells: 1000 is 01000."""
    whole = re.fullmatch(r"(\d{4,5})(?:\.0)?", code)
    if whole and country in ("FR", "DE", "IT", "ES"):
        return whole[1].zfill(5)
    return code.upper() if country == "GB" else code


def _place(postcode: str, town: str, country: str) -> list[str]:
    if country in ("GB", "GG", "JE", "IM", "IE"):
        return [town.upper(), postcode]
    if country in ("US", "CA", "AU"):
        return [_joined([town.upper(), postcode])]
    return [_joined([postcode, town.upper() if country == "FR" else town])]


def _country_line(named: str, country: str) -> str:
    if len(named) > 2:
        return named.upper()
    from babel import Locale

    return str(Locale("fr").territories.get(country, country)).upper()


def _fitted(line: str, most: int) -> str:
    """A line within the length that the post reads, by its own abbreviations; as it was where they are not enough."""
    if len(line) <= most:
        return line
    words = line.split(" ")
    for number, word in enumerate(words):
        bare = word.strip(",.").upper()
        if bare in _SHORTER:
            words[number] = _SHORTER[bare] if word.isupper() else _SHORTER[bare].capitalize()
        if len(" ".join(words)) <= most:
            return " ".join(words)
    shorter = " ".join(words).replace(",", "")
    return shorter if len(shorter) <= most else line
