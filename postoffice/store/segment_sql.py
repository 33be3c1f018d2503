"""Rules of a segment (JSON, checked by campaigns.rules) as a condition on the table of contacts. Expressions, no queries.

Each rule is a look at one contact by an index (EXISTS, or a sum over what is its own), so that the members are walked in the order of
their ids, a page at a time, and a count costs no more than one such walk whatever and/or/not the rules are made of. Sets (IN) would be
faster for a rare few, and fall over a cliff where PostgreSQL's hash of a large one under OR or NOT exceeds work_mem.

What belongs to contacts that were merged into one counts as its own (see store.merges).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.states import EventKind
from postoffice.store import segment_consent
from postoffice.store.schema import (
    contact_keys,
    contact_points,
    contacts,
    deliveries,
    events,
    purchases,
    rfm_scores,
    segment_members,
    suppressions,
)
from postoffice.store.segment_values import as_day, as_number, day_test, number_test, text_test, time_test
from postoffice.store.suppressions import in_force

Condition = sa.ColumnElement[bool]
Rule = Mapping[str, Any]
Owner = Callable[[Any], Condition]

#: words of rules -> kinds of events
EVENTS = {
    "sent": EventKind.HANDED_OVER,
    "delivered": EventKind.DELIVERED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
    "downloaded": EventKind.DOWNLOADED,
    "replied": EventKind.REPLIED,
    "returned": EventKind.RETURNED,
    "bounced": EventKind.BOUNCED,
    "complained": EventKind.COMPLAINED,
    "opted_out": EventKind.OPTED_OUT,
}
_TAG = 80  # letters of a tag that stand in the index


@dataclass(frozen=True, slots=True)
class Frame:
    """What all rules of one question share."""

    organisation_id: str
    now: datetime
    zone: ZoneInfo
    currency: str
    merged: bool  #: some contacts of the organisation stand for others
    others: Mapping[str, Rule] = field(default_factory=dict)  #: rules of the segments that are named
    frozen: frozenset[str] = frozenset()

    def since(self, rule: Rule) -> datetime | None:
        """From when on something counts; None: since ever."""
        return self.now - timedelta(days=int(rule["days"])) if rule.get("days") else None


def condition(frame: Frame, rule: Rule, above: tuple[str, ...] = ()) -> Condition:
    """The tree as a condition. Conflict where segments name one another in a circle. `above`: the segments it stands in."""
    if "all" in rule:
        return sa.and_(sa.true(), *(condition(frame, one, above) for one in rule["all"]))
    if "any" in rule:
        return sa.or_(sa.false(), *(condition(frame, one, above) for one in rule["any"]))
    if "not" in rule:
        return sa.not_(condition(frame, rule["not"], above))
    if rule.get("on") == "segment":
        return _segment(frame, str(rule["value"]), above)
    made = _LEAVES.get(str(rule.get("on")))
    if made is None:
        raise PostOfficeError("segment-broken", "A rule of this segment cannot be read.", help="Open the segment and save it again.")
    return made(frame, rule)


def of_family(frame: Frame, build: Callable[[Owner], Condition]) -> Condition:
    """`build` told how to find what belongs to a contact: to it alone, or to those that were merged into it as well."""
    own = build(lambda column: column == contacts.c.id)
    if not frame.merged:
        return own
    one, behind = contacts.alias(), contacts.alias()
    mine = sa.or_(one.c.id == contacts.c.id, one.c.merged_into == contacts.c.id)
    family = sa.select(one.c.id).where(mine).correlate(contacts)
    whole = build(lambda column: column.in_(family))
    return sa.case((sa.exists().where(behind.c.merged_into == contacts.c.id), whole), else_=own)


def _segment(frame: Frame, segment_id: str, above: tuple[str, ...]) -> Condition:
    if segment_id in above:
        raise Conflict("segment-circle", "Segments name one another in a circle.", help="Take one of them out of the other's rules.")
    if segment_id in frame.frozen:
        listed = segment_members.alias()
        return of_family(frame, lambda owner: sa.exists().where(listed.c.segment_id == segment_id, owner(listed.c.contact_id)))
    if segment_id not in frame.others:
        raise Conflict("segment-gone", "A segment that the rules name was removed.", help="Open the segment and choose another one.")
    return condition(frame, frame.others[segment_id], (*above, segment_id))


def _own_text(name: str) -> Callable[[Frame, Rule], Condition]:
    return lambda _frame, rule: text_test(contacts.c[name], {"test": "is", **rule})


def _attribute(frame: Frame, rule: Rule) -> Condition:
    text = sa.cast(contacts.c.attributes[str(rule["name"])].as_string(), sa.Text)
    if rule["test"] in ("empty", "filled") or rule["type"] == "text":
        return text_test(text, rule)
    if rule["type"] == "number":
        return number_test(as_number(text), rule)
    return day_test(as_day(text), rule, frame.now.astimezone(frame.zone).date())


def _tag(frame: Frame, rule: Rule) -> Condition:
    key = contact_keys.alias()
    value = str(rule["value"])[:_TAG]
    return sa.exists().where(
        key.c.organisation_id == frame.organisation_id, key.c.kind == "t", key.c.value == value, key.c.contact_id == contacts.c.id
    )


def _place(part: str) -> Callable[[Frame, Rule], Condition]:
    def made(frame: Frame, rule: Rule) -> Condition:
        point = contact_points.alias()
        value = sa.cast(point.c.address[part].as_string(), sa.Text)
        test = {"test": "is", **rule}
        absent = test["test"] in ("empty", "is_not")
        positive = {**test, "test": {"empty": "filled", "is_not": "is"}.get(test["test"], test["test"])}

        def there(owner: Owner) -> Condition:
            return sa.exists().where(owner(point.c.contact_id), point.c.channel == "post", text_test(value, positive))

        found = of_family(frame, there)
        return sa.not_(found) if absent else found

    return made


def _created(frame: Frame, rule: Rule) -> Condition:
    return time_test(contacts.c.created_at, rule, frame.now, frame.zone)


def _event(frame: Frame, rule: Rule) -> Condition:
    event = events.alias()
    kind, times, since = str(rule["kind"]), int(rule.get("times") or 1), frame.since(rule)
    bounds = [event.c.kind == EVENTS[kind].value, event.c.at <= frame.now]
    bounds += [event.c.at > since] if since else []
    bounds += [event.c.mailing_id == rule["mailing"]] if rule.get("mailing") else []
    if rule.get("channel"):
        way = deliveries.c.id == event.c.delivery_id, deliveries.c.channel == rule["channel"]
        bounds.append(sa.exists().where(*way).correlate(event))

    def happened(owner: Owner) -> Condition:
        if times == 1:
            return sa.exists().where(owner(event.c.contact_id), *bounds)
        return _number(sa.func.count(), event, owner(event.c.contact_id), *bounds) >= times

    found = of_family(frame, happened)
    if kind != "opened":
        return found
    # an opening tells something of a person only where the person allowed that it is looked at
    allowed = of_family(frame, lambda owner: segment_consent.standing("tracking_open", "email", owner))
    return sa.and_(found, allowed)


def _number(what: Any, table: Any, *bounds: Condition) -> sa.ColumnElement[Any]:
    return sa.select(what).select_from(table).where(*bounds).correlate(contacts).scalar_subquery()


def _bought(frame: Frame, rule: Rule) -> Condition:
    line = purchases.alias()
    since = frame.since(rule)
    bounds = [line.c.bought_at <= frame.now, *([line.c.bought_at > since] if since else []), *_category(line, rule)]
    least, value = rule["at"] == "least", rule["value"]

    def counted(owner: Owner) -> Condition:
        mine = owner(line.c.contact_id), *bounds
        if rule["test"] == "amount":
            total = sa.func.coalesce(_number(sa.func.sum(line.c.amount), line, *mine, line.c.currency == frame.currency), 0)
            limit = round(float(value) * 100)
            return total >= limit if least else total <= limit
        if least and int(value) == 1:
            return sa.exists().where(*mine, line.c.amount > 0)
        times = _number(sa.func.count(), line, *mine, line.c.amount > 0)
        return times >= int(value) if least else times <= int(value)

    return of_family(frame, counted)


def _category(line: Any, rule: Rule) -> list[Condition]:
    return [line.c.category == rule["category"]] if rule.get("category") else []


def _purchase_time(pick: Any) -> Callable[[Frame, Rule], Condition]:
    def made(frame: Frame, rule: Rule) -> Condition:
        line = purchases.alias()
        bounds = [line.c.bought_at <= frame.now, line.c.amount > 0, *_category(line, rule)]

        def at(owner: Owner) -> Condition:
            return time_test(_number(pick(line.c.bought_at), line, owner(line.c.contact_id), *bounds), rule, frame.now, frame.zone)

        return of_family(frame, at)

    return made


def _consent(frame: Frame, rule: Rule) -> Condition:
    made = {"given": segment_consent.standing, "withdrawn": segment_consent.withdrawn, "never": segment_consent.never}[rule["state"]]
    return of_family(frame, lambda owner: made(rule["purpose"], rule["channel"], owner))


def _suppressed(frame: Frame, rule: Rule) -> Condition:
    """As far as the list knows whose address it is; who is blocked by address alone is found out when a campaign is planned."""
    line = suppressions.c
    bounds = [suppressions.c.organisation_id == frame.organisation_id, *in_force(frame.now)]
    bounds += [line.channel == rule["channel"]] if rule.get("channel") else []
    return of_family(frame, lambda owner: sa.exists().where(owner(line.contact_id), *bounds))


def _reachable(frame: Frame, rule: Rule) -> Condition:
    point = contact_points.alias()
    good = point.c.channel == rule["channel"], point.c.health == "good"
    return of_family(frame, lambda owner: sa.exists().where(owner(point.c.contact_id), *good))


def _rfm(frame: Frame, rule: Rule) -> Condition:
    score = rfm_scores.alias()
    mine = score.c.organisation_id == frame.organisation_id, score.c.contact_id == contacts.c.id
    return sa.exists().where(*mine, score.c.group == rule["value"])


def _rfm_score(frame: Frame, rule: Rule) -> Condition:
    score = rfm_scores.alias()
    mine = score.c.organisation_id == frame.organisation_id, score.c.contact_id == contacts.c.id
    return sa.exists().where(*mine, number_test(score.c[rule["measure"]], rule))


_LEAVES: dict[str, Callable[[Frame, Rule], Condition]] = {
    "name": _own_text("name"),
    "company": _own_text("company"),
    "language": _own_text("language"),
    "kind": _own_text("kind"),
    "attribute": _attribute,
    "tag": _tag,
    "country": _place("country"),
    "postcode": _place("postcode"),
    "town": _place("town"),
    "created": _created,
    "event": _event,
    "bought": _bought,
    "last_purchase": _purchase_time(sa.func.max),
    "first_purchase": _purchase_time(sa.func.min),
    "consent": _consent,
    "suppressed": _suppressed,
    "reachable": _reachable,
    "rfm": _rfm,
    "rfm_score": _rfm_score,
}
SUBJECTS = frozenset([*_LEAVES, "segment"])
