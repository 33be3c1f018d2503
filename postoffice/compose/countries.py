"""Countries as people write them on envelopes, and the form of their postcodes."""

import re
import unicodedata
from functools import lru_cache

from babel import Locale

#: languages whose names of countries are understood
_LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt")
#: what people write besides the official names
_OTHERS = {
    "ROYAUME UNI": "GB", "GRANDE BRETAGNE": "GB", "ANGLETERRE": "GB", "ECOSSE": "GB", "PAYS DE GALLES": "GB", "IRLANDE DU NORD": "GB",
    "UK": "GB", "ENGLAND": "GB", "SCOTLAND": "GB", "WALES": "GB", "NORTHERN IRELAND": "GB", "GREAT BRITAIN": "GB",
    "GROSSBRITANNIEN": "GB", "USA": "US", "ETATS UNIS": "US", "ETATS UNIS D AMERIQUE": "US", "UNITED STATES OF AMERICA": "US",
    "HOLLANDE": "NL", "HOLLAND": "NL", "THE NETHERLANDS": "NL", "NEDERLAND": "NL", "BELGIE": "BE", "BELGIEN": "BE", "BRD": "DE",
    "DEUTSCHLAND": "DE", "OSTERREICH": "AT", "OESTERREICH": "AT", "SVERIGE": "SE", "NORGE": "NO", "DANMARK": "DK", "SUOMI": "FI",
    "POLSKA": "PL", "ESPANA": "ES", "HELLAS": "GR", "CESKA REPUBLIKA": "CZ", "REPUBLIQUE TCHEQUE": "CZ", "CZECH REPUBLIC": "CZ",
    "TSCHECHISCHE REPUBLIK": "CZ", "EIRE": "IE", "REPUBLIC OF IRELAND": "IE", "MAGYARORSZAG": "HU", "HRVATSKA": "HR", "ROMANIA": "RO",
    "LUXEMBURG": "LU", "SCHWEIZ": "CH", "SUISSE": "CH", "SVIZZERA": "CH", "COTE D IVOIRE": "CI", "IVORY COAST": "CI", "UAE": "AE",
    "EMIRATS ARABES UNIS": "AE", "COREE DU SUD": "KR", "SOUTH KOREA": "KR", "RUSSIE": "RU", "TURQUIE": "TR", "TURKEY": "TR",
    "HONG KONG": "HK", "MACAO": "MO", "TAIWAN": "TW", "VIETNAM": "VN", "CONGO": "CG", "RDC": "CD", "MACEDOINE": "MK",
}  # fmt: skip

#: country: form of its postcode. {P} is where the code stands; most of the continent writes it before the town
_BEFORE = {
    "FR": r"\d{5}", "MC": r"980\d\d", "DE": r"\d{5}", "AT": r"\d{4}", "CH": r"\d{4}", "LI": r"94\d\d", "BE": r"\d{4}", "LU": r"\d{4}",
    "NL": r"\d{4} ?[A-Z]{2}", "ES": r"\d{5}", "IT": r"\d{5}", "PT": r"\d{4}-\d{3}", "DK": r"\d{4}", "SE": r"\d{3} ?\d{2}",
    "NO": r"\d{4}", "FI": r"\d{5}", "PL": r"\d{2}-\d{3}", "CZ": r"\d{3} ?\d{2}", "SK": r"\d{3} ?\d{2}", "HU": r"\d{4}", "SI": r"\d{4}",
    "HR": r"\d{5}", "RO": r"\d{6}", "BG": r"\d{4}", "GR": r"\d{3} ?\d{2}", "EE": r"\d{5}", "LT": r"\d{5}", "TR": r"\d{5}",
    "MA": r"\d{5}", "TN": r"\d{4}", "DZ": r"\d{5}", "SN": r"\d{5}", "RS": r"\d{5}", "AD": r"AD\d{3}", "SM": r"\d{5}", "VA": r"\d{5}",
    "GP": r"\d{5}", "MQ": r"\d{5}", "GF": r"\d{5}", "RE": r"\d{5}", "YT": r"\d{5}", "PM": r"\d{5}", "NC": r"\d{5}", "PF": r"\d{5}",
    "WF": r"\d{5}", "BL": r"\d{5}", "MF": r"\d{5}", "IL": r"\d{5,7}",
}  # fmt: skip
_AFTER = {
    "US": r"[A-Z]{2},? +\d{5}(?:-\d{4})?", "CA": r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d", "AU": r"\d{4}", "NZ": r"\d{4}",
    "IN": r"\d{3} ?\d{3}", "LV": r"LV-\d{4}", "JP": r"\d{3}-\d{4}", "CN": r"\d{6}", "BR": r"\d{5}-?\d{3}", "IE": r"[A-Z]\d[\dW] ?\w{4}",
    "ZA": r"\d{4}",
}  # fmt: skip
#: 971 to 978 (974 Réunion, 976 Mayotte), 980 Monaco, 984 to 988 (Pacific and southern lands): La Poste
_OVERSEAS = frozenset({*(f"97{digit}" for digit in range(1, 9)), "980", "984", "986", "987", "988"})
_BRITISH = ("GB", "GG", "JE", "IM", "GI", "FK")

#: areas of United Kingdom postcodes (Royal Mail), with the islands, Gibraltar and the forces
_AREA_LIST = """
AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU HA HD HG HP HR
HS HU HX IG IP IV KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL
SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE GY JE IM GX BX BF
"""
_AREAS = frozenset(_AREA_LIST.split())
_UK = re.compile(r"(?:^|[ ,])(?:GIR ?0AA|BFPO ?\d{1,4}|([A-Z]{1,2})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2})$")
_PREFIX = re.compile(r"^(F|D|A|CH|B|L|NL|E|I|P|DK|S|N|FIN|PL|MC|FR|DE|AT|BE|LU|ES|IT|PT|SE|NO|FI|CZ|SK|H|SLO|HR)[ -]+(?=\d)")
_PREFIXES = {
    "F": "FR", "D": "DE", "A": "AT", "B": "BE", "L": "LU", "E": "ES", "I": "IT", "P": "PT", "S": "SE", "N": "NO", "FIN": "FI",
    "H": "HU", "SLO": "SI",
}  # fmt: skip


#: signs that part words; an underscore is one of them
_APART = re.compile(r"[\W_]+")


@lru_cache(maxsize=512)
def plain(text: str) -> str:
    """Capitals without accents, punctuation turned into single spaces: the form in which names are compared."""
    if text.isascii():
        return _APART.sub(" ", text).strip().upper()
    letters = unicodedata.normalize("NFD", text.replace("ß", "ss").replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae"))
    kept = "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))
    return " ".join(kept.upper().split())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"):
                names.setdefault(plain(name), code)
    for code in {*_BEFORE, *_AFTER, "GB"}:
        for language in _own_languages(code):
            name = Locale(language).territories.get(code)
            if name:
                names.setdefault(plain(name), code)
    return names | _OTHERS


def _own_languages(code: str) -> tuple[str, ...]:
    own = {"PL": "pl", "CZ": "cs", "SK": "sk", "HU": "hu", "SI": "sl", "HR": "hr", "RO": "ro", "BG": "bg", "GR": "el", "DK": "da"}
    own |= {"SE": "sv", "NO": "nb", "FI": "fi", "TR": "tr", "EE": "et", "LT": "lt", "LV": "lv"}
    return (own[code],) if code in own else ()


def country_of(line: str) -> str | None:
    """The ISO code that a country line names, in any of the languages understood; None where it names none."""
    words = plain(line)
    return _names().get(words) or (_names().get(words.replace(" ", "")) if all(len(word) == 1 for word in words.split()) else None)


def split_prefix(line: str) -> tuple[str | None, str]:
    """(country, rest) of `D-80331 München` and the like; (None, line) without such a prefix."""
    match = _PREFIX.match(line.upper())
    if match is None:
        return None, line
    return _PREFIXES.get(match[1], match[1]), line[match.end() :]


def knows(country: str) -> bool:
    """Whether the form of this country's postcodes is known."""
    return country in _BEFORE or country in _AFTER or country in _BRITISH


@lru_cache(maxsize=256)
def _pattern(country: str) -> re.Pattern[str]:
    if country in _BEFORE:
        return re.compile(rf"^({_BEFORE[country]})[ ,]+(?=\D*\w)(.+)$")
    return re.compile(rf"^(.*?)[ ,]*\b({_AFTER[country]})$")


def postcode_and_town(line: str, country: str) -> tuple[str, str] | None:
    """(postcode, town) of a line in the manner of `country`; the town is empty where the line bears the code alone (as in Britain)."""
    upper = " ".join(line.upper().strip(" ,.").split())
    if country in _BRITISH:
        match = _UK.search(upper)
        return (upper[match.start() :].strip(" ,"), line[: match.start()].strip(" ,")) if match else None
    if not knows(country):
        return None
    match = _pattern(country).match(upper)
    if match is None:
        return None
    if country in _BEFORE:
        return match[1], " ".join(line.split())[match.start(2) :].strip(" ,") if len(upper) == len(" ".join(line.split())) else match[2]
    return match[2], match[1].strip(" ,")


def lone_postcode(line: str, country: str) -> str:
    """The code of a line that bears it first or alone (Japan's with its mark), where it is written after the town; else empty."""
    if country not in _AFTER:
        return ""
    match = re.match(rf"^[〒 ]*({_AFTER[country]})(?!\w)", " ".join(line.upper().split()))
    return match[1] if match else ""


def postcode_exists(postcode: str, country: str) -> bool:
    """Whether the code can exist: French departments and British areas are checked, other countries by form only."""
    if country == "FR":
        # 01-95 metropolitan (20 Corsica), 97 and 98 overseas, 00 the forces
        return int(postcode[:2]) <= 95 and postcode != "00000" or postcode[:3] in _OVERSEAS
    if country == "DE":
        # regions that were never given out (Deutsche Post), and the number that is nobody's
        return postcode[:2] not in ("00", "05", "43", "62") and postcode not in ("01000", "99999")
    if country in _BRITISH:
        match = _UK.search(postcode.upper())
        return bool(match) and (match[1] is None or match[1] in _AREAS)  # type: ignore[index]
    return True
