"""vCard 3.0 and 4.0 (RFC 2426, RFC 6350) as rows of a table, one card after the other; and contacts as vCards. Pure.

Version 2.1's quoted-printable is understood as well, since telephones still write it.
"""

import quopri
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: columns of the rows, in order; their targets are those of contacts.columns
COLUMNS: Mapping[str, str] = {
    "FN": "name",
    "ORG": "company",
    "KIND": "kind",
    "STREET": "street",
    "EXTENDED": "street2",
    "POSTCODE": "postcode",
    "TOWN": "town",
    "COUNTRY": "country",
    "EMAIL": "email",
    "MOBILE": "mobile",
    "FAX": "fax",
    "LANG": "language",
    "UID": "reference",
    "CATEGORIES": "tags",
}
_PART = re.compile(r"(?<!\\);")
_COMMA = re.compile(r"(?<!\\),")
_MOST_LINE = 1_000_000  # a photograph is one line; longer ones are cut


def is_vcard(head: str) -> bool:
    """Whether a file begins like one."""
    return head.lstrip("\ufeff \r\n\t").upper().startswith("BEGIN:VCARD")


def rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """One row for each card, with the columns of COLUMNS. Several values are joined by semicolons."""
    card: dict[str, list[str]] | None = None
    for name, parameters, value in _properties(lines):
        if name == "BEGIN" and value.upper() == "VCARD":
            card = {}
        elif name == "END" and card is not None:
            yield [";".join(card.get(column, ())) for column in COLUMNS]
            card = None
        elif card is not None:
            _take(card, name, parameters, value)


def _properties(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(name, parameters in capitals, value) of unfolded lines; the group in front of a name is left out."""
    for line in _unfolded(lines):
        head, colon, value = _split_head(line)
        if not colon:
            continue
        name, _semicolon, parameters = head.partition(";")
        parameters = parameters.upper()
        if "QUOTED-PRINTABLE" in parameters:
            charset = "latin-1" if "8859" in parameters else "utf-8"
            value = quopri.decodestring(value.encode("utf-8", "replace")).decode(charset, "replace")
        yield name.rpartition(".")[2].strip().upper(), parameters, value


def _split_head(line: str) -> tuple[str, str, str]:
    """At the first colon that is not within quotes."""
    quoted = False
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == ":" and not quoted:
            return line[:place], ":", line[place + 1 :]
    return line, "", ""


def _unfolded(lines: Iterable[str]) -> Iterator[str]:
    held = ""
    for raw in lines:
        line = raw.rstrip("\r\n")
        if line[:1] in (" ", "\t"):
            held = (held + line[1:])[:_MOST_LINE]
        elif held.endswith("=") and "QUOTED-PRINTABLE" in held.upper():
            held = held[:-1] + line
        else:
            if held:
                yield held
            held = line[:_MOST_LINE]
    if held:
        yield held


def _take(card: dict[str, list[str]], name: str, parameters: str, value: str) -> None:
    if name == "N" and "FN" not in card:
        family, given = ([*_parts(value), "", ""])[:2]
        card["FN"] = [" ".join(filter(None, (given, family)))]
    elif name == "FN":
        card["FN"] = [_plain(value)]
    elif name == "ORG":
        card["ORG"] = [_parts(value)[0]]
    elif name == "KIND":
        card["KIND"] = ["company" if value.strip().lower() == "org" else "person"]
    elif name == "ADR" and "STREET" not in card:
        _box, extended, street, town, _region, postcode, country = ([*_parts(value), *[""] * 7])[:7]
        for column, text in zip(
            ("STREET", "EXTENDED", "POSTCODE", "TOWN", "COUNTRY"), (street, extended, postcode, town, country), strict=True
        ):
            card[column] = [text] if text else []
    elif name == "TEL":
        number = value.removeprefix("tel:").strip()
        card.setdefault("FAX" if "FAX" in parameters else "MOBILE", []).append(_plain(number))
    elif name == "CATEGORIES":
        card.setdefault("CATEGORIES", []).extend(_plain(part) for part in _COMMA.split(value))
    elif name in ("EMAIL", "LANG", "UID"):
        plain = _plain(value).strip()
        if name == "EMAIL":
            card.setdefault(name, []).append(plain)
        else:
            card.setdefault(name, [plain.removeprefix("urn:uuid:")])


def _parts(value: str) -> list[str]:
    return [_plain(part) for part in _PART.split(value)]


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: " " if match[1] in "nN" else match[1], text).strip()


def written(
    *,
    uid: str,
    name: str,
    company: str,
    kind: str,
    addresses: Sequence[tuple[Sequence[str], str, str, str]],
    emails: Sequence[str],
    mobiles: Sequence[str],
    faxes: Sequence[str],
    language: str,
    tags: Sequence[str],
) -> str:
    """A vCard 4.0. `addresses`: (street lines, postcode, town, country)."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:{_escaped(uid)}", f"FN:{_escaped(name)}"]
    lines.append(f"KIND:{'org' if kind == 'company' else 'individual'}")
    lines += [f"ORG:{_escaped(company)}"] if company else []
    for street, postcode, town, country in addresses:
        parts = ("", "", "\n".join(street), town, "", postcode, country)
        lines.append("ADR:" + ";".join(_escaped(part) for part in parts))
    lines += [f"EMAIL:{_escaped(one)}" for one in emails]
    lines += [f"TEL;VALUE=uri;TYPE=cell:tel:{one}" for one in mobiles]
    lines += [f"TEL;VALUE=uri;TYPE=fax:tel:{one}" for one in faxes]
    lines += [f"LANG:{language}"] if language else []
    lines += ["CATEGORIES:" + ",".join(_escaped(tag) for tag in tags)] if tags else []
    return "".join(_folded(line) for line in [*lines, "END:VCARD"])


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "")


def _folded(line: str) -> str:
    """Lines of at most 75 bytes (RFC 6350, 3.2), never within a letter."""
    pieces, piece, size = [], "", 0
    for letter in line:
        wide = len(letter.encode())
        if size + wide > 75:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + letter, size + wide
    return "\r\n".join([*pieces, piece]) + "\r\n"
