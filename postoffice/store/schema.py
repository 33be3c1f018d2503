"""All tables, for SQLite and PostgreSQL alike. Everything belongs to an organisation from the first table on.

Ids are the 26 letters of model.ids; times are aware UTC; money is in millionths of the organisation's currency; states are
the words of model.states. Alembic's history in `migrations/` is what really makes the tables; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which knows no zones, keeps it as text that sorts."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value


Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Id = sa.String(26)
Money = sa.BigInteger


def _id(*, primary: bool = True) -> sa.Column[Any]:
    return sa.Column("id", Id, primary_key=primary)


def _organisation() -> sa.Column[Any]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def _created() -> sa.Column[Any]:
    return sa.Column("created_at", UtcTime, nullable=False)


organisations = sa.Table(
    "organisations",
    metadata,
    _id(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("slug", sa.String(80), nullable=False, unique=True),
    sa.Column("country", sa.String(2), nullable=False),
    sa.Column("language", sa.String(5), nullable=False),
    sa.Column("timezone", sa.String(60), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("document_key", sa.LargeBinary, nullable=False),  # wrapped by the master key
    sa.Column("settings", Json, nullable=False),
    _created(),
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
    _id(),
    _organisation(),
    sa.Column("email", sa.String(320), nullable=False, unique=True),  # lower case
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),  # argon2id
    sa.Column("must_change_password", sa.Boolean, nullable=False, default=False),
    sa.Column("totp_secret", sa.LargeBinary),  # wrapped; NULL: not set up
    sa.Column("language", sa.String(5), nullable=False),
    sa.Column("disabled_at", UtcTime),
    sa.Column("failed_tries", sa.Integer, nullable=False, default=0),
    sa.Column("locked_until", UtcTime),
    _created(),
    sa.Column("last_seen_at", UtcTime),
)

grants = sa.Table(
    "grants",
    metadata,
    _id(),
    _organisation(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("role", sa.String(30), nullable=False),
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id")),  # NULL: for all printers
    _created(),
    sa.UniqueConstraint("user_id", "role", "printer_id"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    _organisation(),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    _created(),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _id(),
    _organisation(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("prefix", sa.String(16), nullable=False),  # shown on pages, tells keys apart
    sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("live", sa.Boolean, nullable=False),  # False: stops at the sandbox
    sa.Column("role", sa.String(30), nullable=False),
    sa.Column("created_by", Id),
    _created(),
    sa.Column("last_used_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)

printers = sa.Table(
    "printers",
    metadata,
    _id(),
    _organisation(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("info", sa.String(500), nullable=False),
    sa.Column("location", sa.String(200), nullable=False),
    sa.Column("layout", sa.String(20), nullable=False),
    sa.Column("split_rule", sa.String(500), nullable=False),
    sa.Column("options", Json, nullable=False),
    sa.Column("automatic", sa.Boolean, nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
    sa.Column("accepting", sa.Boolean, nullable=False),
    sa.Column("max_bytes", sa.BigInteger, nullable=False),
    sa.Column("max_jobs", sa.Integer, nullable=False),
    _created(),
    sa.Column("removed_at", UtcTime),
)

printer_tokens = sa.Table(
    "printer_tokens",
    metadata,
    _id(),
    _organisation(),
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id"), nullable=False, index=True),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),  # whose computer it is on; NULL: shared
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    _created(),
    sa.Column("last_used_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    _created(),
)

mailings = sa.Table(
    "mailings",
    metadata,
    _id(),
    _organisation(),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("name", sa.String(1023), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("layout", sa.String(20), nullable=False),
    sa.Column("split_rule", sa.String(500), nullable=False),
    sa.Column("options", Json, nullable=False),
    sa.Column("automatic", sa.Boolean, nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id")),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),
    sa.Column("api_key_id", Id, sa.ForeignKey("api_keys.id")),
    sa.Column("document", sa.String(64)),
    sa.Column("original", sa.String(64)),
    sa.Column("original_size", sa.BigInteger, nullable=False, default=0),
    sa.Column("media_type", sa.String(100), nullable=False, default=""),
    sa.Column("pages", sa.Integer, nullable=False, default=0),
    sa.Column("pages_read", sa.Integer, nullable=False, default=0),
    sa.Column("items", sa.Integer, nullable=False, default=0),
    sa.Column("findings", Json, nullable=False),
    sa.Column("error", Json),
    sa.Column("sender_name", sa.String(255), nullable=False, default=""),
    sa.Column("approved_by", Id),
    _created(),
    sa.Column("received_at", UtcTime),
    sa.Column("ready_at", UtcTime),
    sa.Column("sent_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.UniqueConstraint("organisation_id", "number"),
    sa.Index("ix_mailings_organisation_state", "organisation_id", "state"),
    sa.Index("ix_mailings_printer_state", "printer_id", "state"),
)

items = sa.Table(
    "items",
    metadata,
    _id(),
    _organisation(),
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("first_page", sa.Integer, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("held_reason", sa.String(60), nullable=False, default=""),
    sa.Column("name", sa.String(300), nullable=False, default=""),  # first address line or mail address, for lists and search
    sa.Column("address", Json),
    sa.Column("address_read", Json),
    sa.Column("email", sa.String(320), nullable=False, default=""),
    sa.Column("mobile", sa.String(20), nullable=False, default=""),
    sa.Column("fax", sa.String(20), nullable=False, default=""),
    sa.Column("reference", sa.String(200), nullable=False, default=""),
    sa.Column("channel", sa.String(10)),
    sa.Column("findings", Json, nullable=False),
    sa.Column("level", sa.String(10)),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), index=True),
    sa.Column("plan", Json, nullable=False),
    sa.Column("rung", sa.Integer, nullable=False, default=0),
    sa.Column("delivery_id", Id),
    sa.Column("cost", Money, nullable=False, default=0),
    sa.Column("opened_at", UtcTime),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index("ix_items_mailing_position", "mailing_id", "position"),
    sa.Index("ix_items_mailing_state", "mailing_id", "state"),
    sa.Index("ix_items_organisation_state", "organisation_id", "state"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    _id(),
    _organisation(),
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), nullable=False, index=True),
    sa.Column("item_id", Id, sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("batch_id", Id, nullable=True),
    sa.Column("rung", sa.Integer, nullable=False, default=0),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("carrier", sa.String(80), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("to", sa.String(320), nullable=False),
    sa.Column("reference", sa.String(255), nullable=False, default=""),
    sa.Column("cost", Money, nullable=False, default=0),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
    sa.Column("code", sa.String(60), nullable=False, default=""),
    sa.Column("not_before", UtcTime),
    _created(),
    sa.Column("handed_over_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Index("ix_deliveries_batch_state", "batch_id", "state"),
    sa.Index("ix_deliveries_carrier_reference", "carrier", "reference"),
)

batches = sa.Table(
    "batches",
    metadata,
    _id(),
    _organisation(),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("subject_id", Id, nullable=False, index=True),  # the mailing
    sa.Column("queue", sa.String(60), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, default=5),  # 0 first
    sa.Column("data", Json, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # open | done | dead
    sa.Column("token", sa.BigInteger, nullable=False, default=0),  # fencing: grows with every claim
    sa.Column("lease_owner", sa.String(80)),
    sa.Column("lease_until", UtcTime),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("rings", sa.Integer, nullable=False, default=0),
    sa.Column("rung_at", UtcTime),
    sa.Column("not_before", UtcTime),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
    _created(),
    sa.Column("done_at", UtcTime),
    sa.Index(
        "ix_batches_open",
        "priority",
        "id",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
)

events = sa.Table(
    "events",
    metadata,
    _id(),
    _organisation(),
    sa.Column("mailing_id", Id, nullable=True),
    sa.Column("item_id", Id, nullable=True),
    sa.Column("delivery_id", Id, nullable=True),
    sa.Column("contact_id", Id, nullable=True, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("source", sa.String(80), nullable=False),  # carrier's name, "staff", "recipient", "office"
    sa.Column("actor_id", Id),  # the user, where one did it
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.Column("code", sa.String(60), nullable=False, default=""),
    sa.Column("text", sa.String(1000), nullable=False, default=""),
    sa.Column("detail", Json),
    sa.Column("news_id", Id),  # the raw knock behind it
    sa.Column("fingerprint", sa.String(64), unique=True),  # same news told twice is one event; NULL for our own doings
    sa.Index("ix_events_item", "item_id", "at"),
    sa.Index("ix_events_mailing", "mailing_id", "at"),
)

news = sa.Table(
    "news",
    metadata,
    _id(),
    sa.Column("carrier", sa.String(80), nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("read_at", UtcTime),
    sa.Column("error", sa.String(1000), nullable=False, default=""),
)

contacts = sa.Table(
    "contacts",
    metadata,
    _id(),
    _organisation(),
    sa.Column("kind", sa.String(10), nullable=False),  # person | company
    sa.Column("name", sa.String(300), nullable=False),
    sa.Column("match_key", sa.String(64), nullable=False),  # hash of the normalised name and address
    sa.Column("language", sa.String(5), nullable=False, default=""),
    sa.Column("preferred_channel", sa.String(10)),
    sa.Column("external_ids", Json, nullable=False),
    sa.Column("attributes", Json, nullable=False),
    _created(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("organisation_id", "match_key"),
    sa.Index("ix_contacts_organisation_name", "organisation_id", "name"),
)

contact_points = sa.Table(
    "contact_points",
    metadata,
    _id(),
    _organisation(),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), nullable=False, index=True),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("value", sa.String(500), nullable=False),  # normalised
    sa.Column("address", Json),
    sa.Column("health", sa.String(10), nullable=False),  # good | doubtful | dead
    _created(),
    sa.UniqueConstraint("contact_id", "channel", "value"),
    sa.Index("ix_contact_points_value", "organisation_id", "channel", "value"),
)

consents = sa.Table(
    "consents",
    metadata,
    _id(),
    _organisation(),
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
    _id(),
    _organisation(),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("purpose", sa.String(20)),  # NULL: all
    sa.Column("address_hash", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("origin", sa.String(80), nullable=False),
    _created(),
    sa.Column("expires_at", UtcTime),
    sa.Column("lifted_at", UtcTime),
    sa.Column("lifted_reason", sa.String(300), nullable=False, default=""),
    sa.Index("ix_suppressions_address", "organisation_id", "channel", "address_hash"),
)

links = sa.Table(
    "links",
    metadata,
    _id(),
    _organisation(),
    sa.Column("item_id", Id, sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("delivery_id", Id),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("proof", sa.String(20), nullable=False),  # what must be typed: email | postcode | reference
    sa.Column("proof_hash", sa.String(200), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("tries_since", UtcTime),
    _created(),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("revoked_at", UtcTime),
    sa.Column("proven_at", UtcTime),
)

link_sessions = sa.Table(
    "link_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    _organisation(),
    sa.Column("link_id", Id, sa.ForeignKey("links.id"), nullable=False, index=True),
    _created(),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)

carriers = sa.Table(
    "carriers",
    metadata,
    _id(),
    _organisation(),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),  # a line of channels/catalogue.py
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("settings", Json, nullable=False),  # secrets wrapped
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("preferred", sa.Integer, nullable=False, default=0),  # the highest of a channel is used first
    sa.Column("last_ok_at", UtcTime),
    sa.Column("last_error_at", UtcTime),
    sa.Column("last_error", sa.String(1000), nullable=False, default=""),
    _created(),
    sa.UniqueConstraint("organisation_id", "name"),
)

sandbox_box = sa.Table(
    "sandbox_box",
    metadata,
    sa.Column("key", Id, primary_key=True),
    _organisation(),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("to", sa.String(320), nullable=False),
    sa.Column("subject", sa.String(1000), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("address_lines", Json, nullable=False),
    sa.Column("document", sa.String(64), nullable=False),
    sa.Column("first_page", sa.Integer, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("copies", sa.Integer, nullable=False),  # how often the key was handed over: more than 1 is a repeat that was caught
    sa.Column("sent_at", UtcTime, nullable=False),
    sa.Index("ix_sandbox_box_organisation", "organisation_id", "sent_at"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("mailing_id", Id),
    sa.Column("answer", Json),
    _created(),
)

folder_files = sa.Table(
    "folder_files",
    metadata,
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("fingerprint", sa.String(64), primary_key=True),  # name, size, time, bytes: a file is taken once
    sa.Column("mailing_id", Id),
    _created(),
)

audit = sa.Table(
    "audit",
    metadata,
    _id(),
    _organisation(),
    sa.Column("actor", sa.String(80), nullable=False),  # user:<id>, key:<id>, office
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index("ix_audit_organisation_at", "organisation_id", "at"),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("owner", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),  # web | worker
    sa.Column("queues", Json, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
)
