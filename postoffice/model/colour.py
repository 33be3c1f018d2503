"""Colours as numbers, and whether people can read one on another (WCAG 2.2, 1.4.3)."""

import re

ENOUGH = 4.5  #: contrast that text of any size needs

Tone = tuple[int, int, int]
"""Red, green, blue, 0 to 255 each."""

WHITE: Tone = (255, 255, 255)


def rgb(colour: str) -> Tone | None:
    """#1f5fbf as three numbers; None for anything else."""
    match = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", colour)
    return (int(match[1], 16), int(match[2], 16), int(match[3], 16)) if match else None


def hexadecimal(tone: Tone) -> str:
    """The inverse of `rgb`."""
    return "#" + "".join(f"{part:02x}" for part in tone)


def contrast(one: Tone, other: Tone) -> float:
    """WCAG's ratio, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lighter(tone: Tone, ground: Tone) -> Tone:
    """The same colour, so much nearer to white that it can be read on a dark ground."""
    while contrast(tone, ground) < ENOUGH and tone != WHITE:
        tone = (_up(tone[0]), _up(tone[1]), _up(tone[2]))
    return tone


def _luminance(tone: Tone) -> float:
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in tone]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _up(part: int) -> int:
    return min(255, part + max(1, (255 - part) // 8))
