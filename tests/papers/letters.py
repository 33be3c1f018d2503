"""Merged letters by four makers with a known truth: LibreOffice, Word's format through LibreOffice, WeasyPrint, Chromium.

`make_letters(kind, count, seed)` gives a PDF and its truth; what was made once is kept in a temporary folder and taken again. Every
letter has 1 to 5 pages whose breaks are set, so that the truth does not hang on how a maker fills its lines.
"""

import hashlib
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.papers import makers
from tests.papers.people import Truth, recipient

MAKERS: dict[str, Callable[[list["Letter"], "Style", Path], None]] = {
    "libreoffice": makers.libreoffice,
    "docx": makers.docx,
    "weasyprint": makers.weasyprint,
    "chromium": makers.chromium,
}
LAYOUTS = ("fr", "din", "uk")
#: `maker-layout`, all that can be made
KINDS = tuple(f"{maker}-{layout}" for maker in MAKERS for layout in LAYOUTS)
#: left and top of the address, mm, by layout
PLACES = {"fr": (112.0, 58.0), "din": (25.0, 64.0), "uk": (26.0, 41.0)}
_SENDERS = ("Société des Eaux Réunies", "Mutuelle du Levant", "Stadtwerke Musterstadt", "Northern Water plc")
_ABOVE = {
    "fr": ("PERSONNEL ET CONFIDENTIEL", "N/Réf : 2026-00417", "LETTRE RECOMMANDEE AVEC AR"),
    "din": ("Persönlich", "Einschreiben Einwurf"),
    "uk": ("PRIVATE AND CONFIDENTIAL", "Our ref: 2026/00417"),
}
_SUBJECTS = {"fr": "Objet : facture n° {number}", "din": "Rechnung Nr. {number}", "uk": "Invoice no. {number}"}
_TEXTS = {
    "fr": (
        "Nous avons bien reçu votre demande et vous en remercions. Conformément à nos conditions générales, le montant de 1 234,56 € "
        "sera prélevé le 15 du mois prochain, sauf avis contraire de votre part avant cette date.",
        "Notre conseiller, M. Jean PETIT, 12 RUE DES LILAS, 69003 LYON, reste à votre disposition pour toute question.",
        "Vous trouverez le détail de vos consommations dans le tableau ci-après, arrêté au dernier relevé.",
    ),
    "din": (
        "vielen Dank für Ihr Schreiben. Gemäß unseren Bedingungen wird der Betrag von 1.234,56 € am 15. des Monats eingezogen.",
        "Unser Büro, Am Markt 5, 50667 Köln, ist werktags von 8 bis 18 Uhr für Sie da.",
        "Die Einzelheiten finden Sie in der folgenden Aufstellung.",
    ),
    "uk": (
        "Thank you for your letter. In line with our terms, the amount of £1,234.56 will be taken on the 15th of next month.",
        "Our office at 12 George Square, GLASGOW, G2 1DU is open on working days from 8 am to 6 pm.",
        "You will find the details in the statement that follows.",
    ),
}


@dataclass(frozen=True)
class Letter:
    """What a maker sets: address lines, what stands above them in the window, and the paragraphs of each page."""

    number: int
    lines: tuple[str, ...]
    above: tuple[str, ...]
    sender: str  #: return-address line (DIN), or empty
    pages: tuple[tuple[str, ...], ...]

    def numbering(self, page: int) -> str:
        """ "Page 2 / 3" for the second of three pages."""
        return f"Page {page} / {len(self.pages)}"


@dataclass(frozen=True)
class Style:
    """What all letters of one merge share."""

    layout: str
    sender: str
    date: str
    subject: str
    numbered: bool  #: a foot line "Page 2 / 3"
    running: bool  #: the sender's name on following pages too
    beside: bool  #: the date stands beside the window, at the height of the address
    place: tuple[float, float] = field(default=(0.0, 0.0))


def make_letters(kind: str, count: int, seed: int = 1, *, folder: Path | None = None, above: float = 0.15) -> tuple[Path, list[Truth]]:
    """A merged PDF of `count` letters and its truth. `kind`: one of KINDS, or a maker alone (for French letters).

    `folder`: where it is kept (default: a folder for temporary files, shared by all runs); `above`: share of letters with a notice or a
    reference above the address in the window, which is no part of the address. The same arguments give the same letters.
    """
    maker, _, layout = kind.partition("-")
    layout = layout or "fr"
    letters, style = _letters(count, seed, layout, above)
    home = folder or kept_folder()
    target = home / f"{maker}-{layout}-{count}-{seed}-{round(above * 100)}-{_version()}.pdf"
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="postoffice-letters-") as work:
            made = Path(work, "letters.pdf")
            MAKERS[maker](letters, style, made)
            fresh = target.with_suffix(f".{os.getpid()}")
            shutil.move(made, fresh)
            fresh.replace(target)
    return target, truth_of(letters)


def missing(maker: str) -> str:
    """Why a maker cannot work here; empty where it can."""
    program = {"libreoffice": "soffice", "docx": "soffice", "chromium": makers.chromium_program()}.get(maker, "python3")
    return "" if program and shutil.which(program) else f"{maker} is not installed"


def truth_of(letters: list[Letter]) -> list[Truth]:
    """Where each letter stands in the merge."""
    truth, page = [], 1
    for letter in letters:
        truth.append(Truth(page, len(letter.pages), letter.lines))
        page += len(letter.pages)
    return truth


def kept_folder() -> Path:
    """The folder for what was made once."""
    return Path(tempfile.gettempdir(), f"postoffice-letters-{os.getuid()}")


def _version() -> str:
    """Changes when the makers change: what an older one made is not taken for new."""
    sources = (Path(__file__), Path(str(makers.__file__)), Path(__file__).with_name("people.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def _letters(count: int, seed: int, layout: str, above: float) -> tuple[list[Letter], Style]:
    chance = random.Random(f"{layout}-{seed}")
    style = Style(
        layout=layout,
        sender=chance.choice(_SENDERS),
        date={"fr": "Paris, le 3 mars 2026", "din": "Köln, den 3. März 2026", "uk": "3 March 2026"}[layout],
        subject=_SUBJECTS[layout],
        numbered=chance.random() < 0.5,
        running=chance.random() < 0.5,
        beside=layout == "fr" and chance.random() < 0.5,
        place=PLACES[layout],
    )
    letters: list[Letter] = []
    while len(letters) < count:
        lines = tuple(recipient(chance, layout))
        if not letters or letters[-1].lines != lines:
            letters.append(_letter(chance, len(letters) + 1, lines, layout, above))
    return letters, style


def _letter(chance: random.Random, number: int, lines: tuple[str, ...], layout: str, above: float) -> Letter:
    room = 4 if layout == "uk" else 5
    notice = (chance.choice(_ABOVE[layout]),) if chance.random() < above and len(lines) <= room else ()
    sender = "Wasserwerke GmbH · Musterstraße 1 · 12345 Musterstadt" if layout == "din" else ""
    count = chance.choice((1, 1, 1, 2, 2, 3, 4, 5))
    pages = tuple(
        tuple(chance.choice(_TEXTS[layout]) for _ in range(chance.randint(1, 4 if page == 0 else 8))) for page in range(count)
    )
    return Letter(number, lines, notice, sender, pages)
