"""Saved plans, limits and spending by month, digests of letters, cut-off times of carriers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("ladder", sa.String(500), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("changed_at", Time, nullable=False),
        sa.UniqueConstraint("organisation_id", "name", name="uq_plans_organisation_id_name"),
    )
    op.create_table(
        "budgets",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        sa.Column("scope", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.UniqueConstraint("organisation_id", "scope", "subject", name="uq_budgets_organisation_id_scope_subject"),
    )
    op.create_table(
        "spendings",
        _organisation(),
        sa.Column("scope", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "scope", "subject", "month"),
    )
    op.add_column("mailings", sa.Column("quoted", sa.BigInteger, nullable=True))
    op.add_column("items", sa.Column("digest", sa.String(64), nullable=True))
    op.add_column("items", sa.Column("again", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("carriers", sa.Column("cut_offs", Json, nullable=True))
    some = sa.text("digest IS NOT NULL")
    op.create_index("ix_items_digest", "items", ["organisation_id", "digest"], sqlite_where=some, postgresql_where=some)
    wishes = sa.text("kind IN ('opted_out', 'complained')")
    op.create_index(
        "ix_events_wishes", "events", ["organisation_id", "mailing_id", "kind"], sqlite_where=wishes, postgresql_where=wishes
    )


def downgrade() -> None:
    op.drop_index("ix_events_wishes", "events")
    op.drop_index("ix_items_digest", "items")
    op.drop_column("carriers", "cut_offs")
    op.drop_column("items", "again")
    op.drop_column("items", "digest")
    op.drop_column("mailings", "quoted")
    for table in ("spendings", "budgets", "plans"):
        op.drop_table(table)
