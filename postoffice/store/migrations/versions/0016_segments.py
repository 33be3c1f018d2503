"""Segments, purchases, RFM; a contact's events are found by kind and time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _organisation(*, primary: bool = False) -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=primary, nullable=False)


def _contact(*, primary: bool = False) -> sa.Column[str]:
    return sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=primary, nullable=False)


def upgrade() -> None:
    live = sa.text("merged_into IS NULL AND erased_at IS NULL")
    op.create_index("ix_contacts_live", "contacts", ["organisation_id", "id"], sqlite_where=live, postgresql_where=live)
    op.create_index("ix_events_contact", "events", ["contact_id", "kind", "at"])
    op.drop_index("ix_events_contact_id", table_name="events")  # the new one begins with it
    op.create_table(
        "segments",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False, server_default=""),
        sa.Column("created_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("filled_at", Time, nullable=True),
        sa.Column("removed_at", Time, nullable=True),
    )
    op.create_index("ix_segments_organisation", "segments", ["organisation_id", "name"])
    op.create_table(
        "segment_members",
        sa.Column("segment_id", Id, sa.ForeignKey("segments.id"), primary_key=True, nullable=False),
        _contact(primary=True),
        _organisation(),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_segment_members_contact", "segment_members", ["contact_id"])
    _purchases()


def _purchases() -> None:
    op.create_table(
        "purchases",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        _contact(),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("bought_at", Time, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("category", sa.String(100), nullable=False, server_default=""),
        sa.Column("quantity", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", Time, nullable=False),
        sa.UniqueConstraint("organisation_id", "external_id", name="uq_purchases_organisation_id_external_id"),
    )
    op.create_index("ix_purchases_contact", "purchases", ["contact_id", "bought_at", "amount", "currency", "category"])
    op.create_index("ix_purchases_category", "purchases", ["organisation_id", "category"])
    op.create_table(
        "rfm_scores",
        _organisation(primary=True),
        _contact(primary=True),
        sa.Column("last_at", Time, nullable=False),
        sa.Column("purchases", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("recency", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("monetary", sa.Integer(), nullable=False),
        sa.Column("group", sa.String(30), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rfm_scores_group", "rfm_scores", ["organisation_id", "group"])
    op.create_index("ix_rfm_scores_contact", "rfm_scores", ["contact_id"])
    op.create_table(
        "rfm_runs",
        _organisation(primary=True),
        sa.Column("reference_at", Time, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    for name in ("rfm_runs", "rfm_scores", "purchases", "segment_members", "segments"):
        op.drop_table(name)
    op.create_index("ix_events_contact_id", "events", ["contact_id"])
    op.drop_index("ix_events_contact", table_name="events")
    op.drop_index("ix_contacts_live", table_name="contacts")
