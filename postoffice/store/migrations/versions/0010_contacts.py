"""Contacts: what they are found by, merges, doubtful matches, imports, health of addresses with reason and time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Sorted = sa.String(80).with_variant(postgresql.VARCHAR(80, collation="C"), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    with op.batch_alter_table("contacts") as batch_op:
        batch_op.add_column(sa.Column("company", sa.String(300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("tags", Json, nullable=True))
        batch_op.add_column(sa.Column("merged_into", Id, nullable=True))
        batch_op.add_column(sa.Column("import_id", Id, nullable=True))
        batch_op.add_column(sa.Column("erased_at", Time, nullable=True))
    op.create_index("ix_contacts_merged_into", "contacts", ["merged_into"])
    op.create_index("ix_contacts_import_id", "contacts", ["import_id"])
    op.create_index("ix_contacts_changed", "contacts", ["organisation_id", "updated_at", "id"])
    with op.batch_alter_table("contact_points") as batch_op:
        batch_op.add_column(sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("health_reason", sa.String(60), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("health_at", Time, nullable=True))
    ill = sa.text("health <> 'good'")
    op.create_index(
        "ix_contact_points_ill", "contact_points", ["organisation_id", "channel", "health"], sqlite_where=ill, postgresql_where=ill
    )
    with op.batch_alter_table("items") as batch_op:
        batch_op.add_column(sa.Column("match", Json, nullable=True))
    _new_tables()


def _new_tables() -> None:
    op.create_table(
        "contact_keys",
        sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True, nullable=False),
        sa.Column("kind", sa.String(1), primary_key=True, nullable=False),
        sa.Column("value", Sorted, primary_key=True, nullable=False),
        sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_keys_contact", "contact_keys", ["contact_id"])
    external = sa.text("kind = 'x'")
    op.create_index(
        "uq_contact_keys_external",
        "contact_keys",
        ["organisation_id", "value"],
        unique=True,
        sqlite_where=external,
        postgresql_where=external,
    )
    op.create_table(
        "contact_merges",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("kept_id", Id, nullable=False),
        sa.Column("gone_id", Id, nullable=False),
        sa.Column("followers", Json, nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("undone_at", Time, nullable=True),
    )
    op.create_index("ix_contact_merges_kept_id", "contact_merges", ["kept_id"])
    op.create_index("ix_contact_merges_gone_id", "contact_merges", ["gone_id"])
    op.create_table(
        "contact_doubts",
        sa.Column("item_id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("decided_at", Time, nullable=True),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("contact_id", Id, nullable=True),
        sa.Column("actor", sa.String(80), nullable=False),
    )
    op.create_index("ix_contact_doubts_mailing_id", "contact_doubts", ["mailing_id"])
    op.create_index("ix_contact_doubts_open", "contact_doubts", ["organisation_id", "decided_at", "item_id"])
    op.create_table(
        "contact_imports",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("table", sa.String(64), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("choices", Json, nullable=False),
        sa.Column("outcome", Json, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("next_row", sa.BigInteger(), nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("finished_at", Time, nullable=True),
    )
    op.create_index("ix_contact_imports_organisation", "contact_imports", ["organisation_id", "id"])
    op.create_table(
        "contact_import_lines",
        sa.Column("import_id", Id, sa.ForeignKey("contact_imports.id"), primary_key=True, nullable=False),
        sa.Column("row", sa.BigInteger(), primary_key=True, nullable=False),
        _organisation(),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("contact_id", Id, nullable=True),
        sa.Column("before", Json, nullable=True),
    )


def downgrade() -> None:
    for name in ("contact_import_lines", "contact_imports", "contact_doubts", "contact_merges", "contact_keys"):
        op.drop_table(name)
    with op.batch_alter_table("items") as batch_op:
        batch_op.drop_column("match")
    op.drop_index("ix_contact_points_ill", "contact_points")
    with op.batch_alter_table("contact_points") as batch_op:
        for name in ("health_at", "health_reason", "position"):
            batch_op.drop_column(name)
    for name in ("ix_contacts_changed", "ix_contacts_import_id", "ix_contacts_merged_into"):
        op.drop_index(name, "contacts")
    with op.batch_alter_table("contacts") as batch_op:
        for name in ("erased_at", "import_id", "merged_into", "tags", "company"):
            batch_op.drop_column(name)
