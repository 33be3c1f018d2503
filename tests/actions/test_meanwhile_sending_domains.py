"""A key is forgotten at the moment at which its record is seen: some key goes on signing."""

from collections.abc import AsyncIterator

import pytest

from postoffice.actions.sending_domains import SendingDomains
from postoffice.channels.email.dns import DnsTools
from postoffice.model.errors import Conflict
from postoffice.store import dkim
from postoffice.store.database import Database
from postoffice.store.keys import Keyring
from tests.conftest import FixedClock
from tests.meanwhile import Seams

pytestmark = pytest.mark.slow

DOMAIN = "mairie.example"


class Published(DnsTools):
    """Name servers that know every record."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:9")
        self.records: dict[str, str] = {}

    async def ask(self, name: str, kind: str) -> list[str]:
        """See house.SendingTools."""
        return [self.records[name]] if name in self.records else []


@pytest.fixture
async def seams(database: Database) -> AsyncIterator[Seams]:
    made = Seams(database)
    yield made
    await made.close()


@pytest.mark.parametrize("first", ["seen", "forgotten"])
async def test_a_domain_is_never_left_without_a_key_that_signs(
    seams: Seams, keyring: Keyring, organisation_id: str, clock: FixedClock, first: str
) -> None:
    tools = Published()
    domains = SendingDomains(seams, keyring, tools, organisation_id)
    await domains.make(DOMAIN, clock.now(), ["rsa"])
    clock.pass_by(days=40)
    (old,) = await domains.keys()
    tools.records[domains.where(old)] = old.record
    await domains.check(DOMAIN, clock.now())
    (new,) = await domains.rotate(DOMAIN, clock.now())
    tools.records[domains.where(new)] = new.record
    if first == "seen":
        seams.before(1, lambda: domains.check(DOMAIN, clock.now()))
        with pytest.raises(Conflict):
            await domains.drop(DOMAIN, new.selector, clock.now())
    else:
        seams.before(1, lambda: domains.drop(DOMAIN, new.selector, clock.now()))
        await domains.check(DOMAIN, clock.now())
    signing = [row.selector for row in dkim.signing(await domains.keys())]
    assert signing == [new.selector if first == "seen" else old.selector]
