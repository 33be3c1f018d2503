"""The lines of a window become a postal address, and whatever is wrong with it is named with its place.

NF Z 10-011 (France: at most 6 lines, 7 with the country, 38 characters), DIN 5008 (return-address line and endorsements above the
address), Royal Mail (postcode last), and the rest of the world by its country line.
"""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from postoffice.compose.countries import country_of, knows, lone_postcode, plain, postcode_and_town, postcode_exists, split_prefix
from postoffice.compose.findings import finding
from postoffice.compose.fitting import Fitted, fit
from postoffice.compose.place_check import doubt
from postoffice.compose.window import is_body, set_aside, split_below
from postoffice.model.address import PostalAddress
from postoffice.model.finding import Box, Finding, Severity
from postoffice.model.layout import Layout
from postoffice.pdf.rows import Line

#: mm beyond the window's edge that no envelope shows any more
_OUT_OF_SIGHT = 5.0
#: mean confidence of Tesseract below which an address must be looked at, and below which it is not to be trusted. One address in five
#: with a confidence of 93 has a letter or an accent wrong
_SURE, _DOUBTFUL = 99.0, 60.0
_MERGE_FIELD = re.compile(r"«\S[^»]*(?<!\s)»|<<[^>]*>>|\{\{[^}]*\}\}|\{[A-Z_a-z]+\}|\bMERGEFIELD\b|<[A-Za-z_]+>|\[[A-Z_][\w ]*\]")
_BOXED = re.compile(r"^(POSTFACH|POSTLAGERND|P O BOX|PO BOX|POSTBUS|CASE POSTALE|APARTADO|CASELLA POSTALE)\b")
#: where letters arrive without the code, and many people leave it out
_CODE_OPTIONAL = frozenset({"IE"})
_NO_ABODE = re.compile(r"\b(NO FIXED (ABODE|ADDRESS)|NFA|SANS DOMICILE FIXE|SDF|OHNE FESTEN WOHNSITZ|OFW)\b")


@dataclass(frozen=True, slots=True)
class AddressReading:
    """What a window says. `kind`:

    - complete: a postcode with a town, or a country, was recognised
    - partial: it looks like an address, but its place is not recognised
    - text: letters that are no address (body text, a table)
    - none: the window is empty
    """

    kind: str
    address: PostalAddress | None = None
    findings: tuple[Finding, ...] = ()
    set_aside: tuple[str, ...] = ()  #: lines in the window that are not the address
    box: Box | None = None  #: around the address

    @property
    def key(self) -> str:
        """What is equal when two readings mean the same recipient: letters and digits only."""
        return plain(" ".join(self.address.lines)).replace(" ", "") if self.address else ""


def read_address(
    lines: Sequence[Line], layout: Layout, page: int | None = None, crossing: Sequence[Box] = (), ocr: float | None = None
) -> AddressReading:
    """Read the lines that begin in the window. `crossing`: boxes of text that runs in from the left; `ocr`: confidence of a reading
    from a picture, None for real text. Pure: the same lines give the same reading."""
    if not lines:
        return AddressReading("none")
    if is_body(lines, layout, crossing):
        return AddressReading("text", findings=(), set_aside=tuple(line.text for line in lines))
    above, rest = set_aside(lines)
    block, below = split_below(rest, lambda line: _is_place(line.text, layout.country))
    place = _place([line.text for line in block], layout.country)
    address, fitted = _fitted(block, place, layout)
    kind = "complete" if place.complete else "partial"
    found = [finding("address-set-aside", page, line.box, line.text) for line in above]
    found += [finding("address-text-below", page, line.box, line.text) for line in below]
    found += _about_lines(block, layout, page, fitted) + _about_place(block, place, layout, page)
    found += [finding("window-crossed", page, box) for box in crossing[:1]]
    if ocr is not None:
        severity = Severity.INFO if ocr >= _SURE else Severity.WARNING if ocr >= _DOUBTFUL else Severity.ERROR
        found.append(finding("ocr-address", page, around(block), f"{ocr:.0f} %", severity))
    return AddressReading(kind, address, tuple(found), tuple(line.text for line in (*above, *below)), around(block))


def check_typed(lines: Sequence[str], layout: Layout) -> AddressReading:
    """The reading of lines that a person typed: no places, nothing set aside."""
    block = [Line(" ".join(text.split()), (0.0, 0.0, 0.0, 0.0)) for text in lines if text.strip()]
    if not block:
        return AddressReading("none", findings=(finding("no-address"),))
    place = _place([line.text for line in block], layout.country)
    address, fitted = _fitted(block, place, layout)
    found = _about_lines(block, layout, None, fitted) + _about_place(block, place, layout, None)
    bare = tuple(Finding(one.code, one.severity, None, None, one.text, one.help) for one in found if one.code not in _OF_PLACE)
    return AddressReading("complete" if place.complete else "partial", address, bare)


_OF_PLACE = frozenset({"address-outside-window", "address-gap", "address-columns", "window-crossed"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Postcode, town and country as recognised; `fault` is a finding code where something speaks against it."""

    postcode: str = ""
    town: str = ""
    country: str = ""
    country_line: str = ""
    fault: str = ""

    @property
    def complete(self) -> bool:
        return bool(self.postcode or self.country_line) and self.fault != "address-no-postcode"


def _is_place(text: str, home: str) -> bool:
    """Whether a line bears postcode and town, or a country."""
    prefix, rest = split_prefix(text)
    return postcode_and_town(rest, prefix or home) is not None or country_of(text) is not None


def _place(lines: Sequence[str], home: str) -> _Place:
    """Recognise the last lines: country, then postcode and town in its manner."""
    if not lines:
        return _Place(fault="address-no-postcode")
    named = country_of(lines[-1]) if len(lines) > 1 else None
    if named is not None and postcode_and_town(lines[-1], home) is None:
        return _abroad(lines, named)
    prefix, rest = split_prefix(lines[-1])
    country = prefix or home
    found = _code(lines, rest, country)
    if found is not None:
        fault = "" if postcode_exists(found[0], country) else "address-bad-postcode"
        return _Place(found[0], found[1], country, fault=fault)
    for other in ("GB", "NL", "PT", "PL", "CA", "CH"):
        guess = _code(lines, lines[-1], other)
        if other != home and guess is not None and postcode_exists(guess[0], other):
            return _Place(guess[0], guess[1], other, fault="address-no-country")
    return _stranger(lines, home)


def _abroad(lines: Sequence[str], country: str) -> _Place:
    """An address whose last line names its country. Postcodes are demanded where their form is known and everybody has one."""
    _, rest = split_prefix(lines[-2])
    found = _code(lines[:-1], rest, country)
    if found is None and (code := _anywhere(lines[:-1], country)):
        return _Place(code, lines[-2], country, lines[-1], "" if postcode_exists(code, country) else "address-bad-postcode")
    if found is None:
        fault = "address-no-postcode" if knows(country) and country not in _CODE_OPTIONAL else ""
        return _Place("", "" if fault else lines[-2], country, lines[-1], fault)
    return _Place(found[0], found[1], country, lines[-1], "" if postcode_exists(found[0], country) else "address-bad-postcode")


def _anywhere(lines: Sequence[str], country: str) -> str:
    """A postcode in a line of its own or at the head of one, as in East Asia, where it comes first; empty where there is none."""
    for line in lines:
        found = lone_postcode(line, country)
        if found:
            return found
    return ""


def _code(lines: Sequence[str], last: str, country: str) -> tuple[str, str] | None:
    """Postcode and town of the last line; the town from the line above where the code stands alone."""
    found = postcode_and_town(last, country)
    if found is not None and not found[1]:
        return found[0], _clean(lines[-2]) if len(lines) > 1 else ""
    return found


def _stranger(lines: Sequence[str], home: str) -> _Place:
    """No postcode in the last line. In the line above one, the last line claims to be a country."""
    if len(lines) > 2 and not any(letter.isdigit() for letter in lines[-1]):
        prefix, rest = split_prefix(lines[-2])
        found = _code(lines[:-1], rest, prefix or home)
        if found is not None:
            return _Place(found[0], found[1], "", lines[-1], "address-unknown-country")
    return _Place(fault="address-no-postcode")


def _fitted(block: Sequence[Line], place: _Place, layout: Layout) -> tuple[PostalAddress, Fitted]:
    """The address as printed, with the lines for the post beside it where they differ. Lines without a letter are no line."""
    texts = tuple(text for line in block if (text := _clean(line.text)))
    fitted = fit(texts, layout, place.country, country_line=bool(place.country_line))
    other = fitted.lines if fitted.lines != texts else ()
    return PostalAddress(texts, place.postcode, place.town, place.country, other), fitted


def _about_lines(block: Sequence[Line], layout: Layout, page: int | None, fitted: Fitted) -> list[Finding]:
    found: list[Finding] = []
    if len(block) < layout.min_lines:
        severity = Severity.ERROR if len(block) < 2 else None
        found.append(finding("address-too-few-lines", page, around(block), f"{len(block)}", severity))
    shown = [line for line in block if _clean(line.text)]
    for fault in fitted.faults:
        code, box = ("address-too-many-lines", around(block)) if fault.line < 0 else ("address-line-too-long", shown[fault.line].box)
        found.append(finding(code, page, box, fault.text))
    for change in fitted.changes:
        found.append(finding("address-fitted", page, shown[change.line].box, f"{change.before} → {change.after}"))
    for line in block:
        found += _about_line(line, layout, page)
    return found + _gaps(block, page)


def _about_line(line: Line, layout: Layout, page: int | None) -> list[Finding]:
    found: list[Finding] = []
    text = line.text
    if _MERGE_FIELD.search(text):
        found.append(finding("address-merge-field", page, line.box, text))
    elif not any(letter.isalnum() for letter in text) or any(_is_odd(letter) for letter in text):
        found.append(finding("address-bad-characters", page, line.box, text))
    if _NO_ABODE.search(plain(text)):
        found.append(finding("address-no-fixed-abode", page, line.box, text))
    beyond = line.right - (layout.window[0] + layout.window[2])
    if beyond > 1.0:
        severity = Severity.ERROR if beyond > _OUT_OF_SIGHT else None
        found.append(finding("address-outside-window", page, line.box, text, severity))
    if line.gap > 12.0:
        found.append(finding("address-columns", page, line.box, text))
    return found


def _is_odd(letter: str) -> bool:
    """Control, private, replacement characters and the boxes that stand for missing letters."""
    return ord(letter) < 0x20 or letter in "\ufffd□■" or "\ue000" <= letter <= "\uf8ff"


def _gaps(block: Sequence[Line], page: int | None) -> list[Finding]:
    """An empty line within the address."""
    steps = [after.bottom - before.bottom for before, after in zip(block, block[1:], strict=False)]
    if len(steps) < 2:
        return []
    usual = statistics.median_low(steps)
    for before, after, step in zip(block, block[1:], steps, strict=False):
        if usual > 0 and step > 1.75 * usual:
            return [finding("address-gap", page, (before.box[0], before.bottom, before.box[2], max(0.0, after.box[1] - before.bottom)))]
    return []


def _about_place(block: Sequence[Line], place: _Place, layout: Layout, page: int | None) -> list[Finding]:
    if not block:
        return []
    if not place.fault:
        return _doubts(block, place, page)
    last = block[-1]
    if place.fault == "address-bad-postcode":
        spot = next((line for line in reversed(block) if place.postcode in " ".join(line.text.upper().split())), last)
        return [finding(place.fault, page, spot.box, place.postcode)]
    return [finding(place.fault, page, last.box, last.text)]


def _doubts(block: Sequence[Line], place: _Place, page: int | None) -> list[Finding]:
    """What the open data says against postcode and town, with what was probably meant."""
    boxed = any(_BOXED.match(plain(line.text)) for line in block)
    found = doubt(place.postcode, place.town, place.country, box=boxed)
    if found is None:
        return []
    spot = next((line for line in reversed(block) if place.town in line.text), block[-1])
    meant = f" → {' / '.join(found.proposals)}" if found.proposals else ""
    return [finding(found.code, page, spot.box, f"{place.postcode} {place.town}{meant}")]


def _clean(text: str) -> str:
    """A line without the commas that only separate it from the next one."""
    return " ".join(text.split()).strip(",;").strip()


def around(lines: Sequence[Line]) -> Box | None:
    """The box around lines, None for none."""
    if not lines:
        return None
    left, top = min(line.box[0] for line in lines), min(line.box[1] for line in lines)
    return (left, top, max(line.right for line in lines) - left, max(line.bottom for line in lines) - top)
