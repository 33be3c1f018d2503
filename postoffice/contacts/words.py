"""Words of names and addresses as they are compared: without accents, capitals, titles, legal forms and abbreviations. Pure."""

import re
import unicodedata
from functools import lru_cache


def listed(text: str) -> frozenset[str]:
    """The words of a text as a set: lists of words are read more easily so."""
    return frozenset(text.split())


TITLES = listed(
    "m mr mrs ms mme mlle miss madame monsieur mademoiselle mesdames messieurs dr docteur me maitre prof professeur herr frau "
    "et and und ou famille family epouse veuve"
)
LEGAL = listed(
    "sarl sas sasu sa eurl sci snc selarl scop gmbh ag kg ohg ltd llc inc plc bv nv sprl srl spa co cie ste societe ets "
    "etablissements company"
)
_SMALL = listed("de du des la le les l d a au aux en sur sous the of der die das von zu")
_LONG = {
    "av": "avenue",
    "ave": "avenue",
    "bd": "boulevard",
    "bld": "boulevard",
    "blvd": "boulevard",
    "r": "rue",
    "rte": "route",
    "ch": "chemin",
    "che": "chemin",
    "chem": "chemin",
    "pl": "place",
    "imp": "impasse",
    "all": "allee",
    "fg": "faubourg",
    "fbg": "faubourg",
    "sq": "square",
    "st": "saint",
    "ste": "sainte",
    "str": "strasse",
    "qu": "quai",
    "crs": "cours",
    "res": "residence",
    "bat": "batiment",
    "apt": "appartement",
    "appt": "appartement",
    "app": "appartement",
    "gal": "general",
    "mal": "marechal",
    "pdt": "president",
    "lot": "lotissement",
    "rd": "road",
    "prom": "promenade",
    "pass": "passage",
}
_WORD = re.compile(r"[^\W_]+")
_SOUNDS = (("ph", "f"), ("qu", "k"), ("ck", "k"), ("gn", "n"), ("sch", "s"), ("ch", "s"), ("th", "t"), ("eau", "o"), ("au", "o"))
_LETTERS = str.maketrans(
    {"c": "k", "q": "k", "z": "s", "y": "i", "j": "i", "w": "v", "x": "s", "h": None, "g": "k", "b": "p", "d": "t"}
)


@lru_cache(maxsize=20_000)
def bare(text: str) -> str:
    """Lower case without accents: "Église" -> "eglise", "Straße" -> "strasse"."""
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def tokens(text: str) -> list[str]:
    """The words of a text, bare, in order."""
    return _WORD.findall(bare(text))


def name_words(text: str) -> list[str]:
    """The words of a name that tell people apart: no titles, no legal forms; all words where nothing else is left."""
    all_words = tokens(text)
    return [word for word in all_words if word not in TITLES and word not in LEGAL and word not in _SMALL] or all_words


def street_words(text: str) -> list[str]:
    """The words of a street, abbreviations written out, small words left out."""
    return [_LONG.get(word, word) for word in tokens(text) if word not in _SMALL]


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """A short code that most misspellings of a word share: "dupont", "dupond" -> "tpn"; figures stay as they are."""
    if not word.isalpha() or len(word) < 3:
        return word
    for letters, short in _SOUNDS:
        word = word.replace(letters, short)
    word = word.translate(_LETTERS)
    first, rest = word[:1], word[1:].rstrip("tsekx")
    kept = [first]
    for letter in rest:
        if letter not in "aeiou" and letter != kept[-1]:
            kept.append(letter)
    return "".join(kept)[:5]


@lru_cache(maxsize=100_000)
def likeness(one: str, other: str) -> float:
    """How surely two words are the same word: 1 the same, 0 different ones.

    A letter more or less at the end is another name ("Michel", "Michèle") rather than a slip; in short words, so is any other letter.
    """
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if len(short) == 1:
        return 0.8 if long.startswith(short) else 0.0
    if one.isdigit() or other.isdigit():
        return 0.0
    if long.startswith(short):
        return 0.75 if len(short) >= 4 and len(long) - len(short) <= 2 else 0.0
    away = distance(one, other, 2)
    if away == 1:
        return 0.92 if len(short) >= 6 else 0.8 if len(short) >= 4 else 0.0
    return 0.8 if away == 2 and len(short) >= 8 else 0.0


def distance(one: str, other: str, most: int) -> int:
    """Letters to change, add, leave out or swap (Damerau-Levenshtein, neighbours only); `most` + 1 for anything farther."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for down, letter in enumerate(one, 1):
        fresh = [down]
        for across, mate in enumerate(other, 1):
            cost = min(row[across] + 1, fresh[-1] + 1, row[across - 1] + (letter != mate))
            if down > 1 and across > 1 and letter == other[across - 2] and mate == one[down - 2]:
                cost = min(cost, before[across - 2] + 1)
            fresh.append(cost)
        if min(fresh) > most:
            return most + 1
        before, row = row, fresh
    return min(row[-1], most + 1)
