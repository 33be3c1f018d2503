"""Letters from templates, fast and exact.

    template = Template.open(folder, language="fr")       # letter.html, parts, pictures, style sheets
    letters = render_letters(template, rows, target)      # one PDF; letters.ranges(), letters.errors, letters.notes
    pdf = render_letter(template, row, archival=True, attached=[Attached("factur-x.xml", xml, "text/xml", relationship="Data")])

WeasyPrint lays everything out; what is equal between letters is done once (see press). Letters are fastest where fields stand in
boxes of known width: address blocks with a width, tables with `table-layout: fixed` and a width, paragraphs. Fields within flex, grid
or floating boxes without a width cost a whole layout per letter; a header of a table repeated on each page does, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postoffice.compose.render.book import Attached
    from postoffice.compose.render.faults import RowError, RowNote, TemplateFault
    from postoffice.compose.render.letters import Letters, Row, render_file, render_letter, render_letters
    from postoffice.compose.render.template import LETTER, Template

__all__ = [
    "LETTER",
    "Attached",
    "Letters",
    "Row",
    "RowError",
    "RowNote",
    "Template",
    "TemplateFault",
    "render_file",
    "render_letter",
    "render_letters",
]

_FROM = {
    "LETTER": "template",
    "Attached": "book",
    "Letters": "letters",
    "Row": "letters",
    "RowError": "faults",
    "RowNote": "faults",
    "Template": "template",
    "TemplateFault": "faults",
    "render_file": "letters",
    "render_letter": "letters",
    "render_letters": "letters",
}


def __getattr__(name: str) -> Any:
    """From its module when it is first asked for: WeasyPrint takes 25 MB, and a process that prints nothing knows faults only."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
