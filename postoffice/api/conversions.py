"""Conversions over REST: a shop or a CRM tells what a message led to; each by its own number, told twice is once."""

from datetime import UTC
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field

from postoffice.actions import conversions as acts
from postoffice.api.call import Call, Route
from postoffice.api.shapes import Amount, Id, Input, Line, Output
from postoffice.model.people import Right

_MOST = 500
_MILLION = 1_000_000
_LARGEST = 10**15


class Conversion(Input):
    """One thing that a message led to. The message is named by `item`, or by `campaign` and `contact`: then the last one counts."""

    external_id: Line = Field(min_length=1, max_length=200, description="your number of it: told twice is written once")
    at: AwareDatetime
    item: Id | None = None
    campaign: Id | None = None
    contact: Id | None = None
    value: Amount = Field("0", max_length=18, description="what it brought, in the organisation's currency")


class Conversions(Input):
    """Up to 500."""

    conversions: Annotated[list[Conversion], Field(min_length=1, max_length=_MOST)]


class RefusedConversion(Output):
    """One that was not written."""

    index: int = Field(description="its place in the request, from 0")
    reason: str = Field(description=", ".join((*acts.REASONS, "no-message", "no-amount")))


class ConversionsTold(Output):
    """What became of them."""

    written: int
    known: int = Field(description="told before")
    refused: list[RefusedConversion]


async def tell_conversions(call: Call) -> ConversionsTold:
    """Write those that are new. What is wrong with one stops none of the others."""
    fine: list[tuple[int, acts.Conversion]] = []
    refused: list[tuple[int, str]] = []
    for index, one in enumerate(call.told(Conversions).conversions):
        value = int(Decimal(one.value) * _MILLION)
        if abs(value) > _LARGEST:
            refused.append((index, "no-amount"))
        elif not (one.item or (one.campaign and one.contact)):
            refused.append((index, "no-message"))
        else:
            whose = one.item or "", one.campaign or "", one.contact or ""
            fine.append((index, acts.Conversion(one.external_id, one.at.astimezone(UTC), value, *whose)))
    told = await acts.tell(call.house, call.organisation_id, call.key.live, [one for _, one in fine], call.actor)
    refused += [(fine[place][0], reason) for place, reason in told.refused]
    lines = [RefusedConversion(index=index, reason=reason) for index, reason in sorted(refused)]
    return ConversionsTold(written=told.written, known=told.known, refused=lines)


CONVERSION_ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/conversions",
        Right.SUBMIT,
        tell_conversions,
        "Tell what messages led to",
        ConversionsTold,
        body=Conversions,
        problems=(400,),
    ),
)
