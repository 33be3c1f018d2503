"""An address made to fit its envelope without losing meaning; every change is told, and what cannot be fitted is said by line.

France, NF Z 10-011: at most 6 lines (7 with the country) of 38 characters, from the street on without punctuation and in capitals.
DIN 5008: 9 lines with those of the additions zone. Royal Mail: 7 lines, postcode in capitals. The lines as printed are kept beside
these: the fitted ones go onto address sheets and to print houses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postoffice.compose.abbreviations import ARTICLES, BRITISH, FRENCH, GERMAN
from postoffice.compose.countries import plain
from postoffice.model.layout import Layout

_FRENCH = frozenset({"FR", "MC", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF"})
_TABLES = {"DE": GERMAN, "AT": GERMAN, "GB": BRITISH}
#: a line that says where in a building, estate or court somebody lives
_WITHIN = re.compile(
    r"^(BATIMENT|BAT|ESCALIER|ESC|ETAGE|ETG|\d{1,2}(E|EME|ER)? ETAGE|RDC|APPARTEMENT|APPT|APT|APP|PORTE|ENTREE|HALL"
    r"|RESIDENCE|RES|IMMEUBLE|IMM|TOUR|CHEZ|COULOIR|LOGEMENT|BOITE|LOT|CLOS|LE CLOS|FLAT|UNIT|FLOOR"
    r"|SUITE|APARTMENT|HINTERHAUS|WOHNUNG|\d{1,2} OG|EG)\b"
)
_STREET = re.compile(
    r"^(\d{1,5}( ?(BIS|TER|QUATER|[A-H]))?( |$)|(RUE|AVENUE|AV|BOULEVARD|BD|PLACE|PL|ALLEE|ALLEES|IMPASSE|CHEMIN|ROUTE|QUAI|COURS"
    r"|SQUARE|PASSAGE|FAUBOURG|LIEU DIT|LD|HAMEAU|BP|B P|CS|C S|TSA|T S A|ZI|ZA|ZAC|BOITE POSTALE|CIDEX)\b)"
)
#: a form of address that stands alone on its line
_ALONE = re.compile(r"^(M|MR|MME|MLLE|MM|MONSIEUR|MADAME|HERR|HERRN|FRAU|FAMILIE|MRS|MS|MISS|DR)$")
_WITHIN_LINE = re.compile(
    r"(?i)[ ,]+(?=(?:b[âa]t(?:iment)?|esc(?:alier)?|appt?|appartement|apt|r[ée]s(?:idence)?|imm(?:euble)?|porte|étage)\.? )"
)
#: rounds after which lines are as they stay: a line that was cut in two may bring a street to light
_ROUNDS = 6
_PART = re.compile(r" [-–—/|] |, | \((?=[^)]*\)$)")


@dataclass(frozen=True, slots=True)
class Change:
    """One line that became another. `line`: its number as printed, from 0."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be fitted: a line with its length, or (line -1) the count of lines."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines for the envelope, what was changed, and what still does not fit."""

    lines: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    faults: tuple[Fault, ...] = ()


def fit(lines: Sequence[str], layout: Layout, country: str = "", *, country_line: bool = False) -> Fitted:
    """The lines as the post of `country` wants them, within the limits of the layout. Pure, and fit(fit(x)) is fit(x)."""
    home = country or layout.country
    most = layout.max_lines + (country_line and layout.country == "FR")
    rows = [(number, " ".join(line.split())) for number, line in enumerate(lines)]
    for _ in range(_ROUNDS):
        before = rows
        rows = _once(rows, layout.max_characters, most, home, country_line)
        if rows == before:
            break
    faults = [
        Fault(number, f"{text} ({len(text)} > {layout.max_characters})") for number, text in rows if len(text) > layout.max_characters
    ]
    if len(rows) > most:
        faults.append(Fault(-1, f"{len(rows)} > {most}"))
    return Fitted(tuple(text for _, text in rows), tuple(_changes(lines, rows)), tuple(faults))


def _once(rows: list[tuple[int, str]], widest: int, most: int, home: str, country_line: bool) -> list[tuple[int, str]]:
    """One round of all steps: the country's manner, lines in two, words shortened, lines joined."""
    french = home in _FRENCH
    if french:
        rows = _french(rows, country_line)
    elif country_line and rows:
        rows = [*rows[:-1], (rows[-1][0], rows[-1][1].upper())]
    table = FRENCH if french else _TABLES.get(home, ())
    rows = _split(rows, widest, most)
    rows = [(number, _shortened(text, table, widest, french)) for number, text in rows]
    return _joined(_split(rows, widest, most), widest, most)


def _changes(lines: Sequence[str], rows: Sequence[tuple[int, str]]) -> list[Change]:
    """What each printed line became: another text, two lines, or a part of the line before (then told there)."""
    became: dict[int, list[str]] = {}
    for number, text in rows:
        became.setdefault(number, []).append(text)
    found = []
    for number, line in enumerate(lines):
        after = became.get(number)
        if after is None:  # joined to the line above, whose change shows it
            continue
        gone = number + 1
        before = line
        while gone < len(lines) and gone not in became:
            before, gone = f"{before} / {lines[gone]}", gone + 1
        if after != [before]:
            found.append(Change(number, before, " / ".join(after)))
    return found


def _french(rows: list[tuple[int, str]], country_line: bool) -> list[tuple[int, str]]:
    """From the street on: capitals, no punctuation but apostrophes and hyphens. Above it names stay as they are."""
    last = len(rows) - 1 - country_line
    start = next((number for number, (_, text) in enumerate(rows) if number and _STREET.match(plain(text))), last)
    return [(number, _bare(text).upper() if place >= min(start, last) else text) for place, (number, text) in enumerate(rows)]


def _bare(text: str) -> str:
    """Without commas, full stops (of B.P. too), colons and semicolons."""
    together = re.sub(r"\b([A-Za-zÀ-ÿ])\.(?=[A-Za-zÀ-ÿ](\.|\b))", r"\1", text)
    return " ".join(re.sub(r"[.,;:]+", " ", together).replace("°", "° ").split())


def _shortened(line: str, table: Sequence[tuple[str, str]], most: int, french: bool) -> str:
    """Words abbreviated one after the other until the line fits; the articles of a French street last.

    A line that no abbreviation makes fit stays as long as it can still be cut in two, or else as it was: a person shortens it.
    """
    text = line
    for word, short in table:
        while len(text) > most and (shorter := _replaced(text, word, short)) != text:
            text = shorter
        if len(text) <= most:
            return text
    if french and _STREET.match(plain(text)) and text[:1].isdigit():
        for article in ARTICLES:
            if len(text) <= most:
                break
            text = re.sub(rf"(?i)(?<=\w ){article.replace(' ', '[ ]')}[ '’](?=\w+)", "", text)
    return text if len(text) <= most or _parts(text, most) else line


def _replaced(text: str, word: str, short: str) -> str:
    """One word (or run of words), whatever its accents and case; capitals stay capitals."""
    spans = [(match.group(), match.start(), match.end()) for match in re.finditer(r"[\w]+", text)]
    wanted = word.split()
    for at in range(len(spans) - len(wanted) + 1):
        run = spans[at : at + len(wanted)]
        if [plain(one[0]) for one in run] == wanted and _may_go(spans, at, word):
            found = text[run[0][1] : run[-1][2]]
            new = short if found.isupper() or not short.isupper() else short.capitalize() if len(short) > 1 else short
            return text[: run[0][1]] + new + text[run[-1][2] :]
    if wanted[-1] == "STRASSE" and text.casefold().rstrip().rstrip("0123456789 abc").endswith(("straße", "strasse")):
        return re.sub(r"(?i)stra(ß|ss)e\b", "str.", text)
    return text


def _may_go(spans: Sequence[tuple[str, int, int]], at: int, word: str) -> bool:
    """PLACE, ROUTE and their like are kinds of ways only where a name follows them."""
    return at + len(word.split()) < len(spans) or word in ("LIMITED", "STREET", "ROAD", "LANE", "AVENUE", "SQUARE", "COURT", "STRASSE")


def _split(rows: list[tuple[int, str]], widest: int, most: int) -> list[tuple[int, str]]:
    """A long line in two where it has two parts and a line is free: building and street, company and service."""
    made: list[tuple[int, str]] = []
    for place, (number, text) in enumerate(rows):
        parts = _parts(text, widest) if len(text) > widest and len(made) + len(rows) - place < most else []
        made += [(number, part) for part in parts] if parts else [(number, text)]
    return made


def _parts(text: str, widest: int) -> list[str]:
    """Two lines that both fit, or nothing. What lies within a building goes above its street."""
    for pattern in (_WITHIN_LINE, _PART):
        for match in pattern.finditer(text):
            first, second = text[: match.start()].strip(" ,"), text[match.end() :].strip(" ,")
            if match.group().strip() == "(":
                second = second.rstrip(")")
            if first and second and max(len(first), len(second)) <= widest:
                return [second, first] if pattern is _WITHIN_LINE and _STREET.match(plain(first)) else [first, second]
    return []


def _joined(rows: list[tuple[int, str]], widest: int, most: int) -> list[tuple[int, str]]:
    """Too many lines: neighbours that say one thing become one line, a form of address and its name, then parts of a building."""
    for fits in (_title_and_name, _both_within):
        place = 0
        while len(rows) > most and place + 1 < len(rows):
            (number, above), (_, below) = rows[place], rows[place + 1]
            if fits(above, below) and len(above) + 1 + len(below) <= widest:
                rows = [*rows[:place], (number, f"{above} {below}"), *rows[place + 2 :]]
            else:
                place += 1
    return rows


def _title_and_name(above: str, below: str) -> bool:
    return _ALONE.match(plain(above)) is not None


def _both_within(above: str, below: str) -> bool:
    return _WITHIN.match(plain(above)) is not None and _WITHIN.match(plain(below)) is not None
