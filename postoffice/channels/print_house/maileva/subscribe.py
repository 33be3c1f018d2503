"""Subscriptions of our webhook at Maileva's notification center 2.8: one for each kind of event of each kind of resource."""

import time
from collections.abc import Mapping
from typing import Any

from postoffice.channels.oauth import Signed
from postoffice.channels.print_house.maileva.service import fault
from postoffice.model.errors import CarrierError
from postoffice.model.ports import Log

_AGAIN = 3600.0  #: seconds until a failed subscription is tried again
_SENDING = ("ON_STATUS_ACCEPTED", "ON_STATUS_REJECTED", "ON_STATUS_PROCESSED")
#: event kinds by resource, as the center's description lists them
WANTED: tuple[tuple[str, str], ...] = (
    *(("mail/v2/sendings", event) for event in _SENDING),
    *(("registered_mail/v4/sendings", event) for event in _SENDING),
    *(
        ("registered_mail/v4/recipients", event)
        for event in (
            "ON_DEPOSIT_PROOF_RECEIVED",
            "ON_ACKNOWLEDGEMENT_OF_RECEIPT_RECEIVED",
            "ON_UNDELIVERED_MAIL_RECEIVED",
            "ON_MAIN_DELIVERY_STATUS_FIRST_PRESENTATION",
            "ON_MAIN_DELIVERY_STATUS_DELIVERED",
            "ON_MAIN_DELIVERY_STATUS_UNDELIVERED",
        )
    ),
)


class Subscriber:
    """Sees to it, once per process, that Maileva calls `callback`. Does nothing without one."""

    def __init__(self, center: Signed, callback: str, hook: Mapping[str, str], log: Log, name: str) -> None:
        self._center = center
        self._callback = callback
        self._hook = dict(hook)
        self._log = log
        self._name = name
        self._next = 0.0 if callback else float("inf")

    async def ensure(self) -> None:
        """Subscribe to what is missing. Never raises: without it news comes later, by asking."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _AGAIN
        try:
            known = await self._known()
            for resource, event in WANTED:
                if (resource, event) not in known:
                    await self._add(resource, event)
        except CarrierError as error:
            self._log.warning("not_subscribed", carrier=self._name, code=error.code)
        else:
            self._next = float("inf")

    async def _known(self) -> set[tuple[str, str]]:
        answer = await self._center.get("/subscriptions?start_index=1&count=500")
        if not answer.good:
            raise fault(answer)
        listed: Any = answer.body.get("subscriptions")
        ours = [one for one in listed or () if isinstance(one, dict) and one.get("callback_url") == self._callback]
        return {(str(one.get("resource_type")), str(one.get("event_type"))) for one in ours}

    async def _add(self, resource: str, event: str) -> None:
        body = {
            "event_type": event,
            "resource_type": resource,
            "callback_url": self._callback,
            "authentication": {"basic": self._hook},
        }
        answer = await self._center.change("POST", "/subscriptions", json=body)
        if not answer.good:
            raise fault(answer)
