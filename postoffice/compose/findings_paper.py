"""The findings of preflight: what a print house would stumble over. None holds a letter: it can be printed, somebody should look."""

from postoffice.compose.finding_text import FindingText
from postoffice.model.finding import Severity

WARNING, INFO = Severity.WARNING, Severity.INFO

PAPER: dict[str, FindingText] = {
    "window-not-clear": FindingText(
        WARNING,
        "A drawing or picture reaches into the window.",
        "Un dessin ou une image empiète sur la fenêtre.",
        "Sorting machines read the address badly beside it: move it in the template, or have the window cleared.",
        "Le tri automatique lit mal l'adresse à côté : déplacez-le dans le modèle, ou faites dégager la fenêtre.",
    ),
    "font-not-embedded": FindingText(
        WARNING,
        "A font is not part of the document.",
        "Une police n'est pas incorporée au document.",
        "Another font may be printed in its place, with other widths. Embed fonts when you save the PDF, or have it done here.",
        "Une autre police peut être imprimée à sa place. Incorporez les polices en enregistrant le PDF, ou faites-le faire ici.",
    ),
    "font-type3": FindingText(
        INFO,
        "A font is made of drawings (Type 3).",
        "Une police est faite de dessins (Type 3).",
        "It prints, sometimes coarsely, and some print houses refuse it. Choose a TrueType or OpenType font in the program.",
        "Elle s'imprime, parfois grossièrement, et certains imprimeurs la refusent. Choisissez une police TrueType ou OpenType.",
    ),
    "text-tiny": FindingText(
        WARNING,
        "Some text is smaller than 5 points.",
        "Du texte fait moins de 5 points.",
        "It can hardly be read on paper, and not at all by fax: make it larger in the template.",
        "Il est à peine lisible sur papier, et illisible par fax : agrandissez-le dans le modèle.",
    ),
    "line-thin": FindingText(
        INFO,
        "A line is thinner than a quarter of a point.",
        "Un trait fait moins d'un quart de point.",
        "It may break up or vanish in print: make it 0.25 pt (0.09 mm) or more.",
        "Il peut être interrompu ou disparaître à l'impression : donnez-lui au moins 0,25 pt (0,09 mm).",
    ),
    "image-coarse": FindingText(
        WARNING,
        "A picture has fewer than 100 dots an inch.",
        "Une image a moins de 100 points par pouce.",
        "Its pixels will be seen on paper. Use a picture of 200 dots an inch or more, or show it smaller.",
        "Ses pixels se verront sur papier. Utilisez une image d'au moins 200 points par pouce, ou réduisez-la.",
    ),
    "transparency": FindingText(
        INFO,
        "Something on the page is transparent.",
        "Un élément de la page est transparent.",
        "Older printing systems show it otherwise. Have it flattened if your print house asks for PDF/A-1 or PDF/X-1a.",
        "D'anciens systèmes l'impriment autrement. Faites-le aplatir si votre imprimeur demande du PDF/A-1 ou PDF/X-1a.",
    ),
    "colour": FindingText(
        INFO,
        "There is colour on the page.",
        "Il y a de la couleur sur la page.",
        "It is printed in shades of grey unless colour is chosen. Look at it in grey before you send it.",
        "Elle est imprimée en niveaux de gris sauf si la couleur est choisie. Regardez-la en gris avant l'envoi.",
    ),
    "page-duplicate": FindingText(
        WARNING,
        "Two pages of this letter are the same.",
        "Deux pages de ce pli sont identiques.",
        "A page may have been printed twice: check the letter, or cut it by hand.",
        "Une page a peut-être été imprimée deux fois : vérifiez le pli, ou coupez-le à la main.",
    ),
    "pdf-xfa": FindingText(
        WARNING,
        "The document is an XFA form.",
        "Le document est un formulaire XFA.",
        "Only Adobe Reader shows its real pages. Print it from there to the post office's printer.",
        "Seul Adobe Reader montre ses vraies pages. Imprimez-le depuis ce logiciel sur l'imprimante du bureau de poste.",
    ),
}
