"""News kept as it was told, who listens, and the webhooks of the organisation's own programs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("news", schema=None) as batch_op:
        batch_op.add_column(sa.Column("organisation_id", sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column("way", sa.String(length=10), nullable=False, server_default="knock"))
        batch_op.add_column(sa.Column("state", sa.String(length=10), nullable=False, server_default="waiting"))
        batch_op.add_column(sa.Column("digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("not_before", Time, nullable=True))
        batch_op.create_foreign_key(op.f("fk_news_organisation_id"), "organisations", ["organisation_id"], ["id"])
        batch_op.create_unique_constraint(op.f("uq_news_organisation_id_carrier_digest"), ["organisation_id", "carrier", "digest"])
        batch_op.create_index("ix_news_state", ["organisation_id", "carrier", "state", "received_at"], unique=False)
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_to", ["organisation_id", "to"], unique=False)
    op.create_index(
        "ix_events_loose",
        "events",
        ["organisation_id", "at"],
        unique=False,
        sqlite_where=sa.text("mailing_id IS NULL"),
        postgresql_where=sa.text("mailing_id IS NULL"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_leases_organisation_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "hook_endpoints",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before", Time, nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", Time, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=False),
        sa.Column("last_at", Time, nullable=True),
        sa.Column("last_ok_at", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_hook_endpoints_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_endpoints")),
    )
    op.create_index("ix_hook_endpoints_organisation_id", "hook_endpoints", ["organisation_id"], unique=False)
    op.create_table(
        "hook_messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("endpoint_id", sa.String(length=26), nullable=False),
        sa.Column("event_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Time, nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("tried_at", Time, nullable=True),
        sa.Column("done_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["hook_endpoints.id"], name=op.f("fk_hook_messages_endpoint_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_hook_messages_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_messages")),
    )
    op.create_index("ix_hook_messages_due", "hook_messages", ["endpoint_id", "state", "next_at"], unique=False)


def downgrade() -> None:
    op.drop_table("hook_messages")
    op.drop_table("hook_endpoints")
    op.drop_table("leases")
    op.drop_index("ix_events_loose", table_name="events")
    op.drop_index("ix_deliveries_to", table_name="deliveries")
    with op.batch_alter_table("news", schema=None) as batch_op:
        batch_op.drop_index("ix_news_state")
        batch_op.drop_constraint(op.f("uq_news_organisation_id_carrier_digest"), type_="unique")
        batch_op.drop_constraint(op.f("fk_news_organisation_id"), type_="foreignkey")
        for name in ("not_before", "tries", "digest", "state", "way", "organisation_id"):
            batch_op.drop_column(name)
