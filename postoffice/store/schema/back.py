"""What comes back by e-mail: the mails as they came, and the mailboxes that they are fetched from."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

mails = sa.Table(
    "mails",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("way", sa.String(10), nullable=False),  # door | mailbox
    sa.Column("carrier", sa.String(80), nullable=False, default=""),  # whose mailbox it was fetched from
    sa.Column("envelope_to", sa.String(320), nullable=False, default=""),  # whom the door took it for
    sa.Column("fingerprint", sa.String(64), nullable=False),  # the same mail by another way is not kept twice
    sa.Column("document", sa.String(64), nullable=False),  # the bytes as they came, in the organisation's namespace
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # new | read | aside
    sa.Column("kind", sa.String(12), nullable=False, default=""),
    sa.Column("delivery_id", Id),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("read_at", UtcTime),
    sa.Column("forwarded_at", UtcTime),
    sa.UniqueConstraint("organisation_id", "fingerprint"),
    sa.Index("ix_mails_carrier", "organisation_id", "carrier", "received_at"),
)


mailboxes = sa.Table(
    "mailboxes",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("carrier", sa.String(80), nullable=False),
    sa.Column("address", sa.String(320), unique=True),  # what our own door takes besides signed return paths
    sa.Column("settings", Json, nullable=False),  # sealed: server, user, password, folder
    sa.Column("fetching", sa.Boolean, nullable=False),
    sa.Column("forward_to", sa.String(320), nullable=False, default=""),  # people's answers go on to this address
    sa.Column("uid_validity", sa.BigInteger),
    sa.Column("last_uid", sa.BigInteger, nullable=False, default=0),
    sa.Column("checked_at", UtcTime),
    sa.Column("last_ok_at", UtcTime),
    sa.Column("last_error_at", UtcTime),
    sa.Column("last_error", Json),  # code, message, help, facts
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("lease_owner", sa.String(80)),
    sa.Column("lease_until", UtcTime),
    created_column(),
    sa.UniqueConstraint("organisation_id", "carrier"),
)
