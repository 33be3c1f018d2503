"""Paper that came back: what was entered of it, and the scans that it was read from."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

returned = sa.Table(
    "returned",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("delivery_id", Id, nullable=False),
    sa.Column("item_id", Id, nullable=False, index=True),
    sa.Column("mailing_id", Id, nullable=False, index=True),
    sa.Column("contact_id", Id, index=True),  # emptied when the contact is erased
    sa.Column("reason", sa.String(20), nullable=False),  # model.returned.Reason
    sa.Column("code", sa.String(60), nullable=False, default=""),  # the carrier's own word
    sa.Column("way", sa.String(10), nullable=False),  # model.returned.Way
    sa.Column("document", sa.String(64)),  # picture of the envelope, kept as proof until keep_until
    sa.Column("keep_until", UtcTime),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("corrected", Json),  # the new address, where the carrier gave one
    sa.Column("corrected_state", sa.String(10), nullable=False, server_default=""),  # accepted | declined
    sa.Column("before", Json, nullable=False),  # what it changed, so that it can be undone
    created_column(),
    sa.Column("undone_at", UtcTime),
    sa.Index(
        "uq_returned_delivery",
        "delivery_id",
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    ),
    sa.Index("ix_returned_organisation", "organisation_id", "id"),
)


returned_scans = sa.Table(
    "returned_scans",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("reason", sa.String(20), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("document", sa.String(64), nullable=False),
    sa.Column("pages", sa.Integer, nullable=False, default=0),
    sa.Column("pages_read", sa.Integer, nullable=False, default=0),
    sa.Column("state", sa.String(10), nullable=False),  # reading | done | failed
    sa.Column("error", Json),
    sa.Column("actor", sa.String(80), nullable=False),
    created_column(),
    sa.Column("finished_at", UtcTime),
    sa.Index("ix_returned_scans_organisation", "organisation_id", "id"),
)


returned_pages = sa.Table(
    "returned_pages",
    metadata,
    sa.Column("scan_id", Id, sa.ForeignKey("returned_scans.id"), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True),
    organisation_column(),
    sa.Column("outcome", sa.String(10), nullable=False),  # store.returned.Outcome
    sa.Column("delivery_id", Id),
    sa.Column("candidates", Json, nullable=False),  # [[delivery id, score 0..100]], the best first
    sa.Column("document", sa.String(64)),
    sa.Index("ix_returned_pages_outcome", "organisation_id", "outcome"),
)
