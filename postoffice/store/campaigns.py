"""Queries about campaigns and their approvals. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.model.campaign import Approval, Campaign, Design
from postoffice.model.errors import Conflict, NotFound
from postoffice.model.ids import new_id
from postoffice.model.states import CAMPAIGN_COMMANDS, CampaignState, command_campaign
from postoffice.store.schema import campaign_approvals, campaigns, organisations


async def add(
    connection: AsyncConnection,
    organisation_id: str,
    design: Design,
    now: datetime,
    actor: str,
    user_id: str | None,
    *,
    live: bool = True,
) -> Campaign:
    """A fresh draft."""
    values = {
        "id": new_id(),
        "organisation_id": organisation_id,
        "name": design.name[:200],
        "state": CampaignState.DRAFT.value,
        "design": design.as_dict(),
        "revision": 1,
        "rules": {},
        "outcome": {},
        "pause_reason": "",
        "live": live,
        "created_by": actor,
        "user_id": user_id,
        "created_at": now,
        "updated_at": now,
        "scheduled_at": None,
        "started_at": None,
        "finished_at": None,
    }
    await connection.execute(campaigns.insert(), values)
    return _campaign(values)


async def get(connection: AsyncConnection, campaign_id: str, organisation_id: str | None = None, *, lock: bool = False) -> Campaign:
    """One campaign, of this organisation where one is given; NotFound otherwise. `lock`: nobody changes it until this ends."""
    query = campaigns.select().where(campaigns.c.id == campaign_id)
    if organisation_id is not None:
        query = query.where(campaigns.c.organisation_id == organisation_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise missing()
    return _campaign(row)


def missing() -> NotFound:
    """There is no such campaign."""
    return NotFound("no-such-campaign", "There is no such campaign.", help="Look for it in the list of campaigns.")


async def some(
    connection: AsyncConnection,
    organisation_id: str,
    *,
    states: Sequence[CampaignState] = (),
    live: bool | None = None,
    before: str = "",
    limit: int = 50,
) -> list[Campaign]:
    """Campaigns, newest first; `before`: the id of the last one of the page before."""
    query = campaigns.select().where(campaigns.c.organisation_id == organisation_id)
    if states:
        query = query.where(campaigns.c.state.in_([state.value for state in states]))
    if live is not None:
        query = query.where(campaigns.c.live.is_(live))
    if before:
        query = query.where(campaigns.c.id < before)
    found = await connection.execute(query.order_by(campaigns.c.id.desc()).limit(limit))
    return [_campaign(row) for row in found.mappings()]


async def count_by_state(connection: AsyncConnection, organisation_id: str) -> dict[CampaignState, int]:
    """How many campaigns stand in each state."""
    query = sa.select(campaigns.c.state, sa.func.count()).where(campaigns.c.organisation_id == organisation_id)
    found = await connection.execute(query.group_by(campaigns.c.state))
    return {CampaignState(state): number for state, number in found}


async def command(connection: AsyncConnection, campaign: Campaign, word: str, now: datetime, **values: Any) -> CampaignState:
    """Apply a command of the transition table, guarded in the database as well; Conflict where it is not allowed."""
    sources, target = CAMPAIGN_COMMANDS[word]
    result = await connection.execute(
        campaigns.update()
        .where(campaigns.c.id == campaign.id, campaigns.c.state.in_([state.value for state in sources]))
        .values(state=target.value, updated_at=now, **values)
    )
    if result.rowcount != 1:
        current = await connection.scalar(sa.select(campaigns.c.state).where(campaigns.c.id == campaign.id))
        command_campaign(CampaignState(current) if current else campaign.state, word)
        raise AssertionError(f"the table allows {word} from {current}, the guard did not")
    return target


async def change(connection: AsyncConnection, campaign: Campaign, design: Design, now: datetime, revision: int | None = None) -> int:
    """Another design: a draft again, approvals of the former one are void; the new revision. Conflict where it runs, or where
    somebody else changed it meanwhile."""
    expected = campaign.revision if revision is None else revision
    current = await get(connection, campaign.id, lock=True)
    if current.revision != expected:
        raise Conflict(
            "campaign-changed",
            "Somebody changed this campaign meanwhile: nothing was kept of your change.",
            help="Copy what you typed, reload the page, and bring it in again.",
        )
    values = {"name": design.name[:200], "design": design.as_dict(), "revision": expected + 1, "rules": {}, "scheduled_at": None}
    await command(connection, campaign, "change", now, **values)
    await void(connection, campaign.id, now)
    return expected + 1


async def redesign(connection: AsyncConnection, campaign: Campaign, design: Design, now: datetime) -> None:
    """Change what may be changed while it runs; approvals stay. The caller says who may."""
    await connection.execute(campaigns.update().where(campaigns.c.id == campaign.id).values(design=design.as_dict(), updated_at=now))


async def update(connection: AsyncConnection, campaign_id: str, **values: Any) -> None:
    """Change columns that are neither state nor design."""
    assert not {"state", "design", "revision"} & set(values)
    await connection.execute(campaigns.update().where(campaigns.c.id == campaign_id).values(**values))


async def alone(connection: AsyncConnection, organisation_id: str) -> None:
    """Nobody else of this organisation fills a capped wave until this transaction ends: two that count at once would both be right."""
    query = sa.select(organisations.c.id).where(organisations.c.id == organisation_id)
    await connection.execute(query.with_for_update(key_share=True))


async def add_approval(
    connection: AsyncConnection,
    campaign: Campaign,
    *,
    what: Mapping[str, Any],
    fingerprint: str,
    approved: bool,
    actor: str,
    user_id: str | None,
    note: str,
    now: datetime,
) -> None:
    """A second person's word on exactly this."""
    await connection.execute(
        campaign_approvals.insert(),
        {
            "id": new_id(),
            "organisation_id": campaign.organisation_id,
            "campaign_id": campaign.id,
            "revision": campaign.revision,
            "fingerprint": fingerprint,
            "what": dict(what),
            "approved": approved,
            "actor": actor,
            "user_id": user_id,
            "note": note[:500],
            "at": now,
            "voided_at": None,
        },
    )


async def approvals(connection: AsyncConnection, campaign_id: str) -> list[Approval]:
    """All that was said, newest first."""
    query = campaign_approvals.select().where(campaign_approvals.c.campaign_id == campaign_id)
    found = (await connection.execute(query.order_by(campaign_approvals.c.id.desc()))).mappings()
    return [Approval(**{name: row[name] for name in Approval.__slots__}) for row in found]


async def void(connection: AsyncConnection, campaign_id: str, now: datetime) -> None:
    """What was approved is no longer what stands there."""
    await connection.execute(
        campaign_approvals.update()
        .where(campaign_approvals.c.campaign_id == campaign_id, campaign_approvals.c.voided_at.is_(None))
        .values(voided_at=now)
    )


def _campaign(row: Mapping[Any, Any]) -> Campaign:
    plain = {name: row[name] for name in Campaign.__slots__ if name not in ("state", "design")}
    return Campaign(**plain, state=CampaignState(row["state"]), design=Design.from_dict(row["design"]))
