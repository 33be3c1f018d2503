"""News on its way in (raw, as it was told) and on its way out (webhooks of the organisation's own programs), and who listens."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column
from postoffice.store.schema.mail import deliveries, events

news = sa.Table(
    "news",
    metadata,
    id_column(),
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id")),
    sa.Column("carrier", sa.String(80), nullable=False),
    sa.Column("way", sa.String(10), nullable=False, server_default="knock"),  # knock: webhook; heard: over a line or by mail
    sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),  # waiting | partly | read | failed
    sa.Column("digest", sa.String(64)),  # the same knock twice is one row
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("request", Json, nullable=False),  # what may be shown of it: method, media type, bytes
    sa.Column("body", sa.LargeBinary, nullable=False),  # all of it, wrapped by the master key
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("not_before", UtcTime),
    sa.Column("read_at", UtcTime),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
    sa.UniqueConstraint("organisation_id", "carrier", "digest"),
    sa.Index("ix_news_state", "organisation_id", "carrier", "state", "received_at"),
)

#: answers are laid to the last delivery to their sender
sa.Index("ix_deliveries_to", deliveries.c.organisation_id, deliveries.c.to)
#: answers that belong to no mailing
sa.Index(
    "ix_events_loose",
    events.c.organisation_id,
    events.c.at,
    sqlite_where=sa.text("mailing_id IS NULL"),
    postgresql_where=sa.text("mailing_id IS NULL"),
)


leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),  # of what only one process may do
    organisation_column(),
    sa.Column("owner", sa.String(80), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
)


hook_endpoints = sa.Table(
    "hook_endpoints",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("url", sa.String(2000), nullable=False),
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("kinds", Json, nullable=False),  # words of EventKind; empty: all that are told
    sa.Column("live", sa.Boolean, nullable=False),  # False: hears of trials instead
    sa.Column("secrets", sa.LargeBinary, nullable=False),  # wrapped list: the present one first, then those that end
    sa.Column("state", sa.String(10), nullable=False),  # on | paused | gone
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("not_before", UtcTime),
    sa.Column("lease_owner", sa.String(80)),
    sa.Column("lease_until", UtcTime),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.String(300), nullable=False),
    sa.Column("last_at", UtcTime),
    sa.Column("last_ok_at", UtcTime),
    created_column(),
    sa.Index("ix_hook_endpoints_organisation_id", "organisation_id"),
)


hook_messages = sa.Table(
    "hook_messages",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("endpoint_id", Id, sa.ForeignKey("hook_endpoints.id"), nullable=False),
    sa.Column("event_id", Id),  # NULL: a trial by a person
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # waiting | done | dead
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),
    sa.Column("since", UtcTime, nullable=False),  # tries are counted from here: a replay begins anew
    sa.Column("status", sa.Integer),  # of the last answer
    sa.Column("answer", sa.String(500), nullable=False),  # its beginning, or why there was none
    created_column(),
    sa.Column("tried_at", UtcTime),
    sa.Column("done_at", UtcTime),
    sa.Index("ix_hook_messages_due", "endpoint_id", "state", "next_at"),
)
