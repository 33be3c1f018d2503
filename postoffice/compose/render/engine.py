"""The one place that reaches into WeasyPrint, and the reason why its version is pinned.

WeasyPrint does all layout and all painting here; what this package adds is not doing the same work twice. For that it calls functions
that WeasyPrint does not promise to keep, so it works with exactly one version: `check` refuses any other, and
tests/compose/render proves that pages come out as WeasyPrint's own, to the pixel.
"""

from importlib import import_module
from typing import Any, TypeAlias

from postoffice.compose.render.faults import TemplateFault

#: the version whose internals are known here (see constraints.txt)
VERSION = "70.0"

weasyprint: Any = import_module("weasyprint")
boxes: Any = import_module("weasyprint.formatting_structure.boxes")
build: Any = import_module("weasyprint.formatting_structure.build")
document: Any = import_module("weasyprint.document")
layout: Any = import_module("weasyprint.layout")
inline: Any = import_module("weasyprint.layout.inline")
draw: Any = import_module("weasyprint.draw")
pdf: Any = import_module("weasyprint.pdf")
pdf_fonts: Any = import_module("weasyprint.pdf.fonts")
pdf_anchors: Any = import_module("weasyprint.pdf.anchors")
pdf_stream: Any = import_module("weasyprint.pdf.stream")
draw_text: Any = import_module("weasyprint.draw.text")
matrix: Any = import_module("weasyprint.matrix")
line_break: Any = import_module("weasyprint.text.line_break")
fonts: Any = import_module("weasyprint.text.fonts")
ffi: Any = import_module("weasyprint.text.ffi")
counters: Any = import_module("weasyprint.css.counters")
urls: Any = import_module("weasyprint.urls")
css: Any = import_module("weasyprint.css")
metadata: Any = import_module("weasyprint.pdf.metadata")
pydyf: Any = import_module("pydyf")

#: boxes, styles and layouts of WeasyPrint bear no type hints
Box: TypeAlias = Any
Style: TypeAlias = Any


def check() -> None:
    """Raises TemplateFault weasyprint-version when another version than `VERSION` is installed."""
    if weasyprint.__version__ != VERSION:
        raise TemplateFault(
            "weasyprint-version",
            f"Letters are rendered with WeasyPrint {VERSION}, but {weasyprint.__version__} is installed.",
            help="Install the versions that constraints.txt names.",
            wanted=VERSION,
            found=str(weasyprint.__version__),
        )


class Fonts(fonts.FontConfiguration):  # type: ignore[misc]
    """The fonts of all letters of a template. A font of the template is registered once, however often its rule is read."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def add_font_face(self, rule_descriptors: Any, url_fetcher: Any) -> Any:
        """See FontConfiguration."""
        key = repr(rule_descriptors)
        if key in self._seen:
            return None
        self._seen.add(key)
        return super().add_font_face(rule_descriptors, url_fetcher)
