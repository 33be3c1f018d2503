"""Pages that are hard in black and white, made by WeasyPrint: dense text, an invoice with tints and pale text, a photograph."""

import base64
import io
import random
from itertools import cycle, islice
from pathlib import Path

import weasyprint
from PIL import Image

_WORDS = (  # noqa: SIM905
    "la facture du mois de mars est jointe à ce courrier pour règlement sous trente jours veuillez agréer nos salutations "
    "distinguées montant total service public eau potable relevé compteur abonnement échéance adresse client"
).split()
_CSS = """
@page { size: A4; margin: 18mm } body { font: 9.5pt 'DejaVu Sans', sans-serif } .page { page-break-after: always }
td { border: 0.3pt solid #999; padding: 2pt } .pale { color: #8a8a8a } .tint { background: #dde8f4; color: #20506e; padding: 4pt }
.dark { background: #b03020; color: #fff; padding: 4pt } .alike { background: #3f9e4f; color: #d23b3b; padding: 4pt }
.yellow { color: #e0c000 } .middle { background: #9a9a9a; height: 30mm } .hidden { color: #fefefe }
"""
#: what must still be read when the colours are gone, each on its own ground
MARKED = {"tint": "TEINTE", "pale": "PALEUR", "dark": "SOMBRE", "alike": "CONFONDU", "yellow": "JAUNI"}
HIDDEN = "INVISIBLE"


def _text(count: int, start: int) -> str:
    return " ".join(islice(cycle(_WORDS[start % len(_WORDS) :] + _WORDS[: start % len(_WORDS)]), count)).capitalize() + "."


def _dense(number: int) -> str:
    return "".join(f"<p>{_text(90, number + 7 * part)}</p>" for part in range(6))


def _varied(number: int) -> str:
    """Dense text of which no line stands on two pages."""
    chance = random.Random(number)
    return "".join(f"<p>{' '.join(chance.choices(_WORDS, k=90)).capitalize()}.</p>" for _ in range(6))


def _invoice(number: int) -> str:
    rows = "".join(f"<tr><td>{row}</td><td>{_text(6, number + row)}</td><td>{row * 17.31:.2f} €</td></tr>" for row in range(22))
    marked = "".join(f"<p class={kind}>{word} {_text(8, number)}</p>" for kind, word in MARKED.items())
    return f"{marked}<table>{rows}</table><p class=hidden>{HIDDEN}</p>"


def _photo(number: int) -> str:
    image = Image.linear_gradient("L").resize((800, 500)).convert("RGB")
    target = io.BytesIO()
    image.rotate(number, fillcolor="white").save(target, "JPEG", quality=85)
    source = base64.b64encode(target.getvalue()).decode()
    return f"<p>{_text(100, number)}</p><img width=400 src='data:image/jpeg;base64,{source}'><p>{_text(100, number)}</p>"


KINDS = {"dense": _dense, "varied": _varied, "invoice": _invoice, "photo": _photo}


def make_pages(path: Path, kind: str, pages: int) -> Path:
    """A PDF of `pages` pages of KINDS[kind]."""
    body = "".join(f"<div class=page>{KINDS[kind](number)}</div>" for number in range(pages))
    weasyprint.HTML(string=f"<style>{_CSS}</style>{body}").write_pdf(path)
    return path
