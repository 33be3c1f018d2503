"""The recipients' portal: one-time codes, counters of tries, requests to the data-protection officer, links that a recipient shared."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Id = sa.String(26)
Time = sa.DateTime(timezone=True)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("links", sa.Column("parent_id", Id, nullable=True))
    op.add_column("links", sa.Column("label", sa.String(200), nullable=True))
    op.add_column("link_sessions", sa.Column("level", sa.String(10), nullable=False, server_default="typed"))
    op.create_table(
        "codes",
        sa.Column("id", Id, nullable=False),
        sa.Column("organisation_id", Id, nullable=False),
        sa.Column("ask_hash", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("link_id", Id, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrong", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("used_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_codes_organisation_id"),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="fk_codes_link_id"),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
        sa.UniqueConstraint("ask_hash", name="uq_codes_ask_hash"),
    )
    op.create_index("ix_codes_link_id", "codes", ["link_id"])
    op.create_table(
        "tries",
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("organisation_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_tries_organisation_id"),
        sa.PrimaryKeyConstraint("scope", name="pk_tries"),
    )
    op.create_index("ix_tries_since", "tries", ["since"])
    op.create_table(
        "privacy_requests",
        sa.Column("id", Id, nullable=False),
        sa.Column("organisation_id", Id, nullable=False),
        sa.Column("contact_id", Id, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("proof", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("answered_at", Time, nullable=True),
        sa.Column("answered_by", Id, nullable=True),
        sa.Column("answer", sa.String(1000), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_privacy_requests_organisation_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_privacy_requests_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_privacy_requests"),
    )
    op.create_index("ix_privacy_requests_contact_id", "privacy_requests", ["contact_id"])
    op.create_index("ix_privacy_requests_organisation_state", "privacy_requests", ["organisation_id", "state"])


def downgrade() -> None:
    op.drop_table("privacy_requests")
    op.drop_table("tries")
    op.drop_table("codes")
    op.drop_column("link_sessions", "level")
    op.drop_column("links", "label")
    op.drop_column("links", "parent_id")
