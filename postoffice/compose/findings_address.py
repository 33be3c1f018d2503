"""Findings of fitting an address and of checking its town. See compose.findings."""

from postoffice.compose.finding_text import FindingText
from postoffice.model.finding import Severity

_PROPOSED = "What was probably meant stands behind the arrow; nothing was changed. Correct the address if need be."
_PROPOSE = "Ce qui était sans doute voulu est derrière la flèche ; rien n'a été changé. Corrigez l'adresse si nécessaire."

ADDRESS: dict[str, FindingText] = {
    "address-fitted": FindingText(
        Severity.INFO,
        "A line of the address was put into the form that the post wants.",
        "Une ligne de l'adresse a été mise à la norme postale.",
        "The line as printed, then as it goes onto address sheets and to print houses. The letter itself is not changed.",
        "La ligne imprimée, puis celle des feuilles d'adresse et des imprimeurs. Le pli lui-même n'est pas modifié.",
    ),
    "address-town-postcode": FindingText(
        Severity.WARNING,
        "The postcode and the town do not belong together.",
        "Le code postal et la ville ne vont pas ensemble.",
        _PROPOSED,
        _PROPOSE,
    ),
    "address-town-spelling": FindingText(
        Severity.WARNING,
        "The town is probably misspelt.",
        "Le nom de la ville est sans doute mal écrit.",
        _PROPOSED,
        _PROPOSE,
    ),
    "address-postcode-unknown": FindingText(
        Severity.WARNING,
        "No town is known to have this postcode.",
        "Aucune ville connue n'a ce code postal.",
        "It may be a company's own code. " + _PROPOSED,
        "C'est peut-être le code propre d'une entreprise. " + _PROPOSE,
    ),
}
