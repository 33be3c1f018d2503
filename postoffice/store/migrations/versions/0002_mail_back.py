"""Mails that come back, and the mailboxes that they are fetched from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("carrier", sa.String(length=80), nullable=False),
        sa.Column("envelope_to", sa.String(length=320), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("delivery_id", sa.String(length=26), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("read_at", Time, nullable=True),
        sa.Column("forwarded_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_mails_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("organisation_id", "fingerprint", name=op.f("uq_mails_organisation_id_fingerprint")),
    )
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.create_index("ix_mails_carrier", ["organisation_id", "carrier", "received_at"], unique=False)
    op.create_table(
        "mailboxes",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("organisation_id", sa.String(length=26), nullable=False),
        sa.Column("carrier", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("settings", Json, nullable=False),
        sa.Column("fetching", sa.Boolean(), nullable=False),
        sa.Column("forward_to", sa.String(length=320), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=True),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", Time, nullable=True),
        sa.Column("last_ok_at", Time, nullable=True),
        sa.Column("last_error_at", Time, nullable=True),
        sa.Column("last_error", Json, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", Time, nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_mailboxes_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
        sa.UniqueConstraint("address", name=op.f("uq_mailboxes_address")),
        sa.UniqueConstraint("organisation_id", "carrier", name=op.f("uq_mailboxes_organisation_id_carrier")),
    )


def downgrade() -> None:
    op.drop_table("mailboxes")
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_index("ix_mails_carrier")
    op.drop_table("mails")
