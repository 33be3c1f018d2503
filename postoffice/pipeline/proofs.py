"""Proofs: documents that carriers send back are fetched once, stored, and named on the timeline."""

from collections.abc import Sequence
from dataclasses import replace

from postoffice.house import House
from postoffice.model.delivery import Delivery, Event, Receipt
from postoffice.model.errors import PostOfficeError, Refused, TryLater
from postoffice.model.ports import Carrier, Proves
from postoffice.model.states import EventKind
from postoffice.store import events


async def with_proofs(
    house: House, organisation_id: str, carrier: Carrier, asked: Sequence[Delivery], told: Sequence[Event]
) -> list[Event]:
    """The same news, with the stored document of each proof that is new. One that cannot be had now is left out: it is told again."""
    rest = [event for event in told if event.kind is not EventKind.PROVEN]
    proven = {(event.key, event.code): event for event in told if event.kind is EventKind.PROVEN}
    if not proven or not isinstance(carrier, Proves):
        return rest
    async with house.database.read() as connection:
        known = await events.proofs(connection, [key for key, _ in proven])
    references = {delivery.id: delivery.reference for delivery in asked}
    for (key, word), event in proven.items():
        if (key, word) in known or key not in references:
            continue
        try:
            proof = await carrier.proof(Receipt(key, event.reference or references[key]), word)
            stored = await house.documents.put(organisation_id, proof.content)
        except (TryLater, Refused, PostOfficeError) as error:
            house.log.warning("carrier.no_proof", carrier=carrier.name, delivery=key, proof=word, code=error.code)
            continue
        rest.append(replace(event, detail={**event.detail, "document": stored.sha256, "media_type": proof.media_type}))
    return rest
