"""Templates: fields, filters in the recipient's language, and the walls of the sandbox."""

import pickle
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from postoffice.compose.render import Template, TemplateFault


def fault(template: Template, **row: object) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        template.html(row)
    return caught.value


@pytest.mark.parametrize(
    "source",
    [
        "{{ name }}",
        "{% if name %}x{% endif %}",
        "{% for x in name %}{% endfor %}",
        "{{ name.first }}",
        "{{ name + 1 }}",
        "{{ name|money }}",
    ],
)
def test_a_missing_field_is_named_with_its_line(source: str) -> None:
    error = fault(Template("<p>\n" + source))
    assert (error.code, error.facts["field"], error.facts["line"]) == ("missing-field", "name", 2)


def test_a_missing_part_of_a_field_is_named() -> None:
    assert fault(Template("{{ customer.town }}"), customer={"name": "x"}).facts["field"] == "town"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("fr", "1\u202f234,50\u00a0€ 0,5 20\u00a0% 3 mars 2026"),
        ("en", "€1,234.50 0.5 20% March 3, 2026"),
        ("de-CH", "EUR\u00a01’234.50 0.5 20% 3. März 2026"),
        ("xx-nowhere", "€1,234.50 0.5 20% March 3, 2026"),
    ],
)
def test_numbers_and_dates_in_the_recipients_language(language: str, shown: str) -> None:
    template = Template("{{ a|money }} {{ n|number }} {{ p|percent }} {{ d|date }}")
    row = {"a": Decimal("1234.5"), "n": "0.5", "p": 0.2, "d": date(2026, 3, 3), "language": language}
    assert template.html(row) == shown


def test_numbers_with_decimals() -> None:
    row = {"n": 1234, "p": 0.055, "d": "2026-03-31"}
    assert (
        Template("{{ n|number(2) }} {{ p|percent(1) }} {{ d|date('dd.MM.y') }}", language="en").html(row) == "1,234.00 5.5% 31.03.2026"
    )


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (["Zoé <b>", "", "1 rue X"], "Zoé &lt;b&gt;<br>1 rue X"),
        ("Zoé\n1 rue X\n", "Zoé<br>1 rue X"),
        ({"name": "Zoé", "street": "1 rue X", "postcode": "75001", "town": "PARIS", "country": None}, "Zoé<br>1 rue X<br>75001 PARIS"),
    ],
)
def test_addresses(value: object, lines: str) -> None:
    assert Template("{{ to|address }}").html({"to": value}) == lines


@pytest.mark.parametrize(
    ("source", "value", "code"),
    [
        ("{{ x|money }}", "a lot", "field-not-number"),
        ("{{ x|number }}", float("nan"), "field-not-number"),
        ("{{ x|date }}", "31/03/2026", "field-not-date"),
        ("{{ x|address }}", 7, "field-not-address"),
        ("{{ x|money('EURO') }}", 1, "bad-currency"),
        ("{{ 1 / x }}", 0, "template-failed"),
        ("{{ x.__class__.__mro__ }}", "", "template-forbidden"),
        ("{{ ''.__class__ }}{{ x }}", "", "template-forbidden"),
        ("{{ x.append(1) }}", [], "template-forbidden"),
        ("{% include 'other.html' %}{{ x }}", "", "template-failed"),
        ("{% for i in range(10**9) %}{{ x }}{% endfor %}", "", "template-failed"),
        ("{% for i in range(99999) %}{{ x }}{% endfor %}", "x" * 100, "letter-too-long"),
        ("{{ x ", "", "template-syntax"),
    ],
)
def test_what_fails(source: str, value: object, code: str) -> None:
    error = fault(Template(source), x=value)
    assert error.code == code
    assert error.help
    assert "a lot" not in error.message  # values are personal


def test_values_are_escaped_and_control_characters_left_out() -> None:
    assert Template("<p>{{ x }}</p>").html({"x": "<script>\x00\x07&"}) == "<p>&lt;script&gt;&amp;</p>"


def test_parts_of_a_template(tmp_path: Path) -> None:
    (tmp_path / "letter.html").write_text("{% include 'foot.html' %}")
    (tmp_path / "foot.html").write_text("Best, {{ name }}")
    template = pickle.loads(pickle.dumps(Template.open(tmp_path)))
    assert template.html({"name": "Ann"}) == "Best, Ann"
    with pytest.raises(TemplateFault, match="no letter.html"):
        Template.open(tmp_path / "..")


def test_a_part_that_cannot_be_read_is_found_before_any_row() -> None:
    with pytest.raises(TemplateFault) as caught:
        Template({"letter.html": "x", "foot.html": "\n{% if %}"}).check()
    assert (caught.value.code, caught.value.facts["line"], caught.value.facts["file"]) == ("template-syntax", 2, "foot.html")
