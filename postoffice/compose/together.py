"""Letters to one recipient in one envelope. Pure: items in, items out; each letter keeps its own shape, so that it can be undone.

Only letters that nothing holds are put together, in the order of the mailing; two are for the same recipient where their addresses
are the same letters and digits (and, where asked for, their customer numbers). In duplex an odd letter is followed by a blank back, so
that each begins on a front side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from postoffice.compose import twins
from postoffice.compose.countries import plain
from postoffice.compose.sheets import MOST_IN_DL, MOST_SHEETS, sheets_of
from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.finding import Finding, Severity
from postoffice.model.item import NewItem
from postoffice.model.mailing import Envelope, Options, Together


def gather(items: Sequence[NewItem], options: Options) -> list[NewItem]:
    """The items, those of one recipient as one with its `parts`. Nothing changes where the options do not ask for it."""
    if options.together is Together.NO:
        return list(items)
    most = MOST_IN_DL if options.envelope is Envelope.DL else MOST_SHEETS
    groups: list[list[NewItem]] = []
    open_groups: dict[str, list[NewItem]] = {}
    for item in items:
        key = recipient_key(item, options.together)
        group = open_groups.get(key) if key else None
        if group is not None and sum(sheets_of(one.pages, duplex=options.duplex) for one in (*group, item)) <= most:
            group.append(item)
            continue
        groups.append([item])
        if key:
            open_groups[key] = groups[-1]
    return [_joined(group, duplex=options.duplex) if len(group) > 1 else group[0] for group in groups]


def recipient_key(item: NewItem, together: Together) -> str:
    """What letters of one recipient have in common; empty for a letter that travels alone."""
    held = any(one.severity is Severity.ERROR for one in item.findings)
    if item.address is None or held or item.parts or item.channel not in (None, Channel.POST):
        return ""
    customer = item.fields.get("customer", "")
    if together is Together.CUSTOMER and not customer:
        return ""
    own = f"|{customer}" if together is Together.CUSTOMER else ""
    return plain(" ".join(item.address.lines)).replace(" ", "") + own


def _joined(group: Sequence[NewItem], *, duplex: bool) -> NewItem:
    """One item of several letters; the first one's recipient and points, everybody's references and findings."""
    parts = []
    for number, one in enumerate(group, 1):
        pad = duplex and one.pages % 2 == 1 and number < len(group)
        parts.append({**shape_of(one), "pad": int(pad)})
    references = list(dict.fromkeys(one.reference for one in group if one.reference))
    return replace(
        group[0],
        pages=sum(one.pages for one in group) + sum(part["pad"] for part in parts),
        reference=", ".join(references)[:200],
        email=next((one.email for one in group if one.email), ""),
        mobile=next((one.mobile for one in group if one.mobile), ""),
        fax=next((one.fax for one in group if one.fax), ""),
        findings=tuple(finding for one in group for finding in one.findings),
        parts=tuple(parts),
        digest=twins.joined([one.digest for one in group]),
    )


def scatter(items: Sequence[NewItem]) -> list[NewItem]:
    """The inverse of `gather`: every letter on its own again, in the order of the document."""
    found = [part for item in items for part in ([item_of(one) for one in item.parts] or [item])]
    return sorted(found, key=lambda one: one.first_page)


def shape_of(item: NewItem) -> dict[str, Any]:
    """A letter as JSON."""
    return {
        "first_page": item.first_page,
        "pages": item.pages,
        "address": item.address.as_dict() if item.address else None,
        "findings": [one.as_dict() for one in item.findings],
        "email": item.email,
        "mobile": item.mobile,
        "fax": item.fax,
        "reference": item.reference,
        "channel": item.channel.value if item.channel else None,
        "fields": dict(item.fields),
        "digest": item.digest,
    }


def item_of(shape: Mapping[str, Any]) -> NewItem:
    """The inverse of `shape_of`."""
    return NewItem(
        first_page=shape["first_page"],
        pages=shape["pages"],
        address=PostalAddress.from_dict(shape["address"]),
        findings=tuple(Finding.from_dict(one) for one in shape["findings"]),
        email=shape["email"],
        mobile=shape["mobile"],
        fax=shape["fax"],
        reference=shape["reference"],
        channel=Channel(shape["channel"]) if shape["channel"] else None,
        fields=shape["fields"],
        digest=shape.get("digest", ""),
    )
