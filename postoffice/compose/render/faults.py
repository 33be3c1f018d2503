"""What can be wrong with a template or with one of its rows."""

from dataclasses import dataclass

from postoffice.model.errors import PostOfficeError


class TemplateFault(PostOfficeError):
    """A template cannot be used, or one row cannot fill it. Names fields, assets and lines, never the values of a row."""

    status = 422


@dataclass(frozen=True, slots=True)
class RowError:
    """Why the letter of one row was not made. `row` counts from 0 in the order given; the other letters go on."""

    row: int
    code: str  #: stable kebab-case word, translated by the catalogue of problems
    message: str
    help: str = ""
    field: str = ""  #: the field, asset or characters in question
    line: int = 0  #: line of the template, from 1; 0: unknown


@dataclass(frozen=True, slots=True)
class RowNote:
    """Something worth looking at in a letter that was made, e.g. characters that no font has."""

    row: int
    code: str
    text: str = ""
