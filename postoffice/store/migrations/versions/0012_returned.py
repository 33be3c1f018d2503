"""Paper that came back: entries, scans and their pages; whom a suppression is about; items are found by postcode."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OF_JSON = {"sqlite": "json_extract(address, '$.postcode')", "postgresql": "address ->> 'postcode'"}


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "returned",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("item_id", Id, nullable=False),
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("contact_id", Id),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("document", sa.String(64)),
        sa.Column("keep_until", Time),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("corrected", Json),
        sa.Column("corrected_state", sa.String(10), nullable=False, server_default=""),
        sa.Column("before", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("undone_at", Time),
    )
    for column in ("item_id", "mailing_id", "contact_id"):
        op.create_index(f"ix_returned_{column}", "returned", [column])
    open_ones = sa.text("undone_at IS NULL")
    op.create_index(
        "uq_returned_delivery", "returned", ["delivery_id"], unique=True, sqlite_where=open_ones, postgresql_where=open_ones
    )
    op.create_index("ix_returned_organisation", "returned", ["organisation_id", "id"])
    op.create_table(
        "returned_scans",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("pages_read", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("error", Json),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("finished_at", Time),
    )
    op.create_index("ix_returned_scans_organisation", "returned_scans", ["organisation_id", "id"])
    op.create_table(
        "returned_pages",
        sa.Column("scan_id", Id, sa.ForeignKey("returned_scans.id"), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        _organisation(),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("delivery_id", Id),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("document", sa.String(64)),
    )
    op.create_index("ix_returned_pages_outcome", "returned_pages", ["organisation_id", "outcome"])
    with op.batch_alter_table("suppressions") as batch_op:
        batch_op.add_column(sa.Column("contact_id", Id, nullable=True))
        batch_op.add_column(sa.Column("mailing_id", Id, nullable=True))
        batch_op.add_column(sa.Column("note", sa.String(300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("lifted_by", sa.String(80), nullable=False, server_default=""))
    op.create_index("ix_suppressions_contact_id", "suppressions", ["contact_id"])
    op.create_index("ix_suppressions_mailing_id", "suppressions", ["mailing_id"])
    op.create_index("ix_suppressions_organisation", "suppressions", ["organisation_id", "id"])
    op.add_column("items", sa.Column("postcode", sa.String(12), nullable=True))
    op.execute(f"UPDATE items SET postcode = substr({_OF_JSON[op.get_bind().dialect.name]}, 1, 12) WHERE address IS NOT NULL")
    some = sa.text("postcode IS NOT NULL")
    op.create_index("ix_items_postcode", "items", ["organisation_id", "postcode"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    op.drop_index("ix_items_postcode", "items")
    op.drop_column("items", "postcode")
    for name in ("ix_suppressions_organisation", "ix_suppressions_mailing_id", "ix_suppressions_contact_id"):
        op.drop_index(name, "suppressions")
    with op.batch_alter_table("suppressions") as batch_op:
        for column in ("lifted_by", "note", "mailing_id", "contact_id"):
            batch_op.drop_column(column)
    for table in ("returned_pages", "returned_scans", "returned"):
        op.drop_table(table)
