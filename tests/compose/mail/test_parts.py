"""Blocks, plain text, numbered links, and what the checks find."""

import json

import pytest

from postoffice.compose.mail import blocks
from postoffice.compose.mail.checks import Wanted, check_mail, check_sms
from postoffice.compose.mail.links import numbered
from postoffice.compose.mail.mjml import Frame, compiled
from postoffice.compose.mail.text import likeness, text_of
from postoffice.compose.merge.content import Content, Parts
from postoffice.compose.merge.wording import Situation, Wording, slots_of
from postoffice.compose.message import Message
from postoffice.compose.render.hrefs import is_harmless
from postoffice.compose.render.template import Template
from postoffice.model.clicks import Clicks, is_ours, read
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import new_id

OUT = "https://p.example/u/1"


def html_of(*some: dict[str, str]) -> str:
    return compiled(blocks.to_mjml(blocks.read(blocks.written(some)), "fr"), Frame("fr"))


def test_words_of_blocks_are_no_markup() -> None:
    html = html_of({"kind": "heading", "text": '<script>"{{ x }}"</script> & {{ "a > b" }}'})
    assert "<script>" not in html and "&lt;script&gt;" in html and '{{ "a > b" }}' in html


def test_signs_in_texts() -> None:
    html = html_of({"kind": "text", "long": "A **b {{ x }}** *c*\nd\n\n- e\n- f\n\n[g](h.example/{{ i }}) 2*3*4"})
    assert "<strong>b {{ x }}</strong>" in html and "<em>c</em><br />d</p>" in html and html.count("<li>") == 2
    assert 'href="https://h.example/{{ i }}"' in html and "2*3*4" in html


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", " vbscript:x"])
def test_links_that_run_something_lead_nowhere(link: str) -> None:
    html = html_of({"kind": "button", "text": "x", "link": link}, {"kind": "text", "long": f"[x]({link.strip()})"})
    assert f'href="{link.strip()}' not in html
    rendered = Template('<a href="{{ u | href }}">x</a>').html({"u": link})
    assert rendered == '<a href="#">x</a>' and not is_harmless(link)


@pytest.mark.parametrize("kept", ["{", '"x"', json.dumps([{"kind": "text"}] * 61)])
def test_lists_that_are_none_are_refused(kept: str) -> None:
    with pytest.raises(PostOfficeError, match="block"):
        blocks.read(kept)


def test_unknown_blocks_and_fields_are_left_out() -> None:
    assert blocks.read('[{"kind": "evil"}, 3, {"kind": "divider", "x": 1}]') == [{"kind": "divider"}]


def test_plain_text_has_the_words_in_order_and_links_as_notes() -> None:
    html = (
        '<div style="display:none">hidden</div><style>x</style><h1>Title {{ a }}</h1><p>One <a href="https://x.example/">here</a>, '
        'two <a href="https://x.example/">there</a></p><ul><li>l1</li><li>l2</li></ul><img alt="pic">'
        '<a href="https://y.example"><img alt="go"></a>'
        "{% for p in q %}<p>{{ p }} <a href='{{ p.u }}'>see</a></p>{% endfor %}<!--[if mso]>{% if z %}<b>mso</b>{% endif %}<![endif]-->"
    )
    text = text_of(html)
    assert text.splitlines()[0] == "Title {{ a }}" and "One here [1], two there [1]" in text and "- l1\n- l2" in text
    assert "go [2]" in text and "see: {{ p.u }}" in text and text.endswith("[1] https://x.example/\n[2] https://y.example\n")
    assert "hidden" not in text and "mso" not in text and "{% if z %}{% endif %}" in text and "pic" not in text


def test_likeness_is_a_share_of_words() -> None:
    assert likeness("", "") == 1 and likeness("one two three", "<p>one two three</p>") == 1
    assert likeness("something else", "<p>one two three</p>") == 0
    assert likeness("one two https://long.example/x", "<p>One <a href='https://y'>two</a></p>") == 1


def test_links_are_numbered_once_and_counted_by_their_place() -> None:
    content = Content(
        {
            "fr": Parts(
                subject="s",
                html='<a href="https://a.example/?x=1&amp;y=2">A</a><a href="{{ u }}">B</a><a href="{{ unsubscribe }}">C</a>',
            ),
            "en": Parts(subject="s", html='<a href="https://b.example">B</a>', sms="Go https://b.example/x. {{ link }}"),
        }
    )
    slots = slots_of(content)
    assert [(one.language, one.address, one.fixed) for one in slots] == [
        ("en", "https://b.example", True),
        ("en", "https://b.example/x", True),
        ("fr", "https://a.example/?x=1&y=2", True),
        ("fr", "{{ u }}", False),
    ]
    assert len({one.number for one in slots}) == 4
    mailing, delivery = new_id(), new_id()
    clicks = Clicks("https://p.example", b"k", mailing, delivery, {one.number: one.address for one in slots if one.fixed})
    made = Wording(content, "2026-11-22").email({"u": "https://z.example/1"}, "fr", (), Situation(unsubscribe=OUT, clicks=clicks))
    assert (
        made is not None
        and "a.example" not in made.html + made.text
        and OUT in made.html
        and "?to=https%3A%2F%2Fz.example" in made.html
    )
    token = read(made.html.split("/c/")[1][:36])
    assert token is not None and token.id == delivery and is_ours(b"k", token) and not is_ours(b"x", token)
    assert made.html.count("/c/") == made.text.count("/c/") == 2, "the text leads the same way"
    short = Wording(content, "2026-11-22").sms({}, "en", (), Situation(link="https://p.example/l/x", clicks=clicks))
    assert short is not None and "b.example" not in short.text and "https://p.example/l/x" in short.text


def test_numbering_is_kept_apart_from_braces_and_quotes() -> None:
    made = numbered('<a class="{{ "x>" }}" href="https://a.example/{{ "q" }}">A</a>', "html", 5)
    assert [(one[0], one[3]) for one in made.found] == [(5, False)] and "{% filter href(5) %}" in made.source


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Nos horaires : https://a.example", "Nos horaires"),
        (
            "{{ sender.name }}, au 12 de la rue des Lilas de la ville de {{ city }} : https://a.example",
            "…, au 12 de la rue des Lilas de la ville de …",
        ),
        ("{{ sender.name }} : https://a.example", ""),
        ("Une ligne.\n{% if sms %}https://a.example {% endif %}", ""),
        ("mot " * 30 + "fin https://a.example", "…" + "mot " * 14 + "fin"),
    ],
)
def test_a_link_in_plain_text_is_called_by_the_words_before_it(text: str, label: str) -> None:
    assert numbered(text, "text", 1).found == ((1, "https://a.example", label, True),)


BAD = Message(
    "ACHETEZ MAINTENANT TOUT DE SUITE, PENDANT QU'IL EN RESTE ENCORE CHEZ NOUS",
    "tout autre chose\n",
    '<html><body onload="x()"><a href="">a</a><a href="http://a.example">b</a><a href="https://">c</a>'
    '<a href="https://a b.example">d</a>'
    '<img src="https://t.example/x.gif"><img src="logo.svg" alt="l"><script>x</script><link href="https://f.example/x.css">'
    "<p>Notre grande offre de la saison vous attend dans tous nos magasins</p></body></html>",
)


def test_everything_that_speaks_against_a_mail_is_found() -> None:
    found = {one.code for one in check_mail(BAD, Wanted(True, utm=True, unsubscribe=OUT, identity=False), "fr.html")}
    assert found == {
        *("subject-long", "subject-shouts", "preheader-empty", "link-nowhere", "link-plain", "link-broken", "link-utm"),
        *("picture-alt", "picture-elsewhere", "picture-missing", "content-forbidden", "font-elsewhere"),
        *("unsubscribe-missing", "identity-missing", "text-unlike"),
    }
    heavy = check_mail(Message("s", "t", "<p>t</p>" + " " * 102_001), Wanted(False, preheader="x"), "")
    assert [(one.code, one.severity.value) for one in heavy] == [("mail-heavy", "error")]


def test_short_messages_say_what_they_cost_and_how_to_stop() -> None:
    assert [one.code for one in check_sms("Œuf " * 60, Wanted(True), "")] == ["sms-parts", "sms-alphabet", "sms-stop"]
    assert check_sms("Bonjour STOP au 36000", Wanted(True), "") == []
