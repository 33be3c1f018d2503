"""Forms to embed, what waits there for confirmation, the public archive of campaigns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "forms",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("token", sa.String(32), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("design", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("asked", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("confirmed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("closed_at", Time, nullable=True),
    )
    op.create_index("ix_forms_organisation", "forms", ["organisation_id", "id"])
    op.create_table(
        "form_entries",
        sa.Column("id", Id, primary_key=True, nullable=False),
        _organisation(),
        sa.Column("form_id", Id, sa.ForeignKey("forms.id"), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("proof", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("confirmed_at", Time, nullable=True),
    )
    op.create_index("ix_form_entries_form_id", "form_entries", ["form_id"])
    op.create_index("ix_form_entries_expires_at", "form_entries", ["expires_at"])
    op.create_table(
        "campaign_archive",
        sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), primary_key=True, nullable=False),
        _organisation(),
        sa.Column("since", Time, nullable=False),
    )


def downgrade() -> None:
    for table in ("campaign_archive", "form_entries", "forms"):
        op.drop_table(table)
