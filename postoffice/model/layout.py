"""Where the address stands: the windows of the envelopes in use, in millimetres from the top left corner of an A4 page."""

from dataclasses import dataclass

from postoffice.model.finding import Box


@dataclass(frozen=True, slots=True)
class Layout:
    """An address window and the rules that go with it."""

    name: str
    window: Box
    country: str  #: ISO 3166-1 alpha-2 of the addresses that carry no country line
    max_lines: int
    max_characters: int
    min_lines: int = 3
    margins: tuple[float, float, float, float] = (5.0, 5.0, 5.0, 5.0)  #: unprintable left, top, right, bottom


#: NF Z 10-011 for lines; window on the right of a DL envelope, the usual place at French print houses.
FR = Layout("fr", (110.0, 55.0, 85.0, 33.0), "FR", max_lines=6, max_characters=38)
#: DIN 5008 form B.
DIN = Layout("din", (20.0, 45.0, 85.0, 45.0), "DE", max_lines=9, max_characters=45)
#: DIN 5008 form A.
DIN_A = Layout("din-a", (20.0, 27.0, 85.0, 45.0), "DE", max_lines=9, max_characters=45)
#: GOV.UK Notify's published letter specification: window and printable area.
UK = Layout("uk", (24.6, 39.5, 95.4, 26.8), "GB", max_lines=7, max_characters=60, margins=(15.0, 5.0, 15.0, 5.0))

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (FR, DIN, DIN_A, UK)}
