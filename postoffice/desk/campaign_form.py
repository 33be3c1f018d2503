"""The form of a campaign, in four steps: who, what, when, what it may not pass; as a design and the other way round."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from postoffice.desk.choices import text_of, unknown_word
from postoffice.model.campaign import (
    AWAITED,
    Caps,
    Design,
    FollowUp,
    Measure,
    Repeat,
    RepeatKind,
    Rule,
    Schedule,
    Test,
    VariantKind,
)
from postoffice.model.channel import Channel, Purpose
from postoffice.model.clicks import ClickMode
from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Ground
from postoffice.words import N_

Form = Mapping[str, object]
MILLION = 1_000_000
SHEET = "sheet"  #: in place of a segment


def design_of(form: Form, before: Design) -> Design:
    """What the form says; what it does not show stays as it was. PostOfficeError bad-campaign."""
    try:
        purpose, test = Purpose(text_of(form, "purpose") or "promotion"), _test(form)
        clicks = _clicks(form, purpose, test)
        return replace(
            before,
            name=text_of(form, "name", 200),
            version_id=text_of(form, "version", 26),
            **_audience(form, before),
            options=replace(
                before.options,
                channel=Channel(text_of(form, "channel") or "email"),
                purpose=purpose,
                ground=Ground(text_of(form, "ground") or "consent"),
                per_hour=_number(form, "per_hour"),
                clicks=clicks,
                carry_pictures=text_of(form, "carry_pictures") == "1",
            ),
            schedule=Schedule(
                text_of(form, "at", 16),
                text_of(form, "recipient_zone") == "1",
                _number(form, "spread_days", 1) or 1,
                _number(form, "warm_up"),
            ),
            repeat=_repeat(form),
            test=test,
            follow_up=_follow_up(form),
            caps=Caps(money(form, "ceiling"), _number(form, "cap_most"), _number(form, "cap_within", 7) or 7),
        )
    except ValueError:
        raise unknown_word() from None


def _audience(form: Form, before: Design) -> dict[str, Any]:
    """A segment, everybody, or a spreadsheet: the one that is there, or one that is yet to be brought in."""
    if text_of(form, "segment", 26) == SHEET:
        return {"segment_id": "", "sheet": before.sheet or AWAITED}
    return {"segment_id": text_of(form, "segment", 26), "sheet": "", "sheet_name": "", "sheet_rows": 0, "mapping": {}}


def _clicks(form: Form, purpose: Purpose, test: Test | None) -> ClickMode:
    """What is known of clicks: as chosen; else offers are counted without names, and what is no offer is not."""
    chosen = text_of(form, "clicks")
    mode = ClickMode(chosen) if chosen else ClickMode.TOGETHER if purpose.is_promotional else ClickMode.OFF
    if test is not None and test.measure is Measure.CLICKS and mode is ClickMode.OFF:
        why = N_("A test by clicks needs clicks that are counted.")
        raise PostOfficeError("bad-campaign", why, help=N_("Count them, or choose another measure."), field="clicks", why=why)
    return mode


def _number(form: Form, name: str, default: int = 0) -> int:
    text = text_of(form, name, 12)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        why = N_("This is no whole number.")
        raise PostOfficeError("bad-campaign", why, help=N_("Write a number."), field=name, why=why) from None


def money(form: Form, name: str) -> int:
    """An amount in millionths, as people write it; 0 where there is none. PostOfficeError bad-amount."""
    text = text_of(form, name, 20).replace(",", ".").replace("\u00a0", "").replace(" ", "")
    if not text:
        return 0
    try:
        return int(Decimal(text) * MILLION)
    except (InvalidOperation, ValueError):
        raise PostOfficeError(
            "bad-amount", "This is not an amount.", help="Write it as 1500 or 1500.50; nothing removes the limit."
        ) from None


def _repeat(form: Form) -> Repeat:
    kind = RepeatKind(text_of(form, "repeat") or "once")
    wanted = form.getall("weekday", []) if hasattr(form, "getall") else []
    days = tuple(sorted({int(str(day)) for day in wanted})) if kind is RepeatKind.WEEKLY else ()
    if kind is RepeatKind.MONTHLY:
        days = (_number(form, "month_day", 1),)
    return Repeat(
        kind,
        days,
        text_of(form, "attribute", 80),
        _number(form, "offset"),
        text_of(form, "yearly") != "0",
        text_of(form, "until", 10),
    )


def _test(form: Form) -> Test | None:
    kind = text_of(form, "test")
    if not kind:
        return None
    other = text_of(form, f"other_{kind}", 200)
    sample, hours = _number(form, "sample", 1000), _number(form, "test_hours", 24)
    return Test(
        VariantKind(kind), other, sample, hours, Rule(text_of(form, "rule") or "fixed"), Measure(text_of(form, "measure") or "clicks")
    )


def _follow_up(form: Form) -> FollowUp | None:
    channel = text_of(form, "follow_up")
    return FollowUp(Channel(channel), _number(form, "follow_up_days", 3)) if channel else None


def choices() -> dict[str, Any]:
    """What the form's lists offer."""
    return {
        "channels": [Channel.EMAIL, Channel.SMS, Channel.POST, Channel.FAX],
        "purposes": list(Purpose),
        "grounds": list(Ground),
        "repeats": list(RepeatKind),
        "variants": list(VariantKind),
        "measures": list(Measure),
        "rules": list(Rule),
        "click_modes": list(ClickMode),
    }
