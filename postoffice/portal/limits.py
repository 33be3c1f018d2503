"""How often something may be tried at the portal. Counters live in the database (store.tries): a restart forgives nothing."""

from collections.abc import Iterable
from datetime import timedelta

from aiohttp import web

from postoffice.house import HOUSE
from postoffice.portal.forms import network_of
from postoffice.portal.found import Found
from postoffice.store.tries import Limit

WINDOW = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TRIES = 5  #: wrong codes behind one link within WINDOW; typed proofs have the link's own counter
TRIES_OF_CONTACT = 20  #: wrong tries a day over all links of one contact
TRIES_OF_NETWORK = 30  #: wrong tries from one address within WINDOW: a company's people may share it
SENDINGS = 4  #: codes for one link within WINDOW
SENDINGS_TO = 5  #: codes to one number or mailbox an hour
SENDINGS_OF_CONTACT = 10  #: codes an hour over all links of one contact
SENDINGS_OF_NETWORK = 20  #: codes an hour that one address asks for


def of_tries(request: web.Request, found: Found, *, code: bool = False) -> list[Limit]:
    """What a wrong proof counts against."""
    limits = [("tries-network", _address(request), TRIES_OF_NETWORK, WINDOW)]
    if found.item.contact_id:
        limits.append(("tries-contact", found.item.contact_id, TRIES_OF_CONTACT, DAY))
    if code:
        limits.append(("tries-code", found.link.id, TRIES, WINDOW))
    return _hashed(request, found, limits)


def of_sendings(request: web.Request, found: Found, to: str) -> list[Limit]:
    """What sending a code counts against."""
    limits = [
        ("send-link", found.link.id, SENDINGS, WINDOW),
        ("send-to", to.casefold(), SENDINGS_TO, HOUR),
        ("send-network", _address(request), SENDINGS_OF_NETWORK, HOUR),
    ]
    if found.item.contact_id:
        limits.append(("send-contact", found.item.contact_id, SENDINGS_OF_CONTACT, HOUR))
    return _hashed(request, found, limits)


def _address(request: web.Request) -> str:
    """One address, or the network that one subscriber gets (IPv6)."""
    return network_of(request, bits=(32, 64))


def _hashed(request: web.Request, found: Found, limits: Iterable[tuple[str, str, int, timedelta]]) -> list[Limit]:
    blind, organisation = request.app[HOUSE].keyring.blind, found.organisation.id
    return [Limit(blind(f"{kind}|{organisation}|{value}"), most, within) for kind, value, most, within in limits]
