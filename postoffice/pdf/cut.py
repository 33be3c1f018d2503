"""Runs of pages as PDFs of their own."""

import ctypes
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from postoffice.model.errors import Unreadable
from postoffice.pdf.document import open_pdf
from postoffice.pdf.engine import Document, pdfium, pypdfium2


def cut_many(path: Path, runs: Sequence[tuple[int, int]]) -> list[bytes]:
    """Each (first page from 1, count) as a PDF of its own, from one opened document.

    Raises as `open_pdf`; Unreadable page-out-of-range, page-unreadable.
    """
    return list(_cuts(path, runs))


def cut_together(path: Path, bundles: Sequence[Sequence[tuple[int, int]]]) -> list[bytes]:
    """Each bundle of runs as one PDF, from one opened document; see `gather` for what a run may be. Raises as `cut_many`."""
    with open_pdf(path) as document:
        return [_one(document, _indices(document, bundle)) for bundle in bundles]


def cut(path: Path, first: int, count: int) -> bytes:
    """One run of pages; see `cut_many`."""
    return cut_many(path, [(first, count)])[0]


def gather(path: Path, runs: Sequence[tuple[int, int]]) -> bytes:
    """Several runs of pages, (first page from 1, count) each, one after the other in one PDF; raises as `cut_many`.

    A run (0, 1) is a blank page as large as the one before it (see model.item.runs_of).
    """
    with open_pdf(path) as document:
        return _one(document, _indices(document, runs))


def join(paths: Sequence[Path], target: Path) -> None:
    """The pages of several PDFs one after the other in one."""
    whole = pypdfium2.PdfDocument.new()
    try:
        for path in paths:
            with open_pdf(path) as document:
                whole.import_pages(document)
        with target.open("wb") as file:
            whole.save(file)
    finally:
        whole.close()


def _cuts(path: Path, runs: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    with open_pdf(path) as document:
        for first, count in runs:
            _check(document, first, count)
            yield _one(document, range(first - 1, first - 1 + count))


def _indices(document: Document, runs: Sequence[tuple[int, int]]) -> list[int]:
    """The pages of runs, from 0; -1 for a blank one."""
    found: list[int] = []
    for first, count in runs:
        if (first, count) == (0, 1) and found:
            found.append(-1)
            continue
        _check(document, first, count)
        found += range(first - 1, first - 1 + count)
    return found


def _check(document: Document, first: int, count: int) -> None:
    if first < 1 or count < 1 or first + count - 1 > len(document):
        raise Unreadable(
            "page-out-of-range",
            f"Pages {first} to {first + count - 1} were asked for, the document has {len(document)}.",
            help="Reload the page: the letters were cut in another way in the meantime.",
        )


def _one(document: Document, indices: Sequence[int]) -> bytes:
    part = pypdfium2.PdfDocument.new()
    try:
        pages = [index for index in indices if index >= 0]
        numbers = (ctypes.c_int * len(pages))(*pages)
        if not pdfium.FPDF_ImportPagesByIndex(part, document, numbers, len(pages), 0):
            raise Unreadable(
                "page-unreadable",
                f"One of the pages {indices[0] + 1} to {indices[-1] + 1} is damaged and cannot be cut out.",
                help="Print or export the document again.",
                page=indices[0] + 1,
            )
        for place, index in enumerate(indices):
            if index < 0:
                part.new_page(*part.get_page_size(place - 1), index=place).close()
        target = io.BytesIO()
        part.save(target)
        return target.getvalue()
    finally:
        part.close()
