"""Fixes that were applied to a mailing's document, in order, so that each can be undone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mailings") as batch_op:
        batch_op.add_column(sa.Column("fixes", Json, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("mailings") as batch_op:
        batch_op.drop_column("fixes")
