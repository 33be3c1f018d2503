"""Mails and short messages around a letter: complete in both languages, harmless whatever the words are."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postoffice.compose.message import _GSM, gsm, render_message
from postoffice.model.channel import Purpose
from postoffice.model.errors import NotFound, Unreadable

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LINK = "https://courrier.mairie-de-lys.example/l/" + "a1B2" * 5 + "xY"
CONTEXT: dict[str, Any] = {
    "sender_name": "Mairie de Lys-lès-Œuvre",
    "recipient_name": "MME ANNA DUPONT",
    "subject": "Facture n° 2026-118",
    "message": "",
    "link": LINK,
    "attachment": False,
    "pages": 3,
    "purpose": "invoice",
    "proof": "postcode",
    "expires_at": datetime(2026, 12, 23, 12, tzinfo=UTC),
}


def rendered(name: str = "email/letter", language: str = "fr", templates: Path = TEMPLATES, **changes: Any):
    return render_message(name, language, {**CONTEXT, **changes}, templates)


class _Reader(HTMLParser):
    """What a person sees, what is linked, and every address that a program would fetch by itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.links, self.fetched, self.tags = "", [], [], []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value)
            elif name in ("src", "href", "background", "srcset", "action", "poster"):
                self.fetched.append(value)

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.words += data


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("purpose", [purpose.value for purpose in Purpose])
@pytest.mark.parametrize("proof", ["postcode", "reference", "email", "mobile"])
def test_every_purpose_and_proof_has_words(language: str, purpose: str, proof: str) -> None:
    message = rendered(language=language, purpose=purpose, proof=proof)
    assert message.subject == "Facture n° 2026-118"
    reader = _Reader(message.html)
    assert set(reader.links) == {LINK}
    assert LINK in message.text
    for word in ("Mairie de Lys-lès-Œuvre", "MME ANNA DUPONT", "2026"):
        assert word in reader.words
        assert word in message.text


def test_french_and_english_say_the_same() -> None:
    french, english = rendered(), rendered(language="en")
    assert "vous adresse une facture (3 pages)" in french.text
    assert "Votre code postal vous sera demandé pour l'ouvrir" in french.text
    assert "jusqu'au 23 décembre 2026" in french.text
    assert "has sent you an invoice (3 pages)" in english.text
    assert "asked for your postcode" in english.text
    assert "until December 23, 2026" in english.text
    assert "une facture (1 page)" in rendered(pages=1).text
    assert rendered(language="de") == english
    assert rendered(language="../fr") == english


def test_text_and_html_say_the_same() -> None:
    """Filters count words that stand in one part only against a mail."""
    message = rendered(message="Réglez avant le 30.")
    of_text = set(re.findall(r"\w{4,}", message.text))
    of_html = set(re.findall(r"\w{4,}", _Reader(message.html).words))
    assert len(of_text & of_html) / len(of_text | of_html) > 0.75


@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_attached_letter_has_no_link(language: str) -> None:
    message = rendered(language=language, link="", attachment=True)
    assert not _Reader(message.html).links
    assert "http" not in message.text
    assert "PDF" in message.text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_nothing_is_fetched_and_nothing_runs(language: str) -> None:
    html = rendered(language=language).html
    reader = _Reader(html)
    assert not reader.fetched
    assert not {"script", "img", "link", "iframe", "form", "object", "base"} & set(reader.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert len(html.encode()) < 8_000  # Gmail cuts at 102 kB; every byte is signed and sent a million times


def test_words_of_others_are_words() -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}'
    message = rendered(sender_name=evil, subject=evil + "\r\nBcc: x@y.example", message=evil, recipient_name=evil)
    assert "<script" not in message.html
    assert "{{ 7*7 }}" in message.text
    assert "\n" not in message.subject
    assert "\r" not in message.subject


def test_a_message_keeps_its_lines() -> None:
    message = rendered(message="Une ligne\nune autre")
    assert "Une ligne\nune autre" in message.text
    assert "white-space:pre-line" in message.html


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("purpose", [purpose.value for purpose in Purpose])
def test_a_short_message_fits_one_segment(language: str, purpose: str) -> None:
    message = rendered(
        "sms/letter", language, purpose=purpose, sender_name="Communauté d'agglomération Cœur de Lys-lès-Œuvre–Ouest “Sud”"
    )
    assert message.text.endswith(LINK)
    assert len(LINK) >= 60
    assert len(message.text) <= 160
    assert set(message.text) <= _GSM
    assert (message.subject, message.html) == ("", "")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_gsm_letters_take_one_place_each(text: str) -> None:
    assert set(gsm(text, 20)) <= _GSM
    assert len(gsm(text, 20)) <= 20


def test_gsm_likeness() -> None:
    assert gsm("Ça côûte 5 €, l’œuvre à Noël") == "Ça coute 5 EUR, l'oeuvre à Noel"


@pytest.mark.parametrize("name", ["letter", "email/../portal", "email/none", "sms/none", "desk/base", ""])
def test_an_unknown_template_is_named(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        rendered(name)
    assert caught.value.help


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ nobody }}", "nobody"),
        ("{% if %}", "line 1"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ recipient_name + 1 }}", "TypeError"),
        ("{% for i in range(10**9) %}x{% endfor %}", ""),
        ("{% include '/etc/passwd' %}", "passwd"),
        ("{{ expires_at | nosuch }}", "nosuch"),
    ],
)
def test_a_broken_template_is_explained_without_personal_data(tmp_path: Path, template: str, told: str) -> None:
    folder = tmp_path / "sms" / "own"
    folder.mkdir(parents=True)
    (folder / "fr.txt").write_text(template)
    with pytest.raises((Unreadable, NotFound)) as caught:
        rendered("sms/own", templates=tmp_path)
    assert told in caught.value.message
    assert "DUPONT" not in caught.value.message
