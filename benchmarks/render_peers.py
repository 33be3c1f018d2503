"""The sample letters for other engines: sources for typst, a merged document for LibreOffice."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image

_HEAD = """#set page(paper: "a4", margin: (top: 20mm, right: 20mm, bottom: 25mm, left: 22mm),
  footer: context [#set text(7pt, fill: rgb("#556677")); #align(center)[Société des Eaux Réunies, SA au capital de 1 000 000 €]
    #place(bottom + right)[#counter(page).display("1 / 1", both: true)]])
#set text(font: "DejaVu Sans", size: 10pt, lang: "fr")
#set par(justify: true, leading: 0.5em, spacing: 3mm)
#let row = json(bytes(sys.inputs.row))
#image("logo.png", width: 40mm, height: 16mm)
#place(top + left, dx: 88mm, dy: 30mm, box(width: 84mm)[#set par(justify: false); #row.address.join(linebreak())])
#v(44mm)
Paris, le #row.day \\ Client #row.customer

#row.salutation,

"""
_TABLE = """#table(columns: (50%, 12%, 18%, 20%), inset: (x: 2mm, y: 1.2mm), stroke: (bottom: .2mm + rgb("#ccccdd")),
  align: (x, y) => if x == 0 { left } else { right }, fill: (x, y) => if y == 0 { rgb("#113355") },
  ..("Désignation", "Qté", "Prix", "Montant").map(h => text(fill: white, weight: "bold", h)),
"""
_CLOSING = """
En vous remerciant de votre confiance, nous vous prions d'agréer l'expression de nos salutations.

Le service clientèle
"""
TYPST_CIRCULAR = (
    _HEAD
    + """Nous avons le plaisir de vous annoncer l'ouverture de notre nouvel espace client en ligne. Vous pourrez y consulter vos
factures, suivre vos consommations et modifier vos coordonnées à tout moment, en toute simplicité et en toute sécurité.

À compter du premier janvier, l'ensemble de nos échanges pourra se faire par voie électronique. Si vous préférez continuer à
recevoir vos courriers sur papier, aucune démarche n'est nécessaire de votre part : nous continuerons à vous écrire.

Vous trouverez ci-dessous les principaux tarifs applicables. Notre service clientèle se tient à votre disposition du lundi au
vendredi, de neuf heures à dix-huit heures, pour toute question relative à votre contrat.

"""
    + _TABLE
    + '..range(1, 7).map(n => ("Prestation " + str(n), "1", str(n) + ",00 €", str(n) + ",00 €")).flatten())'
    + _CLOSING
)
TYPST_INVOICE = (
    _HEAD
    + """Nous avons bien reçu votre commande du #row.ordered et vous en remercions. Conformément à nos conditions générales, le
montant de #row.total sera prélevé le 15 du mois prochain, sauf avis contraire de votre part avant cette date.

#if row.late != "" [Sauf erreur de notre part, votre précédente facture d'un montant de #row.late reste impayée à ce jour. Nous vous
remercions de bien vouloir régulariser votre situation dans les meilleurs délais.]

Vous trouverez ci-dessous le détail des prestations qui vous sont facturées pour la période écoulée. Notre service clientèle se
tient à votre disposition du lundi au vendredi, de neuf heures à dix-huit heures, pour toute question.

"""
    + _TABLE
    + "..row.items.flatten().map(x => [#x]), table.cell(colspan: 3)[*Total TTC*], [*#row.total*])"
    + _CLOSING
)

_STYLES = """<office:automatic-styles><style:page-layout style:name="pm"><style:page-layout-properties fo:page-width="210mm"
 fo:page-height="297mm" fo:margin-top="20mm" fo:margin-bottom="15mm" fo:margin-left="22mm" fo:margin-right="20mm"/></style:page-layout>
<style:style style:name="First" style:family="paragraph" style:parent-style-name="Standard" style:master-page-name="Standard">
 <style:paragraph-properties style:page-number="1" fo:margin-bottom="44mm"/></style:style>
<style:style style:name="Body" style:family="paragraph" style:parent-style-name="Standard">
 <style:paragraph-properties fo:text-align="justify" fo:margin-bottom="3mm"/><style:text-properties fo:hyphenate="true"/></style:style>
<style:style style:name="To" style:family="paragraph" style:parent-style-name="Standard"/>
<style:style style:name="N" style:family="paragraph" style:parent-style-name="Standard">
 <style:paragraph-properties fo:text-align="end"/></style:style>
<style:style style:name="T" style:family="table"><style:table-properties style:width="168mm" table:align="left"/></style:style>
<style:style style:name="T.A" style:family="table-column"><style:table-column-properties style:column-width="84mm"/></style:style>
<style:style style:name="T.B" style:family="table-column"><style:table-column-properties style:column-width="28mm"/></style:style>
<style:style style:name="C" style:family="table-cell"><style:table-cell-properties fo:padding="1.2mm"
 fo:border-bottom="0.2mm solid #ccccdd"/></style:style>
<style:style style:name="fr" style:family="graphic"><style:graphic-properties draw:fill="none" draw:stroke="none"
 style:vertical-pos="from-top" style:vertical-rel="page" style:horizontal-pos="from-left" style:horizontal-rel="page"
 style:wrap="run-through" fo:padding="0mm" fo:border="none"/></style:style></office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pm"><style:footer><text:p>Société des Eaux
 Réunies, SA au capital de 1 000 000 €, <text:page-number/></text:p></style:footer></style:master-page></office:master-styles>"""


def office(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The invoices as LibreOffice's mail merge into files makes them: one document and one PDF a letter, all by one process."""
    logo = folder / "logo.jpg"
    if not logo.exists():
        Image.open(folder / "logo.png").save(logo)
    paths = []
    for number, row in enumerate(rows):
        paths.append(folder / f"letter{number}.fodt")
        paths[-1].write_text(_document(row), encoding="utf-8")
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def _document(row: dict[str, Any]) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
        ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
        ' xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.2"'
        ' office:mimetype="application/vnd.oasis.opendocument.text"><office:styles><style:default-style style:family="paragraph">'
        '<style:text-properties fo:font-size="10pt" style:font-name="DejaVu Sans" fo:language="fr" fo:country="FR"/>'
        '</style:default-style><style:style style:name="Standard" style:family="paragraph"/></office:styles>'
        f"{_STYLES}<office:body><office:text>{_letter(row)}</office:text></office:body></office:document>"
    )


def _letter(row: dict[str, Any]) -> str:
    to = "".join(f'<text:p text:style-name="To">{escape(line)}</text:p>' for line in row["address"])
    frame = (
        '<draw:frame draw:style-name="fr" text:anchor-type="paragraph" svg:x="110mm" svg:y="50mm" svg:width="84mm">'
        f'<draw:text-box fo:min-height="10mm">{to}</draw:text-box></draw:frame>'
        '<draw:frame draw:style-name="fr" text:anchor-type="paragraph" svg:x="22mm" svg:y="20mm" svg:width="40mm" svg:height="16mm">'
        '<draw:image xlink:href="logo.jpg"/></draw:frame>'
    )
    texts = [
        f"Paris, le {row['day']}, client {row['customer']}",
        f"{row['salutation']},",
        f"Nous avons bien reçu votre commande du {row['ordered']} et vous en remercions. Conformément à nos conditions générales, le "
        f"montant de {row['total']} sera prélevé le 15 du mois prochain, sauf avis contraire de votre part avant cette date.",
        "Vous trouverez ci-dessous le détail des prestations qui vous sont facturées pour la période écoulée. Notre service clientèle "
        "se tient à votre disposition du lundi au vendredi, de neuf heures à dix-huit heures, pour toute question.",
    ]
    if row["late"]:
        late = f"Sauf erreur de notre part, votre précédente facture d'un montant de {row['late']} reste impayée à ce jour."
        texts.insert(3, late + " Nous vous remercions de bien vouloir régulariser votre situation dans les meilleurs délais.")
    cells = [*row["items"], ("Total TTC", "", "", row["total"])]
    table = "".join(f"<table:table-row>{''.join(map(_cell, line))}</table:table-row>" for line in cells)
    columns = (
        '<table:table-column table:style-name="T.A"/><table:table-column table:style-name="T.B" table:number-columns-repeated="3"/>'
    )
    closing = "En vous remerciant de votre confiance, nous vous prions d'agréer l'expression de nos salutations."
    return (
        f'<text:p text:style-name="First">{frame}</text:p>'
        + "".join(f'<text:p text:style-name="Body">{escape(text)}</text:p>' for text in texts)
        + f'<table:table table:style-name="T">{columns}{table}</table:table><text:p text:style-name="Body">{closing}</text:p>'
    )


def _cell(value: object) -> str:
    return f'<table:table-cell table:style-name="C"><text:p text:style-name="N">{escape(str(value))}</text:p></table:table-cell>'
