"""What letters with equal markup share: parsed document, styles and boxes. A letter is a copy of the boxes with its own texts."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from postoffice.compose.render.cells import Cell, cells_of
from postoffice.compose.render.engine import Box, Fonts, Style, boxes, build, counters, document, layout, pdf_anchors, weasyprint
from postoffice.compose.render.markup import blank, plain

#: elements whose texts are not on the page
_SILENT = frozenset(("style", "script", "title", "textarea", "head"))


class _Text(str):
    """A text node that remembers which text of the markup it is."""

    __slots__ = ("number",)
    number: int


class _Styles:
    """WeasyPrint's styles of a document; those of each kind of page are computed once, not for each letter."""

    def __init__(self, styles: Any) -> None:
        self._styles = styles
        self._pages: set[Any] = set()
        self._page: Any = None

    def __call__(self, element: Any, pseudo_type: str | None = None) -> Any:
        return self._styles(element, pseudo_type)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._styles, name)

    def add_page_declarations(self, page_type: Any) -> None:
        """The first of the three calls that set the styles of a page, see layout.page."""
        self._page = page_type
        if page_type not in self._pages:
            self._styles.add_page_declarations(page_type)

    def set_computed_styles(self, element: Any, **options: Any) -> None:
        """The second, and one for each margin box."""
        if self._page not in self._pages:
            self._styles.set_computed_styles(element, **options)

    def get_cascaded_styles(self) -> Any:
        """The third: what margin boxes there are."""
        if self._page in self._pages:
            return ()
        return self._rest()

    def _rest(self) -> Any:
        yield from list(self._styles.get_cascaded_styles())
        self._pages.add(self._page)


class Structure:
    """One markup of a template, laid out as often as wanted with other texts.

    `texts` are the (escaped) texts of the first letter. `reusable` is False where a text could also show elsewhere than in its
    place (running elements, footnotes, target counters, named strings): then the whole is built anew for each letter.
    """

    def __init__(self, source: str, texts: Sequence[str], *, fonts: Fonts, fetcher: Any, base_url: str, images: dict[str, Any]) -> None:
        self.texts = list(texts)
        self._raw: dict[int, Box] = {}  # number of a text -> its box before white space was collapsed
        self._fonts = fonts
        self._counters = counters.CounterStyle()
        self._html = weasyprint.HTML(string=source, base_url=base_url, url_fetcher=fetcher)
        mapped = self._mark()
        options = {**weasyprint.DEFAULT_OPTIONS, "cache": images}
        context = document.Document._build_layout_context(self._html, fonts, self._counters, {}, options)
        self._style_for = context.style_for = _Styles(context.style_for)
        self._targets = context.target_collector
        self._image = partial(document.original_get_image_from_uri, cache=images, url_fetcher=fetcher, options=options)
        self.root = self._build(context)
        self.reusable = mapped and not context.footnotes and not self._targets.counter_lookup_items and self._found_once()
        self.reusable = self.reusable and not _speaks_elsewhere(self.root)
        self._pristine = (list(context.footnotes), context)
        self.cells: list[Cell] = cells_of(self.root) if self.reusable else []
        self.cell_of: dict[int, Cell] = {number: cell for cell in self.cells for number in cell.texts}
        self.language = str(self._html.etree_element.get("lang") or "")

    def _mark(self) -> bool:
        """Number the text nodes; False where parser and markup disagree about what the texts are."""
        wanted = [(number, plain(text)) for number, text in enumerate(self.texts)]
        wanted = [(number, text) for number, text in wanted if not blank(text)]
        place = 0
        for element, which in _text_nodes(self._html.etree_element):
            text = getattr(element, which)
            if blank(text):
                continue
            if place >= len(wanted) or wanted[place][1] != text:
                return False
            marked = _Text(text)
            marked.number = wanted[place][0]
            setattr(element, which, marked)
            place += 1
        return place == len(wanted)

    def _build(self, context: Any) -> Box:
        """As WeasyPrint's build_formatting_structure, but texts are noted before their white space is collapsed."""
        html = self._html
        (root,) = build.element_to_box(
            html.etree_element,
            context.style_for,
            context.get_image_from_uri,
            html.base_url,
            context.target_collector,
            self._counters,
            context.footnotes,
        )
        for box in root.descendants():
            if isinstance(box, boxes.TextBox) and isinstance(box.text, _Text):
                box.number = box.text.number
                self._raw[box.number] = box
        context.target_collector.check_pending_targets()
        self._raw = {number: box.copy() for number, box in self._raw.items()}
        root.process_whitespace()
        root.process_text_transform()
        root.is_for_root_element = True
        return build.set_viewport_overflow(build.create_anonymous_boxes(root))

    def _found_once(self) -> bool:
        """Whether each visible text is one box of the finished tree; collapsed leading spaces are learnt on the way."""
        seen: set[int] = set()
        for box in _all(self.root):
            number = box.__dict__.get("number")
            if number is None:
                continue
            if number in seen:
                return False
            seen.add(number)
            self._raw[number].led = box.leading_collapsible_space
        self._raw = {number: box for number, box in self._raw.items() if number in seen}
        return True

    def swappable(self, changed: Mapping[int, str]) -> bool:
        """Whether all these texts have their box here."""
        return all(number in self._raw for number in changed)

    def collapsed(self, number: int, text: str) -> str:
        """The text as it stands in its box: white space collapsed, capitals made."""
        box = self._raw[number].copy()
        box.text = plain(text)
        box.process_whitespace(box.led)
        box.process_text_transform()
        return str(box.text)

    def pages(self, changed: Mapping[int, str]) -> list[Any]:
        """The laid out pages (WeasyPrint's Page) of the letter whose texts are the first's but for `changed`."""
        footnotes, first = self._pristine
        context = first
        root = self.root
        if self.reusable:
            context = layout.LayoutContext(self._style_for, self._image, self._fonts, self._counters, self._targets)
            context.footnotes = list(footnotes)
            root = copied(self.root, {number: self.collapsed(number, text) for number, text in changed.items()})
        return [document.Page(page) for page in layout.layout_document(self._html, root, context)]

    def line_context(self) -> Any:
        """A context in which lines can be laid out on their own."""
        context = layout.LayoutContext(self._style_for, self._image, self._fonts, self._counters, self._targets)
        context.create_block_formatting_context()
        context.current_page = 1
        context.page_bottom = float("inf")
        return context

    @staticmethod
    def links(pages: Sequence[Any]) -> list[Any]:
        """Per page, links and anchors as WeasyPrint resolves them."""
        return list(pdf_anchors.resolve_links(pages))


def copied(box: Box, texts: Mapping[int, str]) -> Box:
    """A copy of a tree of boxes, as deepcopy makes it, with other texts."""
    new = box.copy()
    if isinstance(box, boxes.ParentBox):
        new.children = [copied(child, texts) for child in box.children]
    elif texts:
        number = box.__dict__.get("number")
        if number is not None and number in texts:
            new.text = texts[number]
    return new


def _all(box: Box) -> Any:
    yield box
    for child in box.children:
        yield from _all(child)


def _text_nodes(root: Any) -> Any:
    """(element, "text" or "tail") of each text node in document order."""
    if root.text and root.tag not in _SILENT:
        yield root, "text"
    for child in root:
        if isinstance(child.tag, str):
            yield from _text_nodes(child)
        if child.tail and root.tag not in _SILENT:
            yield child, "tail"


def _speaks_elsewhere(root: Box) -> bool:
    """Whether some text is repeated elsewhere: named strings, running elements, notes."""
    for box in _all(root):
        style: Style = box.style
        if style["string_set"] not in ("none", ()) or box.is_running() or box.is_note() or box.is_footnote():
            return True
    return False
