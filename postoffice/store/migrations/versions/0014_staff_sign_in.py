"""Staff sign-in: recovery codes, passkeys, half-done sign-ins; where sessions come from and when their owner last proved it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

Id = sa.String(26)
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _organisation() -> sa.Column[str]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def _user(*, required: bool = True) -> sa.Column[str]:
    return sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=not required)


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        _user(),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("used_at", Time),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "passkeys",
        sa.Column("id", Id, primary_key=True),
        _organisation(),
        _user(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("credential", sa.String(1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("uses", sa.BigInteger, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("last_used_at", Time),
        sa.UniqueConstraint("credential", name="uq_passkeys_credential"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "sign_in_steps",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        _organisation(),
        _user(required=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("wrong", sa.Integer, nullable=False, server_default="0"),
        sa.Column("detail", Json, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
    )
    op.create_index("ix_sign_in_steps_expires_at", "sign_in_steps", ["expires_at"])
    op.add_column("users", sa.Column("totp_step", sa.BigInteger, nullable=True))
    op.add_column("sessions", sa.Column("address", sa.String(45), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("agent", sa.String(60), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("proved_at", Time, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sessions") as batch_op:
        for column in ("proved_at", "agent", "address"):
            batch_op.drop_column(column)
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_column("totp_step")
    for table in ("sign_in_steps", "passkeys", "recovery_codes"):
        op.drop_table(table)
