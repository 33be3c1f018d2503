"""What the printer says to people: status messages and job states, in the two languages of the house.

Failures of the reception come by their code; a code without a French sentence is told in English.
"""

from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Mailing
from postoffice.model.states import MailingState

_STATES: dict[MailingState, tuple[str, str]] = {
    MailingState.RECEIVING: ("The document is still coming in.", "Le document est en cours de réception."),
    MailingState.RECEIVED: ("Received. The letters are being read.", "Reçu. Les plis sont en cours de lecture."),
    MailingState.READING: ("Received. The letters are being read.", "Reçu. Les plis sont en cours de lecture."),
    MailingState.WAITING: (
        "Printed to the post office: {items} letters wait on your desk.",
        "Imprimé : {items} plis attendent sur votre bureau.",
    ),
    MailingState.APPROVING: (
        "Printed to the post office: {items} letters wait for approval.",
        "Imprimé : {items} plis attendent une approbation.",
    ),
    MailingState.PLANNING: ("Printed to the post office: {items} letters are being sent.", "Imprimé : {items} plis en cours d'envoi."),
    MailingState.SENDING: ("Printed to the post office: {items} letters are being sent.", "Imprimé : {items} plis en cours d'envoi."),
    MailingState.FINISHED: ("Printed to the post office: {items} letters were sent.", "Imprimé : {items} plis envoyés."),
    MailingState.FAILED: ("This document could not be read: see the desk.", "Ce document n'a pas pu être lu : voyez le bureau."),
    MailingState.ABORTED: ("The upload broke off; nothing was kept.", "La transmission a été interrompue ; rien n'a été conservé."),
    MailingState.CANCELLED: ("Cancelled.", "Annulé."),
}

_FRENCH: dict[str, str] = {
    "printer-ready": "Prête.",
    "printer-full": "Trop d'envois attendent déjà : envoyez-en ou annulez-en sur le bureau.",
    "too-large": "Ce document dépasse la taille permise pour un travail ({limit} octets). Imprimez-le en plusieurs parties.",
    "printer-paused": "Cette imprimante est en pause. Demandez à votre administrateur de la remettre en service.",
    "too-many-waiting": "{limit} envois de cette imprimante attendent déjà. Envoyez-en ou annulez-en sur le bureau.",
    "unknown-kind": "Ce genre de document ne peut pas être envoyé : imprimez en PDF, PostScript, JPEG, PNG, TIFF, PWG ou URF.",
    "empty": "Le document est vide. Imprimez-le de nouveau.",
    "mailing-state": "Cet envoi ne peut plus être modifié : voyez le bureau.",
    "unknown-printer": "Cette adresse d'imprimante n'est pas ou plus valable. Demandez la nouvelle à votre administrateur.",
    "unknown-job": "Cette imprimante ne connaît pas ce travail.",
    "office-trouble": "Le bureau de poste ne peut rien recevoir en ce moment. Rien n'a été conservé ; réessayez dans quelques minutes.",
    "disk-full": "Le disque est plein : rien n'a été conservé. Prévenez votre administrateur.",
}

_ENGLISH: dict[str, str] = {
    "printer-ready": "Ready.",
    "printer-paused": "This printer is paused. Ask your administrator to resume it.",
    "printer-full": "Too many mailings wait already: send or cancel some of them on the desk.",
    "unknown-printer": "This printer address is not, or no longer, valid. Ask your administrator for the new one.",
    "unknown-job": "This printer does not know that job.",
    "office-trouble": "The post office cannot take anything at this moment. Nothing was kept; try again in a few minutes.",
}


def tongue(language: str) -> str:
    """`fr` for any French, else `en`."""
    return "fr" if language[:2].lower() == "fr" else "en"


def state_sentence(mailing: Mailing, language: str) -> str:
    """The job-state-message of a mailing."""
    english, french = _STATES[mailing.state]
    return (french if language == "fr" else english).format(items=mailing.items)


def sentence(code: str, language: str) -> str:
    """A sentence of the printer's own, by its code."""
    return _FRENCH[code] if language == "fr" else _ENGLISH[code]


def failure_sentence(error: PostOfficeError, language: str) -> str:
    """What failed and what to do."""
    french = _FRENCH.get(error.code) if language == "fr" else None
    if french is None:
        return f"{error.message} {error.help}".strip()
    try:
        return french.format(**error.facts)
    except (KeyError, IndexError):
        return f"{error.message} {error.help}".strip()
