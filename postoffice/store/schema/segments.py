"""Segments of contacts, what contacts bought, and how recently, how often and for how much (RFM)."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column
from postoffice.store.schema.mail import events
from postoffice.store.schema.recipients import contacts

segments = sa.Table(
    "segments",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),  # model.segment.SegmentKind
    sa.Column("rules", Json, nullable=False),  # see campaigns.rules
    sa.Column("origin", sa.String(20), nullable=False, server_default=""),  # sleepers: setting them aside made it
    sa.Column("created_by", sa.String(80), nullable=False, server_default=""),  # an actor, as in the audit trail
    created_column(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("filled_at", UtcTime),  # when a frozen one took its members
    sa.Column("removed_at", UtcTime),
    sa.Index("ix_segments_organisation", "organisation_id", "name"),
)


segment_members = sa.Table(  # of frozen segments
    "segment_members",
    metadata,
    sa.Column("segment_id", Id, sa.ForeignKey("segments.id"), primary_key=True),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=True),
    organisation_column(),
    sa.Index("ix_segment_members_contact", "contact_id"),
    sqlite_with_rowid=False,
)


purchases = sa.Table(
    "purchases",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("external_id", sa.String(200), nullable=False),  # the shop's or the ERP's own number: told twice is once
    sa.Column("bought_at", UtcTime, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),  # hundredths of the currency; a refund is negative
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("category", sa.String(100), nullable=False, server_default=""),
    sa.Column("quantity", sa.Integer, nullable=False, server_default="1"),
    created_column(),
    sa.UniqueConstraint("organisation_id", "external_id"),
    sa.Index("ix_purchases_contact", "contact_id", "bought_at", "amount", "currency", "category"),  # sums need no more than it
    sa.Index("ix_purchases_category", "organisation_id", "category"),
)


rfm_scores = sa.Table(  # made anew as a whole; see store.rfm
    "rfm_scores",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), primary_key=True),
    sa.Column("last_at", UtcTime, nullable=False),
    sa.Column("purchases", sa.Integer, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("recency", sa.Integer, nullable=False),  # quintiles, 1 to 5, the best is 5
    sa.Column("frequency", sa.Integer, nullable=False),
    sa.Column("monetary", sa.Integer, nullable=False),
    sa.Column("group", sa.String(30), nullable=False),  # one of the ten; see campaigns.rfm
    sa.Index("ix_rfm_scores_group", "organisation_id", "group"),
    sa.Index("ix_rfm_scores_contact", "contact_id"),
    sqlite_with_rowid=False,
)


rfm_runs = sa.Table(
    "rfm_runs",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("reference_at", UtcTime, nullable=False),  # what was bought later is not looked at
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("customers", sa.Integer, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False, server_default=sa.false()),  # purchases came in since
)

_LIVE = sa.text("merged_into IS NULL AND erased_at IS NULL")

#: members of segments are walked in the order of their ids
sa.Index("ix_contacts_live", contacts.c.organisation_id, contacts.c.id, sqlite_where=_LIVE, postgresql_where=_LIVE)
#: a contact's timeline, and what a segment asks of each contact in turn: did it click, and since when
sa.Index("ix_events_contact", events.c.contact_id, events.c.kind, events.c.at)
