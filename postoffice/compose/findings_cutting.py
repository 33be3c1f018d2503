"""Findings of cutting: separators, markers, spreadsheets, bookmarks, proposals, fields. See compose.findings."""

from postoffice.compose.finding_text import FindingText
from postoffice.model.finding import Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_MARKER = "The words are: email, mobile, fax, ref, customer, invoice, amount, due, purpose, channel."
_MARQUEUR = "Les mots sont : courriel, mobile, fax, ref, client, facture, montant, echeance, finalite, canal."

CUTTING: dict[str, FindingText] = {
    "rule-matches-nothing": FindingText(
        WARNING,
        "The cutting rule matches nothing in this document: it is one single letter so far.",
        "La règle de découpe ne trouve rien dans ce document : il ne forme pour l'instant qu'un seul pli.",
        "Choose another way of cutting below. Nothing leaves by itself.",
        "Choisissez une autre découpe ci-dessous. Rien ne part tout seul.",
    ),
    "cut-uncertain": FindingText(
        WARNING,
        "No way of cutting this document is certain: somebody should look.",
        "Aucune découpe de ce document n'est certaine : quelqu'un doit regarder.",
        "Compare the proposals below and choose one, or keep what stands here. Nothing leaves by itself.",
        "Comparez les propositions ci-dessous et choisissez-en une, ou gardez celle-ci. Rien ne part tout seul.",
    ),
    "separators-dropped": FindingText(
        INFO,
        "Separator pages were left out.",
        "Des pages de séparation ont été retirées.",
        "They belong to no letter and are not sent.",
        "Elles n'appartiennent à aucun pli et ne sont pas envoyées.",
    ),
    "separators-empty": FindingText(
        WARNING,
        "Two separator pages follow each other: a letter without pages was left out.",
        "Deux pages de séparation se suivent : un pli sans page a été ignoré.",
        "Check that no letter is missing here.",
        "Vérifiez qu'il ne manque aucun pli à cet endroit.",
    ),
    "pages-before-first": FindingText(
        ERROR,
        "These pages stand before the first letter.",
        "Ces pages se trouvent avant le premier pli.",
        "Leave them out, or merge them with the letter they belong to.",
        "Écartez-les, ou fusionnez-les avec le pli auquel elles appartiennent.",
    ),
    "marker-not-closed": FindingText(
        ERROR,
        "A marker has no end.",
        "Un marqueur n'a pas de fin.",
        "Write }} at its end, all on one line, and print again; or fill in by hand what it should say.",
        "Écrivez }} à la fin, sur une seule ligne, puis imprimez de nouveau ; ou saisissez à la main ce qu'il devait dire.",
    ),
    "marker-unknown-word": FindingText(
        WARNING,
        "A marker bears a word that is not known.",
        "Un marqueur comporte un mot inconnu.",
        _MARKER,
        _MARQUEUR,
    ),
    "marker-bad-value": FindingText(
        ERROR,
        "A marker's value cannot be used.",
        "La valeur d'un marqueur est inutilisable.",
        "Correct it by hand, or in your customer file and print again. " + _MARKER,
        "Corrigez-la à la main, ou dans votre fichier puis imprimez de nouveau. " + _MARQUEUR,
    ),
    "marker-twice": FindingText(
        ERROR,
        "The markers of this letter contradict each other.",
        "Les marqueurs de ce pli se contredisent.",
        "Check the address of e-mail, the numbers and the reference; the first marker was used.",
        "Vérifiez l'adresse e-mail, les numéros et la référence ; le premier marqueur a été utilisé.",
    ),
    "marker-visible": FindingText(
        ERROR,
        "The recipient would see the marker.",
        "Le destinataire verrait le marqueur.",
        "Set it in white or at a size of 1 point in your document, and print again.",
        "Mettez-le en blanc ou en taille 1 dans votre document, puis imprimez de nouveau.",
    ),
    "marker-other-purpose": FindingText(
        ERROR,
        "This letter is meant for another purpose than the mailing.",
        "Ce pli a une autre finalité que l'envoi.",
        "Leave it out and send it in a mailing of its own purpose.",
        "Écartez-le et envoyez-le dans un envoi qui a sa finalité.",
    ),
    "order-other-address": FindingText(
        ERROR,
        "The spreadsheet names another recipient than the letter.",
        "Le tableur indique un autre destinataire que le pli.",
        "Check the order of the rows against the letters.",
        "Vérifiez l'ordre des lignes par rapport aux plis.",
    ),
    "order-bad-value": FindingText(
        ERROR,
        "A cell of the spreadsheet cannot be used.",
        "Une cellule du tableur est inutilisable.",
        "Correct it by hand, or in the spreadsheet and read again.",
        "Corrigez-la à la main, ou dans le tableur puis relisez.",
    ),
    "field-not-read": FindingText(
        WARNING,
        "A field that should be read was not found on this letter.",
        "Un champ attendu n'a pas été trouvé sur ce pli.",
        "Check where the field is read, or fill it in by hand.",
        "Vérifiez où ce champ est lu, ou saisissez-le à la main.",
    ),
    "field-missing": FindingText(
        ERROR,
        "A field that must be there was not found on this letter.",
        "Un champ obligatoire n'a pas été trouvé sur ce pli.",
        "Check where the field is read, or fill it in by hand.",
        "Vérifiez où ce champ est lu, ou saisissez-le à la main.",
    ),
    "fields-differ": FindingText(
        ERROR,
        "What was read on the page is not what the marker or the spreadsheet says.",
        "Ce qui est lu sur la page diffère de ce qu'indique le marqueur ou le tableur.",
        "Check the value; the marker's or the spreadsheet's was used.",
        "Vérifiez la valeur ; celle du marqueur ou du tableur a été utilisée.",
    ),
    "numbering-disagrees": FindingText(
        WARNING,
        "The page numbers printed on this letter do not fit its cut.",
        "Les numéros de page imprimés sur ce pli ne correspondent pas à sa découpe.",
        "Check where this letter begins and ends; merge or cut the items by hand.",
        "Vérifiez où commence et finit ce pli ; fusionnez ou coupez les plis à la main.",
    ),
}
