"""Opting out by an answer: only by a text that says nothing else, and only by new words."""

import pytest

from postoffice.tracking.mail.reply import Reply, read_reply
from postoffice.tracking.mail.wishes import WISHES, wants_no_more

WANTED = [wish.sample for wish in WISHES] + [
    "Stop.",
    "stop please",
    "Unsubscribe\n\nSent from my iPhone",
    "Hello,\nPlease unsubscribe me from your mailing list.\nThanks\nBob Smith",
    "take me off your list",
    "please stop sending me emails",
    "Don't send me any more emails",
    "I do not want to receive these emails anymore",
    "Bonjour,\nMerci de me désinscrire de votre liste.\nCordialement,\nAnne Dupont",
    "Merci de me désabonner",
    "Je ne veux plus recevoir vos emails",
    "Merci de ne plus m'envoyer de mails",
    "Veuillez supprimer mon adresse de vos fichiers",
    "Arrêtez de m’envoyer vos mails !",
    "Retirez-moi de votre liste de diffusion, merci",
]
NOT_WANTED = [
    "",
    "Please don't stop sending me invoices",
    "Stop by tomorrow at 10",
    "How do I unsubscribe?",
    "I cannot unsubscribe from the gym contract, can you help?",
    "Ne me désabonnez pas",
    "Merci",
    "no more",
    "Do not",
    "supprimer",
    "Arrêtez",
    "Stop the delivery of parcel 12",
    "Merci de supprimer la facture",
    "Merci de nous désinscrire du colloque de mardi",
    "Please remove me from the invoice and put my husband",
    "no more messages please call me at 10",
    "Je souhaite me désabonner de ma ligne fibre à la fin du mois, que dois-je faire ?",
    "STOP\n\nI have moved. Please send the invoices to my new address from now on, 12 rue des Lilas.",
    "STOP " * 40,
]


@pytest.mark.parametrize("text", WANTED)
def test_a_wish(text: str) -> None:
    assert wants_no_more(Reply("a@b.example", "Re: Facture", text, True))


@pytest.mark.parametrize("text", NOT_WANTED)
def test_no_wish(text: str) -> None:
    assert not wants_no_more(Reply("a@b.example", "Re: Facture", text, False))


@pytest.mark.parametrize(("subject", "wanted"), [("unsubscribe", True), ("Re: unsubscribe", False), ("STOP", True), ("Facture", False)])
def test_an_empty_text_under_a_subject_of_its_own(subject: str, wanted: bool) -> None:
    assert wants_no_more(Reply("a@b.example", subject, "", False)) is wanted


QUOTED = [
    "Merci bien.\n\nLe lun. 3 mars 2025 à 09:30, Mairie <m@x.example> a\nécrit :\n\n> STOP\n",
    "Merci bien.\n\nOn Mon, 3 Mar 2025 at 09:30, Office <m@x.example> wrote:\n> STOP\n",
    "Merci bien.\n\nOn Mon, 3 Mar 2025 at 09:30, Office with a long name\n<m@x.example> wrote:\nSTOP\n",
    "Merci bien.\n\n-----Message d'origine-----\nDe : Office\nSTOP\n",
    "Merci bien.\n________________________________\nFrom: Office\nSTOP\n",
    "Merci bien.\n\nDe : Office <m@x.example>\nEnvoyé : lundi 3 mars 2025 09:30\nÀ : Anna\nObjet : STOP\n",
    "On Mon, 3 Mar 2025 at 09:30, Office <m@x.example> wrote:\n> STOP\n\nMerci bien.\n",
]


@pytest.mark.parametrize("text", QUOTED, ids=range(len(QUOTED)))
def test_what_is_quoted_is_not_said(text: str) -> None:
    reply = read_reply(f"From: Anna <anna@client.example>\nSubject: Re: x\n\n{text}".encode())
    assert (reply.text, reply.quoted, reply.sender) == ("Merci bien.", True, "anna@client.example")


@pytest.mark.parametrize("mark", ['<blockquote type="cite">', '<div class="gmail_quote">', "<div id='divRplyFwdMsg'>"])
def test_html_alone(mark: str) -> None:
    html = f"<html><style>p {{}}</style><p>Merci<br>bien.</p>{mark}STOP</div><script>alert(1)</script></html>"
    reply = read_reply(f"From: a@b.example\nContent-Type: text/html\n\n{html}".encode())
    assert (reply.text.split(), reply.quoted) == (["Merci", "bien."], True)


def test_invisible_letters_and_long_texts() -> None:
    reply = read_reply("From: a@b.example\nSubject: a\x07b\n\nM\u202eer\x00ci \u200b👍\n".encode() + b"x" * 100_000)
    assert reply.text.startswith("Merci 👍\nxxx") and len(reply.text) == 20_000 and reply.subject == "ab"


def test_an_attached_text_is_not_what_was_said() -> None:
    mail = (
        "From: a@b.example\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\nMerci\n--z\n"
        "Content-Type: text/plain\nContent-Disposition: attachment\n\nSTOP\n--z--\n"
    )
    assert read_reply(mail.encode()).text == "Merci"
