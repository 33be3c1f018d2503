"""Letters beside plain WeasyPrint, as pictures and as text."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pypdfium2
import weasyprint
from PIL import Image, ImageChops

from postoffice.compose.render import Letters, Row, Template, render_letters
from postoffice.compose.render.assets import BASE, Assets


def pages(pdf: bytes) -> Iterator[tuple[Image.Image, str]]:
    """Picture at 110 dpi and text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    for index in range(len(document)):
        page = document[index]
        text = page.get_textpage()
        yield page.render(scale=110 / 72).to_pil().convert("RGB"), text.get_text_bounded()
        text.close()
        page.close()
    document.close()


def plain(template: Template, row: Row, **options: Any) -> bytes:
    """The letter as anybody would render it."""
    return bytes(weasyprint.HTML(string=template.html(row), base_url=BASE, url_fetcher=Assets(template.assets)).write_pdf(**options))


def same(template: Template, letters: Sequence[Row], *, stamping: bool = True) -> tuple[Letters, list[str]]:
    """The letters of all rows, and what differs from plain WeasyPrint ("page 3: picture")."""
    target = io.BytesIO()
    found = render_letters(template, letters, target, stamping=stamping)
    ours = list(pages(target.getvalue()))
    theirs = [page for row in letters for page in pages(plain(template, row))]
    wrong = [] if len(ours) == len(theirs) else [f"{len(ours)} pages, not {len(theirs)}"]
    for number, ((picture, text), (other, words)) in enumerate(zip(ours, theirs, strict=False), 1):
        if picture.size != other.size or ImageChops.difference(picture, other).getbbox():
            wrong.append(f"page {number}: picture")
        if text != words:
            wrong.append(f"page {number}: text")
    return found, wrong


def template(source: str, folder: Path | None = None) -> Template:
    """A template of one source."""
    return Template(source, assets=folder)
