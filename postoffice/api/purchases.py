"""Purchases over REST: a shop, a till or an ERP tells what contacts bought; each line by its own number, told twice is once."""

from datetime import UTC
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field

from postoffice.actions import purchases as acts
from postoffice.api.call import Call, Route
from postoffice.api.shapes import Amount, Id, Input, Line, Output
from postoffice.campaigns.segment_purchases import MOST_CENTS, REASONS, Bought
from postoffice.model.people import Right
from postoffice.store import people

_MOST = 1_000


class Purchase(Input):
    """One line. The contact is named by `contact` (the office's id), else `customer`, else `email`."""

    external_id: Line = Field(min_length=1, max_length=200, description="your number of this line: told twice is written once")
    contact: Id | None = None
    customer: Line = Field(
        "", max_length=80, description='your number of the customer: "4711", or "crm:4711" where several programs have one'
    )
    email: Line = Field("", max_length=254)
    bought_at: AwareDatetime
    amount: Amount = Field(max_length=18, description="in the currency's main unit, two decimals at most; a refund is negative")
    currency: str = Field("", pattern=r"^([A-Z]{3})?$", description="empty: the organisation's")
    category: Line = Field("", max_length=100)
    quantity: int = Field(1, ge=-1_000_000, le=1_000_000)


class Purchases(Input):
    """Up to 1,000 lines."""

    purchases: Annotated[list[Purchase], Field(min_length=1, max_length=_MOST)]


class RefusedPurchase(Output):
    """A line that was not written."""

    index: int = Field(description="its place in the request, from 0")
    reason: str = Field(description=", ".join(REASONS))


class PurchasesTold(Output):
    """What became of the lines."""

    written: int
    known: int = Field(description="told before with the same content")
    refused: list[RefusedPurchase]


async def tell(call: Call) -> PurchasesTold:
    """Write those that are new. What is wrong with one line stops none of the others."""
    outcome, told = acts.Outcome(most=_MOST), call.told(Purchases).purchases
    async with call.house.database.read() as connection:
        currency = (await people.organisation(connection, call.organisation_id)).currency
    fine: list[tuple[int, Bought]] = []
    for index, one in enumerate(told):
        cents = Decimal(one.amount) * 100
        if cents != cents.to_integral_value() or abs(cents) > MOST_CENTS:
            outcome.refuse(index, "no-amount")
        elif not (one.contact or one.customer or "@" in one.email):
            outcome.refuse(index, "no-customer")
        else:
            fine.append((index, _bought(one, int(cents), currency)))
    await acts.tell(call.house, call.organisation_id, fine, call.actor, outcome)
    refused = [RefusedPurchase(index=index, reason=reason) for index, reason in sorted(outcome.lines)]
    return PurchasesTold(written=outcome.written, known=outcome.known, refused=refused)


def _bought(one: Purchase, cents: int, currency: str) -> Bought:
    return Bought(
        external_id=one.external_id,
        at=one.bought_at.astimezone(UTC),
        amount=cents,
        currency=one.currency or currency,
        category=one.category,
        quantity=one.quantity,
        customer=one.customer,
        email=one.email.lower(),
        contact_id=one.contact or "",
    )


PURCHASE_ROUTES: tuple[Route, ...] = (
    Route("POST", "/purchases", Right.SUBMIT, tell, "Tell what contacts bought", PurchasesTold, body=Purchases, problems=(400,)),
)
