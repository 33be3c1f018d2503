"""What forms choose, as values: options of a mailing, cutting rules, filters of lists."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from postoffice.model.channel import Channel, Purpose
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.model.mailing import EmailForm, Envelope, Ground, LinkProof, Options, Postage, Together
from postoffice.model.states import ItemState
from postoffice.store.items import Filter

Form = Mapping[str, object]
FASTEST = 1_000_000  # letters an hour

#: word in the address -> what the options page shows; in the order of the buttons
SHOWS: dict[str, Filter] = {
    "all": Filter(),
    "held": Filter(states=(ItemState.HELD,)),
    "errors": Filter(levels=(Severity.ERROR,)),
    "warnings": Filter(levels=(Severity.WARNING,)),
    "excluded": Filter(states=(ItemState.EXCLUDED,)),
}


def unknown_word() -> PostOfficeError:
    """A choice that no form of ours offers."""
    return PostOfficeError("unknown-word", "This choice does not exist.", help="Reload the page and choose again.")


def text_of(form: Form, name: str, longest: int = 2_000) -> str:
    """A field's text; empty where it is missing or a file."""
    value = form.get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""


def options_of(form: Form, before: Options, zone: ZoneInfo) -> Options:
    """The options that a form chooses; what it does not show stays as it was. Check boxes are absent where they are off."""
    try:
        chosen = replace(
            before,
            channel=channel_of(form, before.channel),
            purpose=Purpose(text_of(form, "purpose") or before.purpose),
            postage=Postage(text_of(form, "postage") or before.postage),
            envelope=Envelope(text_of(form, "envelope") or before.envelope),
            together=Together(text_of(form, "together")) if "together" in form else before.together,
            email_form=EmailForm(text_of(form, "email_form") or before.email_form),
            ground=Ground(text_of(form, "ground") or before.ground),
            proof=LinkProof(text_of(form, "proof")) if "proof" in form else before.proof,
            colour=text_of(form, "colour") == "1",
            duplex=text_of(form, "duplex") == "1",
            subject=text_of(form, "subject", 200),
            message=text_of(form, "message"),
            cost_centre=text_of(form, "cost_centre", 60),
        )
    except ValueError:
        raise unknown_word() from None
    chosen = _paper(form, chosen) if text_of(form, "paper") else chosen
    chosen = _pace(form, chosen, zone) if text_of(form, "hours") else chosen
    return replace(chosen, send_at=_hour(text_of(form, "send_at"), zone) if text_of(form, "when") == "later" else None)


def _paper(form: Form, before: Options) -> Options:
    """The choices of paper, where a form shows them."""
    gsm = text_of(form, "gsm")
    if gsm and not (gsm.isdigit() and 50 <= int(gsm) <= 250):
        raise unknown_word()
    return replace(
        before,
        gsm=int(gsm) if gsm else before.gsm,
        address_sheet=text_of(form, "address_sheet") == "1",
        sheet_codes=text_of(form, "sheet_codes") == "1",
    )


def _pace(form: Form, before: Options, zone: ZoneInfo) -> Options:
    """Last hour, pace and duplicates, where a form shows them."""
    per_hour = text_of(form, "per_hour", 10)
    if per_hour and not (per_hour.isascii() and per_hour.isdigit() and int(per_hour) <= FASTEST):
        raise PostOfficeError(
            "bad-number",
            f"A whole number from 1 to {FASTEST} is needed.",
            help="Correct the number and save again.",
            field="per_hour",
            most=FASTEST,
        )
    return replace(
        before,
        not_after=_hour(text_of(form, "not_after"), zone),
        per_hour=int(per_hour or 0),
        duplicates=text_of(form, "duplicates") == "1",
    )


def channel_of(form: Form, before: Channel | None = None) -> Channel | None:
    """The channel of a form: `best` is None, "by what is known of each recipient". ValueError on an unknown word."""
    word = text_of(form, "channel")
    if word in ("best", "plan"):
        return None
    return Channel(word) if word else before


def _hour(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PostOfficeError("bad-date", "This is not a date and an hour.", help="Write it as the field shows.") from None


def split_rule(fields: Form) -> str:
    """The cutting rule from its kind and the fields of this kind; empty for "as the printer does"."""
    kind = text_of(fields, "split")
    if kind == "pages":
        return f"pages:{text_of(fields, 'split_pages') or '1'}"
    if kind == "text":
        return f"text:{text_of(fields, 'split_zone')}~{text_of(fields, 'split_word')}"
    if kind == "separator":
        page, word = text_of(fields, "split_page") or "any", text_of(fields, "split_said")
        return f"separator:{page}~{word}" if word and page in ("text", "barcode") else f"separator:{page}"
    if kind == "bookmarks":
        return f"bookmarks:{text_of(fields, 'split_level') or '1'}"
    return kind


def rule_fields(rule: str) -> dict[str, str]:
    """The inverse of `split_rule`, for a form."""
    kind, _, rest = rule.partition(":")
    zone, _, word = rest.partition("~")
    return {
        "split": kind,
        "split_pages": rest if kind == "pages" else "1",
        "split_zone": zone if kind == "text" else "110,10,90,20",
        "split_word": word if kind == "text" else "",
        "split_page": zone if kind == "separator" else "any",
        "split_said": word if kind == "separator" else "",
        "split_level": rest if kind == "bookmarks" else "1",
    }


def filter_of(query: Mapping[str, str], shows: Mapping[str, Filter]) -> tuple[str, Filter]:
    """The filter that an address chooses, with its word."""
    word = query.get("show", "all")
    word = word if word in shows else "all"
    return word, replace(shows[word], search=query.get("q", "").strip()[:100])
