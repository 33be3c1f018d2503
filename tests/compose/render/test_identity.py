"""Whatever road a letter takes, its pages are those of plain WeasyPrint, to the pixel."""

import random
from pathlib import Path

import pytest

from tests.compose.render.compare import same, template
from tests.compose.render.samples import CIRCULAR, INVOICE, assets, rows

_CHANCE = random.Random(3)
_WORDS = [
    "Lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
    "incididunt",
    "ut",
    "labore",
]


def _some(low: int, high: int) -> str:
    return " ".join(_CHANCE.choice(_WORDS) for _ in range(_CHANCE.randint(low, high)))


ROWS = [
    {"name": _some(2, 2), "a": _some(20, 60), "b": _some(1, 5), "n": _CHANCE.randint(1, 9_999), "big": _some(280, 420)}
    for _ in range(5)
]
FONT = "<style>body { font: 10pt 'DejaVu Sans' } "
FIXED = "table { width: 100%; table-layout: fixed } "
SOURCES = {
    "paragraphs over pages": FONT
    + "p { text-align: justify; hyphens: auto }</style><html lang=fr><body><p>{{ big }}<p>{{ a }}<p>{{ big }} {{ n }}",
    "automatic table": FONT + "</style><table border=1><tr><th>{{ name }}<th>x<tr><td>{{ b }}<td>{{ n }}</table>",
    "flex": FONT
    + ".f { display: flex; justify-content: space-between }</style><div class=f><div>{{ name }}</div><div>{{ n }}</div></div>",
    "grid": FONT
    + ".f { display: grid; grid-template-columns: auto 1fr }</style><div class=f><div>{{ name }}</div><div>{{ n }}</div></div>",
    "float": FONT + ".f { float: right; border: 1px solid }</style><div class=f>{{ name }}</div><p>{{ a }}<p>{{ b }}",
    "inline block": FONT
    + ".f { display: inline-block; border: 1px solid }</style><p>Hello <span class=f>{{ name }}</span> you {{ n }}",
    "inline styles": FONT
    + "b { color: red } i { background: yellow }</style><p>A <b>{{ name }}</b> <i>{{ n }}</i><p><u>{{ b }}</u><p><s>{{ n }}</s>",
    "opacity": FONT
    + ".o { opacity: .5 } .t { transform: rotate(3deg) } .c { color: #0006 }</style>"
    + "<p class=o>{{ b }}<p class=t>{{ n }}<p class=c>{{ b }}",
    "named string": FONT
    + "@page { @top-center { content: string(h) } } h1 { string-set: h content() }</style><h1>{{ name }}</h1><p>{{ b }}",
    "running": FONT + "@page { @top-center { content: element(h) } } h1 { position: running(h) }</style><h1>{{ name }}</h1><p>{{ b }}",
    "fixed": FONT
    + ".f { position: fixed; bottom: 0 }</style><div class=f>{{ name }}</div><p>{{ b }}<p style='break-before: page'>{{ n }}",
    "first letter": FONT + "p::first-letter { font-size: 200% } p::first-line { color: red }</style><p>{{ a }}<p>{{ b }}",
    "columns": FONT + ".f { columns: 2 }</style><div class=f><p>{{ a }}<p>{{ b }}</div><p>{{ n }}",
    "page numbers": FONT
    + "@page { @bottom-right { content: counter(page) '/' counter(pages) } }</style><p>{{ big }}<p>{{ big }}<p>{{ big }}",
    "repeated head": FONT
    + FIXED
    + "</style><table><thead><tr><th>{{ name }}<th>x<tbody>{% for i in range(70) %}<tr><td>r{{ i }}<td>{{ n }}{% endfor %}</table>",
    "alignments": FONT
    + ".r { text-align: right } .c { text-align: center } .u { text-transform: uppercase } .l { letter-spacing: 2px }"
    + ".i { text-indent: 5mm }</style>"
    + "<p class=r>{{ b }}<p class=c>{{ b }}<p class=u>{{ b }}<p class=l>{{ b }}<p class=i>{{ b }}<p class=r>{{ a }}",
    "breaks": FONT
    + ".a { position: absolute; left: 90mm; width: 80mm }</style>"
    + "<div class=a>{{ name }}<br>{{ b }}<br>\n{{ n }} x</div><p>{{ b }} <sup>{{ n }}</sup>",
    "cells": FONT
    + FIXED
    + "td { vertical-align: middle; height: 15mm }</style><table><tr><td>{{ name }}<td>{{ a }}<td>{{ n }}</table><p>{{ b }}",
    "counters": FONT
    + "p { counter-increment: x } p::before { content: counter(x) } a::after { content: target-counter(attr(href), page) }</style>"
    + "<p>{{ b }}<p>{{ n }}</p><a href='#e'>{{ b }}</a><p id=e>{{ n }}",
    "empty or not": FONT
    + "p:empty { background: red; height: 1cm }</style><p>{{ name if n % 2 else '' }}</p><p>{{ b }} {% if n % 3 %}{{ n }} {% endif %}",
    "right to left": FONT + "</style><html dir=rtl lang=ar><body><p>مرحبا {{ name }}<p>السيد محمد {{ n }}",
    "mixed scripts": FONT + "</style><p>שלום {{ n }} ab<p>東京都 {{ n }} {{ b }}<p>Ελλάδα {{ b }} Россия {{ n }}",
    "long words": FONT
    + ".w { width: 30mm } .b { overflow-wrap: anywhere }</style>"
    + "<p class=w>{{ name|replace(' ', '') * 4 }}<p class='w b'>{{ name|replace(' ', '') * 4 }}",
    "viewport units": FONT
    + "@page { size: A5 } @page :first { size: A4 } p { width: 50vw; font-size: 2vw }</style>"
    + "<p>{{ b }}<p>{{ n }}<p style='break-before: page'>{{ b }}",
    "named pages": FONT
    + "@page a { margin: 3cm } @page b { margin: 1cm } .a { page: a } .b { page: b }</style>"
    + "<div class=a><p>{{ b }}</div><div class=b><p>{{ a }}</div>",
    "footnotes": FONT + ".f { float: footnote }</style><p>{{ b }}<span class=f>{{ n }}</span><p>{{ a }}",
    "text in a picture": FONT + "</style><svg width=100 height=50><text x=5 y=20>{{ n }}</text></svg><p>{{ b }}",
    "another address": FONT + "</style><p>{{ b }} <a href='https://example.org/{{ n }}'>{{ n }}</a> {{ b }}<p>{{ n }}",
    "fallback fonts": FONT + "</style><p>{{ '日本' if n % 2 else 'ab' }} {{ n }}<p>{{ 'é' if n % 3 else 'مرحبا' }}<p>after {{ b }}",
    "letterheads": FONT
    + "@page { background: url(logo.png) no-repeat; background-size: 100% 10mm } "
    + "@page :first { background: linear-gradient(red, blue) no-repeat;"
    + "background-size: 100% 5mm }</style><p>{{ big }}<p>{{ big }}<p>{{ big }}<p>{{ name }}",
}
#: those that are enough for every run; the others are slow
QUICK = ("breaks", "empty or not")


@pytest.mark.parametrize(("source", "stamping"), [(CIRCULAR, True), (INVOICE, False)], ids=["stamped", "laid out"])
def test_a_few_letters(source: str, stamping: bool, tmp_path: Path) -> None:
    found, wrong = same(template(source, assets(tmp_path)), list(rows(2, vary=False)), stamping=stamping)
    assert wrong == []
    assert not found.errors


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "vary", "stamping", "road"),
    [(CIRCULAR, False, True, "stamped"), (INVOICE, True, True, "stamped"), (INVOICE, True, False, "laid")],
    ids=["circular", "variable", "true layout"],
)
def test_twenty_five_letters(source: str, vary: bool, stamping: bool, road: str, tmp_path: Path) -> None:
    found, wrong = same(template(source, assets(tmp_path)), list(rows(25, vary=vary)), stamping=stamping)
    assert wrong == []
    assert found.roads[road] >= 15
    assert "refuted" not in found.roads


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SOURCES])
def test_whatever_stands_in_a_template(name: str, tmp_path: Path) -> None:
    found, wrong = same(template(SOURCES[name], assets(tmp_path)), ROWS)
    assert wrong == []
    assert not found.errors
