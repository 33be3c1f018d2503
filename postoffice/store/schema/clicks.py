"""Links of mailings whose clicks are counted, the counts, and who clicked where that was allowed; pictures that mail shows."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, UtcTime, created_column, metadata, organisation_column

click_links = sa.Table(  # all that a counted address of this mailing may lead to
    "click_links",
    metadata,
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    organisation_column(),
    sa.Column("language", sa.String(10), nullable=False),
    sa.Column("part", sa.String(10), nullable=False),
    sa.Column("address", sa.Text, nullable=False),  # as the template has it
    sa.Column("label", sa.String(200), nullable=False, server_default=""),
    sa.Column("fixed", sa.Boolean, nullable=False),  # the same for every recipient
)

click_counts = sa.Table(  # without anybody's name
    "click_counts",
    metadata,
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("day", sa.String(10), primary_key=True),  # ISO date, UTC
    sa.Column("clicker", sa.String(10), primary_key=True),  # model.clicks.Clicker
    organisation_column(),
    sa.Column("count", sa.BigInteger, nullable=False, server_default="0"),
)

click_hits = sa.Table(  # of those who agreed: the first time that a link was followed, by kind of clicker
    "click_hits",
    metadata,
    sa.Column("delivery_id", Id, sa.ForeignKey("deliveries.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("clicker", sa.String(10), primary_key=True),
    organisation_column(),
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), nullable=False),
    sa.Column("item_id", Id, nullable=False),
    sa.Column("contact_id", Id),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("settled_at", UtcTime),  # NULL: may yet turn out to be a machine's
    sa.Index("ix_click_hits_mailing", "mailing_id", "clicker"),
    sa.Index("ix_click_hits_open", "at", sqlite_where=sa.text("settled_at IS NULL"), postgresql_where=sa.text("settled_at IS NULL")),
    sa.Index("ix_click_hits_contact", "contact_id"),
)

mail_pictures = sa.Table(  # what of a template's pictures anybody may fetch who knows the name
    "mail_pictures",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    organisation_column(),
    sa.Column("original", sa.String(64), nullable=False),  # SHA-256 of what was uploaded
    sa.Column("document", sa.String(64), nullable=False),  # SHA-256 of what is shown: scaled, without the camera's notes
    sa.Column("media_type", sa.String(20), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    created_column(),
)
