"""Rows of the database as the values of `model`, and the other way round."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from postoffice.model.address import PostalAddress
from postoffice.model.channel import Channel
from postoffice.model.delivery import Delivery
from postoffice.model.finding import Finding, Severity
from postoffice.model.item import Item, NewItem
from postoffice.model.mailing import Mailing, Options, Source
from postoffice.model.states import DeliveryState, ItemState, MailingState
from postoffice.store.plain import moment, opened

Row = Mapping[Any, Any]


def mailing(row: Row) -> Mailing:
    """A row of `mailings`."""
    return Mailing(
        id=row["id"],
        number=row["number"],
        organisation_id=row["organisation_id"],
        source=Source(row["source"]),
        name=row["name"],
        state=MailingState(row["state"]),
        layout=row["layout"],
        split_rule=row["split_rule"],
        options=Options.from_dict(row["options"]),
        automatic=row["automatic"],
        live=row["live"],
        printer_id=row["printer_id"],
        user_id=row["user_id"],
        api_key_id=row["api_key_id"],
        document=row["document"],
        original=row["original"],
        original_size=row["original_size"],
        media_type=row["media_type"],
        pages=row["pages"],
        pages_read=row["pages_read"],
        items=row["items"],
        findings=tuple(Finding.from_dict(shape) for shape in row["findings"]),
        error=row["error"],
        sender_name=row["sender_name"],
        fields=tuple(row["fields"]) if row["fields"] is not None else None,
        kept=row["kept"],
        cuts=row["cuts"] or {},
        fixes=tuple(row["fixes"] or ()),
        created_at=row["created_at"],
        received_at=row["received_at"],
        ready_at=row["ready_at"],
        sent_at=row["sent_at"],
        finished_at=row["finished_at"],
    )


def item(row: Row) -> Item:
    """A row of `items`."""
    return Item(
        id=row["id"],
        organisation_id=row["organisation_id"],
        mailing_id=row["mailing_id"],
        position=row["position"],
        first_page=row["first_page"],
        pages=row["pages"],
        state=ItemState(row["state"]),
        held_reason=row["held_reason"],
        address=PostalAddress.from_dict(row["address"]),
        address_read=PostalAddress.from_dict(row["address_read"]),
        email=row["email"],
        mobile=row["mobile"],
        fax=row["fax"],
        reference=row["reference"],
        channel=Channel(row["channel"]) if row["channel"] else None,
        findings=tuple(Finding.from_dict(shape) for shape in row["findings"]),
        level=Severity(row["level"]) if row["level"] else None,
        contact_id=row["contact_id"],
        plan=tuple(row["plan"]),
        rung=row["rung"],
        delivery_id=row["delivery_id"],
        cost=row["cost"],
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
        fields=row["fields"] or {},
        parts=tuple(row["parts"] or ()),
        match=row["match"] or {},
        digest=row["digest"] or "",
        again=row["again"],
    )


def delivery(row: Row) -> Delivery:
    """A row of `deliveries`."""
    return Delivery(
        id=row["id"],
        organisation_id=row["organisation_id"],
        mailing_id=row["mailing_id"],
        item_id=row["item_id"],
        batch_id=row["batch_id"],
        rung=row["rung"],
        channel=Channel(row["channel"]),
        carrier=row["carrier"],
        state=DeliveryState(row["state"]),
        attempt=row["attempt"],
        to=row["to"],
        reference=row["reference"],
        cost=row["cost"],
        error=row["error"],
        code=row["code"],
        not_before=row["not_before"],
        created_at=row["created_at"],
        handed_over_at=row["handed_over_at"],
        ended_at=row["ended_at"],
        wait=timedelta(seconds=row["wait"]),
    )


#: the columns that `marked` and `to_send` read, in their order
MARKED = (
    'id, organisation_id, mailing_id, item_id, batch_id, rung, channel, carrier, state, attempt, "to", reference, cost, error, code, '
    "not_before, created_at, handed_over_at, ended_at, wait"
)
ITEM_ID = 3  #: its place in MARKED
TO_SEND = (
    "id, organisation_id, mailing_id, position, first_page, pages, state, held_reason, address, email, mobile, fax, reference, "
    "channel, contact_id, plan, rung, delivery_id, cost, opened_at, updated_at, fields, parts, digest, again"
)


def marked(row: Sequence[Any]) -> Delivery:
    """A delivery from the columns MARKED as the driver gives them."""
    given = list(row)
    given[6], given[8] = Channel(row[6]), DeliveryState(row[8])
    given[15:19] = map(moment, row[15:19])
    given[19] = timedelta(seconds=row[19])
    return Delivery(*given)


def to_send(row: Sequence[Any]) -> Item:
    """An item from the columns TO_SEND as the driver gives them; empty: address_read, findings, match, which no hand-over needs."""
    given: list[Any] = [*row[:9], None, *row[9:14], (), None, *row[14:21]]
    given[6] = ItemState(row[6])
    given[8] = PostalAddress.from_dict(opened(row[8]))
    given[14] = Channel(row[13]) if row[13] else None
    given[18] = tuple(opened(row[15]))
    given[22:] = moment(row[19]), moment(row[20])
    given += [opened(row[21]) or {}, tuple(opened(row[22]) or ()), row[23] or "", {}, bool(row[24])]
    return Item(*given)


def new_item(new: NewItem) -> dict[str, Any]:
    """The columns that a proposal of the cutter fills."""
    address = new.address.as_dict() if new.address else None
    return {
        "first_page": new.first_page,
        "pages": new.pages,
        "name": name_of(new.address, new.email)[:300],
        "address": address,
        "address_read": address,
        "postcode": postcode_of(new.address),
        "email": new.email,
        "mobile": new.mobile,
        "fax": new.fax,
        "reference": new.reference[:200],
        "channel": new.channel.value if new.channel else None,
        "fields": dict(new.fields) or None,
        "parts": [dict(part) for part in new.parts] or None,
        "digest": new.digest or None,
        "findings": [finding.as_dict() for finding in new.findings],
        "level": new.level.value if new.level else None,
    }


def postcode_of(address: PostalAddress | None) -> str | None:
    """What an item is found by when its envelope comes back."""
    return address.postcode[:12] if address and address.postcode else None


def name_of(address: PostalAddress | None, email: str) -> str:
    """What lists show of an item."""
    return (address.name if address else "") or email
