"""The sender's own look on a recipient's pages: a colour and a logo, both inside the page, so that nothing is loaded from elsewhere."""

import base64
import re
from typing import NamedTuple

from postoffice.house import House
from postoffice.model.people import Organisation

#: what a logo may weigh: it rides in every page
MOST_LOGO = 20_000  # bytes
LOGO, COLOUR = "logo", "colour"  #: in the organisation's settings; the logo is {"document", "type"}
_KEPT = 50
#: contrast that text of any size needs (WCAG 2.2, 1.4.3)
ENOUGH = 4.5
_WHITE, _CARD_DARK = (255, 255, 255), (31, 36, 41)


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
    if tone is None or contrast(tone, _WHITE) < ENOUGH:
        return ""
    light = tone
    while contrast(light, _CARD_DARK) < ENOUGH:
        light = (_up(light[0]), _up(light[1]), _up(light[2]))
    return f":root{{--go:{_hex(tone)};--on-go:#fff}}@media (prefers-color-scheme:dark){{:root{{--go:{_hex(light)};--on-go:#0b1218}}}}"


def rgb(colour: str) -> tuple[int, int, int] | None:
    """#1f5fbf as three numbers; None for anything else."""
    match = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", colour)
    return (int(match[1], 16), int(match[2], 16), int(match[3], 16)) if match else None


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """WCAG's ratio, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(tone: tuple[int, int, int]) -> float:
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in tone]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _up(part: int) -> int:
    return part + max(1, (255 - part) // 8) if part < 255 else 255


def _hex(tone: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in tone)
