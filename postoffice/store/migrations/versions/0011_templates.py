"""Templates of letters with their versions, and the rows that letters were made of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Id = sa.String(26)
Time = sa.DateTime(timezone=True)

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _organisation(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("organisation_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id"),
    )


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("id", Id, nullable=False),
        *_organisation("templates"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("draft", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("mapping", Json, nullable=False),
        sa.Column("sample", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("updated_by", sa.String(80), nullable=False, server_default=""),
        sa.Column("removed_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_templates"),
    )
    op.create_index("ix_templates_organisation", "templates", ["organisation_id", "name"])
    op.create_table(
        "template_versions",
        sa.Column("id", Id, nullable=False),
        *_organisation("template_versions"),
        sa.Column("template_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.Column("note", sa.String(500), nullable=False, server_default=""),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_template_versions"),
        sa.ForeignKeyConstraint(["template_id"], ["templates.id"], name="fk_template_versions_template_id"),
        sa.UniqueConstraint("template_id", "number", name="uq_template_versions_template_id_number"),
    )
    op.create_table(
        "merges",
        sa.Column("mailing_id", Id, nullable=False),
        *_organisation("merges"),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("day", sa.String(10), nullable=False, server_default=""),
        sa.Column("faulty", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("mailing_id", name="pk_merges"),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailings.id"], name="fk_merges_mailing_id"),
        sa.ForeignKeyConstraint(["version_id"], ["template_versions.id"], name="fk_merges_version_id"),
    )
    op.create_table(
        "merge_rows",
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False, autoincrement=False),
        *_organisation("merge_rows"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "first_page", name="pk_merge_rows"),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailings.id"], name="fk_merge_rows_mailing_id"),
    )


def downgrade() -> None:
    op.drop_table("merge_rows")
    op.drop_table("merges")
    op.drop_table("template_versions")
    op.drop_index("ix_templates_organisation", table_name="templates")
    op.drop_table("templates")
