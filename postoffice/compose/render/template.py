"""A template of letters: HTML in Jinja, in a sandbox, filled with the fields of a row."""

import re
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import (
    DictLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.formats import FILTERS

#: the file of a template's folder that makes the letter
LETTER = "letter.html"
#: characters of one letter's HTML
_LONGEST = 4_000_000
#: control characters that no page can show (XML 1.0, 2.2), but for tab and line ends
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


class _Missing(TemplateRuntimeError):
    """A field that the row has not; its message is the field's name."""


class _Undefined(StrictUndefined):
    """A missing field: using it in any way names it."""

    __slots__ = ()

    def _fail_with_undefined_error(self, *args: Any, **kwargs: Any) -> NoReturn:
        if self._undefined_exception is not UndefinedError:  # the sandbox says no
            raise self._undefined_exception(self._undefined_message)
        raise _Missing(self._undefined_name or "")

    __iter__ = __str__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = __contains__ = _fail_with_undefined_error
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _fail_with_undefined_error
    __getitem__ = __call__ = __lt__ = __le__ = __gt__ = __ge__ = __int__ = __float__ = __neg__ = _fail_with_undefined_error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._fail_with_undefined_error()


class Template:
    """Sources by file name (`letter.html` and what it includes) and the folder of pictures, fonts and style sheets.

    `language` counts for rows that bear no field of this name. Can be sent to another process.
    """

    def __init__(self, sources: str | Mapping[str, str], *, assets: Path | None = None, language: str = "fr", title: str = "") -> None:
        self.sources = {LETTER: sources} if isinstance(sources, str) else dict(sources)
        self.assets = assets
        self.language = language
        self.title = title

    @staticmethod
    def open(folder: Path, *, language: str = "fr", title: str = "") -> "Template":
        """The template of a folder: its *.html files, and its other files as assets. Raises TemplateFault no-template."""
        sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}
        if LETTER not in sources:
            raise TemplateFault("no-template", f"There is no {LETTER} in this folder.", help="Choose the folder of a letter template.")
        return Template(sources, assets=folder, language=language, title=title)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_compiled"}

    @cached_property
    def _compiled(self) -> Any:
        environment = ImmutableSandboxedEnvironment(loader=DictLoader(self.sources), undefined=_Undefined, autoescape=True)
        environment.filters.update(FILTERS)
        try:
            return environment.get_template(LETTER)
        except TemplateSyntaxError as error:
            raise _syntax(error) from None

    def check(self) -> None:
        """Raises TemplateFault template-syntax (with the line) where the template cannot be read."""
        assert self._compiled
        for name, source in self.sources.items():
            try:
                self._compiled.environment.parse(source, name)
            except TemplateSyntaxError as error:
                raise _syntax(error) from None

    def html(self, row: Mapping[str, object]) -> str:
        """The letter of a row.

        Raises TemplateFault: missing-field, template-syntax, template-forbidden, template-failed, letter-too-long; and of the filters:
        field-not-number, field-not-date, field-not-address, bad-currency. Each names field and line where they are known.
        """
        values = {"language": self.language, **row}
        length, parts = 0, []
        try:
            for part in self._compiled.generate(values):
                length += len(part)
                if length > _LONGEST:
                    raise TemplateFault("letter-too-long", "A letter is longer than can be.", help="Look for a list without an end.")
                parts.append(part)
        except TemplateFault as fault:
            if fault.code != "letter-too-long":
                fault.facts.setdefault("line", _line(fault))
            raise
        except _Missing as missing:
            raise _no_field(str(missing), _line(missing)) from None
        except UndefinedError as error:
            raise _no_field(str(error), _line(error)) from None
        except SecurityError as error:
            raise _failed("template-forbidden", "The template does something that templates may not.", error) from None
        except TemplateNotFound as error:
            raise _failed("template-failed", f"The template includes {error}, which it has not.", error) from None
        except TemplateSyntaxError as error:
            raise _syntax(error) from None
        except (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise _failed("template-failed", f"The template fails on this row ({type(error).__name__}).", error) from None
        text = "".join(parts)
        return _CONTROLS.sub("", text) if _CONTROLS.search(text) else text


def _no_field(name: str, line: int) -> TemplateFault:
    return TemplateFault(
        "missing-field",
        f"The field {name} is missing.",
        help="Add the column to the file of recipients, or make the template do without it.",
        field=name,
        line=line,
    )


def _syntax(error: TemplateSyntaxError) -> TemplateFault:
    return TemplateFault(
        "template-syntax",
        f"Line {error.lineno} of {error.name or LETTER} cannot be understood: {error.message}",
        help="Correct the template.",
        line=error.lineno,
        file=error.name or LETTER,
    )


def _failed(code: str, message: str, error: Exception) -> TemplateFault:
    return TemplateFault(code, message, help="Correct the template, or the row.", line=_line(error))


def _line(error: BaseException) -> int:
    """The line of the template where an error was raised; 0 where it is not known."""
    trace = error.__traceback__ or sys.exc_info()[2]
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", LETTER) or trace.tb_frame.f_globals.get("__jinja_template__"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
