"""Cells: blocks of lines whose surroundings cannot feel what stands in them, as long as the lines keep their heights.

A paragraph in a column of known width, a table cell of a fixed table, a line of the address block. Their lines are laid out by
WeasyPrint on their own; where the heights are those of a page known already, everything else on that page stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from postoffice.compose.render.engine import Box, Style, boxes, inline

#: (height, baseline) of each line, px
Shape = tuple[tuple[float, float], ...]


class Cell:
    """A block with lines. `texts`: their numbers; `free`: its surroundings are deaf to it; `block`: as first laid out."""

    __slots__ = ("block", "free", "index", "line", "texts", "x", "y")

    def __init__(self, index: int, line: Box, texts: tuple[int, ...], free: bool) -> None:
        self.index = index
        self.line = line
        self.texts = texts
        self.free = free
        self.block: Box = None
        self.x = self.y = 0.0

    def settle(self, block: Box) -> None:
        """Take the block of lines from a laid out page as the place in which lines are laid out; free no more if another width."""
        if self.block is None:
            self.block = block.copy()
            self.block.children = ()
            self.x, self.y = block.content_box_x(), block.children[0].position_y
        elif abs(self.block.width - block.width) > 1e-6:
            self.free = False

    def lines(self, context: Any, line: Box) -> list[Box]:
        """The lines of `line` (a copy of the cell's with its texts), laid out at the cell's place."""
        iterator = inline.iter_line_boxes(context, line, self.y, 0, None, self.block, [], [], None, None)
        return [laid for laid, _ in iterator]


def shape_of(lines: Sequence[Box]) -> Shape:
    """What the surroundings feel of lines."""
    return tuple((round(line.height, 5), round(getattr(line, "baseline", 0.0), 5)) for line in lines)


def cells_of(root: Box) -> list[Cell]:
    """Number every block of lines that has texts of the markup; boxes within bear the number as `cell`."""
    found: list[Cell] = []
    _walk(root, True, found)
    return found


def _walk(box: Box, deaf: bool, found: list[Cell]) -> None:
    for child in box.children:
        if isinstance(child, boxes.LineBox):
            _cell(box, child, deaf, found)
        elif isinstance(child, boxes.ParentBox):
            _walk(child, deaf and _deaf(child, box), found)


def _cell(block: Box, line: Box, deaf: bool, found: list[Cell]) -> None:
    inner = list(line.descendants())
    texts = tuple(box.number for box in inner if "number" in box.__dict__)
    if not texts:
        return
    cell = Cell(len(found), line, texts, deaf and _quiet_block(block) and len(block.children) == 1 and all(map(_quiet, inner[1:])))
    for box in inner:
        box.cell = cell.index
    found.append(cell)
    for box in inner:  # blocks within lines: their own lines are not cells, and this one is not free (see _quiet)
        box.free = cell.free


def _deaf(box: Box, parent: Box) -> bool:
    """Whether the width of a box, and what is around it, does not depend on the widths of texts within."""
    style: Style = box.style
    if style["column_count"] != "auto" or style["column_width"] != "auto" or style["max_lines"] != "none":
        return False
    if style["opacity"] < 1 or style["transform"] or box.is_flex_item or box.is_grid_item:
        return False
    if isinstance(box, boxes.FlexContainerBox | boxes.GridContainerBox):
        return False
    if isinstance(box, boxes.TableBox):
        return bool(style["table_layout"] == "fixed" and _definite(style["width"]))
    if isinstance(box, boxes.TableRowGroupBox):
        return not (box.is_header or box.is_footer)  # repeated on each page
    if box.is_table_wrapper or isinstance(box, boxes.TableRowBox | boxes.TableCellBox):
        return not isinstance(box, boxes.InlineBlockBox)
    if box.is_outside_marker or style["position"] == "fixed":
        return False
    if box.is_absolutely_positioned():
        return _definite(style["width"]) or (_definite(style["left"]) and _definite(style["right"]))
    if box.is_floated() or isinstance(box, boxes.InlineBlockBox):
        return _definite(style["width"])
    return isinstance(box, boxes.BlockBox) and (style["width"] == "auto" or _definite(style["width"]))


def _definite(value: Any) -> bool:
    return getattr(value, "unit", None) is not None


def _quiet_block(block: Box) -> bool:
    style: Style = block.style
    return bool(
        block.first_letter_style is None
        and block.first_line_style is None
        and style["block_ellipsis"] == "none"
        and (style["text_overflow"] == "clip" or style["overflow"] == "visible")
    )


def _quiet(box: Box) -> bool:
    """Whether a box in a line paints nothing but its text, and stands in no other way than in the line."""
    style: Style = box.style
    if isinstance(box, boxes.TextBox):
        return True
    if not isinstance(box, boxes.InlineBox) or box.link or box.is_leader or style["position"] != "static" or style["float"] != "none":
        return False
    if style["opacity"] < 1 or style["transform"] or style["outline_width"] or style["anchor"] or style["overflow"] != "visible":
        return False
    if any(style[f"border_{side}_width"] for side in ("top", "right", "bottom", "left")) or style["box_shadow"]:
        return False
    color = style["background_color"]
    return getattr(color, "alpha", 1) == 0 and all(kind == "none" for kind, _ in style["background_image"])


def boxes_of_cells(page: Box) -> Mapping[int, list[Box]]:
    """number of a cell -> its blocks on a laid out page."""
    found: dict[int, list[Box]] = {}
    _blocks(page, found)
    return found


def _blocks(box: Box, found: dict[int, list[Box]]) -> None:
    children = box.children
    if children and isinstance(children[0], boxes.LineBox):
        number = children[0].__dict__.get("cell")
        if number is not None:
            found.setdefault(number, []).append(box)
        return
    for child in children:
        child = getattr(child, "_box", child)  # a placeholder of an absolutely positioned box
        if child.children:
            _blocks(child, found)
