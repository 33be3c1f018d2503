"""A document's outline (bookmarks): which page each entry points to."""

from pathlib import Path

from postoffice.pdf.document import open_pdf
from postoffice.pdf.engine import pypdfium2

#: entries read at most: an outline may be a circle
_MOST = 200_000


def outline(path: Path) -> tuple[tuple[int, int], ...]:
    """(level from 1, page from 1) of each entry that points to a page, in the outline's order. Raises as `open_pdf`."""
    found = []
    with open_pdf(path) as document:
        pages = len(document)
        try:
            for number, entry in enumerate(document.get_toc(max_depth=10)):
                if number >= _MOST:
                    break
                target = entry.get_dest()
                index = target.get_index() if target else None
                if index is not None and 0 <= index < pages:
                    found.append((entry.level + 1, index + 1))
        except (pypdfium2.PdfiumError, ValueError):
            return tuple(found)  # a damaged outline tells as much as could be read of it
    return tuple(found)
