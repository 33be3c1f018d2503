"""Contacts, what they allow, and the links by which they reach their letters."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

#: text whose order is that of its letters on both databases, so that "begins with" is a range
Sorted = sa.String(80).with_variant(postgresql.VARCHAR(80, collation="C"), "postgresql")

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
    sa.Column("company", sa.String(300), nullable=False, server_default=""),
    sa.Column("tags", Json),  # a list of words
    sa.Column("merged_into", Id, index=True),  # the contact that stands for this one; see store.merges
    sa.Column("import_id", Id, index=True),  # the import that made it
    sa.Column("erased_at", UtcTime),
    sa.UniqueConstraint("organisation_id", "match_key"),
    sa.Index("ix_contacts_organisation_name", "organisation_id", "name"),
    sa.Index("ix_contacts_changed", "organisation_id", "updated_at", "id"),
)


contact_keys = sa.Table(  # all that a contact is found by; made anew from the contact whenever it changes
    "contact_keys",
    metadata,
    sa.Column("organisation_id", Id, primary_key=True),  # the contact's; a contact has a dozen entries: no foreign keys
    sa.Column("kind", sa.String(1), primary_key=True),  # see store.contact_keys
    sa.Column("value", Sorted, primary_key=True),
    sa.Column("contact_id", Id, primary_key=True),
    sa.Index("ix_contact_keys_contact", "contact_id"),
    sa.Index(
        "uq_contact_keys_external",
        "organisation_id",
        "value",
        unique=True,
        sqlite_where=sa.text("kind = 'x'"),
        postgresql_where=sa.text("kind = 'x'"),
    ),
    sqlite_with_rowid=False,
)


contact_merges = sa.Table(
    "contact_merges",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("kept_id", Id, nullable=False, index=True),
    sa.Column("gone_id", Id, nullable=False, index=True),
    sa.Column("followers", Json, nullable=False),  # contacts that stood behind the gone one
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("reason", sa.String(300), nullable=False, default=""),
    created_column(),
    sa.Column("undone_at", UtcTime),
)


contact_doubts = sa.Table(  # items that may be for a contact: a person decides
    "contact_doubts",
    metadata,
    sa.Column("item_id", Id, primary_key=True),
    organisation_column(),
    sa.Column("mailing_id", Id, nullable=False, index=True),
    sa.Column("candidates", Json, nullable=False),  # [{"contact", "score", "reasons"}], the best first
    created_column(),
    sa.Column("decided_at", UtcTime),
    sa.Column("decision", sa.String(10), nullable=False, default=""),  # same | new
    sa.Column("contact_id", Id),  # what was decided for
    sa.Column("actor", sa.String(80), nullable=False, default=""),
    sa.Index("ix_contact_doubts_open", "organisation_id", "decided_at", "item_id"),
)


contact_imports = sa.Table(
    "contact_imports",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(255), nullable=False),  # of the file
    sa.Column("document", sa.String(64), nullable=False),  # the bytes as they came
    sa.Column("table", sa.String(64)),  # the rows as text, where the file is not such a text itself
    sa.Column("state", sa.String(10), nullable=False),  # see store.imports
    sa.Column("facts", Json, nullable=False),  # names of columns, first rows, what is odd about the file
    sa.Column("choices", Json, nullable=False),  # mapping and what to do with doubles
    sa.Column("outcome", Json, nullable=False),  # counts and examples of the trial, or of the import itself
    sa.Column("rows", sa.BigInteger, nullable=False, default=0),
    sa.Column("next_row", sa.BigInteger, nullable=False, default=0),  # rows before it are done
    sa.Column("error", Json),
    sa.Column("actor", sa.String(80), nullable=False),
    created_column(),
    sa.Column("finished_at", UtcTime),
    sa.Index("ix_contact_imports_organisation", "organisation_id", "id"),
)


contact_import_lines = sa.Table(  # what an import refused, and what it changed as it was before
    "contact_import_lines",
    metadata,
    sa.Column("import_id", Id, sa.ForeignKey("contact_imports.id"), primary_key=True),
    sa.Column("row", sa.BigInteger, primary_key=True),
    organisation_column(),
    sa.Column("kind", sa.String(10), nullable=False),  # refused | conflict | changed
    sa.Column("code", sa.String(60), nullable=False, default=""),
    sa.Column("contact_id", Id),
    sa.Column("before", Json),
)


contact_points = sa.Table(
    "contact_points",
    metadata,
    id_column(),
    sa.Column("organisation_id", Id, nullable=False),  # the contact's
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("value", sa.String(500), nullable=False),  # normalised
    sa.Column("address", Json),
    sa.Column("health", sa.String(10), nullable=False),  # good | doubtful | dead
    created_column(),
    sa.Column("position", sa.Integer, nullable=False, server_default="0"),  # 0: the one to use first
    sa.Column("health_reason", sa.String(60), nullable=False, server_default=""),
    sa.Column("health_at", UtcTime),
    sa.UniqueConstraint("contact_id", "channel", "value"),
    sa.Index("ix_contact_points_value", "organisation_id", "channel", "value"),
    sa.Index(
        "ix_contact_points_ill",
        "organisation_id",
        "channel",
        "health",
        sqlite_where=sa.text("health <> 'good'"),
        postgresql_where=sa.text("health <> 'good'"),
    ),
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
    sa.Column("contact_id", Id, index=True),  # whom it was about; emptied when the contact is erased, the hash stays
    sa.Column("mailing_id", Id, index=True),
    sa.Column("note", sa.String(300), nullable=False, server_default=""),
    sa.Column("lifted_by", sa.String(80), nullable=False, server_default=""),
    sa.Index("ix_suppressions_address", "organisation_id", "channel", "address_hash"),
    sa.Index("ix_suppressions_organisation", "organisation_id", "id"),
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
    sa.Column("parent_id", Id),  # the link whose reader shared it: it opens this one letter and nothing else
    sa.Column("label", sa.String(200)),  # for whom it was shared, masked
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
    sa.Column("level", sa.String(10), nullable=False, server_default="typed"),  # how it was proven: typed | code
)
