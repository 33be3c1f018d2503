"""The paper that the printer offers (PWG 5101.1 names, PWG 5100.7 collections). Lengths in hundredths of a millimetre."""

from collections.abc import Iterable

from postoffice.intake.ipp.values import Attribute, Value, attribute, collection
from postoffice.intake.ipp.words import Tag

#: self-describing name -> width and height; the first is the default and what lies in the tray
SIZES: dict[str, tuple[int, int]] = {
    "iso_a4_210x297mm": (21000, 29700),
    "na_letter_8.5x11in": (21590, 27940),
    "na_legal_8.5x14in": (21590, 35560),
    "iso_a5_148x210mm": (14800, 21000),
}
DEFAULT = next(iter(SIZES))
#: A real margin would make programs shrink the page to fit it, and the address would leave its window. None at all would make CUPS
#: call every paper "borderless" and offer no plain A4: so a hundredth of a millimetre.
_MARGIN = 1
_MARGINS = ("bottom", "left", "right", "top")
_COL_MEMBERS = ("media-size", "media-size-name", "media-source", "media-type", *(f"media-{edge}-margin" for edge in _MARGINS))


def media_attributes() -> Iterable[Attribute]:
    """All `media-*` attributes but the database."""
    yield attribute("media-default", Tag.KEYWORD, DEFAULT)
    yield attribute("media-ready", Tag.KEYWORD, DEFAULT)
    yield attribute("media-supported", Tag.KEYWORD, *SIZES)
    yield attribute("media-col-supported", Tag.KEYWORD, *_COL_MEMBERS)
    yield Attribute("media-col-default", [_media_col(DEFAULT)])
    yield Attribute("media-col-ready", [_media_col(DEFAULT)])
    yield Attribute("media-size-supported", [_media_size(name) for name in SIZES])
    yield attribute("media-source-supported", Tag.KEYWORD, "auto")
    yield attribute("media-type-supported", Tag.KEYWORD, "stationery")
    for edge in _MARGINS:
        yield attribute(f"media-{edge}-margin-supported", Tag.INTEGER, _MARGIN)


def media_database() -> Attribute:
    """Every combination that is offered."""
    return Attribute("media-col-database", [_media_col(name) for name in SIZES])


def _media_size(name: str) -> Value:
    width, height = SIZES[name]
    return collection(x_dimension=Value(Tag.INTEGER, width), y_dimension=Value(Tag.INTEGER, height))


def _media_col(name: str) -> Value:
    margins = {f"media_{edge}_margin": Value(Tag.INTEGER, _MARGIN) for edge in _MARGINS}
    return collection(
        media_size=_media_size(name),
        media_size_name=Value(Tag.KEYWORD, name),
        **margins,
        media_source=Value(Tag.KEYWORD, "auto"),
        media_type=Value(Tag.KEYWORD, "stationery"),
    )
