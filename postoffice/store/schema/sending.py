"""What sending by e-mail needs beside its carriers: signing keys of domains; and how fast a carrier with a rate was used."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, UtcTime, created_column, id_column, metadata, organisation_column

dkim_keys = sa.Table(
    "dkim_keys",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("domain", sa.String(253), nullable=False),  # ASCII form, lower case
    sa.Column("selector", sa.String(63), nullable=False),
    sa.Column("algorithm", sa.String(10), nullable=False),  # rsa | ed25519
    sa.Column("wrapped", sa.LargeBinary, nullable=False),  # the private key in PEM, wrapped by the master key
    sa.Column("record", sa.String(1000), nullable=False),  # the value of its TXT record
    created_column(),
    sa.Column("seen_at", UtcTime),  # its record was found: from then on it may sign
    sa.Column("retired_at", UtcTime),  # a newer one signs since then; the record stays published for a while
    sa.UniqueConstraint("organisation_id", "domain", "selector"),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("carrier", sa.String(80), nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # nothing more before
    sa.PrimaryKeyConstraint("organisation_id", "carrier"),
)
