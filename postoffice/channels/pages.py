"""What carriers that need the PDF's bytes share."""

from postoffice.model.delivery import Piece
from postoffice.model.errors import PostOfficeError, Refused, TryLater


async def pdf_of(piece: Piece, max_bytes: int = 0) -> bytes:
    """The item's own PDF. Refused where there is none or it cannot be made; TryLater where the store is in trouble.

    `max_bytes`: what the carrier takes at most; 0: no limit.
    """
    if piece.pages is None:
        raise Refused("There are no pages to send", code="no-pages")
    try:
        content = await piece.pages.pdf()
    except PostOfficeError as error:
        if error.status >= 500:
            raise TryLater(error.message, code=error.code) from error
        raise Refused(error.message, code=error.code) from error
    except OSError as error:
        raise TryLater(f"The pages cannot be read now ({type(error).__name__})") from error
    if max_bytes and len(content) > max_bytes:
        raise Refused(
            f"The PDF has {len(content)} bytes; this carrier takes {max_bytes} at most",
            code="too-large",
        )
    return content
