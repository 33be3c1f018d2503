"""What staff sign in with beside a password, and sign-ins that are half done."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("code_hash", sa.String(64), nullable=False),  # keyed by the master key: a copy of the database tells none
    created_column(),
    sa.Column("used_at", UtcTime),
)


passkeys = sa.Table(
    "passkeys",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("credential", sa.String(1400), nullable=False, unique=True),  # its id in base64url; at most 1023 bytes
    sa.Column("public_key", sa.LargeBinary, nullable=False),  # attested credential data (WebAuthn 6.5.2): id and COSE key
    sa.Column("uses", sa.BigInteger, nullable=False),  # the authenticator's own counter; 0: it keeps none
    created_column(),
    sa.Column("last_used_at", UtcTime),
)


sign_in_steps = sa.Table(
    "sign_in_steps",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    organisation_column(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),  # NULL: a stranger who will name a passkey
    sa.Column("purpose", sa.String(20), nullable=False),  # second | app | passkey-add | passkey-second | passkey-prove | passkey
    sa.Column("sealed", sa.LargeBinary),  # a challenge or a fresh secret, wrapped
    sa.Column("wrong", sa.Integer, nullable=False, server_default="0"),
    sa.Column("detail", Json, nullable=False),
    created_column(),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index("ix_sign_in_steps_expires_at", "expires_at"),
)
