"""Plans in people's hands: a ladder as rows of a form, and as the sentence that says what will happen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from postoffice.desk.choices import Form, options_of, text_of, unknown_word
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Options
from postoffice.routing.ladder import CHEAPEST, FORMS, MOST_STEPS, PREFERRED, Step, parse, written
from postoffice.words import N_, Words

#: a step's word -> how the letter goes, as it stands in a list and in the sentence
WAYS = {
    "email-link": N_("by e-mail with a secure link"),
    "email-attachment": N_("by e-mail with the PDF"),
    "email": N_("by e-mail, as chosen above"),
    "sms-link": N_("by SMS with a secure link"),
    "sms": N_("by SMS"),
    "fax": N_("by fax"),
    "post": N_("by post"),
    "post-economy": N_("by economy post"),
    "post-standard": N_("by standard post"),
    "post-priority": N_("by priority post"),
    "post-registered": N_("by registered post"),
    PREFERRED: N_("by the channel that the recipient prefers"),
    CHEAPEST: N_("by the cheapest of the channels that are left"),
}
#: what a list offers; `sms-link` is what `sms` does
OFFERED = tuple(word for word in WAYS if word not in ("email", "sms"))
UNITS = {"d": N_("days"), "h": N_("hours"), "m": N_("minutes"), "w": N_("weeks")}
_OF = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
PLAN = "plan"  #: the word of the choice "by a plan" among the channels
OWN = ""  #: the word of "a plan of its own" among the saved ones


@dataclass(frozen=True, slots=True)
class Row:
    """A step as it stands in a form; `wait` empty: only a failure leads on."""

    word: str = ""
    wait: str = ""
    unit: str = "d"


def rows_of(ladder: str) -> list[Row]:
    """A ladder's rows; one that cannot be read has none."""
    try:
        steps = parse(ladder)
    except PostOfficeError:
        return []
    return [Row(step.word, *_split(step.wait)) for step in steps]


def _split(wait: timedelta) -> tuple[str, str]:
    if not wait:
        return "", "d"
    unit = next(unit for unit in ("d", "h", "m") if wait % _OF[unit] == timedelta() or unit == "m")
    return str(wait // _OF[unit]), unit


def typed_rows(form: Form) -> list[Row]:
    """The rows as they were typed; those without a way of sending are left out."""
    if not isinstance(form, MultiMapping):
        return []
    columns = [[str(one).strip()[:20] for one in form.getall(f"step-{name}", [])] for name in ("word", "wait", "unit")]
    rows = [Row(*row) for row in zip(*columns, strict=False)]
    return [row for row in rows[: MOST_STEPS + 1] if row.word]


def ladder_of(form: Form) -> str:
    """The ladder that a form's rows describe. PostOfficeError (bad-ladder, bad-wait) names the row."""
    return written(parse(" > ".join(_text(row, number) for number, row in enumerate(typed_rows(form), 1))))


def _text(row: Row, number: int) -> str:
    if row.word not in WAYS or row.unit not in UNITS:
        raise unknown_word()
    if row.wait in ("", "0"):
        return row.word
    if not (row.wait.isascii() and row.wait.isdigit() and len(row.wait) <= 4):
        raise PostOfficeError(
            "bad-wait",
            f"Step {number} of the plan waits '{row.wait}', which is no whole number.",
            help="Write how long it is waited for, or nothing.",
            step=number,
        )
    return f"{row.word} {int(row.wait)}{row.unit}"


def chosen_of(form: Form, before: Options, zone: ZoneInfo) -> Options:
    """The options that a form chooses, its plan included; see `choices.options_of`."""
    return _with_plan(form, options_of(form, before, zone))


def _with_plan(form: Form, before: Options) -> Options:
    word = text_of(form, "channel")
    if word == "best":
        return replace(before, plan="", ladder="")
    if word != PLAN or PLAN not in form:
        return before
    name = text_of(form, PLAN, 80)
    if name:
        return replace(before, plan=name, ladder="")
    ladder = ladder_of(form)
    if not ladder:
        raise PostOfficeError("empty-plan", "This plan has no step.", help="Choose at least one way of sending.")
    return replace(before, plan="", ladder=ladder)


def by_plan(options: Options) -> bool:
    """Whether the letters go by a plan that somebody chose or wrote."""
    return options.channel is None and bool(options.plan or options.ladder)


def sentence(words: Words, ladder: str) -> str:
    """What will happen, in plain words; empty for a ladder that is empty or cannot be read."""
    try:
        steps = parse(ladder)
    except PostOfficeError:
        return ""
    parts = []
    for number, step in enumerate(steps):
        way = words.gettext(WAYS[step.word])
        parts.append(words._("First {way}", way=way) if not number else _then(words, steps[number - 1], way))
    if not parts:
        return ""
    return "; ".join(parts) + "." if words.language != "fr" else " ; ".join(parts) + "."


def _then(words: Words, before: Step, way: str) -> str:
    if not before.wait:
        return words._("where that fails, {way}", way=way)
    wait = waited(words, before.wait)
    if before.word in FORMS and FORMS[before.word].is_link and FORMS[before.word].channel in (Channel.EMAIL, Channel.SMS):
        return words._("whoever has not read it after {wait} gets it {way}", wait=wait, way=way)
    return words._("whoever it has not reached after {wait} gets it {way}", wait=wait, way=way)


def waited(words: Words, wait: timedelta) -> str:
    """A span as people say it: 3 days."""
    count, unit = _split(wait)
    number = int(count)
    if unit == "d":
        return words.ngettext("{n} day", "{n} days", number)
    if unit == "h":
        return words.ngettext("{n} hour", "{n} hours", number)
    return words.ngettext("{n} minute", "{n} minutes", number)


def form_context(ladder: str, saved: Sequence[object], rows: Sequence[Row] | None = None) -> dict[str, object]:
    """What the template of a plan's rows needs."""
    shown = list(rows) if rows is not None else rows_of(ladder)
    return {"rows": shown or [Row("email-link", "3"), Row("post")], "ways": WAYS, "offered": OFFERED, "units": UNITS, "saved": saved}
