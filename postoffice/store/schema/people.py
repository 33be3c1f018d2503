"""Organisations, the people and programs that belong to them, and what they did."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

organisations = sa.Table(
    "organisations",
    metadata,
    id_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("slug", sa.String(80), nullable=False, unique=True),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("language", sa.String(5), nullable=False),
    sa.Column("timezone", sa.String(60), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("document_key", sa.LargeBinary, nullable=False),  # wrapped by the master key
    sa.Column("settings", Json, nullable=False),
    created_column(),
)


counters = sa.Table(
    "counters",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)


users = sa.Table(
    "users",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("email", sa.String(320), nullable=False, unique=True),  # lower case
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),  # argon2id
    sa.Column("must_change_password", sa.Boolean, nullable=False, default=False),
    sa.Column("totp_secret", sa.LargeBinary),  # wrapped; NULL: not set up
    sa.Column("totp_step", sa.BigInteger),  # the last step whose code was used: each opens once
    sa.Column("language", sa.String(5), nullable=False),
    sa.Column("disabled_at", UtcTime),
    sa.Column("failed_tries", sa.Integer, nullable=False, default=0),
    sa.Column("locked_until", UtcTime),
    created_column(),
    sa.Column("last_seen_at", UtcTime),
)


grants = sa.Table(
    "grants",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("role", sa.String(30), nullable=False),
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id")),  # NULL: for all printers
    created_column(),
    sa.UniqueConstraint("user_id", "role", "printer_id"),
)


sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    organisation_column(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("address", sa.String(45), nullable=False, server_default=""),  # where from, as its owner is shown
    sa.Column("agent", sa.String(60), nullable=False, server_default=""),  # which browser, in two words
    created_column(),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("proved_at", UtcTime),  # when its owner last typed a password or used a passkey
    sa.Column("expires_at", UtcTime, nullable=False),
)


api_keys = sa.Table(
    "api_keys",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("prefix", sa.String(16), nullable=False),  # shown on pages, tells keys apart
    sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("live", sa.Boolean, nullable=False),  # False: stops at the sandbox
    sa.Column("role", sa.String(30), nullable=False),
    sa.Column("created_by", Id),
    created_column(),
    sa.Column("last_used_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)


audit = sa.Table(
    "audit",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("actor", sa.String(80), nullable=False),  # user:<id>, key:<id>, office
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("ix_audit_organisation_at", "organisation_id", "at"),
    sa.Index("ix_audit_organisation_subject", "organisation_id", "subject"),
)
