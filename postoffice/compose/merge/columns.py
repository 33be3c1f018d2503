"""The columns of a spreadsheet and the fields of a template: which row bears the names, and which column fills which field."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from postoffice.compose.merge.uses import Use
from postoffice.compose.sheet_rows import Row, stream_rows, unreadable

#: rows at the top among which the names of columns are looked for: titles and group headings may stand above them
_TOP = 6
MOST_COLUMNS = 2_000
#: what every recipient may have, in the order of the form -> names of columns as people write them, French and English
RECIPIENT: Mapping[str, tuple[str, ...]] = {
    "title": ("civilite", "titre", "title", "salutation", "anrede"),
    "first_name": ("prenom", "first name", "firstname", "given name", "vorname"),
    "last_name": ("nom de famille", "last name", "lastname", "surname", "family name", "nachname"),
    "name": ("nom", "nom complet", "nom prenom", "destinataire", "name", "full name", "recipient", "contact", "empfanger"),
    "company": ("societe", "raison sociale", "entreprise", "company", "company name", "organisation", "organization", "firma"),
    "department": ("service", "departement", "department", "abteilung"),
    "extra": ("complement", "complement adresse", "adresse 3", "residence", "batiment", "building", "address line 3"),
    "street": ("adresse", "adresse 1", "rue", "voie", "street", "address", "address 1", "address line 1", "strasse"),
    "street2": ("adresse 2", "complement 2", "lieu dit", "address 2", "address line 2", "street 2"),
    "box": ("boite postale", "bp", "po box", "box", "postfach"),
    "postcode": ("code postal", "cp", "postcode", "post code", "zip", "zip code", "postal code", "plz"),
    "town": ("ville", "commune", "localite", "town", "city", "ort"),
    "country": ("pays", "country", "land"),
    "email": ("email", "e mail", "mail", "courriel", "adresse email", "adresse e mail", "adresse mail", "email address"),
    "mobile": (
        "mobile",
        "portable",
        "telephone mobile",
        "tel mobile",
        "telephone portable",
        "mobile phone",
        "mobile number",
        "gsm",
        "sms",
    ),
    "fax": ("fax", "telecopie", "fax number"),
    "reference": ("reference", "ref", "dossier", "n dossier", "file number"),
    "customer": ("client", "n client", "no client", "numero client", "code client", "customer", "customer number", "customer no"),
    "language": ("langue", "language", "sprache"),
    "channel": ("canal", "channel"),
}
#: names of columns for what templates often use
_USUAL: Mapping[str, tuple[str, ...]] = {
    "invoice": ("facture", "n facture", "no facture", "numero facture", "numero de facture", "invoice number", "invoice no"),
    "amount": ("montant", "montant ttc", "total", "total ttc", "montant du", "amount due", "total amount", "betrag"),
    "due": ("echeance", "date d echeance", "date echeance", "due date", "faellig"),
    "date": ("date facture", "date de facture", "invoice date", "datum"),
    "quantity": ("quantite", "qte", "qty", "menge"),
    "price": ("prix", "prix unitaire", "prix unitaire ht", "pu", "unit price"),
    "text": ("designation", "libelle", "description", "article", "item"),
    "level": ("niveau", "relance", "rappel"),
    "greeting": ("formule d appel", "politesse", "salutation", "greeting"),
    "vat": ("tva", "taux tva", "taux de tva", "vat rate"),
}


def plain(text: str) -> str:
    """A name of a column without accents, marks and capitals: `N° client` -> `n client`."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.replace("n°", "n ").replace("nº", "n ")).split())


_KNOWN = {word: name for name, words in {**_USUAL, **RECIPIENT}.items() for word in (*words, name.replace("_", " "))}


@dataclass(frozen=True, slots=True)
class Table:
    """A spreadsheet that is being read: unique names of its columns, the row that they stand in, and the rows below."""

    headers: tuple[str, ...]
    header_row: int
    doubled: tuple[str, ...]  #: names that several columns bear
    rows: Iterator[Row]


def open_table(path: Path, uses: Sequence[Use] = (), remembered: Mapping[str, str] | None = None) -> Table:
    """Find the row of names among the first ones. PostOfficeError unreadable-spreadsheet."""
    rows = stream_rows(path)
    top = list(itertools.islice(rows, _TOP))
    if not top:
        raise unreadable("The spreadsheet has no rows.")
    known = {*_KNOWN, *(plain(column.name) for use in uses for column in use.columns()), *(remembered or {})}
    scores = [sum(plain(cell) in known for cell in row.cells) for row in top]
    best = scores.index(max(scores))
    if len(top[best].cells) > MOST_COLUMNS:
        raise unreadable(f"The spreadsheet has more than {MOST_COLUMNS} columns.")
    groups = _groups(top[best - 1].cells) if best else ()
    headers, doubled = _unique(top[best].cells, groups)
    body = itertools.chain(top[best + 1 :], rows)
    return Table(headers, top[best].number, doubled, body)


def _groups(cells: Sequence[str]) -> tuple[str, ...]:
    """The headings above the names, each for the columns up to the next one."""
    return tuple(itertools.accumulate(cells, lambda before, cell: cell or before))


def _unique(cells: Sequence[str], groups: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that differ: `Ville` under `Livraison` beside another one becomes `Livraison Ville`, or else `Ville (2)`."""
    plains = [plain(cell) for cell in cells]
    seen: dict[str, int] = {}
    headers, doubled = [], []
    for number, cell in enumerate(cells):
        name = cell.strip()[:200]
        if plains[number] and plains.count(plains[number]) > 1:
            doubled.append(name)
            group = groups[number] if number < len(groups) else ""
            if group and plain(group) != plains[number]:
                name = f"{group} {name}"[:200]
        key = plain(name)
        if key:
            seen[key] = seen.get(key, 0) + 1
            name = name if seen[key] == 1 else f"{name} ({seen[key]})"
        headers.append(name)
    return tuple(headers), tuple(dict.fromkeys(doubled))


def targets(uses: Sequence[Use]) -> list[str]:
    """What a column may fill: the recipient's fields, then those of the template."""
    own = [column.name for use in uses for column in use.columns()]
    return list(dict.fromkeys((*RECIPIENT, *own)))


def guess(headers: Sequence[str], uses: Sequence[Use], remembered: Mapping[str, str]) -> dict[str, str]:
    """Name of a column -> field, each field once. What people chose before counts most, then equal names, then usual ones."""
    possible = targets(uses)
    by_name = {plain(name): name for name in reversed(possible)}
    children = {plain(name.rpartition(".")[2]): name for name in possible if "." in name}
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    ways: tuple[Callable[[str], str], ...] = (
        lambda key: remembered.get(key, ""),
        lambda key: by_name.get(key, ""),
        lambda key: _KNOWN.get(key, ""),
        lambda key: children.get(key, "") or children.get(_KNOWN.get(key, ""), ""),
    )
    for find in ways:
        for header in headers:
            field = find(plain(header)) if header and header not in chosen else ""
            if field in possible and field not in taken:
                chosen[header] = field
                taken.add(field)
    return chosen
