"""Merged letters by real word processors, with their truth.

Each letter has a letterhead, an address in the window of the layout, a date, a subject and a body that fills 1 to 3 pages. Two
neighbours never have the same address, so that the truth is not open to debate.
"""

import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from tests.papers.people import Truth, recipient

_PARAGRAPH = (
    "Nous avons bien reçu votre demande et vous en remercions. Conformément à nos conditions générales, le montant de 1 234,56 € "
    "sera prélevé le 15 du mois prochain, sauf avis contraire de votre part avant cette date. "
)
#: paragraphs that make 1, 2 and 3 pages with the styles below
_LENGTH = {1: 4, 2: 17, 3: 42}
#: left and top of the address, mm, by layout
_PLACES = {"fr": (112, 58), "din": (25, 64), "uk": (26, 41)}


def has_libreoffice() -> bool:
    """Whether `soffice` can be started here."""
    return shutil.which("soffice") is not None


def make_letters(count: int, seed: int, layout: str = "fr") -> list[tuple[int, list[str]]]:
    """(pages, address lines) of `count` letters."""
    chance = random.Random(seed)
    letters: list[tuple[int, list[str]]] = []
    while len(letters) < count:
        lines = recipient(chance, layout)
        if not letters or letters[-1][1] != lines:
            letters.append((chance.choice([1, 1, 2, 2, 3]), lines))
    return letters


def truth_of(letters: list[tuple[int, list[str]]]) -> list[Truth]:
    """Where each letter stands in the merged document."""
    truth = []
    page = 1
    for pages, lines in letters:
        truth.append(Truth(page, pages, tuple(lines)))
        page += pages
    return truth


def make_merge(folder: Path, count: int, seed: int = 1, engine: str = "libreoffice", layout: str = "fr") -> tuple[Path, list[Truth]]:
    """A merged PDF in `folder` and its truth. `engine`: libreoffice or weasyprint; `layout`: fr, din or uk."""
    letters = make_letters(count, seed, layout)
    target = folder / f"merge-{engine}-{layout}-{count}-{seed}.pdf"
    if not target.exists():
        {"libreoffice": _libreoffice, "weasyprint": _weasyprint}[engine](letters, layout, target)
    return target, truth_of(letters)


_STYLES = """<office:automatic-styles>
<style:page-layout style:name="pm1"><style:page-layout-properties fo:page-width="210mm" fo:page-height="297mm"
 fo:margin-top="15mm" fo:margin-bottom="15mm" fo:margin-left="20mm" fo:margin-right="20mm"/></style:page-layout>
<style:style style:name="First" style:family="paragraph" style:parent-style-name="Standard" style:master-page-name="Standard">
 <style:paragraph-properties style:page-number="1" fo:margin-bottom="75mm"/>
 <style:text-properties fo:font-size="14pt" fo:font-weight="bold"/></style:style>
<style:style style:name="Body" style:family="paragraph" style:parent-style-name="Standard">
 <style:paragraph-properties fo:text-align="justify" fo:margin-bottom="3mm"/></style:style>
<style:style style:name="Tiny" style:family="paragraph" style:parent-style-name="Standard">
 <style:text-properties fo:font-size="7pt"/></style:style>
<style:style style:name="To" style:family="paragraph" style:parent-style-name="Standard">
 <style:text-properties fo:font-size="10pt"/></style:style>
<style:style style:name="fr1" style:family="graphic">
 <style:graphic-properties draw:fill="none" draw:stroke="none"
 style:vertical-pos="from-top" style:vertical-rel="page"
 style:horizontal-pos="from-left" style:horizontal-rel="page" style:wrap="run-through" fo:padding="0mm" fo:border="none"
 style:run-through="foreground"/></style:style>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pm1"/></office:master-styles>"""


def _libreoffice(letters: list[tuple[int, list[str]]], layout: str, target: Path) -> None:
    x, y = _PLACES[layout]
    body = []
    for number, (pages, lines) in enumerate(letters, 1):
        address = "".join(f'<text:p text:style-name="To">{escape(line)}</text:p>' for line in lines)
        if layout == "din":
            address = f'<text:p text:style-name="Tiny">{_SENDER}</text:p>' + address
        top = y - 4 if layout == "din" else y
        frame = (
            f'<draw:frame draw:style-name="fr1" text:anchor-type="paragraph" svg:x="{x}mm" svg:y="{top}mm" svg:width="82mm">'
            f'<draw:text-box fo:min-height="10mm">{address}</draw:text-box></draw:frame>'
        )
        body.append(f'<text:p text:style-name="First">{frame}Société des Eaux Réunies</text:p>')
        body.append('<text:p text:style-name="Body">Paris, le 3 mars 2025</text:p>')
        body.append(f'<text:p text:style-name="Body">Objet : facture n° {1000 + number}</text:p>')
        body += [f'<text:p text:style-name="Body">{_PARAGRAPH}</text:p>' for _ in range(_LENGTH[pages])]
    source = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
        ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
        ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
        ' xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.2"'
        ' office:mimetype="application/vnd.oasis.opendocument.text"><office:styles><style:default-style style:family="paragraph">'
        '<style:text-properties fo:font-size="11pt" style:font-name="Liberation Serif" fo:language="fr" fo:country="FR"/>'
        '</style:default-style><style:style style:name="Standard" style:family="paragraph"/></office:styles>'
        f"{_STYLES}<office:body><office:text>{''.join(body)}</office:text></office:body></office:document>"
    )
    with tempfile.TemporaryDirectory() as folder:
        paper = Path(folder, "merge.fodt")
        paper.write_text(source, encoding="utf-8")
        subprocess.run(
            [
                "soffice",
                f"-env:UserInstallation=file://{folder}/profile",
                "--headless",
                "--convert-to",
                "pdf",
                "--outdir",
                folder,
                paper,
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )
        shutil.move(Path(folder, "merge.pdf"), target)


_SENDER = "Wasserwerke GmbH · Musterstraße 1 · 12345 Musterstadt"


def _weasyprint(letters: list[tuple[int, list[str]]], layout: str, target: Path) -> None:
    import weasyprint

    x, y = _PLACES[layout]
    css = (
        "@page { size: A4; margin: 15mm 20mm } body { font: 11pt 'DejaVu Sans'; margin: 0 }"
        " .letter { break-before: page; position: relative }"
        f" .to {{ position: absolute; left: {x - 20}mm; top: {y - 15}mm; width: 84mm;"
        " font-size: 10pt; line-height: 4.2mm; white-space: pre }}"
        " .from { position: absolute; left: 5mm; top: 44mm; font-size: 6pt; text-decoration: underline }"
        " .push { height: 90mm } p { text-align: justify; margin: 0 0 3mm; hyphens: auto; line-height: 6mm }"
    )
    parts = []
    for number, (pages, lines) in enumerate(letters, 1):
        sender = f'<div class="from">{_SENDER}</div>' if layout == "din" else ""
        text = f"<p>{_PARAGRAPH}</p>" * {1: 3, 2: 11, 3: 22}[pages]
        parts.append(
            f'<div class="letter"><div class="push"><b>Société des Eaux Réunies</b></div>{sender}'
            f'<div class="to">{escape(chr(10).join(lines))}</div>'
            f"<p>Objet : facture n° {1000 + number}</p>{text}</div>"
        )
    html = f'<html lang="fr"><style>{css}</style><body>{"".join(parts)}</body></html>'
    weasyprint.HTML(string=html).write_pdf(str(target))
