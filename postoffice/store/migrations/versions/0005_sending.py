"""Signing keys of sending domains, and the pace of carriers with a rate."""

import sqlalchemy as sa
from alembic import op

Time = sa.DateTime(timezone=True)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dkim_keys",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("selector", sa.String(length=63), nullable=False),
        sa.Column("algorithm", sa.String(length=10), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.String(length=1000), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("seen_at", Time, nullable=True),
        sa.Column("retired_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_dkim_keys_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dkim_keys")),
        sa.UniqueConstraint(
            "organisation_id", "domain", "selector", name=op.f("uq_dkim_keys_organisation_id_domain_selector")
        ),
    )
    op.create_table(
        "paces",
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("carrier", sa.String(length=80), nullable=False),
        sa.Column("next_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_paces_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "carrier", name=op.f("pk_paces")),
    )
