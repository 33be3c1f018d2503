"""What became of finished mailings, counted once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailing_figures",
        sa.Column("mailing_id", Id, nullable=False),
        sa.Column("organisation_id", Id, nullable=False),
        sa.Column("figures", Json, nullable=False),
        sa.Column("upto", Id, nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailings.id"], name="fk_mailing_figures_mailing_id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_mailing_figures_organisation_id"),
        sa.PrimaryKeyConstraint("mailing_id", name="pk_mailing_figures"),
    )
    op.create_index("ix_mailing_figures_organisation", "mailing_figures", ["organisation_id", "upto"])


def downgrade() -> None:
    op.drop_table("mailing_figures")
