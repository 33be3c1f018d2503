"""What can be wrong with a row of recipients: each holds its letter, names the row and the column, and says what to do."""

from postoffice.compose.finding_text import FindingText
from postoffice.model.finding import Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING

_ROW = "Correct it in the spreadsheet, and bring this row in again; the other letters go on without it."
_LIGNE = "Corrigez-le dans le tableur et importez de nouveau cette ligne ; les autres plis partent sans attendre."

ROWS: dict[str, FindingText] = {
    "row-missing": FindingText(
        ERROR,
        "A field is missing in this row.",
        "Il manque un champ dans cette ligne.",
        "Fill the cell. " + _ROW,
        "Remplissez la cellule. " + _LIGNE,
    ),
    "row-bad-email": FindingText(
        ERROR,
        "This is not an e-mail address.",
        "Ce n'est pas une adresse e-mail.",
        "Write it like name@example.org, one only, or leave the cell empty. " + _ROW,
        "Écrivez-la comme nom@exemple.fr, une seule, ou laissez la cellule vide. " + _LIGNE,
    ),
    "row-bad-number": FindingText(
        ERROR,
        "This is not a telephone or fax number.",
        "Ce n'est pas un numéro de téléphone ou de fax.",
        "Format the column as text and write numbers like +33 6 12 34 56 78. " + _ROW,
        "Mettez la colonne au format texte et écrivez les numéros comme +33 6 12 34 56 78. " + _LIGNE,
    ),
    "row-bad-amount": FindingText(
        ERROR,
        "This is not an amount or number, or can be read in two ways.",
        "Ce n'est pas un montant ni un nombre, ou il se lit de deux façons.",
        "Write it like 1234.50, without thousands. " + _ROW,
        "Écrivez-le comme 1234,50, sans séparateur de milliers. " + _LIGNE,
    ),
    "row-bad-date": FindingText(
        ERROR,
        "This is not a date.",
        "Ce n'est pas une date.",
        "Write it like 2026-03-31 or 31/03/2026. " + _ROW,
        "Écrivez-la comme 31/03/2026. " + _LIGNE,
    ),
    "row-bad-word": FindingText(
        ERROR,
        "This word is not known here.",
        "Ce mot n'est pas connu ici.",
        "A channel is post, email, sms or fax. " + _ROW,
        "Un canal est post, email, sms ou fax. " + _LIGNE,
    ),
    "row-formula": FindingText(
        ERROR,
        "A formula has no result in this cell.",
        "Une formule n'a pas de résultat dans cette cellule.",
        "Open the spreadsheet, let it calculate, replace errors such as #N/A, and save. " + _ROW,
        "Ouvrez le tableur, laissez-le calculer, remplacez les erreurs comme #N/A, puis enregistrez. " + _LIGNE,
    ),
    "row-too-long": FindingText(
        ERROR,
        "This text is longer than a field may be.",
        "Ce texte est plus long qu'un champ ne peut l'être.",
        "Shorten it to 20,000 characters. " + _ROW,
        "Abrégez-le à 20 000 caractères. " + _LIGNE,
    ),
    "row-not-made": FindingText(
        ERROR,
        "No letter could be made of this row.",
        "Aucun pli n'a pu être fait de cette ligne.",
        "Look at the reason beside it, and at the preview of this row in the template. " + _ROW,
        "Voyez la raison à côté, et l'aperçu de cette ligne dans le modèle. " + _LIGNE,
    ),
    "row-no-glyph": FindingText(
        WARNING,
        "No font has some of these characters.",
        "Aucune police n'a certains de ces caractères.",
        "They print as boxes: look at the letter, and correct the row or choose another font in the template.",
        "Ils s'impriment comme des carrés : regardez le pli, et corrigez la ligne ou changez de police dans le modèle.",
    ),
}
#: what begins with it was not made and cannot be released as it is
HOLDS = "row-"
