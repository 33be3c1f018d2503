"""What is kept of finished mailings' figures is what a count would say, whatever is heard later."""

from datetime import timedelta

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event
from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing, Options
from postoffice.model.states import EventKind
from postoffice.pipeline.news import apply_news
from postoffice.store import figures, figures_kept
from postoffice.store.figures import Figures, Whose
from postoffice.store.schema import mailing_figures
from tests.pipeline.conftest import office as office
from tests.pipeline.house import Office, people_items

EMAIL = Options(channel=Channel.EMAIL)


async def finished(office: Office) -> Mailing:
    mailing = await office.drafts(people_items(4), EMAIL)
    await steering.send(office.house, mailing, EMAIL, OFFICE)
    await office.follow(5)
    return mailing


async def year(office: Office) -> list[Figures]:
    now = office.clock.now()
    async with office.house.database.read() as connection:
        some = await figures.by_mailing(
            connection, Whose(office.organisation_id, now - timedelta(days=365), now + timedelta(minutes=1))
        )
    return [one for one, _row in some]


async def kept(office: Office) -> int:
    return await figures.keep(office.house.database, office.organisation_id, office.clock.now())


@pytest.mark.slow
async def test_what_is_kept_is_what_a_count_says_until_something_is_heard(office: Office) -> None:
    mailing = await finished(office)
    counted = await year(office)
    assert counted[0].delivered == 4 and await kept(office) == 0, "there is still news all the time"
    office.clock.pass_by(hours=30)
    assert (await kept(office), await kept(office)) == (1, 0)
    assert await year(office) == counted
    async with office.house.database.write() as connection:  # that it is the kept line which is shown
        shape = counted[0].shape() | {"delivered": 77}
        await connection.execute(mailing_figures.update().values(figures=shape, upto=new_id()))  # ids tell the real hour
    assert [one.delivered for one in await year(office)] == [77]
    item = (await office.items(mailing))[0]
    told = Event(EventKind.COMPLAINED, office.clock.now(), key=item.delivery_id)
    await apply_news(office.house, office.organisation_id, "sandbox-email", [told])
    fresh = await year(office)
    assert (fresh[0].delivered, fresh[0].complained) == (4, 1), "counted anew, since something was heard"
    office.clock.pass_by(hours=1)
    assert await kept(office) == 1 and await year(office) == fresh
    async with office.house.database.read() as connection:
        assert await figures_kept.missing(connection, office.organisation_id, office.clock.now()) == []
