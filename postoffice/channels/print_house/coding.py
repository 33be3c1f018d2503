"""What a manifest says of a piece's paper: pages and sheets as they lie in the file, and the code on each of them."""

from __future__ import annotations

import io
from typing import Any

from postoffice.later import pikepdf
from postoffice.model.delivery import Piece
from postoffice.model.ids import is_id, to_bytes


def paper_facts(piece: Piece, content: bytes) -> dict[str, Any]:
    """Fields of the manifest: `pages`, `sheets`, `gsm`, and `datamatrix` (32 hexadecimal digits, empty where sheets bear none)."""
    pages = piece.pages.pages if piece.pages else 0
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            pages = len(pdf.pages)
    except pikepdf.PdfError:
        pass  # it is the item's own count then
    options = piece.options
    return {
        "pages": pages,
        "sheets": -(-pages // 2) if options.duplex else pages,
        "gsm": options.gsm,
        "datamatrix": to_bytes(piece.key).hex() if options.sheet_codes and is_id(piece.key) else "",
    }
