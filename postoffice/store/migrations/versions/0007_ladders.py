"""Ladders: how many rungs an item has left, and how long a delivery is waited for."""

import sqlalchemy as sa
from alembic import op

Time = sa.DateTime(timezone=True)

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("items", sa.Column("rungs_left", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("wait", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("wait_until", Time, nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "wait_until")
    op.drop_column("deliveries", "wait")
    op.drop_column("items", "rungs_left")
