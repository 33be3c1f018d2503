"""The sender's own look on a recipient's pages: a colour and a logo, both inside the page, so that nothing is loaded from elsewhere."""

import base64
from typing import NamedTuple

from postoffice.house import House
from postoffice.model.colour import ENOUGH, WHITE, contrast, hexadecimal, lighter, rgb
from postoffice.model.people import Organisation

LOGO, COLOUR = "logo", "colour"  #: in the organisation's settings; the logo is {"document", "type"}
_KEPT = 50
_CARD_DARK = (31, 36, 41)


class Brand(NamedTuple):
    """`style`: rules that stand after the page's own; `logo`: a data address; both may be empty."""

    style: str
    logo: str


NONE = Brand("", "")
_logos: dict[tuple[str, str], str] = {}


async def brand_of(house: House, organisation: Organisation) -> Brand:
    """What the organisation chose. A logo whose document is gone is left out: the page is worth more."""
    colour, logo = organisation.settings.get(COLOUR), organisation.settings.get(LOGO)
    style = style_of(colour) if isinstance(colour, str) else ""
    if not isinstance(logo, dict):
        return Brand(style, "")
    key = (organisation.id, str(logo.get("document")))
    if key not in _logos:
        try:
            content = await house.documents.get(*key)
        except Exception as error:  # whatever the store raises
            house.log.warning("portal.no_logo", organisation=organisation.id, kind=type(error).__name__)
            return Brand(style, "")
        while len(_logos) >= _KEPT:
            _logos.pop(next(iter(_logos)))
        _logos[key] = f"data:{logo.get('type')};base64,{base64.b64encode(content).decode()}"
    return Brand(style, _logos[key])


def style_of(colour: str) -> str:
    """The page's colours from one: as it is on white where it can be read there, and a lighter one for dark screens."""
    tone = rgb(colour)
    if tone is None or contrast(tone, WHITE) < ENOUGH:
        return ""
    light = hexadecimal(lighter(tone, _CARD_DARK))
    dark = f"@media (prefers-color-scheme:dark){{:root{{--go:{light};--on-go:#0b1218}}}}"
    return f":root{{--go:{hexadecimal(tone)};--on-go:#fff}}{dark}"
