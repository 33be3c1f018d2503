"""Templates over the REST door, and mailings that are made of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from postoffice.api.shapes import Id, Input, Layout, Line, Output, Submission, Text
from postoffice.model.channel import Purpose

_Source = Annotated[Text, Field(max_length=200_000)]
_Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{2})?$")]
_Rows = list[dict[str, Any]]


class TemplateParts(Input):
    """What a template says in one language, in Jinja. What is empty is said in the office's own words."""

    letter: _Source = Field("", description="HTML with CSS; `{% include 'style.css' %}` brings the style sheet in")
    subject: Annotated[Line, Field(max_length=1000)] = ""
    text: _Source = Field("", description="the e-mail as plain text")
    html: _Source = Field("", description="the e-mail as HTML; nothing is loaded from elsewhere")
    mjml: _Source = Field("", description="the e-mail as MJML, in place of `html`; the plain text is made of it where `text` is empty")
    preheader: Annotated[Line, Field(max_length=1000)] = Field("", description="what mail programs show behind the subject")
    sms: _Source = ""


class NewTemplate(Input):
    """A template to keep."""

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    parts: dict[_Language, TemplateParts] = Field(min_length=1, max_length=12, description="by language")
    style: _Source = ""
    sender: dict[str, Annotated[Line, Field(max_length=300)]] = Field(default_factory=dict, max_length=20)
    language: _Language = Field("fr", description="of rows that name none, or one that the template does not speak")
    layout: Layout = "fr"
    purpose: Purpose = Purpose.OTHER
    sample: _Rows = Field(default_factory=list, max_length=20, description="rows for the preview and for the trial before publishing")
    publish: bool = Field(False, description="publish it at once; it must print its first sample row")


class TemplateField(Output):
    """A field that rows fill. `fields`: of the entries of a list, or of an object."""

    name: str
    kind: Literal["text", "number", "date", "list"]
    required: bool
    fields: list["TemplateField"]


class Template(Output):
    """A template. `version`: the one that mailings are made of; null where none is published."""

    id: Id
    name: str
    version: int | None
    languages: list[str]
    fields: list[TemplateField] = Field(description="of its draft; empty where it cannot be read")
    created_at: datetime
    updated_at: datetime


class Templates(Output):
    """All templates, by name."""

    data: list[Template]


class MergeSubmission(Submission):
    """A mailing of a template: one letter, e-mail or SMS for each row. Rows that cannot be used are held with their reason."""

    template: Id
    rows: _Rows = Field(
        min_length=1,
        max_length=10_000,
        description="one a recipient: name, street, postcode, town, country, email, mobile, ... and the fields of the template",
    )
