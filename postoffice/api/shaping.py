"""Values of `model` as the shapes that travel, and changes of options as options."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from postoffice.actions.pricing import Quote
from postoffice.api import shapes
from postoffice.api.problems import invalid_field
from postoffice.model.address import PostalAddress
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import ItemState
from postoffice.store.events import Line
from postoffice.store.printers import Printer


def changed(options: Options, change: shapes.OptionsChange) -> Options:
    """`options` with what the caller named."""
    named = {name: getattr(change, name) for name in change.model_fields_set}
    if named.get("ladder") and named.get("plan"):
        raise invalid_field("plan", "name a saved plan or write a ladder, not both")
    if named.get("ladder") or named.get("plan"):  # who asks for a plan does not want the printer's own channel
        named = {"channel": None, "ladder": "", "plan": "", **named}
        if named["channel"] is not None:
            raise invalid_field("channel", "must be null, or absent, where a plan or a ladder is given")
    return replace(options, **named)


def options(of: Options) -> shapes.MailingOptions:
    """Options."""
    return shapes.MailingOptions.model_validate(of)


def mailing(of: Mailing, url: str) -> shapes.Mailing:
    """A mailing. `url` is the office's own address."""
    return shapes.Mailing(**_mailing_fields(of, url))


def detail(of: Mailing, url: str, counts: Mapping[ItemState, int], cost: int, currency: str) -> shapes.MailingDetail:
    """A mailing with what became of it."""
    return shapes.MailingDetail(**_mailing_fields(of, url), counts=dict(counts), cost=shapes.amount(cost), currency=currency)


def _mailing_fields(of: Mailing, url: str) -> dict[str, object]:
    plain = {name: getattr(of, name) for name in shapes.Mailing.model_fields if name not in ("options", "findings", "error", "page")}
    return {
        **plain,
        "options": options(of.options),
        "findings": [finding(one) for one in of.findings],
        "error": shapes.Failure.model_validate(dict(of.error)) if of.error else None,
        "page": f"{url}/m/{of.id}",
    }


def finding(of: Finding) -> shapes.Finding:
    """A finding."""
    return shapes.Finding.model_validate(of.as_dict())


def item(of: Item) -> shapes.Item:
    """An item."""
    special = ("address", "address_read", "findings", "plan", "cost")
    plain = {name: getattr(of, name) for name in shapes.Item.model_fields if name not in special}
    return shapes.Item(
        **plain,
        address=_address(of.address),
        address_read=_address(of.address_read),
        findings=[finding(one) for one in of.findings],
        plan=[dict(rung) for rung in of.plan],
        cost=shapes.amount(of.cost),
    )


def _address(of: PostalAddress | None) -> shapes.Address | None:
    return shapes.Address.model_validate(of.as_dict()) if of else None


def event(of: Line) -> shapes.Event:
    """A line of a timeline."""
    return shapes.Event.model_validate(of)


def quote(of: Quote) -> shapes.Quote:
    """A price."""
    return shapes.Quote(
        items=of.items,
        held=of.held,
        unreached=of.unreached,
        total=shapes.amount(of.total),
        currency=of.currency,
        sheets=of.sheets,
        lines=[
            shapes.QuoteLine(channel=line.channel, pages=line.pages, items=line.items, price=shapes.amount(line.price))
            for line in of.lines
        ],
        problems=[failure(problem) for problem in of.problems],
        later=shapes.amount(of.later),
        leaves=of.leaves,
    )


def failure(of: PostOfficeError) -> shapes.Failure:
    """A failure that is part of an answer."""
    return shapes.Failure(code=of.code, message=of.message, help=of.help, facts={name: str(fact) for name, fact in of.facts.items()})


def printer(of: Printer) -> shapes.Printer:
    """A printer."""
    fields = {name: value for name, value in asdict(of).items() if name in shapes.Printer.model_fields}
    return shapes.Printer(**{**fields, "options": options(of.options)})
