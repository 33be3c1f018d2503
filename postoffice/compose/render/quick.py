"""Lines that hold one run of text each, the most frequent kind: Pango sets the text, the line stays where it is.

A name, an amount, a date, an address with a break after each line. What WeasyPrint would find anew is taken over from the lines
that it laid out; where a text does not fit on its line, or has other heights (a fallback font), the cell is laid out in the ordinary
way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from postoffice.compose.render.cells import Cell
from postoffice.compose.render.engine import Box, boxes, line_break

#: px that must be left free, so that rounding never decides
_SLACK = 0.01
#: ends of lines and tabs (Unicode standard annex 14), which Pango heeds, and soft hyphens
_UNQUIET = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029\u00ad")


class _Setting(line_break.Layout):  # type: ignore[misc]
    """A Pango layout that is set with one text after the other, and painted without being made anew."""

    def deactivate(self) -> None:
        """Keep everything."""

    def reactivate(self, style: Any) -> None:
        """Nothing was put away."""


class _Run:
    """A line and its one text as WeasyPrint laid them out."""

    __slots__ = ("align", "line", "room", "setting", "start", "text")

    def __init__(self, line: Box, room: float, align: str) -> None:
        self.line, self.room, self.align = line, room, align
        self.text = line.children[0]
        self.start = self.text.position_x - self._offset(self.text.width)
        self.setting = _Setting(self.text.style)

    def set(self, text: str) -> Box | None:
        """The line with this text; None where only layout can tell."""
        text = text.strip(" ")
        if not text or not _UNQUIET.isdisjoint(text):
            return None
        self.setting.set_text(text)
        first, more = self.setting.get_first_line()
        width, height = line_break.line_size(first, self.text.style)
        if more is not None or width > self.room - _SLACK or height != self.text.height:
            return None
        baseline = line_break.pango.pango_layout_get_baseline(self.setting.layout) * line_break.FROM_UNITS
        if baseline + self.text.margin_top != self.text.baseline:
            return None
        box = self.text.copy()
        box.text, box.width, box.pango_layout = text, width, self.setting
        box.position_x = self.start + self._offset(width)
        line = self.line.copy()
        line.children = [box, *self.line.children[1:]]
        if self.align != "start":
            line.position_x = box.position_x
        return line

    def _offset(self, width: float) -> float:
        if self.align == "start":
            return 0.0
        return (self.room - width) / (2 if self.align == "center" else 1)


class Quick:
    """The lines of a cell, ready for other texts. `collapsed`: the texts with which `lines` were laid out, by number."""

    def __init__(self, cell: Cell, lines: Sequence[Box], collapsed: Mapping[int, str]) -> None:
        self._lines = list(lines)
        self._runs: dict[int, tuple[int, _Run]] = {}
        for index, line in enumerate(lines):
            align = _alignment(line, float(cell.block.width))
            number = line.children[0].__dict__.get("number") if align else None
            if align and number is not None and line.children[0].text == collapsed[number].strip(" "):
                self._runs[number] = (index, _Run(line, float(cell.block.width), align))

    def set(self, texts: Mapping[int, str]) -> list[Box] | None:
        """The lines with these texts (white space collapsed) in the place of their own; None where only layout can tell."""
        lines = list(self._lines)
        for number, text in texts.items():
            known = self._runs.get(number)
            line = known[1].set(text) if known else None
            if known is None or line is None:
                return None
            lines[known[0]] = line
        return [
            line.copy_with_children([child.copy() for child in line.children]) if line is own else line
            for line, own in zip(lines, self._lines, strict=True)
        ]


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
