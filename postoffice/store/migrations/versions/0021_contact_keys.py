"""Contacts are written faster: what they are found by, and their addresses, belong to an organisation by their contact.

PostgreSQL looks up each foreign key of each row, and a contact has about a dozen of these rows: that was half of its work when a
mailing to unknown people was planned. The entries of contact_keys are made anew from their contact, and read together with it; an
address keeps its key to its contact. The index of addresses by contact was the beginning of another one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Sorted = sa.String(80).with_variant(postgresql.VARCHAR(80, collation="C"), "postgresql")
_KEYS = "contact_keys"
_COLUMNS = "organisation_id, kind, value, contact_id"
_OWNERS = (("organisation_id", "organisations"), ("contact_id", "contacts"))

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_contact_points_contact_id", table_name="contact_points")
    with op.batch_alter_table("contact_points") as batch_op:
        batch_op.drop_constraint("fk_contact_points_organisation_id", type_="foreignkey")
    if op.get_bind().dialect.name == "sqlite":
        _made_anew(owned=False)
    else:
        for column, _ in _OWNERS:
            op.drop_constraint(f"fk_contact_keys_{column}", _KEYS, type_="foreignkey")


def _made_anew(*, owned: bool) -> None:
    """SQLite cannot change a table's constraints; Alembic's own way forgets that this one has no row ids."""
    owners = {column: [sa.ForeignKey(f"{table}.id")] if owned else [] for column, table in _OWNERS}
    op.rename_table(_KEYS, "contact_keys_before")
    op.create_table(
        _KEYS,
        sa.Column("organisation_id", Id, *owners["organisation_id"], primary_key=True, nullable=False),
        sa.Column("kind", sa.String(1), primary_key=True, nullable=False),
        sa.Column("value", Sorted, primary_key=True, nullable=False),
        sa.Column("contact_id", Id, *owners["contact_id"], primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO {_KEYS} ({_COLUMNS}) SELECT {_COLUMNS} FROM contact_keys_before")
    op.drop_table("contact_keys_before")  # its indexes go with it, and their names are free
    op.create_index("ix_contact_keys_contact", _KEYS, ["contact_id"])
    external = sa.text("kind = 'x'")
    op.create_index("uq_contact_keys_external", _KEYS, ["organisation_id", "value"], unique=True, sqlite_where=external)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew(owned=True)
    else:
        for column, table in _OWNERS:
            op.create_foreign_key(f"fk_contact_keys_{column}", _KEYS, table, [column], ["id"])
    with op.batch_alter_table("contact_points") as batch_op:
        batch_op.create_foreign_key("fk_contact_points_organisation_id", "organisations", ["organisation_id"], ["id"])
    op.create_index("ix_contact_points_contact_id", "contact_points", ["contact_id"])
