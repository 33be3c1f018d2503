"""What travels over the REST door about webhooks."""

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from postoffice.api.shapes import Input, Line, Output
from postoffice.model.states import EventKind
from postoffice.store.hooks import TOLD


class NewWebhook(Input):
    """Where a program of yours wants to hear."""

    url: Line = Field(max_length=2000, description="a public https:// address")
    label: Line = Field("", max_length=200)
    events: list[EventKind] = Field(default_factory=list, max_length=50, description="empty: all that are told")

    @field_validator("events")
    @classmethod
    def _told(cls, events: list[EventKind]) -> list[EventKind]:
        if strange := sorted({kind.value for kind in events} - {kind.value for kind in TOLD}):
            raise ValueError(f"not told to webhooks: {', '.join(strange)}")
        return events


class Webhook(Output):
    """A webhook. `gone`: it answered 410 and is not called any more."""

    id: str
    url: str
    label: str
    events: list[EventKind]
    live: bool
    state: Literal["on", "paused", "gone"]
    last_status: int | None
    last_at: datetime | None
    created_at: datetime


class WebhookMade(Webhook):
    """The same with its signing secret (whsec_...), shown this once."""

    secret: str


class Webhooks(Output):
    """All of this key's mode."""

    data: list[Webhook]
