"""Lines that hold one run of text each, the most frequent kind: Pango sets the text, the line stays where it is.

A name, an amount, a date, an address with a break after each line. What WeasyPrint would find anew is taken over from the lines
that it laid out; where a text does not fit on its line, or has other heights (a fallback font), the cell is laid out in the ordinary
way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postoffice.compose.render.cells import Cell
from postoffice.compose.render.engine import Box, Style, boxes, draw_text, line_break, matrix, pydyf
from postoffice.compose.render.painting import Inks, Stream, as_bytes, paint_lines
from postoffice.compose.render.watch import Watch

#: px that must be left free, so that rounding never decides
_SLACK = 0.01
#: ends of lines and tabs (Unicode standard annex 14), which Pango heeds, and soft hyphens
_UNQUIET = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029\u00ad")
#: texts whose glyphs are remembered
_REMEMBERED = 4_000
#: what else than the font makes two texts look alike
_LOOK = ("font_kerning", "direction", "visibility", "overflow_wrap", "word_break", "color", "font_size", "line_height")


class _Setting(line_break.Layout):  # type: ignore[misc]
    """A Pango layout that is set with one text after the other, and painted without being made anew."""

    def deactivate(self) -> None:
        """Keep everything."""

    def reactivate(self, style: Any) -> None:
        """Nothing was put away."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A text as set in one style: its width, what makes the heights of its line, px, and the operators after its position."""

    width: float
    full: float  #: with the space at its end
    height: float
    baseline: float
    operators: bytes
    missing: str = ""  #: characters that no font has


class TypeCase:
    """Texts set so far, by style; one for all letters of a book."""

    def __init__(self, inks: Inks, watch: Watch) -> None:
        self.inks = inks
        self.watch = watch
        self._settings: dict[str, _Setting] = {}
        self._glyphs: dict[tuple[str, str], Glyphs | None] = {}

    def set(self, look: str, box: Box, text: str) -> Glyphs | None:
        """The text in the style of a box; None where it is not one plain line."""
        key = (look, text)
        if key not in self._glyphs:
            if len(self._glyphs) >= _REMEMBERED:
                self._glyphs.clear()
            self._glyphs[key] = self._set(look, box, text)
        known = self._glyphs[key]
        if known is not None and known.missing:
            self.watch.missing.update(known.missing)
        return known

    def _set(self, look: str, box: Box, text: str) -> Glyphs | None:
        setting = self._settings.get(look)
        if setting is None:
            setting = self._settings[look] = _Setting(box.style)
        setting.set_text(text.rstrip(" "))  # a space at the end is painted, but takes no room
        first, more = setting.get_first_line()
        width, height = line_break.line_size(first, box.style)
        full = width
        if text[-1] == " ":
            setting.set_text(text)
            first, more = setting.get_first_line()
            full, _ = line_break.line_size(first, box.style)
        if more is not None:
            return None
        baseline = line_break.pango.pango_layout_get_baseline(setting.layout) * line_break.FROM_UNITS
        trial = box.copy()
        trial.text, trial.width, trial.pango_layout = text, width, setting
        resources = self.inks.resources()
        stream = Stream(self.inks, resources, (0, 0, 0, 0))
        with self.watch.apart() as missing:
            emojis = draw_text.draw_first_line(stream, trial, "clip", "none", matrix.Matrix())
        if emojis or resources["ExtGState"] or not stream.stream or not stream.stream[0].endswith(b"Tm"):
            return None
        return Glyphs(width, full, height, baseline, b"\n".join(map(as_bytes, stream.stream[1:])), "".join(missing))


class _Run:
    """A line and its one text as WeasyPrint laid them out."""

    __slots__ = ("align", "before", "box", "case", "look", "room", "start")

    def __init__(self, box: Box, room: float, align: str, case: TypeCase, before: bytes) -> None:
        self.box, self.room, self.align, self.case, self.before = box, room, align, case, before
        self.look = _look(box.style)
        self.start = box.position_x - self._offset(box.width)

    def set(self, text: str) -> Glyphs | None:
        """The glyphs of another text; None where only layout can tell."""
        text = text.lstrip(" ")
        if not text or not _UNQUIET.isdisjoint(text):
            return None
        glyphs = self.case.set(self.look, self.box, text)
        if glyphs is None or glyphs.full > self.room - _SLACK or glyphs.height != self.box.height:
            return None
        return glyphs if glyphs.baseline + self.box.margin_top == self.box.baseline else None

    def painted(self, glyphs: Glyphs, dx: float, dy: float) -> bytes:
        """What the text paints, moved."""
        x = self.start + self._offset(glyphs.width) + dx
        y = self.box.position_y + dy + self.box.baseline
        place = b" ".join(map(pydyf._to_bytes, (1, 0, 0, -1, x, y)))
        return b"%b\nBT\n%b Tm\n%b\nET\n" % (self.before, place, glyphs.operators)

    def _offset(self, width: float) -> float:
        if self.align == "start":
            return 0.0
        return (self.room - width) / (2 if self.align == "center" else 1)


class Quick:
    """The lines of a cell, ready for other texts. `collapsed`: the texts with which `lines` were laid out, by number."""

    def __init__(self, cell: Cell, lines: Sequence[Box], collapsed: Mapping[int, str], case: TypeCase) -> None:
        self._lines = list(lines)
        self._case = case
        self._runs: dict[int, tuple[int, _Run]] = {}
        self._rest: dict[tuple[int, int, float, float], bytes] = {}
        room = float(cell.block.width)
        for index, line in enumerate(lines):
            align = _alignment(line, room)
            number = line.children[0].__dict__.get("number") if align else None
            if number is not None and line.children[0].text.rstrip(" ") == collapsed[number].strip(" "):
                before = _before(line.children[0], case.inks)
                if before is not None:
                    self._runs[number] = (index, _Run(line.children[0], room, align, case, before))

    def set(self, texts: Mapping[int, str]) -> dict[int, tuple[_Run, Glyphs]] | None:
        """By line, the glyphs of these texts (white space collapsed); None where only layout can tell."""
        found: dict[int, tuple[_Run, Glyphs]] = {}
        for number, text in texts.items():
            known = self._runs.get(number)
            glyphs = known[1].set(text) if known else None
            if known is None or glyphs is None:
                return None
            found[known[0]] = (known[1], glyphs)
        return found

    def painted(self, found: Mapping[int, tuple[_Run, Glyphs]], first: int, count: int, x: float, y: float) -> bytes:
        """What `count` lines from `first` on paint, the first of them at this place."""
        dx, dy = x, y - self._lines[first].position_y
        parts = []
        for index in range(first, first + count):
            changed = found.get(index)
            if changed is not None:
                parts.append(changed[0].painted(changed[1], dx, dy))
            rest = self._others(index, 0 if changed is None else 1, dx, dy)
            if rest:
                parts.append(rest)
        return b"\n\n".join(parts)

    def _others(self, index: int, skip: int, dx: float, dy: float) -> bytes:
        """What a line paints, or what stands on it after its text."""
        if skip and len(self._lines[index].children) == 1:
            return b""
        key = (index, skip, dx, dy)
        if key not in self._rest:
            line = self._lines[index]
            line = line.copy_with_children([child.deepcopy() for child in line.children[skip:]])
            line.translate(dx, dy)
            self._rest[key] = paint_lines([line], self._case.inks, self._case.inks.resources())
        return self._rest[key]


def _before(box: Box, inks: Inks) -> bytes | None:
    """The operators before a text (its colour); None where a text paints more than glyphs."""
    if box.style["text_decoration_line"] != "none" or box.style["visibility"] != "visible":
        return None
    stream = Stream(inks, inks.resources(), (0, 0, 0, 0))
    draw_text.draw_text(stream, box, 0, "clip", "none")
    if stream.stream.count(b"BT") != 1 or stream.stream[-1] != b"ET":
        return None
    return b"\n".join(map(as_bytes, stream.stream[: stream.stream.index(b"BT")]))


def _look(style: Style) -> str:
    return str(line_break._font_style_cache_key(style)) + str([str(style[name]) for name in _LOOK])


def _alignment(line: Box, room: float) -> str:
    """start, center or end; nothing where the line is not one run of text, perhaps with a line break after it."""
    if not line.children or not isinstance(line.children[0], boxes.TextBox):
        return ""
    style, text = line.style, line.children[0]
    align = style["text_align_all"] if style["text_align_last"] == "auto" else style["text_align_last"]
    align = {"left": "start", "right": "end"}.get(align, align)
    plain = (
        (align == "start" or (align in ("center", "end") and len(line.children) == 1))
        and style["direction"] == "ltr"
        and style["text_indent"].value == 0
        and style["white_space"] in ("normal", "nowrap")
        and text.style["letter_spacing"] == "normal"
        and not text.style["word_spacing"]
        and text.style["font_size"]
        and line.text_overflow == "clip"
        and not text.justification_spacing
        and text.width < room - _SLACK
        and all(_break(child) for child in line.children[1:])
    )
    return align if plain else ""


def _break(box: Box) -> bool:
    """Whether a box is a line break: it has no width and paints nothing."""
    texts = [inner for inner in box.descendants() if isinstance(inner, boxes.TextBox)]
    return box.element_tag == "br" and box.width == 0 and not any(text.text.strip() for text in texts)
