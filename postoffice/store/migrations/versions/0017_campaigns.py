"""Campaigns, their waves, approvals and members; work that somebody paused."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("design", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("rules", Json, nullable=False),
        sa.Column("outcome", Json, nullable=False),
        sa.Column("pause_reason", sa.String(60), nullable=False, server_default=""),
        sa.Column("live", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("created_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("scheduled_at", Time, nullable=True),
        sa.Column("started_at", Time, nullable=True),
        sa.Column("finished_at", Time, nullable=True),
    )
    op.create_index("ix_campaigns_organisation", "campaigns", ["organisation_id", "id"])
    op.create_index("ix_campaigns_state", "campaigns", ["organisation_id", "state"])
    op.create_table(
        "campaign_waves",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), nullable=False),
        sa.Column("occurrence", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("variant", sa.String(1), nullable=False, server_default="a"),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), nullable=True),
        sa.Column("starts_at", Time, nullable=False),
        sa.Column("cursor", sa.String(40), nullable=False, server_default=""),
        sa.Column("looked_at", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("filled", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("left_out", Json, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("filled_at", Time, nullable=True),
        sa.Column("finished_at", Time, nullable=True),
        sa.UniqueConstraint("campaign_id", "occurrence", "kind", name="uq_campaign_waves_campaign_id_occurrence_kind"),
    )
    op.create_index("ix_campaign_waves_mailing_id", "campaign_waves", ["mailing_id"])
    op.create_table(
        "campaign_approvals",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("what", Json, nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=True),
        sa.Column("note", sa.String(500), nullable=False, server_default=""),
        sa.Column("at", Time, nullable=False),
        sa.Column("voided_at", Time, nullable=True),
    )
    op.create_index("ix_campaign_approvals_campaign_id", "campaign_approvals", ["campaign_id"])
    _members()
    op.add_column("batches", sa.Column("held_at", Time, nullable=True))


def _members() -> None:
    op.create_table(
        "campaign_members",
        sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), primary_key=True, nullable=False),
        sa.Column("occurrence", sa.String(40), primary_key=True, nullable=False),
        sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=True, nullable=False),
        _organisation(),
        sa.Column("wave_id", Id, sa.ForeignKey("campaign_waves.id"), nullable=False),
        sa.Column("item_id", Id, nullable=True),
        sa.Column("reason", sa.String(60), nullable=False, server_default=""),
        sa.Column("at", Time, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_members_contact", "campaign_members", ["contact_id", "at"])
    op.create_index("ix_campaign_members_wave", "campaign_members", ["wave_id", "reason"])


def downgrade() -> None:
    op.drop_column("batches", "held_at")
    for table in ("campaign_members", "campaign_approvals", "campaign_waves", "campaigns"):
        op.drop_table(table)
