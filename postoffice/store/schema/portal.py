"""What the portal keeps beside links: one-time codes, counters of tries, requests to the data-protection officer."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

codes = sa.Table(
    "codes",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("ask_hash", sa.String(64), nullable=False, unique=True),  # of the request that it is bound to
    sa.Column("purpose", sa.String(10), nullable=False),  # open | email | mobile
    sa.Column("link_id", Id, sa.ForeignKey("links.id"), nullable=False, index=True),
    sa.Column("code_hash", sa.String(64), nullable=False),  # keyed by the request's own token, which is not kept
    sa.Column("sealed", sa.LargeBinary),  # the new address that it confirms, wrapped by the master key
    sa.Column("wrong", sa.Integer, nullable=False, server_default="0"),
    created_column(),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime),
)


tries = sa.Table(
    "tries",
    metadata,
    sa.Column("scope", sa.String(64), primary_key=True),  # keyed hash of what is limited: tells no address
    organisation_column(),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Index("ix_tries_since", "since"),
)


privacy_requests = sa.Table(
    "privacy_requests",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),  # erasure
    sa.Column("state", sa.String(10), nullable=False),  # open | done | refused
    sa.Column("proof", Json, nullable=False),
    created_column(),
    sa.Column("answered_at", UtcTime),
    sa.Column("answered_by", Id),
    sa.Column("answer", sa.String(1000), nullable=False, server_default=""),
    sa.Index("ix_privacy_requests_organisation_state", "organisation_id", "state"),
)
