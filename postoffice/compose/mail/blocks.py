"""A mail as a list of blocks, for people who write no MJML. The list is JSON and becomes MJML; Jinja may stand in every text.

[{"kind": "heading", "text": "Bonjour {{ first_name }}"}, {"kind": "button", "text": "Voir", "link": "https://..."}, ...]
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from postoffice.compose.mail.foot import IDENTITY, ways_out, why_written
from postoffice.compose.mail.marks import TOKEN, Hidden, hide
from postoffice.model.errors import PostOfficeError

#: kind -> its fields, in the order of the form; `long`: a text of several lines
KINDS: Mapping[str, tuple[str, ...]] = {
    "header": ("picture",),
    "heading": ("text",),
    "text": ("long",),
    "picture": ("picture", "alt", "link"),
    "button": ("text", "link"),
    "columns": ("left_picture", "left_alt", "left_long", "left_text", "left_link")
    + ("right_picture", "right_alt", "right_long", "right_text", "right_link"),
    "products": ("list", "text"),
    "divider": (),
    "footer": ("long",),
}
MOST = 60
LONGEST = 6000  #: characters of a field
_FIELD = re.compile(r"[A-Za-z_]\w{0,60}")
_SHADE = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_SAFE = re.compile(r"(?:https?:|mailto:|tel:|sms:|#)", re.IGNORECASE)
_FONT = "'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_INK, _SOFT, _PAGE, _CARD, _EDGE = "#1d232a", "#4a5561", "#eef1f4", "#ffffff", "#d9dfe5"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of the house: buttons and links."""

    colour: str = "#1f5fbf"

    @property
    def own(self) -> str:
        """The colour, or ours where it is none."""
        return self.colour if _SHADE.fullmatch(self.colour) else "#1f5fbf"


def read(text: str) -> list[dict[str, str]]:
    """The blocks of a kept list; unknown kinds and fields are left out. PostOfficeError bad-template for what is no such list."""
    try:
        shape = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError):
        raise _bad("the list of blocks cannot be read") from None
    if not isinstance(shape, list) or len(shape) > MOST:
        raise _bad(f"a mail has at most {MOST} blocks")
    return [_tidy(one) for one in shape if isinstance(one, dict) and one.get("kind") in KINDS]


def _tidy(one: Mapping[str, Any]) -> dict[str, str]:
    given = {name: str(one.get(name) or "")[:LONGEST] for name in KINDS[one["kind"]]}
    return {"kind": one["kind"], **given}


def written(blocks: Sequence[Mapping[str, str]]) -> str:
    """The list as it is kept."""
    return json.dumps([_tidy(one) for one in blocks[:MOST]], ensure_ascii=False)


def to_mjml(blocks: Sequence[Mapping[str, str]], language: str, theme: Theme | None = None) -> str:
    """The MJML of a mail. What stands before the first footer is on one white card; a foot is always there."""
    theme = theme or Theme()
    card = [one for one in blocks if one["kind"] not in ("footer", "header")]
    heads = [_header(one) for one in blocks if one["kind"] == "header"]
    feet = [_footer(one["long"], language) for one in blocks if one["kind"] == "footer"] or [_footer("", language)]
    body = "\n".join(_section(one, theme) for one in card)
    return f"""<mjml>
<mj-head>
<mj-attributes>
<mj-all font-family="{_FONT}" />
<mj-text font-size="16px" line-height="1.55" color="{_INK}" padding="6px 32px" />
<mj-section padding="0" background-color="{_CARD}" />
<mj-image padding="10px 32px" />
<mj-button background-color="{theme.own}" color="{_on(theme.own)}" font-size="16px" font-weight="600" line-height="1.25"
 inner-padding="14px 26px" border-radius="6px" align="left" padding="14px 32px" />
<mj-divider border-width="1px" border-color="{_EDGE}" padding="18px 32px" />
</mj-attributes>
</mj-head>
<mj-body background-color="{_PAGE}" width="600px">
{"".join(heads) or _space(24)}
<mj-wrapper padding="24px 0 28px" background-color="{_CARD}" border-radius="10px">
{body}
</mj-wrapper>
{"".join(feet)}
</mj-body>
</mjml>
"""


def _section(one: Mapping[str, str], theme: Theme) -> str:
    kind = one["kind"]
    if kind == "columns":
        sides = "".join(
            f'<mj-column width="50%" vertical-align="top">{_side(one, side, theme)}</mj-column>' for side in ("left", "right")
        )
        return f'<mj-section padding="0 16px">{sides}</mj-section>'
    if kind == "products":
        return _products(one, theme)
    makers: Mapping[str, Callable[[], str]] = {
        "heading": lambda: _heading(one["text"]),
        "text": lambda: _text(one["long"], theme),
        "picture": lambda: _picture(one["picture"], one["alt"], one["link"]),
        "button": lambda: _button(one["text"], one["link"]),
        "divider": lambda: "<mj-divider />",
    }
    return f"<mj-section><mj-column>{makers[kind]()}</mj-column></mj-section>"


def _side(one: Mapping[str, str], side: str, theme: Theme) -> str:
    near = 'padding="6px 16px"'
    made = _picture(one[f"{side}_picture"], one[f"{side}_alt"], one[f"{side}_link"], near)
    made += _text(one[f"{side}_long"], theme, near)
    if one[f"{side}_text"]:
        made += _button(one[f"{side}_text"], one[f"{side}_link"], 'padding="6px 16px 22px"')
    return made


def _header(one: Mapping[str, str]) -> str:
    if one["picture"]:
        shown = (
            f'<mj-image src="{_attribute(one["picture"])}" alt="{{{{ sender.name }}}}" align="left" width="180px" padding="0 32px" />'
        )
    else:
        shown = '<mj-text font-size="18px" font-weight="600" padding="0 32px">{{ sender.name }}</mj-text>'
    return f'<mj-section background-color="{_PAGE}" padding="22px 0 16px"><mj-column>{shown}</mj-column></mj-section>'


def _footer(long: str, language: str) -> str:
    own = f"{_rich(long)}" if long.strip() else ""
    soft = f'style="color:{_SOFT}"'
    out = ways_out(language).replace('style="color:#4a5a6a"', soft)
    return (
        f'<mj-section background-color="{_PAGE}" padding="18px 0 24px"><mj-column>'
        f'<mj-text font-size="13px" line-height="1.5" color="{_SOFT}">{own}<p style="margin:0 0 8px">{why_written(language)}</p>'
        f'<p style="margin:0 0 8px">{IDENTITY}</p><p style="margin:0">{out}</p></mj-text></mj-column></mj-section>'
    )


def _space(height: int) -> str:
    return f'<mj-section background-color="{_PAGE}"><mj-column><mj-spacer height="{height}px" /></mj-column></mj-section>'


def _heading(text: str) -> str:
    shown = f'<h1 style="margin:0;font-size:25px;line-height:1.25;font-weight:700">{_inline(text)}</h1>'
    return f'<mj-text font-size="25px" line-height="1.25" padding="6px 32px 8px">{shown}</mj-text>'


def _text(long: str, theme: Theme, more: str = "") -> str:
    return f"<mj-text {more}>{_rich(long, theme.own)}</mj-text>" if long.strip() else ""


def _picture(name: str, alt: str, link: str, more: str = "") -> str:
    if not name.strip():
        return ""
    to = f' href="{_target(link)}"' if link.strip() else ""
    return f'<mj-image src="{_attribute(name)}" alt="{_attribute(alt)}"{to} border-radius="6px" fluid-on-mobile="true" {more}/>'


def _button(text: str, link: str, more: str = "") -> str:
    return f'<mj-button href="{_target(link)}" {more}>{_inline(text)}</mj-button>' if text.strip() else ""


def _products(one: Mapping[str, str], theme: Theme) -> str:
    """A picture beside name, words and price, for each entry of a list of the row; all but the name may be missing."""
    name = one["list"] if _FIELD.fullmatch(one["list"]) else "products"
    see = _SEE.format(colour=theme.own, words=_inline(one["text"])) if one["text"].strip() else ""
    shown = f'<mj-text padding="6px 16px">{_PRODUCT}{see}</mj-text></mj-column></mj-section>'
    return (
        "{% for product in "
        + name
        + " %}{% if product.picture %}"
        + f'{_PICTURED}<mj-column width="66%" vertical-align="middle">{shown}'
        "{% else %}" + f'<mj-section padding="8px 16px"><mj-column>{shown}' + "{% endif %}{% endfor %}"
    )


_PICTURED = """<mj-section padding="8px 16px"><mj-column width="34%" vertical-align="middle">
<mj-image src="{{ pictures.get(product.picture, product.picture) }}" alt="{{ product.name }}" padding="6px 16px" border-radius="6px" />
</mj-column>"""
_PRODUCT = """<p style="margin:0 0 4px;font-weight:700">{{ product.name }}</p>
{% if product.text %}<p style="margin:0 0 4px">{{ product.text }}</p>{% endif %}
{% if product.price %}<p style="margin:0 0 6px;font-weight:600">{{ product.price | money }}</p>{% endif %}
"""
_SEE = (
    '{{% if product.link %}}<p style="margin:0"><a href="{{{{ product.link }}}}" style="color:{colour};font-weight:600">{words}</a></p>'
    "{{% endif %}}"
)


def _target(link: str) -> str:
    """An address in an attribute; "#" for what a mail may not lead to."""
    link = link.strip()
    return _attribute(link) if _SAFE.match(link) or TOKEN.match(link) else ("#" if not link else _attribute(f"https://{link}"))


def _attribute(text: str) -> str:
    hidden = hide(text.strip())
    return hidden.shown(escape(hidden.text))


def _inline(text: str) -> str:
    hidden = hide(" ".join(text.split()))
    return hidden.shown(_signs(escape(hidden.text, quote=False), hidden, ""))


def _rich(text: str, colour: str = _SOFT) -> str:
    """Paragraphs by empty lines, lists by "- ", **bold**, *italic*, [words](address)."""
    hidden = hide(text.strip())
    parts = re.split(r"\n\s*\n", escape(hidden.text, quote=False))
    return hidden.shown("".join(_paragraph(_signs(part, hidden, colour)) for part in parts if part.strip()))


def _paragraph(part: str) -> str:
    made: list[str] = []
    items: list[str] = []
    lines: list[str] = []

    def end() -> None:
        if lines:
            made.append(f'<p style="margin:0 0 12px">{"<br />".join(lines)}</p>')
            lines.clear()
        if items:
            listed = "".join(f"<li>{one}</li>" for one in items)
            made.append(f'<ul style="margin:0 0 12px;padding-left:22px">{listed}</ul>')
            items.clear()

    for line in part.strip().splitlines():
        entry = re.match(r"\s*[-•]\s+(.*)", line)
        if (entry and lines) or (not entry and items):
            end()
        (items if entry else lines).append(entry[1] if entry else line.strip())
    end()
    return "".join(made)


def _signs(text: str, hidden: Hidden, colour: str) -> str:
    """**bold**, *italic* and links of an escaped text."""
    style = f' style="color:{colour}"' if colour else ""

    def link(found: re.Match[str]) -> str:
        address = found[2]
        known = _SAFE.match(address) or hidden.mark.match(address)
        return f'<a href="{(address if known else "https://" + address).replace(chr(34), "&quot;")}"{style}>{found[1]}</a>'

    text = _LINK.sub(link, text)
    text = re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"<em>\1</em>", text)


def _on(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    from postoffice.compose.mail.dark import contrast

    return "#ffffff" if contrast(colour, "#ffffff") >= 4.5 or contrast(colour, "#ffffff") > contrast(colour, _INK) else _INK


def _bad(why: str) -> PostOfficeError:
    return PostOfficeError("bad-template", f"{why[:1].upper()}{why[1:]}.", help="Open the mail in its editor again.", why=why)
