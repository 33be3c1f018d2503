"""MJML with Jinja: what stays, what is added, what is refused; colours on dark screens."""

import re
from pathlib import Path

import pytest

from postoffice.compose.mail.dark import contrast, counterpart, luminance
from postoffice.compose.mail.mjml import Frame, compiled
from postoffice.compose.merge.samples import Sample, samples
from postoffice.compose.merge.wording import Named, Situation, Wording
from postoffice.compose.render import TemplateFault
from postoffice.compose.render.template import Template

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
CAMPAIGNS = [one for one in samples(TEMPLATES) if one.files]
SENDER = {"name": "Maison", "line1": "1 rue", "line2": "44000 NANTES", "line3": "", "legal": ""}


def mail(inner: str) -> str:
    return f"<mjml><mj-body>{inner}</mj-body></mjml>"


def column(inner: str) -> str:
    return mail(f"<mj-section><mj-column>{inner}</mj-column></mj-section>")


def filled(source: str, frame: Frame | None = None, **row: object) -> str:
    values = {"sender": SENDER, "unsubscribe": "https://p.example/u/1", "preferences": "https://p.example/l/1", "pictures": {}, **row}
    return Template(compiled(source, frame or Frame("fr")), language="fr").html(values)


def test_values_are_escaped_where_they_stand() -> None:
    html = filled(
        column('<mj-text color="{{ c }}">{{ x }}</mj-text><mj-image src="{{ u }}" alt="{{ x }}" />'), x='<b>"é"', c="#123456", u="a&b"
    )
    assert "&lt;b&gt;&#34;é&#34;" in html and "<b>" not in html and "a&amp;b" in html and "color:#123456" in html


def test_statements_between_elements_repeat_and_leave_out() -> None:
    inner = "{% if one.x %}<mj-text>{{ one.n }} & <br>co</mj-text>{% endif %}"
    source = mail("{% for one in many %}<mj-section><mj-column>" + inner + "</mj-column></mj-section>{% endfor %}")
    html = filled(source, many=[{"n": "A", "x": 1}, {"n": "B", "x": 0}, {"n": "C", "x": 1}])
    assert "A &amp;" in html and "C &amp;" in html and "B" not in re.findall(r">(\w) &amp;", html)
    assert html.count("<table") == html.count("</table>")


def test_what_every_mail_needs_is_there() -> None:
    html = filled(column("<mj-text>x</mj-text>"), Frame("fr", "Objet {{ n }}", "Accroche <{{ n }}>"), n="é&")
    assert 'lang="fr"' in html and "und" not in re.findall(r'lang="(\w+)"', html)
    assert "<title>Objet é&amp;</title>" in html and "Accroche &lt;é&amp;&gt;" in html
    assert 'content="light dark"' in html and "@media (prefers-color-scheme:dark)" in html
    assert "https://p.example/u/1" in html and "https://p.example/l/1" in html and "Maison, 1 rue, 44000 NANTES" in html
    assert not re.findall(r"https?://(?!p\.example|www\.w3\.org)[\w.]+", html), "nothing is loaded from anywhere"


def test_a_foot_of_ones_own_is_left_alone() -> None:
    own = (
        "<mj-text>{{ sender.name }} {{ sender.line1 }} "
        '<a href="{{ unsubscribe }}">non</a> <a href="{{ preferences }}">choix</a></mj-text>'
    )
    assert filled(column(own)).count("https://p.example/u/1") == 1


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("", 1, "begins with"),
        ("<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>", 4, "<mj-section> of line 3 is still open"),
        ("<mjml>\n<mj-body>\n\n words</mj-body></mjml>", 4, "'words' stands between elements"),
        ("<mjml><mj-body>\n{{ x }}</mj-body></mjml>", 2, "stands between"),
        ("<mjml><mj-head>{% if x %}{% endif %}</mj-head><mj-body></mj-body></mjml>", 1, "stands between"),
        ('<mjml><mj-body>\n<mj-include path="/etc/passwd" /></mj-body></mjml>', 2, "not allowed"),
        ("<mjml><mj-body>\n<mj-foo></mj-foo></mj-body></mjml>", 2, "no element mj-foo"),
        ("<mjml><mj-body><mj-section><mj-column>\n<mj-text>never</mj-column></mj-section></mj-body></mjml>", 2, "never closed"),
    ],
)
def test_what_cannot_be_read_names_its_line(source: str, line: int, why: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        compiled(source, Frame("fr"))
    assert (caught.value.code, caught.value.facts["line"], caught.value.facts["part"]) == ("bad-mjml", line, "fr.mjml")
    assert why in caught.value.message


def test_comments_run_no_template() -> None:
    assert "gone" not in compiled(column("<!-- {{ gone }} --><mj-text>a {# gone #}<!-- {{ gone }} -->b</mj-text>"), Frame())


def test_dark_colours_can_be_read() -> None:
    for text, back in (
        ("#1d232a", "#ffffff"),
        ("#4a5561", "#eef1f4"),
        ("#1f5fbf", "#ffffff"),
        ("#a8412f", "#ffffff"),
        ("#000", "#f6b94c"),
    ):
        dark_text, dark_back = counterpart(text, "t") or text, counterpart(back, "b") or back
        assert contrast(dark_text, dark_back) >= 4.5, (text, back, dark_text, dark_back)
    assert counterpart("#1f5fbf", "b") == "" and counterpart("#ffffff", "t") == "", "a button keeps its colours"
    assert luminance("#fff") == pytest.approx(1) and luminance("#000") == 0


def test_an_own_dark_mode_is_left_alone() -> None:
    styled = "<mjml><mj-head><mj-style>@media (prefers-color-scheme:dark){.x{color:red}}</mj-style></mj-head><mj-body></mj-body></mjml>"
    html = compiled(styled, Frame())
    assert html.count("prefers-color-scheme") == 1 and "color-scheme" in html


@pytest.mark.parametrize("sample", CAMPAIGNS, ids=lambda one: one.name)
def test_sample_campaigns_say_the_same_in_both_parts_and_stay_light(sample: Sample) -> None:
    from postoffice.compose.mail.checks import Wanted, check_mail, check_sms

    wording = Wording(sample.content, "2026-11-22", "Maison", Named(dict.fromkeys(sample.files, "https://p.example/i/x.jpg")))
    wanted = Wanted(True, unsubscribe="https://p.example/u/1", own_url="https://p.example", preheader="x")
    for row in sample.rows:
        made = wording.email(
            row, row["language"], (), Situation(unsubscribe="https://p.example/u/1", preferences="https://p.example/l/1")
        )
        short = wording.sms(row, row["language"], (), Situation())
        assert made is not None and short is not None and row["last_name"] in made.text or row["first_name"] in made.text
        assert [one.code for one in check_mail(made, wanted, "x") + check_sms(short.text, wanted, "x")] == []
        assert len(made.html) < 40_000 and "<script" not in made.html and "{{" not in made.html + made.text + made.subject


def test_the_way_out_is_the_same_whoever_forgot_it() -> None:
    assert {one.name for one in CAMPAIGNS} == {"newsletter", "offer", "invitation"}
