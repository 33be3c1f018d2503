"""Contacts, what they allow, and the links by which they reach their letters."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

contacts = sa.Table(
    "contacts",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("kind", sa.String(10), nullable=False),  # person | company
    sa.Column("name", sa.String(300), nullable=False),
    sa.Column("match_key", sa.String(64), nullable=False),  # hash of the normalised name and address
    sa.Column("language", sa.String(5), nullable=False, default=""),
    sa.Column("preferred_channel", sa.String(10)),
    sa.Column("external_ids", Json, nullable=False),
    sa.Column("attributes", Json, nullable=False),
    created_column(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("organisation_id", "match_key"),
    sa.Index("ix_contacts_organisation_name", "organisation_id", "name"),
)


contact_points = sa.Table(
    "contact_points",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False, index=True),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("value", sa.String(500), nullable=False),  # normalised
    sa.Column("address", Json),
    sa.Column("health", sa.String(10), nullable=False),  # good | doubtful | dead
    created_column(),
    sa.UniqueConstraint("contact_id", "channel", "value"),
    sa.Index("ix_contact_points_value", "organisation_id", "channel", "value"),
)


consents = sa.Table(
    "consents",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False, index=True),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("channel", sa.String(20), nullable=False),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("means", sa.String(60), nullable=False),
    sa.Column("proof", Json, nullable=False),
)


suppressions = sa.Table(
    "suppressions",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("purpose", sa.String(20)),  # NULL: all
    sa.Column("address_hash", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("origin", sa.String(80), nullable=False),
    created_column(),
    sa.Column("expires_at", UtcTime),
    sa.Column("lifted_at", UtcTime),
    sa.Column("lifted_reason", sa.String(300), nullable=False, default=""),
    sa.Index("ix_suppressions_address", "organisation_id", "channel", "address_hash"),
)


links = sa.Table(
    "links",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("item_id", Id, sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("delivery_id", Id),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("proof", sa.String(20), nullable=False),  # what must be typed: email | postcode | reference
    sa.Column("proof_hash", sa.String(200), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("tries_since", UtcTime),
    created_column(),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("revoked_at", UtcTime),
    sa.Column("proven_at", UtcTime),
)


link_sessions = sa.Table(
    "link_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    organisation_column(),
    sa.Column("link_id", Id, sa.ForeignKey("links.id"), nullable=False, index=True),
    created_column(),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)
