"""Answers that say "no more" and nothing else: a table of phrases in English and French.

A sentence that merely holds such a word is no wish: the whole of the new text must be one. To take somebody off by mistake is
worse than to leave it to the person who reads the answer.
"""

import re
import unicodedata
from typing import NamedTuple

from postoffice.tracking.mail.reply import SIGNATURE, Reply

_MOST_WORDS = 15
_MOST_LETTERS = 300
_MOST_OF_A_NAME = 4  #: words below the wish


class Wish(NamedTuple):
    """`pattern` must match the whole text as `bare` gives it. `sample`: an answer that the rule is for."""

    language: str
    sample: str
    pattern: re.Pattern[str]


_MAILS = r"(?:e ?mails?|mails?|messages?|newsletters?)"
_LIST = (
    rf"(?: (?:(?:from|off|of) )?(?:your|the|this|all)?(?: \w+)? ?"
    rf"(?:mailing ?lists?|mail lists?|mailings|lists?|database|{_MAILS}))?"
)
_COURRIELS = r"(?:e ?mails?|mails?|courriels?|messages?|newsletters?|publicites?|envois?|sollicitations?)"
_LISTE = (
    r"(?: (?:de|des|du|a|sur) ?(?:la |le |l |cette |ces |vos |votre |toutes? (?:les |vos )?)?"
    rf"(?:listes?(?: de diffusion| d envoi)?|fichiers?|base(?: de donnees)?|lettre(?: d information)?|{_COURRIELS}))?"
)

WISHES: tuple[Wish, ...] = (
    Wish("en fr", "STOP", re.compile(r"stop(?: (?:all|mail|e ?mails?|mails?|sms|pub))?")),
    Wish("en", "Please unsubscribe me from this list.", re.compile(rf"un ?subscribe(?: (?:me|us|my (?:e ?mail )?address))?{_LIST}")),
    Wish(
        "en",
        "Remove me from your mailing list",
        re.compile(rf"(?:remove|delete|take) (?:me|us|my (?:e ?mail )?address|my e ?mail){_LIST}"),
    ),
    Wish("en", "opt-out", re.compile(rf"opt(?:ing)? ?(?:me )?out{_LIST}")),
    Wish(
        "en",
        "Stop sending me emails",
        re.compile(
            r"(?:stop (?:sending|e ?mailing|mailing|writing|contacting)|(?:do not|don ?t) (?:send|e ?mail|mail|write|contact))"
            rf"(?: to)?(?: (?:me|us))(?: any ?more)?(?: (?:(?:your|these|any|more) ?)*{_MAILS})?(?: any ?more)?"
        ),
    ),
    Wish("en", "No more emails", re.compile(rf"no more (?:of (?:your|these) )?{_MAILS}")),
    Wish(
        "en",
        "I no longer wish to receive these emails",
        re.compile(
            r"(?:i|we) (?:no longer (?:wish|want)|do not (?:wish|want)|don ?t (?:wish|want)) to (?:receive|get) "
            rf"(?:(?:your|these|any|such|more) )*{_MAILS}(?: from you)?(?: any ?more)?"
        ),
    ),
    Wish("fr", "Désabonnement", re.compile(rf"(?:desabonnement|desinscription|se desabonner|desabonner|desinscrire){_LISTE}")),
    Wish(
        "fr",
        "Je souhaite me désabonner de votre liste",
        re.compile(
            r"(?:(?:merci de|pouvez vous|pourriez vous|je (?:souhaite|veux|voudrais|desire)|nous souhaitons|de) )?"
            rf"(?:me|nous) (?:desabonner|desinscrire|retirer|supprimer|enlever|rayer){_LISTE}"
        ),
    ),
    Wish(
        "fr",
        "Désabonnez-moi de votre liste",
        re.compile(
            r"(?:merci de )?(?:desabonne[rz]?|desinscri(?:re|vez|s)|retire[rz]?|supprime[rz]?|enleve[rz]?|raye[rz]?)"
            rf" (?:moi|nous|(?:mon|notre) (?:adresse|e ?mail|mail|courriel)){_LISTE}"
        ),
    ),
    Wish(
        "fr",
        "Je ne souhaite plus recevoir vos mails",
        re.compile(
            r"(?:(?:je|nous) )?(?:(?:ne )?(?:souhaite|veux|desire|voulons|souhaitons|desirons) (?:plus|pas)|(?:merci de )?ne plus) "
            r"(?:recevoir|(?:me|m|nous) (?:envoyer|ecrire|contacter|solliciter|adresser))(?: (?:de|vos|ces|ce genre de|ce type de))?"
            rf"(?: {_COURRIELS})?(?: de votre part)?"
        ),
    ),
    Wish(
        "fr",
        "Arrêtez de m'envoyer des mails",
        re.compile(
            r"(?:arretez|cessez) (?:de (?:m|nous|me) ?(?:envoyer|ecrire|contacter|solliciter)(?: (?:des|vos|ces|les|tous vos))?"
            rf"|(?:vos|les|ces))(?: {_COURRIELS})?"
        ),
    ),
)
_GREETING = re.compile(
    r"(?:hello|hi|hey|dear|good (?:morning|day|evening)|bonjour|bonsoir|salut|madame|monsieur|mesdames|messieurs)(?: [a-z]+){0,4}"
)
_CLOSING = re.compile(
    r"(?:(?:kind|best|warm|many) )?(?:regards|wishes|thanks)|thank you(?: very much| in advance)?|thx|yours(?: sincerely| faithfully)?"
    r"|sincerely|cheers|(?:bien )?cordialement|bien a vous|merci(?: beaucoup| d avance| par avance)?|(?:sinceres )?salutations|cdl?t"
)
_BEFORE = re.compile(
    r"(?:(?:hello|hi|bonjour|bonsoir|please|pls|kindly|can you|could you|i (?:would like|want|wish) to|s ?il vous plait|svp"
    r"|merci de bien vouloir|veuillez) )+"
)
_AFTER = re.compile(
    r"(?: (?:please|pls|thanks|thank you|thx|in advance|cordialement|merci(?: beaucoup| d avance| par avance)?|svp|s ?il vous plait"
    r"|immediately|now|immediatement|definitivement))+$"
)


def wants_no_more(reply: Reply) -> bool:
    """Whether the new text is short and says nothing but "no more".

    An empty text under such a subject counts too (mail programs that answer a List-Unsubscribe address); with "Re:" the subject
    is ours and says nothing.
    """
    text = SIGNATURE.split(reply.text, maxsplit=1)[0].strip()
    if not text and not reply.quoted and not re.match(r"\s*(?:re|tr|fwd?|aw)\s*:", reply.subject, re.IGNORECASE):
        text = reply.subject
    if not text or len(text) > _MOST_LETTERS:
        return False
    lines = _middle([one for line in text.split("\n") if (one := bare(line))])
    if not lines or sum(len(line.split()) for line in lines) > _MOST_WORDS:
        return False
    if _says(" ".join(lines)):
        return True
    name = " ".join(lines[1:]).split()
    return _says(lines[0]) and len(name) <= _MOST_OF_A_NAME


def _middle(lines: list[str]) -> list[str]:
    """The lines between a greeting and the words of a close; whoever signs below the close may have any name."""
    if len(lines) > 1 and _GREETING.fullmatch(lines[0]):
        lines = lines[1:]
    end = next((at for at, line in enumerate(lines) if at and _CLOSING.fullmatch(line)), len(lines))
    return lines[:end] if len(" ".join(lines[end:]).split()) <= _MOST_WORDS else lines


def _says(said: str) -> bool:
    begun = _BEFORE.match(said)
    plain = said[begun.end() :] if begun else said
    forms = {said, plain, _AFTER.sub("", said), _AFTER.sub("", plain)}
    return any(wish.pattern.fullmatch(form) for wish in WISHES for form in forms)


def bare(text: str) -> str:
    """Small letters without accents, one blank for everything that is neither a letter nor a digit."""
    letters = unicodedata.normalize("NFKD", text[: 2 * _MOST_LETTERS].lower().replace("œ", "oe"))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", "".join(one for one in letters if not unicodedata.combining(one))).split())
