"""What turns letters into one PDF: each maker writes its own source and lets the real program set it."""

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

#: seconds for one merge of any size used here
_PATIENCE = 900
_MM = 56.6929  # twentieths of a point in a millimetre


def chromium_program() -> str:
    """The name of Chromium's program here; empty where there is none."""
    return next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), "")


# --- LibreOffice: one long text document, as its mail merge makes it

_ODT_HEAD = """<?xml version="1.0" encoding="UTF-8"?><office:document
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.text"><office:styles><style:default-style style:family="paragraph">
<style:text-properties fo:font-size="11pt" style:font-name="Liberation Serif" fo:language="fr" fo:country="FR"/>
</style:default-style><style:style style:name="Standard" style:family="paragraph"/></office:styles><office:automatic-styles>
<style:page-layout style:name="pm1"><style:page-layout-properties fo:page-width="210mm" fo:page-height="297mm"
 fo:margin-top="12mm" fo:margin-bottom="12mm" fo:margin-left="20mm" fo:margin-right="20mm"/></style:page-layout>
<style:style style:name="First" style:family="paragraph" style:parent-style-name="Standard" style:master-page-name="Standard">
 <style:paragraph-properties style:page-number="1" fo:margin-bottom="84mm"/>
 <style:text-properties fo:font-size="14pt" fo:font-weight="bold"/></style:style>
<style:style style:name="Next" style:family="paragraph" style:parent-style-name="Standard">
 <style:paragraph-properties fo:break-before="page" fo:margin-bottom="8mm"/></style:style>
<style:style style:name="Body" style:family="paragraph" style:parent-style-name="Standard">
 <style:paragraph-properties fo:text-align="justify" fo:margin-bottom="3mm"/></style:style>
<style:style style:name="Tiny" style:family="paragraph" style:parent-style-name="Standard">
 <style:text-properties fo:font-size="7pt"/></style:style>
<style:style style:name="To" style:family="paragraph" style:parent-style-name="Standard">
 <style:text-properties fo:font-size="10pt"/></style:style>
<style:style style:name="fr1" style:family="graphic"><style:graphic-properties draw:fill="none" draw:stroke="none"
 style:vertical-pos="from-top" style:vertical-rel="page" style:horizontal-pos="from-left" style:horizontal-rel="page"
 style:wrap="run-through" style:number-wrapped-paragraphs="no-limit" fo:padding="0mm" fo:border="none"
 style:run-through="foreground"/></style:style>
</office:automatic-styles><office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pm1"/>
</office:master-styles><office:body><office:text>"""


def _odt_frame(x: float, y: float, width: float, paragraphs: list[tuple[str, str]]) -> str:
    inner = "".join(f'<text:p text:style-name="{style}">{escape(text)}</text:p>' for style, text in paragraphs)
    return (
        f'<draw:frame draw:style-name="fr1" text:anchor-type="paragraph" svg:x="{x}mm" svg:y="{y}mm" svg:width="{width}mm">'
        f'<draw:text-box fo:min-height="4mm">{inner}</draw:text-box></draw:frame>'
    )


def libreoffice(letters: list[Any], style: Any, target: Path) -> None:
    """One FODT of all letters, printed to PDF by LibreOffice Writer."""
    body = []
    for letter in letters:
        x, y = style.place
        lines = [("Tiny", letter.sender)] if letter.sender else []
        top = y - 4 * bool(letter.sender) - 4.3 * len(letter.above)
        frames = _odt_frame(x, top, 82, [*lines, *(("To", text) for text in (*letter.above, *letter.lines))])
        if style.beside:
            frames += _odt_frame(20, 60, 60, [("To", style.date)])
        body.append(f'<text:p text:style-name="First">{frames}{escape(style.sender)}</text:p>')
        for number, paragraphs in enumerate(letter.pages, 1):
            foot = _odt_frame(150, 283, 40, [("To", letter.numbering(number))]) if style.numbered else ""
            if number > 1:
                body.append(f'<text:p text:style-name="Next">{foot}{escape(style.sender) if style.running else ""}</text:p>')
                foot = ""
            else:
                date = "" if style.beside else escape(style.date)
                body.append(f'<text:p text:style-name="Body">{foot}{date}</text:p>')
                body.append(f'<text:p text:style-name="Body">{escape(style.subject.format(number=1000 + letter.number))}</text:p>')
            body += [f'<text:p text:style-name="Body">{escape(text)}</text:p>' for text in paragraphs]
    _by_libreoffice(_ODT_HEAD + "".join(body) + "</office:text></office:body></office:document>", "fodt", target)


def _by_libreoffice(source: str | Path, kind: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="postoffice-soffice-") as folder:
        paper = Path(folder, f"merge.{kind}")
        if isinstance(source, Path):
            shutil.copy(source, paper)
        else:
            paper.write_text(source, encoding="utf-8")
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(paper)]
        subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE)
        shutil.move(Path(folder, "merge.pdf"), target)


# --- Word's format: sections, frames placed on the page

_DOCX_PARTS = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="word/document.xml"'
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
}


def _paragraph(
    text: str, *, frame: tuple[float, float, float] | None = None, size: int = 22, before: str = "", after: int = 160
) -> str:
    """A paragraph; `frame`: left, top, width in mm of a frame on the page; `size` in half points; `after`: twentieths of a point."""
    placed = before
    if frame:
        x, y, width = (round(side * _MM) for side in frame)
        placed = f'<w:framePr w:w="{width}" w:wrap="around" w:vAnchor="page" w:hAnchor="page" w:x="{x}" w:y="{y}"/>'
    return (
        f'<w:p><w:pPr>{placed}<w:spacing w:after="{0 if frame else after}" w:line="240" w:lineRule="auto"/></w:pPr>'
        f'<w:r><w:rPr><w:rFonts w:ascii="Carlito" w:hAnsi="Carlito"/><w:sz w:val="{size}"/></w:rPr>'
        f'<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
    )


def _section(last: bool) -> str:
    inner = (
        '<w:sectPr><w:type w:val="nextPage"/><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="850" w:right="1134" w:bottom="850" w:left="1134" w:header="0" w:footer="0" w:gutter="0"/></w:sectPr>'
    )
    return inner if last else f"<w:p><w:pPr>{inner}</w:pPr></w:p>"


def docx(letters: list[Any], style: Any, target: Path) -> None:
    """A document in Word's format, a section a letter, converted by LibreOffice."""
    body = []
    for letter in letters:
        x, y = style.place
        top = y - 3 * bool(letter.sender) - 4.3 * len(letter.above)
        if letter.sender:
            body.append(_paragraph(letter.sender, frame=(x, top, 82), size=14))
        body += [_paragraph(text, frame=(x, top, 82), size=20) for text in (*letter.above, *letter.lines)]
        if style.beside:
            body.append(_paragraph(style.date, frame=(20, 60, 60), size=20))
        body.append(_paragraph(style.sender, size=28, after=4700))
        for number, paragraphs in enumerate(letter.pages, 1):
            if number > 1:
                head = style.sender if style.running else " "
                body.append(_paragraph(head, before="<w:pageBreakBefore/>"))
            else:
                body += [] if style.beside else [_paragraph(style.date)]
                body.append(_paragraph(style.subject.format(number=1000 + letter.number)))
            if style.numbered:
                body.append(_paragraph(letter.numbering(number), frame=(150, 283, 40), size=18))
            body += [_paragraph(text) for text in paragraphs]
        body.append(_section(letter is letters[-1]))
    document = (
        '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{''.join(body)}</w:body></w:document>"
    )
    with tempfile.TemporaryDirectory(prefix="postoffice-docx-") as folder:
        paper = Path(folder, "merge.docx")
        with zipfile.ZipFile(paper, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**_DOCX_PARTS, "word/document.xml": document}.items():
                archive.writestr(name, content)
        _by_libreoffice(paper, "docx", target)


# --- HTML: WeasyPrint and Chromium

_CSS = (
    "@page { size: A4; margin: 12mm 20mm } body { font: 11pt 'DejaVu Sans', sans-serif; margin: 0 }"
    " .page { break-before: page; position: relative; height: 270mm; overflow: hidden }"
    " .page:first-child { break-before: auto }"
    " .to, .from, .beside, .foot { position: absolute; white-space: pre; font-size: 10pt; line-height: 4.2mm }"
    " .from { font-size: 6pt; text-decoration: underline } .foot { left: 130mm; top: 262mm }"
    " .push { height: 92mm } p { text-align: justify; margin: 0 0 3mm; line-height: 5.4mm }"
)


def _html(letters: list[Any], style: Any) -> str:
    parts = []
    for letter in letters:
        x, y = style.place[0] - 20, style.place[1] - 12
        for number, paragraphs in enumerate(letter.pages, 1):
            text = "".join(f"<p>{escape(one)}</p>" for one in paragraphs)
            foot = f'<div class="foot">{letter.numbering(number)}</div>' if style.numbered else ""
            if number > 1:
                parts.append(f'<div class="page"><p><b>{escape(style.sender) if style.running else ""}</b></p>{text}{foot}</div>')
                continue
            top = y - 4.2 * len(letter.above)
            sender = f'<div class="from" style="left:{x}mm;top:{top - 4.4}mm">{escape(letter.sender)}</div>' if letter.sender else ""
            beside = f'<div class="beside" style="left:0;top:48mm">{escape(style.date)}</div>' if style.beside else ""
            date = "" if style.beside else f"<p>{escape(style.date)}</p>"
            address = f'<div class="to" style="left:{x}mm;top:{top}mm">{escape(chr(10).join((*letter.above, *letter.lines)))}</div>'
            subject = escape(style.subject.format(number=1000 + letter.number))
            # the address comes last in the source: what stands first on the page need not stand first in the file
            parts.append(
                f'<div class="page"><div class="push"><b>{escape(style.sender)}</b></div>{date}<p>{subject}</p>{text}'
                f"{foot}{beside}{sender}{address}</div>"
            )
    return f'<!doctype html><html lang="fr"><meta charset="utf-8"><style>{_CSS}</style><body>{"".join(parts)}</body></html>'


def weasyprint(letters: list[Any], style: Any, target: Path) -> None:
    """One HTML of all letters by WeasyPrint."""
    import weasyprint as engine

    engine.HTML(string=_html(letters, style)).write_pdf(str(target))


def chromium(letters: list[Any], style: Any, target: Path) -> None:
    """One HTML of all letters printed by headless Chromium."""
    print_html(_html(letters, style), target)


def print_html(html: str, target: Path) -> None:
    """A page as headless Chromium prints it."""
    with tempfile.TemporaryDirectory(prefix="postoffice-chromium-") as folder:
        page = Path(folder, "merge.html")
        page.write_text(html, encoding="utf-8")
        command = [
            chromium_program(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={target}",
            page.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE)
