"""Figures, limits and cut-off times at the desk: right sums, alerts, an export that no spreadsheet runs, and what may be typed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postoffice.desk.limits import amount_of
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing, Options
from postoffice.model.people import Grant, Role
from postoffice.model.states import EventKind
from postoffice.store import budgets, carriers, deliveries, events, mailings
from postoffice.store import schema as tables
from tests.conftest import FixedClock
from tests.desk.house import Browser, Office
from tests.desk.offices import ALL, signed_in, with_carriers
from tests.pipeline.house import people_items


@pytest.fixture
async def office(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Office]:
    built = await with_carriers(tmp_path, clock)
    yield built
    await built.house.database.close()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Browser]:
    async with signed_in(office, ALL) as browser:
        yield browser


async def _sent(office: Office, letters: bytes, count: int = 10, wishes: int = 0, centre: str = "=Ventes") -> Mailing:
    """A mailing of which one letter bounced and one came back; `wishes` recipients unsubscribed, each of them told twice."""
    now = office.house.clock.now()
    mailing = await office.add_mailing(people_items(count), letters, options=Options(channel=Channel.EMAIL, cost_centre=centre))
    some = await office.items_of(mailing)
    states = ["failed", "returned", *["delivered"] * (count - 2)]
    made = [
        {
            "id": new_id(),
            "organisation_id": office.organisation_id,
            "mailing_id": mailing.id,
            "item_id": item.id,
            "batch_id": None,
            "rung": 0,
            "channel": "email",
            "carrier": "sandbox-email",
            "to": item.email,
            "cost": 1_000,
            "created_at": now,
            "state": state,
            "handed_over_at": now,
            "code": "550" if state == "failed" else "",
        }
        for item, state in zip(some, states, strict=True)
    ]
    told = [
        events.NewEvent(office.organisation_id, EventKind.OPTED_OUT, "recipient", now, mailing_id=mailing.id, item_id=item.id)
        for item in some[:wishes] * 2
    ]
    async with office.house.database.write() as connection:
        await deliveries.add_all(connection, made)
        await events.add(connection, told, now)
        await connection.execute(tables.items.update().where(tables.items.c.id == some[3].id).values(opened_at=now))
        await mailings.update(connection, mailing.id, sent_at=now)
    return mailing


async def test_sums_by_each_word_and_alerts(office: Office, admin: Browser, letters: bytes) -> None:
    await _sent(office, letters, 10, wishes=2)
    await _sent(office, letters, 10)
    for by in ("month", "mailing", "printer", "cost-centre"):
        status, page = await admin.get(f"/figures?by={by}")
        assert status == 200 and "<svg" in page and "<tfoot>" in page
    _status, text = await admin.get("/figures.csv?by=cost-centre")
    head, line = text.lstrip("\ufeff").splitlines()
    assert line.split(";") == ["'=Ventes", "20", "20", "16", "2", "2", "2", "2", "0", "0.02", "550 2, unknown 2"], head
    today = (await admin.get("/"))[1]
    assert "unsubscribed from a mailing" in today and "20%" in today


async def test_one_who_unsubscribes_is_no_alarm(office: Office, admin: Browser, letters: bytes) -> None:
    await _sent(office, letters, 10, wishes=1)
    assert "unsubscribed from a mailing" not in (await admin.get("/"))[1]


async def test_an_empty_time_and_a_strange_one(office: Office, admin: Browser) -> None:
    assert "Nothing was sent" in (await admin.get("/figures?from=2020-01&to=2020-02"))[1]
    assert (await admin.get("/figures?from=nonsense&to=9999-99&by=weather"))[0] == 200


@pytest.mark.parametrize(
    ("typed", "micros"), [("1 500,50", 1_500_500_000), ("1500.5", 1_500_500_000), ("0", 0), ("", None), ("12 €", 12_000_000)]
)
def test_amounts_as_people_type_them(typed: str, micros: int | None) -> None:
    assert amount_of(typed) == micros


@pytest.mark.parametrize("typed", ["-1", "NaN", "1e99", "twelve", "Infinity"])
def test_what_is_no_amount(typed: str) -> None:
    with pytest.raises(PostOfficeError):
        amount_of(typed)


async def test_limits_are_laid_down_and_removed(office: Office, admin: Browser) -> None:
    for form in ({"scope": "organisation", "amount": "100"}, {"scope": "cost-centre", "subject": "Ventes", "amount": "20"}):
        assert (await admin.post("/admin/limits", form))[0] == 303
    page = (await admin.get("/admin/limits"))[1]
    assert "100.00" in page and "Ventes" in page and "0% used" in page
    await admin.post("/admin/limits", {"scope": "organisation", "amount": ""})
    async with office.house.database.read() as connection:
        known = await budgets.state(connection, office.organisation_id, office.house.clock.now())
    assert [(one.scope, one.amount) for one in known] == [("organisation", None), ("cost-centre", 20_000_000)]
    for bad in ({"scope": "moon", "amount": "1"}, {"scope": "cost-centre", "amount": "1"}, {"scope": "organisation", "amount": "x"}):
        assert (await admin.post("/admin/limits", bad))[0] == 400
    assert (await admin.post("/admin/limits", {"scope": "printer:zzz", "amount": "1"}))[0] == 404


async def test_who_may_not_lay_down_limits(office: Office) -> None:
    async with signed_in(office, Grant(Role.SENDER), email="sender@example.org") as sender:
        assert (await sender.get("/admin/limits"))[0] == 403 == (await sender.post("/admin/plans/new", {"name": "x"}))[0]
        assert (await sender.get("/figures"))[0] == 200


async def test_cut_off_times_of_a_print_house(office: Office, admin: Browser) -> None:
    async with office.house.database.read() as connection:
        (post,) = [one for one in await carriers.all_of(connection, office.organisation_id) if one.channel is Channel.POST]
    assert "Last hour of hand-over" in (await admin.get(f"/admin/carriers/{post.name}"))[1]
    form = {f"day-{number}": "16:00" for number in range(5)}
    assert (await admin.post(f"/admin/carriers/{post.name}/cut-offs", form))[0] == 303
    assert (await admin.post(f"/admin/carriers/{post.name}/cut-offs", {"day-0": "25:00"}))[0] == 400
    async with office.house.database.read() as connection:
        kept = await carriers.by_name(connection, office.organisation_id, post.name)
    assert list(kept.cut_offs or ()) == [*["16:00"] * 5, "", ""]


async def test_the_panel_says_why_this_way_and_why_not_the_others(office: Office, admin: Browser, letters: bytes) -> None:
    options = Options(channel=None, ladder="email-link 3d > fax > post")
    mailing = await office.add_mailing(people_items(1, fax="", mobile=""), letters, options=options)
    (item,) = await office.items_of(mailing)
    for address in (f"/m/{mailing.id}/items/{item.id}", f"/i/{item.id}"):
        page = (await admin.get(address))[1]
        assert "if it is not read after 3 days" in page and "no fax number is known" in page
        assert "the plan does not ask for it" in page
