"""Campaigns, their waves, who approved what, and who is in which wave: the key that lets nobody in twice."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

campaigns = sa.Table(
    "campaigns",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("design", Json, nullable=False),  # model.campaign.Design
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("rules", Json, nullable=False),  # the audience as it was approved
    sa.Column("outcome", Json, nullable=False),  # of its test
    sa.Column("pause_reason", sa.String(60), nullable=False, server_default=""),
    sa.Column("live", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_by", sa.String(80), nullable=False, server_default=""),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),
    created_column(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("scheduled_at", UtcTime),  # the first instant at which anything of it may go
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.Index("ix_campaigns_organisation", "organisation_id", "id"),
    sa.Index("ix_campaigns_state", "organisation_id", "state"),
)

campaign_waves = sa.Table(
    "campaign_waves",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), nullable=False),
    sa.Column("occurrence", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("variant", sa.String(1), nullable=False, server_default="a"),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), index=True),
    sa.Column("starts_at", UtcTime, nullable=False),
    sa.Column("cursor", sa.String(40), nullable=False, server_default=""),
    sa.Column("looked_at", sa.Integer, nullable=False, server_default="0"),
    sa.Column("filled", sa.Integer, nullable=False, server_default="0"),
    sa.Column("left_out", Json, nullable=False),  # reason -> how many
    sa.Column("data", Json, nullable=False),
    created_column(),
    sa.Column("filled_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.UniqueConstraint("campaign_id", "occurrence", "kind"),
)

campaign_approvals = sa.Table(
    "campaign_approvals",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # SHA-256 of exactly what was approved
    sa.Column("what", Json, nullable=False),  # that itself
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),
    sa.Column("note", sa.String(500), nullable=False, server_default=""),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("voided_at", UtcTime),
)

campaign_members = sa.Table(  # who is in which wave, and who was left out and why
    "campaign_members",
    metadata,
    sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), primary_key=True),
    sa.Column("occurrence", sa.String(40), primary_key=True),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=True),
    organisation_column(),
    sa.Column("wave_id", Id, sa.ForeignKey("campaign_waves.id"), nullable=False),
    sa.Column("item_id", Id),  # NULL: left out
    sa.Column("reason", sa.String(60), nullable=False, server_default=""),  # why left out
    sa.Column("at", UtcTime, nullable=False),  # when it may go at the earliest
    sa.Index("ix_campaign_members_contact", "contact_id", "at"),
    sa.Index("ix_campaign_members_wave", "wave_id", "reason"),
    sqlite_with_rowid=False,
)
