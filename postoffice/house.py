"""What wiring hands to the doors and to the pipeline: the house's parts, ready to use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from aiohttp import web

from postoffice.intake.reception import Reception
from postoffice.model.channel import Channel
from postoffice.model.ports import Bell, Carrier, Clock, Documents, Log, Tracer, Workshop
from postoffice.model.tracing import NO_TRACES
from postoffice.store.database import Database
from postoffice.store.keys import Keyring


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a carrier's form. `label`, `hint`: language -> words."""

    name: str
    label: Mapping[str, str]
    hint: Mapping[str, str]
    kind: str  #: text | block | number | seconds | switch | choice
    default: str | int | float | bool
    required: bool
    secret: bool
    choices: Sequence[str]


@dataclass(frozen=True, slots=True)
class CarrierKind:
    """A kind of carrier that can be added at the desk."""

    word: str
    channel: Channel
    label: Mapping[str, str]
    fields: Sequence[SettingField]


class Carriers(Protocol):
    """The carriers of every organisation, built from their settings when first asked for and kept."""

    def kinds(self) -> Sequence[CarrierKind]:
        """What can be added."""
        ...

    async def names(self, organisation_id: str, *, live: bool) -> Mapping[Channel, str]:
        """The carrier that each channel uses now; sandbox carriers only where not `live`."""
        ...

    async def get(self, organisation_id: str, name: str, *, even_off: bool = False) -> Carrier:
        """A carrier by name; NotFound where it was removed or switched off. `even_off`: its news still count when it is off."""
        ...

    def check(self, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings as typed values; PostOfficeError names the field that cannot be used."""
        ...

    async def forget(self, organisation_id: str, name: str) -> None:
        """Its settings changed: build it anew next time."""
        ...


class SendingTools(Protocol):
    """What domains that mail is sent from need of the world: keys, and what the DNS says."""

    def domain(self, text: str) -> str:
        """A domain in ASCII and lower case; PostOfficeError where it is none."""
        ...

    def make_key(self, kind: Literal["rsa", "ed25519"]) -> tuple[str, str]:
        """(private key in PEM, value of its TXT record)."""
        ...

    def name_of(self, domain: str, selector: str) -> str:
        """Where a key's record belongs."""
        ...

    async def ask(self, name: str, kind: str) -> list[str]:
        """Records of a kind (TXT, A, AAAA, MX) as text, [] for none; PostOfficeError where no name server answers."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that doors need from the settings."""

    max_upload: int  #: bytes
    max_pages: int
    session_seconds: float
    idle_seconds: float
    link_days: int
    lease_seconds: float
    chunk_delay: float  #: seconds; for trials of crashes
    give_up: timedelta = timedelta(days=5)  #: a delivery that its carrier never takes fails after it


@dataclass(frozen=True, slots=True)
class House:
    """Everything that a door or a step may use."""

    url: str  #: how people reach the office, no slash at the end
    database: Database
    documents: Documents
    keyring: Keyring
    reception: Reception
    bell: Bell
    workshop: Workshop
    carriers: Carriers
    clock: Clock
    log: Log
    templates: Path
    limits: Limits
    secure: bool  #: people come over https: cookies are Secure
    sending: SendingTools | None = None  #: None: this house makes no signing keys
    rspamd: str = ""  #: address of a spam filter that judges mail before it goes; empty: none
    tls_port: int | None = None  #: port of the printer over TLS with the office's own certificate; None for none
    traces: Tracer = NO_TRACES  #: where journeys are timed, for whoever looks at traces

    @property
    def lease(self) -> timedelta:
        """How long a batch may be held without a sign of life."""
        return timedelta(seconds=self.limits.lease_seconds)


HOUSE = web.AppKey("house", House)
