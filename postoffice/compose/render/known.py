"""What is known of a structure: the sheets of letters laid out before, by the heights of the lines in their cells."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postoffice.compose.render.cells import Cell, Shape, boxes_of_cells, shape_of
from postoffice.compose.render.engine import Box
from postoffice.compose.render.painting import Stream, paint_lines
from postoffice.compose.render.quick import Quick, TypeCase
from postoffice.compose.render.sheets import Link, Sheets, runs
from postoffice.compose.render.structure import Structure, copied

#: sheets that are kept for a structure, the oldest go first
_SHEETS = 32
#: sheets after which stamping must have paid; from then on only one letter of so many tries it where it does not
_TRIAL = 12
#: shapes and pieces of text that are remembered for a structure
_REMEMBERED = 250

Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A fragment of a cell on sheets: its left and top, px, and how many lines it has."""

    x: float
    y: float
    lines: int


@dataclass(slots=True)
class Kept:
    """Sheets with what is needed to stamp on them."""

    sheets: Sheets
    own: dict[int, Texts]  # texts of the cells that differed from the structure's when the sheets were made
    places: dict[int, list[Place]]
    states: frozenset[str]
    serial: int
    proofs: int = 0
    refuted: bool = False


class Known:
    """A structure, its sheets, and the lines met so far."""

    def __init__(self, structure: Structure, case: TypeCase) -> None:
        self.structure = structure
        self._case = case
        self.sheets: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._context = structure.line_context() if structure.reusable else None
        self._base: dict[int, Shape] = {}
        self._shapes: dict[tuple[int, Texts], Shape] = {}
        self._pieces: dict[tuple[int, int, Texts], tuple[list[bytes], set[str]]] = {}
        self._fresh: dict[tuple[int, Texts], Any] = {}  # laid out for the letter at hand: lines, or glyphs by line
        self._quick: dict[int, Quick] = {}
        self._refuted: set[tuple[Any, ...]] = set()
        self._serial = 0
        self._asked = 0
        self.stamped = 0  #: letters that found sheets to stamp on

    # --- which sheets fit

    def worth_it(self) -> bool:
        """Whether to look for sheets at all: not where nearly every letter had to be laid out so far."""
        self._asked += 1
        return self._serial < _TRIAL or self.stamped >= self._serial or self._asked % _TRIAL == 0

    def key(self, texts: Sequence[str], changed: Mapping[int, str]) -> tuple[Any, ...] | None:
        """The sheets on which a letter fits: what its surroundings feel of the cells that changed. None: no sheets can help."""
        felt: list[Any] = []
        self._fresh.clear()
        for cell in self._cells(changed):
            own = tuple(texts[number] for number in cell.texts)
            if not cell.free:
                felt.append((cell.index, own))
                continue
            shape = self._felt(cell, own)
            if shape != self._base.get(cell.index):
                felt.append((cell.index, shape))
        key = tuple(felt)
        return None if key in self._refuted else key

    def _cells(self, changed: Mapping[int, str]) -> list[Cell]:
        of = self.structure.cell_of
        return [self.structure.cells[index] for index in sorted({of[number].index for number in changed})]

    def _felt(self, cell: Cell, texts: Texts) -> Shape | None:
        """The heights of a cell's lines with these texts; what was found on the way is kept for the painting."""
        swapped = self._swapped(cell, texts)
        glyphs = self._quick_of(cell).set(swapped)
        if glyphs is not None:
            self._fresh[cell.index, texts] = glyphs
            return self._base.get(cell.index)
        known = self._shapes.get((cell.index, texts))
        if known is None:
            lines = self._fresh[cell.index, texts] = cell.lines(self._context, copied(cell.line, swapped))
            if len(self._shapes) >= _REMEMBERED:
                self._shapes.clear()
            known = self._shapes[cell.index, texts] = shape_of(lines)
        return known

    def _quick_of(self, cell: Cell) -> Quick:
        quick = self._quick.get(cell.index)
        if quick is None:
            own = {number: self.structure.collapsed(number, self.structure.texts[number]) for number in cell.texts}
            lines = cell.lines(self._context, copied(cell.line, {}))
            quick = self._quick[cell.index] = Quick(cell, lines, own, self._case)
        return quick

    def _swapped(self, cell: Cell, texts: Texts) -> dict[int, str]:
        base = self.structure.texts
        return {
            number: self.structure.collapsed(number, text)
            for number, text in zip(cell.texts, texts, strict=True)
            if text != base[number]
        }

    # --- keeping sheets

    def keep(
        self,
        key: tuple[Any, ...],
        changed: Mapping[int, str],
        pages: Sequence[Any],
        streams: Sequence[Stream],
        links: list[list[Link]],
        resources: int,
        states: frozenset[str],
    ) -> bool:
        """Keep the pages of a letter as sheets; False where they cannot serve."""
        places = self._settle(pages, streams)
        own = {cell.index: self._texts(cell, changed) for cell in self._cells(changed)}
        if not key and not changed:
            self._base = self._heights(pages)
        if any(index in own and not self.structure.cells[index].free and (index, own[index]) not in key for index in own):
            return False  # a cell turned out to be felt by its surroundings only now
        if len(self.sheets) >= _SHEETS:
            self.sheets.popitem(last=False)
        sheets = Sheets.of(pages, streams, links, resources, frozenset(places))
        self._serial += 1
        self.sheets[key] = Kept(sheets, own, places, states, self._serial)
        return True

    def refute(self, key: tuple[Any, ...]) -> None:
        """These sheets gave another picture than layout: never again."""
        self.sheets.pop(key, None)
        self._refuted.add(key)

    def _texts(self, cell: Cell, changed: Mapping[int, str]) -> Texts:
        return tuple(changed.get(number, self.structure.texts[number]) for number in cell.texts)

    def _heights(self, pages: Sequence[Any]) -> dict[int, Shape]:
        found: dict[int, Shape] = {}
        for page in pages:
            for index, blocks in boxes_of_cells(page._page_box).items():
                for block in blocks:
                    found[index] = (*found.get(index, ()), *shape_of(block.children))
        return found

    def _settle(self, pages: Sequence[Any], streams: Sequence[Stream]) -> dict[int, list[Place]]:
        """The places of the cells that can be stamped; the others are marked as not free."""
        painted = [cell for stream in streams for cell in {run[0] for run in runs(stream)}]
        broken = {run[0] for stream in streams for run in runs(stream) if [r[0] for r in runs(stream)].count(run[0]) > 1}
        places: dict[int, list[Place]] = {}
        for page in pages:
            floats = [box for box in page._page_box.descendants() if box.is_floated()]
            for index, blocks in boxes_of_cells(page._page_box).items():
                cell = self.structure.cells[index]
                for block in blocks:
                    cell.settle(block)
                    cell.free = cell.free and not any(_beside(block, one) for one in floats)
                    first = block.children[0]
                    places.setdefault(index, []).append(Place(block.content_box_x(), first.position_y, len(block.children)))
        for cell in self.structure.cells:
            fragments = len(places.get(cell.index, ()))
            if not fragments or cell.index in broken or painted.count(cell.index) != fragments:
                cell.free = False
        return {index: found for index, found in places.items() if self.structure.cells[index].free}

    # --- stamping

    def pieces(self, kept: Kept, texts: Sequence[str], changed: Mapping[int, str]) -> dict[tuple[int, int], bytes] | None:
        """What the cells paint that differ from the sheets' own letter; None where it cannot be stamped."""
        found: dict[tuple[int, int], bytes] = {}
        of = self.structure.cell_of
        for index in {of[number].index for number in changed} | kept.own.keys():
            cell = self.structure.cells[index]
            now = tuple(texts[number] for number in cell.texts)
            if not cell.free or now == kept.own.get(index):
                continue
            painted = self._piece(kept, cell, now)
            if not painted:
                return None
            for fragment, content in enumerate(painted):
                found[index, fragment] = content
        return found

    def _piece(self, kept: Kept, cell: Cell, texts: Texts) -> list[bytes]:
        """What the fragments of a cell paint; empty where it needs resources that the sheets have not."""
        fresh = self._fresh.get((cell.index, texts))
        if fresh is None and texts == self._texts(cell, {}):
            fresh = {}  # as on the structure's first letter
        places = kept.places[cell.index]
        if isinstance(fresh, dict):
            quick, first, painted = self._quick_of(cell), 0, []
            for place in places:
                painted.append(quick.painted(fresh, first, place.lines, place.x - cell.x, place.y))
                first += place.lines
            return painted
        known = self._pieces.get((kept.serial, cell.index, texts))
        if known is None:
            lines = fresh or cell.lines(self._context, copied(cell.line, self._swapped(cell, texts)))
            with self._case.watch.apart() as missing:
                painted = self._paint(kept, cell, places, lines)
            known = (painted, missing)
            if len(self._pieces) >= _REMEMBERED:
                self._pieces.clear()
            self._pieces[kept.serial, cell.index, texts] = known
        self._case.watch.missing.update(known[1])
        return known[0]

    def _paint(self, kept: Kept, cell: Cell, places: Sequence[Place], lines: list[Box]) -> list[bytes]:
        resources = self._case.inks.resources()
        painted = []
        for place in places:
            part, lines = lines[: place.lines], lines[place.lines :]
            dx, dy = place.x - cell.x, place.y - part[0].position_y
            for line in part:
                line.translate(dx, dy)
            painted.append(paint_lines(part, self._case.inks, resources))
        if not resources["ExtGState"].keys() <= kept.states or resources["XObject"] or resources["Pattern"] or resources["Shading"]:
            return []
        return painted


def _beside(block: Box, floated: Box) -> bool:
    """Whether a float stands at the height of a block."""
    top, bottom = floated.position_y, floated.position_y + floated.margin_height()
    return bool(top < block.position_y + block.margin_height() + 1 and bottom > block.position_y - 1)
