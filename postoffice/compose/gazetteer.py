"""Which towns a postcode serves, from the open data of the package countrystatecity-postal-codes (ODbL 1.0) where it is installed.

Read once per country and process, kept as plain strings: 6,000 French codes are 2 MB. Where the package is missing, only the largest
French towns are known, by their departments. The French data names one town per code, though small towns share codes: it can confirm
a town, and it can contradict a city, but that a village is not listed says nothing.
"""

import mmap
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from postoffice.compose.countries import plain

_PACKAGE = "countrystatecity_postal_codes"
_ENTRY = re.compile(rb'"code": "([^"]{1,12})".{1,90}?"localityName": "((?:[^"\\]|\\.){1,80})"', re.DOTALL)
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
#: countries whose codes are worth looking up: each code with all its towns (True), or with one of them
COMPLETE = {"FR": False, "DE": True, "AT": True, "CH": True, "LI": True, "BE": False, "ES": False, "IT": False}
#: the largest towns and their departments (INSEE), for when nothing better is installed
_LARGEST = {
    "PARIS": "75", "MARSEILLE": "13", "LYON": "69", "TOULOUSE": "31", "NICE": "06", "NANTES": "44", "MONTPELLIER": "34",
    "STRASBOURG": "67", "BORDEAUX": "33", "LILLE": "59", "RENNES": "35", "REIMS": "51", "TOULON": "83", "ST ETIENNE": "42",
    "LE HAVRE": "76", "GRENOBLE": "38", "DIJON": "21", "ANGERS": "49", "VILLEURBANNE": "69", "NIMES": "30", "CLERMONT FERRAND": "63",
    "LE MANS": "72", "AIX EN PROVENCE": "13", "BREST": "29", "TOURS": "37", "AMIENS": "80", "LIMOGES": "87", "ANNECY": "74",
    "PERPIGNAN": "66", "METZ": "57", "BESANCON": "25", "ORLEANS": "45", "ROUEN": "76", "MULHOUSE": "68", "CAEN": "14", "NANCY": "54",
    "AVIGNON": "84", "POITIERS": "86", "PAU": "64", "LA ROCHELLE": "17", "COLMAR": "68", "TROYES": "10", "CHAMBERY": "73",
    "NIORT": "79",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Codes and towns of one country, towns in the form of `town_key`."""

    towns: dict[str, tuple[str, ...]]  #: code -> keys of its towns
    codes: dict[str, tuple[str, ...]]  #: key of a town -> its codes
    names: dict[str, str]  #: key of a town -> as it is written, where that differs
    complete: bool  #: every town of a code is named

    def is_city(self, key: str) -> bool:
        """A town of several codes, or the chief town of its department: big enough for its name to be told from a village's."""
        known = self.codes.get(key, ())
        return len(known) > 1 or any(code.endswith("000") for code in known)

    def named(self, key: str) -> str:
        """A town as it is written."""
        return self.names.get(key, key)


def town_key(town: str) -> str:
    """What is compared of a town: no accents, SAINT and SAINTE shortened, without CEDEX, its number, and a district's number."""
    words = plain(town).replace("SAINTE ", "STE ").replace("SAINT ", "ST ")
    words = re.sub(r"(?<= )CEDEX( \d{1,2}| SP \d+)?$", "", words).strip()
    return re.sub(r" (\d{1,2}|\d{1,2}(E|EME|ER)( ARRONDISSEMENT| ARRT?)?)$", "", words).strip()


def places_file(country: str) -> Path | None:
    """Where the package keeps a country's codes; None where it is not installed or has none."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0], "data", "by-country", country, "postcodes.json")
    return path if path.is_file() else None


@lru_cache(maxsize=8)
def gazetteer(country: str) -> Gazetteer | None:
    """The codes and towns of a country; None where nothing is known of it."""
    if country not in COMPLETE and country != "GB":
        return None
    path = places_file(country)
    return _read(path, COMPLETE.get(country, False)) if path is not None else None


def largest(key: str) -> str:
    """The department of one of the largest French towns; empty for others."""
    return _LARGEST.get(key, "")


def _read(path: Path, complete: bool) -> Gazetteer:
    towns: dict[str, list[str]] = defaultdict(list)
    codes: dict[str, list[str]] = defaultdict(list)
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for match in _ENTRY.finditer(content):
            code, name = match[1].decode(), _ESCAPE.sub(lambda one: chr(int(one[1], 16)), match[2].decode())
            key = town_key(name)
            key = keys.setdefault(key, key)
            if key not in towns[code]:
                towns[code].append(key)
                codes[key].append(code)
            if name != key:
                names.setdefault(key, name)
    return Gazetteer(
        {code: tuple(found) for code, found in towns.items()}, {key: tuple(found) for key, found in codes.items()}, names, complete
    )
