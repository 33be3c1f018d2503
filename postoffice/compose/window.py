"""Which lines of a window are the address, and which only stand there with it."""

import re
import statistics
from collections.abc import Callable, Sequence

from postoffice.compose.countries import plain
from postoffice.model.finding import Box
from postoffice.model.layout import Layout
from postoffice.pdf.rows import Line

#: notices and endorsements that stand above an address (French, English, German)
_NOTICE = re.compile(
    r"^(PLI )?(STRICTEMENT )?(PERSONNEL(LE)?( (ET )?CONFIDENTIEL(LE)?)?|CONFIDENTIEL(LE)?( ET PERSONNEL(LE)?)?)( NE PAS OUVRIR)?$"
    r"|^(LETTRE |PLI |COURRIER |ENVOI )?(EN )?RECOMMANDEE?( ELECTRONIQUE)?( SIMPLE)?( R ?[123I])?"
    r"( (AVEC )?(AR|A R|AVIS DE RECEPTION|ACCUSE DE RECEPTION))?( R ?[123I])?$|^LRAR?( .*)?$|^L R A R( .*)?$|^R ?[123] AR$"
    r"|^(PLI )?URGENT$|^NE PAS PLIER$|^SECRET (MEDICAL|PROFESSIONNEL|BANCAIRE)$"
    r"|^(ECOPLI|DESTINEO( .*)?|LETTRE VERTE( \d+ ?G)?|POSTIMPACT)$"
    r"|^(EXP|EXPEDITEUR|EXPEDITRICE|ABSENDER|ABS|SENDER|RETOUR|ADRESSE DE RETOUR|IF UNDELIVERED|RETURN ADDRESS) .*\d"
    r"|^(PRIVATE|PERSONAL|PRIVATE PERSONAL) CONFIDENTIAL$|^(ROYAL MAIL )?SIGNED FOR( .*)?$|^URGENT .{0,3}DELIVERY$"
    r"|^FIRST CLASS$|^1ST CLASS$"
    r"|^(EIGENHANDIG|RUCKSCHEIN|STRENG VERTRAULICH|PERSONLICH VERTRAULICH|STRENG PERSONLICH)$"
    r"|^(PAR|BY|PER) (AVION|AIRMAIL|AIR MAIL|LUFTPOST|AIRMAIL PAR AVION)$|^PRIORITAIRE$|^LETTRE (VERTE|PRIORITAIRE|SUIVIE)$"
    r"|^(STRICTLY )?(PRIVATE|PERSONAL|CONFIDENTIAL)( AND (CONFIDENTIAL|PRIVATE|PERSONAL))?$|^TO BE OPENED BY ADDRESSEE ONLY$"
    r"|^RECORDED DELIVERY$|^SPECIAL DELIVERY$|^(PERSONLICH|VERTRAULICH)( UND VERTRAULICH| VERTRAULICH)?$|^(UBERGABE |R )?EINSCHREIBEN"
    r"|^NICHT NACHSENDEN$|^WENN UNZUSTELLBAR|^FALLS UNZUSTELLBAR|^BITTE NACHSENDEN|^(INFOPOST|INFOBRIEF|DIALOGPOST|PRESSESENDUNG"
    r"|WARENSENDUNG|PREMIUMADRESS|VORAUSVERFUGUNG|ENTGELT BEZAHLT|PORT PAYE|PORT BETALE|P P)\b"
)
#: references: a word for it, then something with a digit
_REFERENCE = re.compile(
    r"^(N ?/? ?REF|V ?/? ?REF|NOS? REF|VOS? REF|REF|REFERENCES?|DOSSIER|N DOSSIER|N CLIENT|CODE CLIENT|NUMERO (DE )?CLIENT|CLIENT"
    r"|COMPTE|FACTURE|CONTRAT|MATRICULE|OUR REF|YOUR REF|CUSTOMER|ACCOUNT|INVOICE|POLICY|REF CLIENT|NOTRE REF|NOTRE REFERENCE"
    r"|KUNDENNUMMER|KUNDENNR|KUNDE|RECHNUNG|UNSER ZEICHEN"
    r"|IHR ZEICHEN|KD NR|NR|NO|N)( N| NO| NR| NUMBER| NUMERO| CLIENT| DOSSIER)? ?[A-Z]{0,4} ?\d[\w ]*$"
)
_DATE = re.compile(
    r"(?i)\b(le|den|,) *\d{1,2}(er)?[ .]+"
    r"(janv|f[ée]v|mars|avr|mai|juin|juil|ao[uû]t|sept|oct|nov|d[ée]c|jan|feb|m[aä]r|apr|jun|jul|aug|okt|dez)"
    r"|^\d{1,2} (january|february|march|april|may|june|july|august|september|october|november|december) \d{4}$"
    r"|^\D{0,30}\d{1,2}[./]\d{1,2}[./]\d{2,4}$"
)
#: marks between the parts of a return-address line
_SEPARATOR = re.compile(r" [·•|*–—\-/] |[·•|]| , ")
_REGISTERED = re.compile(r"^[A-Z]{2}\d{9}[A-Z]{2}$")
#: money, percentages, dates: a cell of a table
_FIGURE = re.compile(r"^[\d\s.,€$£%+\-/:()]+(EUR|HT|TTC)?$")
#: a return-address line is set at most this large, as part of the size of the address
_SMALL = 0.82
#: mm beyond the window that no address line reaches, but body text does
_FAR = 15.0


def is_body(lines: Sequence[Line], layout: Layout, crossing: Sequence[Box]) -> bool:
    """Whether these lines are running text or a table that happens to pass the window."""
    edge = layout.window[0] + layout.window[2]
    far = sum(line.right > edge + _FAR for line in lines)
    prose = sum(len(line.text) > 75 or (len(line.text) > 45 and line.text[-1] in ".;:!?") for line in lines)
    figures = sum(_FIGURE.match(line.text) is not None for line in lines)
    return (
        2 * far >= len(lines)
        or 2 * prose >= len(lines)
        or 3 * figures >= 2 * len(lines)
        or len(crossing) >= max(3, len(lines))
        or len(lines) > layout.max_lines + 8
    )


def set_aside(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """(lines above, the rest): return-address line, endorsements, references and bare numbers at the top of the window."""
    above: list[Line] = []
    rest = list(lines)
    while len(rest) > 2 and _stands_above(rest[0], rest[1:]):
        above.append(rest.pop(0))
    return above, rest


def _stands_above(line: Line, rest: Sequence[Line]) -> bool:
    words = plain(line.text)
    return (
        not words
        and line.text.strip("-_=*. ") == ""
        and line.text[0] in "-_=*"
        or bool(_NOTICE.match(words) or _REFERENCE.match(words) or _DATE.search(line.text))
        or _is_bare_number(line.text)
        or _is_return_line(line, rest)
    )


def _is_bare_number(text: str) -> bool:
    """A number or code of a print run, long, with digits, without a word; or the number of a registered letter (UPU S10)."""
    squeezed = text.replace(" ", "")
    if _REGISTERED.match(squeezed):
        return True
    return len(squeezed) >= 6 and sum(letter.isdigit() for letter in squeezed) > 0.7 * len(squeezed)


def _is_return_line(line: Line, rest: Sequence[Line]) -> bool:
    """DIN 5008: the sender on one line, smaller than the address, its parts set apart by marks."""
    usual = statistics.median(other.size for other in rest)
    small = line.size <= _SMALL * usual
    has_code = re.search(r"\b\d{4,5}\b|\b[A-Z]{1,2}\d", line.text) is not None
    parts = len(_SEPARATOR.findall(line.text))
    return (
        (small and (has_code or parts >= 1 or line.size <= 0.7 * usual))
        or (has_code and parts >= 2)
        or (has_code and line.text.count(",") >= 2)
    )


def split_below(lines: Sequence[Line], is_place: Callable[[Line], bool]) -> tuple[list[Line], list[Line]]:
    """(address, lines below it): what follows the last line that names a place and is no country of its own.

    One line right below the town stays: it may be a country that is misspelt, and that must be said.
    """
    places = [number for number, line in enumerate(lines) if is_place(line)]
    if not places:
        return list(lines), []
    end = places[-1] + 1
    after = lines[end:]
    if len(after) == 1 and _may_be_country(after[0], lines[end - 1], lines):
        return list(lines), []
    return list(lines[:end]), list(after)


def _may_be_country(line: Line, town: Line, lines: Sequence[Line]) -> bool:
    """Letters only, as large as the rest, and one line step below the town."""
    wordy = all(letter.isalpha() or letter in " -'’.()" for letter in line.text)
    steps = [after.bottom - before.bottom for before, after in zip(lines, lines[1:], strict=False)][:-1]
    near = line.bottom - town.bottom <= 1.5 * statistics.median(steps) if steps else True
    return wordy and near and abs(line.size - town.size) < 0.2 * town.size and not _DATE.search(line.text)
