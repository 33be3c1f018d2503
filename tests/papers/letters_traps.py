"""Merged letters with what makes reading hard, one trap a merge, each by a real program or written object by object.

`make_trap(name, count, seed)` gives a PDF and its truth, as `make_letters` does. The French window is used throughout.
"""

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import pikepdf

from tests.papers import letters_mended, makers
from tests.papers.letters_addresses import NOTICES, WRONG, addresses, wrong_address
from tests.papers.people import Truth

_LEFT, _TOP = 92.0, 46.0  #: of the address within the page's margins (20, 12), mm
_CSS = """
@page { size: %(size)s; margin: 12mm 20mm } body { font: 11pt 'DejaVu Sans', sans-serif; margin: 0 }
.page { break-before: page; position: relative; height: 255mm; overflow: hidden } .page:first-child { break-before: auto }
.to { position: absolute; left: 92mm; top: 46mm; white-space: pre; font-size: 10pt; line-height: 4.2mm; width: 76mm }
.aside { position: absolute; left: 0; top: 46mm; width: 60mm; font-size: 9pt; line-height: 4.2mm }
.aside { white-space: pre }
.push { height: 92mm } p { text-align: justify; margin: 0 0 3mm; line-height: 5.4mm; hyphens: auto }
.to p { margin: 0; line-height: 4.2mm }
table { border-collapse: collapse } td { padding: 0 1mm 0 0; line-height: 4.2mm }
"""
_BODY = (
    "Nous avons bien reçu votre demande et vous en remercions. Conformément à nos conditions générales, le montant de 1 234,56 € sera "
    "prélevé le 15 du mois prochain. L'affaire efficace du chef, M. Jean PETIT, 12 RUE DES LILAS, 69003 LYON, reste à "
    "votre disposition.",
    "Vous trouverez le détail de vos consommations ci-après, arrêté au dernier relevé, avec les coefficients qui s'y appliquent.",
)


@dataclass(frozen=True)
class Trap:
    """How one trap is set. `inside` makes the HTML of the address from its lines; `after` works on the finished file."""

    engine: str = "weasyprint"
    style: str = ""
    inside: Callable[[list[str]], str] = lambda lines: escape("\n".join(lines))
    aside: str = ""
    size: str = "A4"
    after: Callable[[Path, random.Random], None] | None = None
    lines: Callable[[random.Random, list[str]], list[str]] | None = None
    above: float = 0.25  #: share with a notice above the address
    folded: bool = False  #: capitals and small letters look alike: compared without case
    recognised: bool = False  #: read from its picture: exactness is not promised, silence is forbidden
    faulty: bool = False  #: every letter must be told a warning or an error
    fonts: tuple[str, ...] = field(default=())


def _paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _cells(lines: list[str]) -> str:
    rows = "".join("<tr>" + "".join(f"<td>{escape(word)}</td>" for word in line.split(" ", 1)) + "</tr>" for line in lines)
    return f"<table>{rows}</table>"


def _one_cell(lines: list[str]) -> str:
    return "<table>" + "".join(f"<tr><td>{escape(line)}</td></tr>" for line in lines) + "</table>"


def _soft(lines: list[str]) -> str:
    """Soft hyphens within words, hard spaces between them, thin and zero-width ones too."""
    spaces = ("\u00a0", "\u202f", " \u200b", " ")
    shy = [" ".join(word if len(word) < 6 else f"{word[:3]}\u00ad{word[3:]}" for word in line.split(" ")) for line in lines]
    return escape("\n".join(spaces[number % 4].join(line.split(" ")) for number, line in enumerate(shy)))


def _bold_words(lines: list[str]) -> str:
    return "\n".join(f"<b>{escape(line)}</b>" if not number else f"<i>{escape(line)}</i>" for number, line in enumerate(lines))


def _shuffled(lines: list[str]) -> str:
    """Lines placed one by one, from the last to the first."""
    placed = [f'<div style="position:absolute;left:0;top:{4.2 * row:.1f}mm">{escape(line)}</div>' for row, line in enumerate(lines)]
    return "".join(reversed(placed))


def _with(name: str) -> Callable[[Path, random.Random], None]:
    def mend(path: Path, chance: random.Random) -> None:
        with pikepdf.open(path, allow_overwriting_input=True) as pdf:
            getattr(letters_mended, name)(pdf, chance)
            pdf.save(path)

    return mend


def _foreign_script(names: str) -> Callable[[random.Random, list[str]], list[str]]:
    options = [one.split("|") for one in names.split(";")]
    return lambda chance, lines: [f"{chance.choice(('M.', 'Mme'))} {lines[0].split()[-1]}", *chance.choice(options)]


_ARABIC = "شارع محمد الخامس|10000 RABAT|MAROC;السيد يوسف العلوي|20000 CASABLANCA|MAROC;دار السلام|1000 TUNIS|TUNISIE"
_CJK = (
    "東京都千代田区千代田1-1|TOKYO 100-0001|JAPON;北京市朝阳区建国路88号|BEIJING 100022|CHINE;大阪市北区梅田3-1-3|OSAKA 530-0001|JAPON"
)
_SIDE = "Aubrac SA\n12 avenue des Ternes\n75017 PARIS\nTél. 01 02 03 04 05\nVotre conseiller :\nJean PETIT"

TRAPS: dict[str, Trap] = {
    "plain": Trap(),
    "chromium": Trap("chromium"),
    "letter-spaced": Trap("chromium", ".to { letter-spacing: .14em; font-size: 8pt }"),
    "letter-spaced-pango": Trap(style=".to { letter-spacing: .18em; word-spacing: .2em; font-size: 7.6pt }"),
    "tight": Trap("chromium", ".to { letter-spacing: -.045em; font: 9pt/4.2mm 'DejaVu Serif' }"),
    "justified": Trap("chromium", ".to p { text-align-last: justify; hyphens: none }", _paragraphs),
    "small-caps": Trap(style=".to { font-variant: small-caps }", folded=True),
    "small-caps-chromium": Trap("chromium", ".to { font-variant: small-caps }", folded=True),
    "table-cells": Trap("chromium", ".to { font-size: 8.5pt }", _cells),
    "table-rows": Trap(inside=_one_cell),
    "two-columns": Trap(aside=_SIDE),
    "two-columns-chromium": Trap("chromium", aside=_SIDE),
    "shuffled": Trap("chromium", inside=_shuffled),
    "soft-hyphens": Trap(inside=_soft),
    "hard-spaces-chromium": Trap("chromium", inside=_soft),
    "decomposed": Trap(inside=lambda lines: escape(unicodedata.normalize("NFD", "\n".join(lines)))),
    "decomposed-chromium": Trap("chromium", inside=lambda lines: escape(unicodedata.normalize("NFD", "\n".join(lines)))),
    "ligatures": Trap(style=".to { font-family: 'DejaVu Serif'; font-variant-ligatures: common-ligatures discretionary-ligatures }"),
    "bold-and-italic": Trap(inside=_bold_words),
    "large": Trap("chromium", ".to { font: 11.5pt/4.9mm 'Liberation Sans Narrow', 'Liberation Sans' }"),
    "rotated-90": Trap(after=_with("turn_90")),
    "rotated-180": Trap("chromium", after=_with("turn_180")),
    "rotated-270": Trap(after=_with("turn_270")),
    "cropped": Trap("chromium", after=_with("crop")),
    "scaled-form": Trap(after=_with("wrap")),
    "drawn-twice": Trap(after=_with("twice")),
    "under-picture": Trap(after=_with("under_picture")),
    "letter-by-letter": Trap("written"),
    "type-3": Trap("written-type3"),
    "type-3-without-unicode": Trap("written-type3-bare", recognised=True),
    "without-unicode": Trap(after=_with("strip_unicode"), recognised=True),
    "wrong-unicode": Trap(after=_with("shift_unicode"), recognised=True),
    "private-unicode": Trap(after=_with("private_unicode"), recognised=True),
    "outlines": Trap("outlines", recognised=True),
    "letter-size": Trap(size="215.9mm 279.4mm", faulty=True),
    "two-a5": Trap(after=_with("two_up"), faulty=True),
    "arabic": Trap("chromium", ".to { font-family: 'DejaVu Sans' }", lines=_foreign_script(_ARABIC), above=0.0),
    "cjk": Trap("chromium", ".to { font-family: 'Noto Sans CJK JP', 'Noto Serif CJK JP' }", lines=_foreign_script(_CJK), above=0.0),
    "text-below": Trap(
        inside=lambda lines: (
            escape("\n".join(lines))
            + f'<div style="position:absolute;top:{4.2 * len(lines) + 5:.1f}mm">Objet : votre facture n° 2026-12</div>'
        ),
        above=0.0,
    ),
    **{
        f"wrong-{how}": Trap(lines=lambda chance, _, how=how: wrong_address(chance, how), above=0.0, faulty=True)  # type: ignore[misc]
        for how in WRONG
    },
}


def make_trap(name: str, count: int, seed: int, target: Path) -> list[Truth]:
    """Write a merge with one trap to `target`, and give its truth."""
    trap, chance = TRAPS[name], random.Random(f"{name}-{seed}")
    letters: list[tuple[list[str], list[str], int]] = []
    for lines in addresses(count, chance.randrange(1 << 30), "fr"):
        own = trap.lines(chance, lines) if trap.lines else lines
        above = [chance.choice(NOTICES["fr"].split("|"))] if chance.random() < trap.above and len(own) <= 5 else []
        letters.append((own, above, 1 if name == "two-a5" else chance.choice((1, 1, 2, 3))))
    if trap.engine.startswith("written"):
        letters_mended.write(letters, trap.engine, target)
    else:
        _by_html(trap, letters, target)
    if trap.after:
        trap.after(target, chance)
    truth, page = [], 1
    for own, _, pages in letters:
        truth.append(Truth(page, pages, tuple(own)))
        page += pages
    return truth


def _by_html(trap: Trap, letters: list[tuple[list[str], list[str], int]], target: Path) -> None:
    parts = []
    for number, (lines, above, pages) in enumerate(letters):
        top = _TOP - 4.2 * len(above)
        aside = f'<div class="aside">{escape(trap.aside)}</div>' if trap.aside else ""
        notice = f'<div class="to" style="top:{top:.1f}mm">{escape(above[0])}</div>' if above else ""
        address = f'{notice}<div class="to">{trap.inside(lines)}</div>'
        for page in range(pages):
            text = "".join(f"<p>{one}</p>" for one in _BODY * (1 + (number + page) % 2))
            head = f'<div class="push"><b>Aubrac SA</b></div><p>Objet : n° {1000 + number}</p>' if not page else "<p>Suite</p>"
            parts.append(f'<div class="page">{head}{text}{"" if page else aside + address}</div>')
    style = _CSS % {"size": trap.size} + trap.style
    html = f'<!doctype html><html lang="fr"><meta charset="utf-8"><style>{style}</style>{"".join(parts)}</html>'
    if trap.engine == "chromium":
        makers.print_html(html, target)
        return
    import weasyprint

    weasyprint.HTML(string=html).write_pdf(str(target))
    if trap.engine == "outlines":
        letters_mended.outlined(target)
