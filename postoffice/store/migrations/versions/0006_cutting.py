"""What is read of letters beside their address, letters that share an envelope, and pages kept for cutting anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("printers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fields", Json, nullable=True))
    with op.batch_alter_table("mailings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fields", Json, nullable=True))
        batch_op.add_column(sa.Column("kept", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("cuts", Json, nullable=True))
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fields", Json, nullable=True))
        batch_op.add_column(sa.Column("parts", Json, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.drop_column("parts")
        batch_op.drop_column("fields")
    with op.batch_alter_table("mailings", schema=None) as batch_op:
        batch_op.drop_column("cuts")
        batch_op.drop_column("kept")
        batch_op.drop_column("fields")
    with op.batch_alter_table("printers", schema=None) as batch_op:
        batch_op.drop_column("fields")
