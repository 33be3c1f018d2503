"""All carriers that can be set up: one line each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postoffice.channels import sandbox
from postoffice.channels.email import setting_up as smtp
from postoffice.channels.fax import hylafax
from postoffice.channels.fax import telnyx as telnyx_fax
from postoffice.channels.kind import BadSetting, DkimKey, Kind, Parts, read_settings
from postoffice.channels.print_house import lob, pingen, sftp
from postoffice.channels.print_house.maileva import carrier as maileva
from postoffice.channels.reach import Reach
from postoffice.channels.sms import smpp, telnyx, twilio
from postoffice.model.channel import Channel
from postoffice.model.ports import Carrier, Log, SandboxBox, Workshop

KINDS: tuple[Kind, ...] = (
    *sandbox.KINDS,
    smtp.KIND,
    sftp.KIND,
    maileva.KIND,
    pingen.KIND,
    lob.KIND,
    smpp.KIND,
    twilio.KIND,
    telnyx.KIND,
    hylafax.KIND,
    telnyx_fax.KIND,
)
OPEN = Reach()
#: the settings that say where a carrier is
ADDRESSES = frozenset({"host", "url", "auth_url", "token_url"})
CATALOGUE: dict[str, Kind] = {kind.word: kind for kind in KINDS}


def kinds_of(channel: Channel) -> tuple[Kind, ...]:
    """The carriers of a channel, in the order in which the desk offers them."""
    return tuple(kind for kind in KINDS if kind.channel is channel)


def build(
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    *,
    box: SandboxBox,
    log: Log,
    folder: Path | None = None,
    return_key: bytes = b"",
    dkim: tuple[DkimKey, ...] = (),
    workshop: Workshop | None = None,
    reach: Reach = OPEN,
) -> Carrier:
    """A carrier ready for use; nothing is connected yet. BadSetting says which setting is wrong, never its value.

    `folder` is the carrier's own, for what must outlive the process; `return_key` and `dkim` are what mail is sealed with;
    `workshop` is for PDF work; `reach` says where its connections may go.
    """
    if kind not in CATALOGUE:
        raise BadSetting(
            "carrier-kind",
            f"There is no carrier kind '{kind}'.",
            help=f"The kinds are: {', '.join(CATALOGUE)}.",
            kind=kind,
        )
    found = CATALOGUE[kind]
    typed = read_settings(found, settings)
    for field in ADDRESSES & typed.keys():
        host = urlsplit(typed[field]).hostname or "" if "://" in typed[field] else typed[field]
        if reach.forbids(host):
            raise BadSetting(
                "carrier-inside",
                f"The setting '{field}' of the carrier kind '{kind}' cannot be used: it is an address where carriers may not be.",
                help="Give another address, or let the office's administrator allow private networks (POSTOFFICE_CARRIERS_INSIDE).",
                kind=kind,
                field=field,
            )
    return found.build(typed, Parts(name, box, log, folder, return_key, dkim, workshop, reach))
