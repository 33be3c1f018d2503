"""Every finding that reading a document can yield, with its words in English and French.

The code travels and is stored; pages show the words of the reader's language, filled with nothing: place and offending text
stand beside them.
"""

from postoffice.compose.finding_text import FindingText
from postoffice.compose.findings_address import ADDRESS
from postoffice.compose.findings_cutting import CUTTING
from postoffice.compose.findings_merge import ROWS
from postoffice.compose.findings_paper import PAPER
from postoffice.model.finding import Box, Finding, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def finding(code: str, page: int | None = None, box: Box | None = None, text: str = "", severity: Severity | None = None) -> Finding:
    """A finding with its standard severity and English help. KeyError for a code that is not in the table."""
    words = FINDINGS[code]
    return Finding(code, severity or words.severity, page, box, text[:200], words.help_en)


_CORRECT = "Correct the address on the options page, or in your customer file and print again."
_CORRIGER = "Corrigez l'adresse sur la page des options, ou dans votre fichier puis imprimez de nouveau."
_LOOK = "Compare with the picture of the letter and correct the address if need be."
_COMPARER = "Comparez avec l'image du pli et corrigez l'adresse si nécessaire."
_CUT = "Check where this letter begins and ends; merge or cut the items by hand."
_COUPER = "Vérifiez où commence et finit ce pli ; fusionnez ou coupez les plis à la main."

FINDINGS: dict[str, FindingText] = {
    # --- the address
    "no-address": FindingText(
        ERROR,
        "There is no address in the window.",
        "Il n'y a pas d'adresse dans la fenêtre.",
        "Type the address, or check that the printer's layout (position of the window) suits this document.",
        "Saisissez l'adresse, ou vérifiez que la disposition de l'imprimante (position de la fenêtre) convient à ce document.",
    ),
    "address-too-few-lines": FindingText(
        WARNING,
        "The address has very few lines.",
        "L'adresse comporte très peu de lignes.",
        "An address has at least a name, a street or box, and a town. " + _CORRECT,
        "Une adresse comporte au moins un nom, une voie ou une boîte postale, et une ville. " + _CORRIGER,
    ),
    "address-too-many-lines": FindingText(
        ERROR,
        "The address has too many lines.",
        "L'adresse comporte trop de lignes.",
        "Take out what is not needed to deliver the letter. " + _CORRECT,
        "Retirez ce qui n'est pas nécessaire à la distribution. " + _CORRIGER,
    ),
    "address-line-too-long": FindingText(
        ERROR,
        "A line of the address is too long.",
        "Une ligne de l'adresse est trop longue.",
        "Shorten or abbreviate it: print houses and the post read a limited number of characters (38 in France). " + _CORRECT,
        "Abrégez-la : les imprimeurs et la poste lisent un nombre limité de caractères (38 en France). " + _CORRIGER,
    ),
    "address-no-postcode": FindingText(
        ERROR,
        "The address has no postcode with a town.",
        "L'adresse n'a pas de code postal avec sa ville.",
        "The last line (before the country) must bear postcode and town. " + _CORRECT,
        "La dernière ligne (avant le pays) doit porter le code postal et la ville. " + _CORRIGER,
    ),
    "address-bad-postcode": FindingText(
        ERROR,
        "This postcode does not exist in the country of the address.",
        "Ce code postal n'existe pas dans le pays de l'adresse.",
        _CORRECT,
        _CORRIGER,
    ),
    "address-unknown-country": FindingText(
        ERROR,
        "The line below the town is no country that we know.",
        "La ligne sous la ville n'est pas un pays connu.",
        "Write the country in French, English or German, in its own last line; leave it out at home. " + _CORRECT,
        "Écrivez le pays en français, anglais ou allemand, seul sur la dernière ligne ; rien pour le pays d'envoi. " + _CORRIGER,
    ),
    "address-no-country": FindingText(
        WARNING,
        "This looks like an address abroad, but it names no country.",
        "Cette adresse semble être à l'étranger, mais ne nomme pas de pays.",
        "Add the country as last line. " + _CORRECT,
        "Ajoutez le pays en dernière ligne. " + _CORRIGER,
    ),
    "address-bad-characters": FindingText(
        ERROR,
        "The address contains characters that cannot be printed or read, or a line without letters and digits.",
        "L'adresse contient des caractères illisibles, ou une ligne sans lettres ni chiffres.",
        _CORRECT,
        _CORRIGER,
    ),
    "address-merge-field": FindingText(
        ERROR,
        "A merge field was not replaced by its value.",
        "Un champ de fusion n'a pas été remplacé par sa valeur.",
        "Check the mail merge: this record lacks a value or the field is misspelt.",
        "Vérifiez le publipostage : il manque une valeur à cette fiche, ou le nom du champ est mal écrit.",
    ),
    "address-no-fixed-abode": FindingText(
        ERROR,
        "A letter cannot be delivered to a person of no fixed abode.",
        "Un pli ne peut pas être distribué à une personne sans domicile fixe.",
        "Use another channel, or the address of an organisation that receives the mail.",
        "Utilisez un autre canal, ou l'adresse d'un organisme de domiciliation.",
    ),
    "address-outside-window": FindingText(
        WARNING,
        "The address reaches beyond the window of the envelope.",
        "L'adresse dépasse la fenêtre de l'enveloppe.",
        "Move the address in the template, or use a smaller font: what lies outside cannot be read through the window.",
        "Déplacez l'adresse dans le modèle, ou réduisez la police : ce qui dépasse ne se lit pas dans la fenêtre.",
    ),
    "address-columns": FindingText(
        WARNING,
        "There is a wide gap within a line of the address.",
        "Il y a un grand blanc dans une ligne de l'adresse.",
        "Two columns may have been read as one line. " + _LOOK,
        "Deux colonnes ont pu être lues comme une ligne. " + _COMPARER,
    ),
    "address-gap": FindingText(
        INFO,
        "There is an empty line within the address.",
        "Il y a une ligne vide dans l'adresse.",
        "Machines may stop reading at an empty line (NF Z 10-011 forbids it): close it in the template.",
        "Les machines peuvent s'arrêter à une ligne vide (NF Z 10-011 l'interdit) : supprimez-la dans le modèle.",
    ),
    "address-set-aside": FindingText(
        INFO,
        "A line in the window was not taken as part of the address.",
        "Une ligne de la fenêtre n'a pas été prise comme partie de l'adresse.",
        "Sender lines, references and notices stay on the letter. " + _LOOK,
        "Les lignes d'expéditeur, références et mentions restent sur le pli. " + _COMPARER,
    ),
    "address-text-below": FindingText(
        WARNING,
        "There is text in the window below the address.",
        "Il y a du texte dans la fenêtre sous l'adresse.",
        "It was not taken as part of the address, but it can be read through the window. " + _LOOK,
        "Il n'a pas été pris comme partie de l'adresse, mais il se lit dans la fenêtre. " + _COMPARER,
    ),
    "window-crossed": FindingText(
        WARNING,
        "Text from outside runs into the window.",
        "Du texte extérieur empiète sur la fenêtre.",
        "It can be read through the window and confuses sorting machines: move it in the template.",
        "Il se lit dans la fenêtre et gêne le tri automatique : déplacez-le dans le modèle.",
    ),
    "ocr-address": FindingText(
        INFO,
        "The address was read from a picture.",
        "L'adresse a été lue dans une image.",
        _LOOK + " Printing as PDF with text gives a sure reading.",
        _COMPARER + " Un PDF avec du texte donne une lecture sûre.",
    ),
    "ocr-unavailable": FindingText(
        ERROR,
        "The address is a picture, and character recognition is not available.",
        "L'adresse est une image, et la reconnaissance de caractères n'est pas disponible.",
        "Type the address by hand, or ask your administrator to install tesseract.",
        "Saisissez l'adresse à la main, ou demandez à votre administrateur d'installer tesseract.",
    ),
    **ADDRESS,
    # --- where letters begin and end
    "address-repeated": FindingText(
        INFO,
        "A following page bears the same address: it was taken as part of this letter.",
        "Une page suivante porte la même adresse : elle a été prise comme partie de ce pli.",
        _CUT,
        _COUPER,
    ),
    "second-address-inside": FindingText(
        ERROR,
        "Another address stands in the window of a following page: two letters may be in this item.",
        "Une autre adresse figure dans la fenêtre d'une page suivante : ce pli en contient peut-être deux.",
        _CUT,
        _COUPER,
    ),
    "looks-like-first-page": FindingText(
        ERROR,
        "This page looks like the first page of a letter, but its window is empty.",
        "Cette page ressemble à la première page d'un pli, mais sa fenêtre est vide.",
        "It was cut off from the letter before, so that nobody gets another person's page. " + _CUT,
        "Elle a été séparée du pli précédent, pour que personne ne reçoive la page d'un autre. " + _COUPER,
    ),
    "pages-left-over": FindingText(
        ERROR,
        "The last item has fewer pages than the rule says.",
        "Le dernier pli a moins de pages que ne le dit la règle.",
        "The document does not divide evenly: a page may be missing or one too many. " + _CUT,
        "Le document ne se divise pas exactement : il manque peut-être une page, ou il y en a une de trop. " + _COUPER,
    ),
    "text-never-found": FindingText(
        WARNING,
        "The text that should begin a letter was not found on any page.",
        "Le texte qui doit commencer un pli n'a été trouvé sur aucune page.",
        "Check the zone and the expression of the splitting rule.",
        "Vérifiez la zone et l'expression de la règle de découpage.",
    ),
    "no-address-anywhere": FindingText(
        WARNING,
        "No page has an address in the window.",
        "Aucune page ne porte d'adresse dans la fenêtre.",
        "Check that the printer's layout (position of the window) suits this document, or cut by page count.",
        "Vérifiez que la disposition de l'imprimante (position de la fenêtre) convient, ou découpez par nombre de pages.",
    ),
    # --- the pages
    "page-not-a4": FindingText(
        ERROR,
        "The page is not A4.",
        "La page n'est pas au format A4.",
        "Set the paper size to A4 (210 x 297 mm) and print again.",
        "Réglez le format du papier sur A4 (210 x 297 mm) et imprimez de nouveau.",
    ),
    "page-landscape": FindingText(
        WARNING,
        "The page is in landscape.",
        "La page est en paysage.",
        "Turn it to portrait: the first page must show its address upright. Where it holds two A5 pages, print one page to a sheet.",
        "Passez-la en portrait : la première page doit présenter son adresse à l'endroit. Si elle porte deux pages A5, imprimez une "
        "page par feuille.",
    ),
    "content-outside-printable-area": FindingText(
        WARNING,
        "Something is drawn outside the printable area.",
        "Quelque chose est imprimé hors de la zone imprimable.",
        "It may be cut off. Widen the margins of the template, or move what is named here.",
        "Cela risque d'être coupé. Élargissez les marges du modèle, ou déplacez ce qui est indiqué.",
    ),
    "page-blank": FindingText(
        INFO,
        "The page is blank.",
        "La page est blanche.",
        "It is printed and weighed like any other; take it out of the template if it is not wanted.",
        "Elle est imprimée et pesée comme les autres ; retirez-la du modèle si elle n'est pas voulue.",
    ),
    "page-image-only": FindingText(
        INFO,
        "The page is a picture without text.",
        "La page est une image sans texte.",
        "Its text cannot be searched, and its address has to be recognised. Print as PDF with text if you can.",
        "Son texte ne peut pas être recherché, et son adresse doit être reconnue. Imprimez en PDF avec texte si possible.",
    ),
    "page-garbled-text": FindingText(
        INFO,
        "The letters of this page cannot be told from its fonts.",
        "Les polices de cette page ne permettent pas d'en lire les lettres.",
        "It prints well, but its text had to be recognised like a picture's. Embed the fonts with their Unicode tables.",
        "Elle s'imprime bien, mais son texte a dû être reconnu comme une image. Incorporez les polices avec leurs tables Unicode.",
    ),
    "page-unreadable": FindingText(
        ERROR,
        "The page is damaged and cannot be read.",
        "La page est endommagée et ne peut pas être lue.",
        "Print or export the document again.",
        "Imprimez ou exportez de nouveau le document.",
    ),
    # --- the item
    "too-many-sheets": FindingText(
        ERROR,
        "This item does not fit into the largest envelope (45 sheets).",
        "Ce pli ne tient pas dans la plus grande enveloppe (45 feuilles).",
        "Check that it was cut rightly, shorten it, or send it by e-mail.",
        "Vérifiez le découpage, raccourcissez-le, ou envoyez-le par e-mail.",
    ),
    "only-duplex-fits": FindingText(
        WARNING,
        "This item only fits into an envelope when printed on both sides.",
        "Ce pli ne tient dans une enveloppe qu'imprimé recto verso.",
        "Choose both sides.",
        "Choisissez le recto verso.",
    ),
    # --- the document
    "pdf-forms": FindingText(
        WARNING,
        "The document has form fields.",
        "Le document contient des champs de formulaire.",
        "What is filled in may be printed or not, as the print house has it: have the fields made part of the page.",
        "Leur contenu est imprimé ou non selon l'imprimeur : faites fondre les champs dans la page.",
    ),
    "pdf-scripts": FindingText(
        WARNING,
        "The document contains scripts.",
        "Le document contient des scripts.",
        "They are not carried out and do not travel with the letters.",
        "Ils ne sont pas exécutés et ne voyagent pas avec les plis.",
    ),
    "pdf-attachments": FindingText(
        INFO,
        "The document has files attached.",
        "Le document contient des fichiers joints.",
        "They stay with the whole document and do not travel with the single letters.",
        "Ils restent avec le document entier et ne voyagent pas avec chaque pli.",
    ),
    "pdf-restricted": FindingText(
        INFO,
        "The document is marked as restricted by its author.",
        "Le document est marqué comme restreint par son auteur.",
        "It can be read; check that you may send it.",
        "Il est lisible ; vérifiez que vous avez le droit de l'envoyer.",
    ),
    "pdf-repaired": FindingText(
        WARNING,
        "The document was damaged and has been repaired.",
        "Le document était endommagé et a été réparé.",
        "Check that the last pages are there, or print it again.",
        "Vérifiez que les dernières pages sont présentes, ou imprimez-le de nouveau.",
    ),
    # --- what a print house would stumble over
    **PAPER,
    # --- how the document is cut
    **CUTTING,
    **ROWS,
}
