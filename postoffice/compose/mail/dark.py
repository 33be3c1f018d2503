"""Dark mode: for every colour that stands in the mail a counterpart for dark screens, so that nobody has to think of it.

Mail programs that know the media query (Apple, Thunderbird, Samsung) and Outlook's own marks use it; those that turn colours round by
themselves leave what has enough contrast alone.
"""

import colorsys
import re

#: relative luminance (WCAG 2.2) from which a colour counts as light
LIGHT = 0.3
_TAG = re.compile(r"<(?!!)[a-z][^<>]*\bstyle=\"[^\"]*#[^\"]*\"[^<>]*>", re.IGNORECASE)
_STYLE = re.compile(r"\bstyle=\"([^\"]*)\"")
_CLASS = re.compile(r"\bclass=\"([^\"]*)\"")
_COLOUR = r"(#[0-9a-f]{6}|#[0-9a-f]{3})\b"
_USES = (
    ("b", re.compile(rf"(?:^|;)\s*background(?:-color)?:\s*{_COLOUR}", re.IGNORECASE)),
    ("t", re.compile(rf"(?:^|;)\s*color:\s*{_COLOUR}", re.IGNORECASE)),
    ("r", re.compile(rf"(?:^|;)\s*border(?:-\w+)?:[^;#]*{_COLOUR}", re.IGNORECASE)),
)
_RULE = {"b": "background-color", "t": "color", "r": "border-color"}
META = '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'


def with_dark(html: str) -> str:
    """The mail with classes on what has a colour, their dark counterparts in its head, and the meta names that allow them.

    A mail whose author wrote a dark mode of its own (prefers-color-scheme) gets the meta names only.
    """
    if "prefers-color-scheme" in html:
        return html.replace("</head>", f"{META}</head>", 1)
    rules: dict[str, str] = {}
    html = _TAG.sub(lambda found: _classed(found[0], rules), html)
    return html.replace("</head>", f"{META}<style>{_sheet(rules)}</style></head>", 1)


def _classed(tag: str, rules: dict[str, str]) -> str:
    style = _STYLE.search(tag)
    if style is None or "display:none" in style[1].replace(" ", ""):
        return tag
    names = []
    for use, pattern in _USES:
        found = pattern.findall(style[1])
        other = counterpart(found[-1], use) if found else ""
        if other:
            name = f"k{use}{found[-1][1:].lower()}"
            rules[name] = f"{_RULE[use]}:{other}!important"
            names.append(name)
    if not names:
        return tag
    if has := _CLASS.search(tag):
        return tag[: has.end(1)] + " " + " ".join(names) + tag[has.end(1) :]
    return tag[: style.start()] + f'class="{" ".join(names)}" ' + tag[style.start() :]


def _sheet(rules: dict[str, str]) -> str:
    plain = "".join(f".{name}{{{rule}}}" for name, rule in rules.items())
    text = "".join(f"[data-ogsc] .{name}{{{rule}}}" for name, rule in rules.items() if name[1] != "b")
    back = "".join(f"[data-ogsb] .{name}{{{rule}}}" for name, rule in rules.items() if name[1] == "b")
    both = ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    return f"{both}@media (prefers-color-scheme:dark){{a{{color:#9cc3ff}}{plain}}}{text}{back}"


def counterpart(colour: str, use: str) -> str:
    """The colour that stands for `colour` (#rgb or #rrggbb) on a dark screen; empty where it can stay. `use`: b, t or r (border)."""
    light = luminance(colour) >= LIGHT
    if light == (use == "t"):
        return ""
    hue, level, strength = colorsys.rgb_to_hls(*_parts(colour))
    if use == "t":
        level = 0.94 - level * 0.36
    elif use == "b":
        # white, the sheet, stays a little above the page around it
        level, strength = (0.15 if level > 0.98 else min(0.085 + (1 - level) * 0.4, 0.21)), strength * 0.45
    else:
        level, strength = 0.30, strength * 0.4
    return "#" + "".join(f"{round(one * 255):02x}" for one in colorsys.hls_to_rgb(hue, level, strength))


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2), 0 to 1."""
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (WCAG 2.2), 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _parts(colour: str) -> tuple[float, float, float]:
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(one * 2 for one in digits)
    return int(digits[:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:], 16) / 255
