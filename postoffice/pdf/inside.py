"""The structure of a PDF where pdfium does not tell it: kinds of fonts, masks of images, scripts, forms. Read object by object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from postoffice.later import pikepdf

#: pages whose annotations are looked at for scripts and files; more of them are forms, which one look tells
_PAGES = 400
_SCRIPT = ("/JavaScript", "/Rendition", "/Launch")


class Inside:
    """An open document. Damaged parts are told as absent: that a page cannot be read is said elsewhere."""

    def __init__(self, path: Path) -> None:
        self._pdf: pikepdf.Pdf | None
        try:
            self._pdf = pikepdf.open(path)
        except (pikepdf.PdfError, pikepdf.PasswordError, RuntimeError, ValueError):
            self._pdf = None

    def close(self) -> None:
        """Let go of the file."""
        if self._pdf is not None:
            self._pdf.close()

    def type3_name(self, index: int) -> str:
        """The name (or the resource's name) of a Type 3 font of page `index` (from 0)."""
        for name, font in _each(self._resources(index), "/Font"):
            if str(font.get("/Subtype", "")) == "/Type3":
                return str(font.get("/Name", name)).lstrip("/")
        return "Type 3"

    def has_soft_mask(self, index: int, size: tuple[int, int]) -> bool:
        """Whether an image of so many pixels on page `index` has a soft mask (transparency by degrees)."""
        return _masked(self._resources(index), size, 0)

    def _resources(self, index: int) -> Any:
        if self._pdf is None:
            return None
        try:
            return self._pdf.pages[index].obj.get("/Resources", None) or self._inherited(index)
        except (pikepdf.PdfError, IndexError, AttributeError, ValueError, TypeError):
            return None

    def _inherited(self, index: int) -> Any:
        assert self._pdf is not None
        node: Any = self._pdf.pages[index].obj
        for _level in range(32):
            node = node.get("/Parent", None)
            if node is None:
                return None
            if "/Resources" in node:
                return node["/Resources"]
        return None

    def scripts(self) -> bool:
        """Whether the document runs something: scripts of the document, of opening it, of its pages, fields and links."""
        if self._pdf is None:
            return False
        root: Any = self._pdf.Root
        try:
            names: Any = root.get("/Names", {})
            if "/JavaScript" in names or "/AA" in root or _is_script(root.get("/OpenAction", None)):
                return True
            return any(_page_scripts(page.obj) for page in list(self._pdf.pages)[:_PAGES])
        except (pikepdf.PdfError, ValueError, TypeError, AttributeError):
            return False

    def xfa(self) -> bool:
        """Whether its form is XFA: pages that only Adobe's reader draws."""
        try:
            return self._pdf is not None and "/XFA" in self._pdf.Root.get("/AcroForm", {})
        except (pikepdf.PdfError, ValueError, TypeError, AttributeError):
            return False


def _is_script(action: Any) -> bool:
    return isinstance(action, pikepdf.Dictionary) and str(action.get("/S", "")) in _SCRIPT


def _page_scripts(page: Any) -> bool:
    if "/AA" in page:
        return True
    for note in page.get("/Annots", []):
        if isinstance(note, pikepdf.Dictionary) and (_is_script(note.get("/A", None)) or "/AA" in note):
            return True
    return False


def _each(resources: Any, kind: str) -> list[tuple[str, Any]]:
    """The resources of a kind that are dictionaries or streams."""
    try:
        found = resources.get(kind, {}) if resources is not None else {}
        return [(name, one) for name, one in found.items() if isinstance(one, pikepdf.Dictionary | pikepdf.Stream)]
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError):
        return []


def _masked(resources: Any, size: tuple[int, int], depth: int) -> bool:
    for _name, thing in _each(resources, "/XObject"):
        kind = str(thing.get("/Subtype", ""))
        if kind == "/Form" and depth < 3 and _masked(thing.get("/Resources", None), size, depth + 1):
            return True
        if kind == "/Image" and "/SMask" in thing and (int(thing.get("/Width", 0)), int(thing.get("/Height", 0))) == size:
            return True
    return False
