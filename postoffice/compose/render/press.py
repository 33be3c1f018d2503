"""The press: one letter after the other into a book, by the cheapest of three roads that give the same pages.

1. `stamped`: a page with this markup and lines of these heights was laid out before; only the cells that differ are laid out.
2. `laid`: the markup is known, its boxes are copied and laid out with the new texts.
3. `whole`: parsed, styled and laid out from the start.

The first letters that take the first road also take the second: where what they paint differs, that sheet is never used again.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from postoffice.compose.render.assets import Assets, Pictures
from postoffice.compose.render.book import Book
from postoffice.compose.render.engine import Fonts
from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.known import Known
from postoffice.compose.render.markup import alike, parts, plain
from postoffice.compose.render.painting import operators, paint
from postoffice.compose.render.quick import TypeCase
from postoffice.compose.render.sheets import links_of, print_once
from postoffice.compose.render.structure import Structure
from postoffice.compose.render.watch import Watch

#: structures that are kept, the least used go first
_STRUCTURES = 24
#: markups that cannot be printed, that are remembered
_SPOILT = 1_000
#: letters on new sheets whose pages are also laid out as a whole and compared
_PROOFS = 2


class Press:
    """Prints letters of one template into one book."""

    def __init__(
        self, book: Book, fonts: Fonts, assets: Assets, pictures: Pictures, watch: Watch, *, base_url: str, stamping: bool = True
    ) -> None:
        self._book = book
        self._fonts, self._assets, self._pictures, self._base = fonts, assets, pictures, base_url
        self._stamping = stamping
        self._known: OrderedDict[str, list[Known]] = OrderedDict()
        self._spoilt: dict[int, str] = {}  # hash of a markup -> what it misses
        self._case = TypeCase(book.inks, watch)
        self.watch = watch
        self.roads: Counter[str] = Counter()  #: letters by road; `refuted`: sheets that failed their proof

    def letter(self, source: str) -> int:
        """Print a letter of this HTML; how many pages it has. Raises TemplateFault asset-missing; what WeasyPrint raises."""
        markup, texts = parts(source)
        known, changed = self._find(markup, texts)
        if known is None:
            if name := self._spoilt.get(hash(markup)):
                raise _missing(name)
            self.roads["whole"] += 1
            return self._first(source, markup, texts)
        if not self._stamping or not known.worth_it():
            self.roads["laid"] += 1
            return self._lay(known, changed)
        key = known.key(texts, changed)
        if key is None or key not in known.sheets:
            self.roads["laid"] += 1
            return self._lay(known, changed, key)
        return self._stamp(known, key, texts, changed)

    def _find(self, markup: str, texts: list[str]) -> tuple[Known | None, dict[int, str]]:
        group = self._known.get(markup)
        if group is None:
            return None, {}
        self._known.move_to_end(markup)
        for known in group:
            base = known.structure.texts
            changed = {number: text for number, (text, other) in enumerate(zip(texts, base, strict=True)) if text != other}
            if known.structure.swappable(changed) and all(alike(plain(text), plain(base[n])) for n, text in changed.items()):
                return known, changed
        return None, {}

    def _first(self, source: str, markup: str, texts: list[str]) -> int:
        self._assets.missed.clear()
        self._pictures.missed.clear()
        structure = Structure(source, texts, fonts=self._fonts, fetcher=self._assets, base_url=self._base, images=self._pictures)
        self._book.language = self._book.language or structure.language
        pages = structure.pages({})
        if missed := self._assets.missed | self._pictures.missed:
            name = ", ".join(sorted(missed))
            if len(self._spoilt) < _SPOILT:
                self._spoilt[hash(markup)] = name
            raise _missing(name)
        known = Known(structure, self._case)
        if structure.reusable:
            self._known.setdefault(markup, []).append(known)
            self._forget()
        return self._print(known, {}, pages, () if structure.reusable and self._stamping else None)

    def forget(self) -> None:
        """Start afresh, as after a failure within WeasyPrint."""
        self._known.clear()
        self._book.discard()

    def _forget(self) -> None:
        while sum(map(len, self._known.values())) > _STRUCTURES:
            oldest = next(iter(self._known))
            self._known[oldest].pop(0)
            if not self._known[oldest]:
                del self._known[oldest]

    def _lay(self, known: Known, changed: Mapping[int, str], key: tuple[Any, ...] | None = None) -> int:
        """Lay the letter out. With `key`, its pages become sheets to stamp on."""
        return self._print(known, changed, known.structure.pages(changed), key)

    def _print(self, known: Known, changed: Mapping[int, str], pages: Sequence[Any], key: tuple[Any, ...] | None) -> int:
        resources = self._book.inks.resources()
        streams = [paint(page, self._book.inks, resources) for page in pages]
        links = links_of(pages, known.structure.links(pages))
        states = frozenset(resources["ExtGState"])
        number = self._book.resources(resources)
        if key is not None and known.keep(key, changed, pages, streams, links, number, states):
            known.sheets[key].sheets.put(self._book, {})
        else:
            print_once(self._book, pages, streams, links, number)
        return len(pages)

    def _stamp(self, known: Known, key: tuple[Any, ...], texts: list[str], changed: Mapping[int, str]) -> int:
        kept = known.sheets[key]
        pieces = known.pieces(kept, texts, changed)
        if pieces is None:
            self.roads["laid"] += 1
            return self._lay(known, changed)
        if kept.sheets.vary({cell for cell, _ in pieces}):
            kept.proofs = min(kept.proofs, _PROOFS - 1)
        if kept.proofs < _PROOFS:
            if not self._proven(known, kept.sheets.contents(pieces), changed):
                self.roads["refuted"] += 1
                known.refute(key)
                return self._lay(known, changed)
            kept.proofs += 1
        self.roads["stamped"] += 1
        known.stamped += 1
        kept.sheets.put(self._book, pieces)
        return len(kept.sheets)

    def _proven(self, known: Known, contents: list[bytes], changed: Mapping[int, str]) -> bool:
        """Whether the letter laid out as a whole paints the same."""
        resources = self._book.inks.resources()
        pages = known.structure.pages(changed)
        return [operators(paint(page, self._book.inks, resources)) for page in pages] == contents


def _missing(name: str) -> TemplateFault:
    return TemplateFault(
        "asset-missing",
        f"The template shows {name}, which is not among its files or cannot be read.",
        help="Add the file to the template, or correct its name.",
        asset=name,
    )
