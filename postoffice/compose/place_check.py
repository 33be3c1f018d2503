"""Whether postcode and town belong together, and what was probably meant. Nothing is changed: a person decides.

An error is only what cannot be (a region that the country never gave out); what the open data contradicts is a warning, since the data
may be older than the address.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from postoffice.compose.countries import plain
from postoffice.compose.gazetteer import Gazetteer, gazetteer, largest, town_key

#: how much a town must resemble the one of its postcode to be taken for a misspelling of it (0..1)
_ALIKE = 0.78
#: the same to be proposed where the name is unknown and the postcode's town is another
_NEAR = 0.84
_MOST = 3  #: proposals
#: French codes that begin so belong to one town alone
_ALONE = {"75": "PARIS", "6900": "LYON", "130": "MARSEILLE", "980": "MONACO", "00": "ARMEES"}
#: overseas: the data knows too few towns to judge by
_OVERSEAS = ("97", "98")
#: a company's or a unit's own code, in no list: it only has to lie in the town's department
_OWN_CODE = frozenset({"CEDEX", "ARMEES", "NAVAL", "AIR"})
_SMALL_WORDS = frozenset({"LE", "LA", "LES", "L", "DE", "DU", "DES", "D", "SUR", "S", "SOUS", "EN", "LEZ"})
_LONDON = ("E", "EC", "N", "NW", "SE", "SW", "W", "WC")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a place is doubted: a code of compose.findings, and lines that may have been meant, the likeliest first."""

    code: str
    proposals: tuple[str, ...] = ()


def doubt(postcode: str, town: str, country: str, *, box: bool = False) -> Doubt | None:
    """What speaks against a postcode with a town, or None. `box`: the address is a post office box, whose codes are no one's list."""
    if not postcode or not town:
        return None
    if country in ("FR", "MC"):
        return _french(postcode, town)
    if country == "GB":
        return _british(postcode, town)
    known = gazetteer(country)
    return None if known is None or box else _listed(known, postcode.replace(" ", ""), town)


def _french(postcode: str, town: str) -> Doubt | None:
    key = town_key(town)
    alone = next((name for start, name in _ALONE.items() if postcode.startswith(start) and _is_alone(start, postcode)), "")
    if alone:
        if key.startswith(alone):
            return None
        return Doubt("address-town-postcode", _by_name(key, f"{postcode} {alone}"))
    if postcode.startswith(_OVERSEAS):
        return None
    known = gazetteer("FR")
    if known is None:
        home = largest(key)
        return Doubt("address-town-postcode") if home and _department(postcode) != home else None
    if _OWN_CODE & set(plain(town).split()):
        key = town_key(" ".join(word for word in plain(town).split() if word not in _OWN_CODE - {"CEDEX"}))
        homes = {_department(code) for code in known.codes.get(key, ())}
        return Doubt("address-town-postcode", _some(known, key, cedex=True)) if homes and _department(postcode) not in homes else None
    return _listed(known, postcode, town)


def _is_alone(start: str, postcode: str) -> bool:
    """Marseille has 13001 to 13016, Lyon 69001 to 69009; its neighbours begin alike."""
    return start != "130" or 1 <= int(postcode[2:]) <= 16


def _department(postcode: str) -> str:
    return postcode[:2]


def _by_name(key: str, first: str) -> tuple[str, ...]:
    known = gazetteer("FR")
    return (first, *(_some(known, key) if known else ()))[:_MOST]


def _some(known: Gazetteer, key: str, *, cedex: bool = False) -> tuple[str, ...]:
    """Lines of a town: all its codes, or its departments where the code is a company's own."""
    codes = known.codes.get(key, ())
    if cedex:
        return tuple(sorted({f"{_department(code)}… {known.named(key)} CEDEX" for code in codes})[:_MOST])
    return tuple(f"{code} {known.named(key)}" for code in codes[:_MOST])


def _listed(known: Gazetteer, postcode: str, town: str) -> Doubt | None:
    key = town_key(town)
    here = known.towns.get(postcode, ())
    if any(_same(key, other) for other in here):
        return None
    elsewhere = known.codes.get(key, ())
    if not here:
        return Doubt("address-postcode-unknown", _nearest(known, postcode, key))
    if elsewhere:
        return _moved(known, postcode, key, here)
    alike = [other for other in here if SequenceMatcher(None, key, other, autojunk=False).ratio() >= _ALIKE]
    if alike:
        return Doubt("address-town-spelling", tuple(f"{postcode} {known.named(other)}" for other in alike[:_MOST]))
    if known.complete:
        return Doubt("address-town-postcode", tuple(f"{postcode} {known.named(other)}" for other in here[:_MOST]))
    near = _spelt(known, key, postcode[:2])
    return Doubt("address-town-spelling", near) if near else None


def _same(key: str, other: str) -> bool:
    """One name may be the other with what tells it from its namesakes: Frankfurt (Oder), Freiburg im Breisgau, Köln-Deutz."""
    longer = f"{key} ".startswith(f"{other} ") or f"{other} ".startswith(f"{key} ")
    return key == other or longer or _core(key) == _core(other)


def _core(key: str) -> str:
    """Without the small words that people leave out, umlauts written either way, parts of a word together."""
    words = "".join(word for word in key.split() if word not in _SMALL_WORDS)
    return words.replace("UE", "U").replace("OE", "O").replace("AE", "A")


def _moved(known: Gazetteer, postcode: str, key: str, here: tuple[str, ...]) -> Doubt | None:
    """The town exists, but not by this code. Where the data names one town per code, only a city's name is told from a village's."""
    elsewhere = known.codes[key]
    near = any(_department(code) == _department(postcode) for code in elsewhere)
    if not known.complete and (near or not known.is_city(key)):
        return None
    codes = sorted(elsewhere, key=lambda code: -SequenceMatcher(None, code, postcode).ratio())
    return Doubt(
        "address-town-postcode",
        (*(f"{code} {known.named(key)}" for code in codes[: _MOST - 1]), *(f"{postcode} {known.named(one)}" for one in here[:1])),
    )


def _nearest(known: Gazetteer, postcode: str, key: str) -> tuple[str, ...]:
    """A code that no list has: the town's own codes, those with the most digits in common first."""
    codes = sorted(known.codes.get(key, ()), key=lambda code: -sum(a == b for a, b in zip(code, postcode, strict=False)))
    return tuple(f"{code} {known.named(key)}" for code in codes[:_MOST])


def _spelt(known: Gazetteer, key: str, region: str) -> tuple[str, ...]:
    """Cities of the region whose names are nearly this one."""
    names: Iterable[str] = {one for code, towns in known.towns.items() if code.startswith(region) for one in towns}
    scored = [(SequenceMatcher(None, key, one, autojunk=False).ratio(), one) for one in names if abs(len(one) - len(key)) <= 2]
    best = sorted((one for one in scored if one[0] >= _NEAR and known.is_city(one[1])), reverse=True)
    return tuple(f"{known.codes[name][0]} {known.named(name)}" for _, name in best[:_MOST])


def _british(postcode: str, town: str) -> Doubt | None:
    """Post towns that give an area its name, against the area of the code; other towns say nothing."""
    area = "".join(letter for letter in postcode.split()[0][:2] if letter.isalpha())
    key = plain(town)
    known = gazetteer("GB")
    areas = _LONDON if key == "LONDON" else known.codes.get(key, ()) if known else ()
    if not areas or area in areas or key in (known.towns.get(area, ()) if known else ()):
        return None
    home = known.towns.get(area, ())[:1] if known else ()
    return Doubt("address-town-postcode", tuple(f"{postcode} {known.named(one)}" for one in home) if known else ())
