"""The road of a letter: printers, documents, mailings, items, deliveries, and their work and news."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, Money, UtcTime, created_column, id_column, metadata, organisation_column

printers = sa.Table(
    "printers",
    metadata,
    id_column(),
    organisation_column(),
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
    sa.Column("fields", Json),  # rules that read fields of its letters; see compose.fields
    created_column(),
    sa.Column("removed_at", UtcTime),
)


printer_tokens = sa.Table(
    "printer_tokens",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id"), nullable=False, index=True),
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),  # whose computer it is on; NULL: shared
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    created_column(),
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
    created_column(),
    sa.Column("content", sa.LargeBinary),  # sealed bytes of a small document that came with its mailing; NULL: a file has them
)


mailings = sa.Table(
    "mailings",
    metadata,
    id_column(),
    organisation_column(),
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
    sa.Column("fields", Json),  # as the printer's, where they were changed for this mailing
    sa.Column("kept", sa.String(64)),  # what was read of the pages, as a document
    sa.Column("cuts", Json),  # proposals and what was chosen; see compose.proposals
    sa.Column("fixes", Json),  # what was mended in the document, in order; see mending
    created_column(),
    sa.Column("received_at", UtcTime),
    sa.Column("ready_at", UtcTime),
    sa.Column("sent_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.Column("quoted", Money),  # reserved when it was sent, and not yet planned; see store.budgets
    sa.UniqueConstraint("organisation_id", "number"),
    sa.Index("ix_mailings_organisation_state", "organisation_id", "state"),
    sa.Index("ix_mailings_printer_state", "printer_id", "state"),
)


items = sa.Table(
    "items",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("first_page", sa.Integer, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("held_reason", sa.String(60), nullable=False, default=""),
    sa.Column("name", sa.String(300), nullable=False, default=""),  # first address line or mail address, for lists and search
    sa.Column("address", Json),
    sa.Column("address_read", Json),
    sa.Column("postcode", sa.String(12)),  # the address's, by which returned letters are looked for
    sa.Column("email", sa.String(320), nullable=False, default=""),
    sa.Column("mobile", sa.String(20), nullable=False, default=""),
    sa.Column("fax", sa.String(20), nullable=False, default=""),
    sa.Column("reference", sa.String(200), nullable=False, default=""),
    sa.Column("fields", Json),  # customer, invoice, amount, due, ... as read
    sa.Column("parts", Json),  # letters that share one envelope; see compose.together
    sa.Column("channel", sa.String(10)),
    sa.Column("findings", Json, nullable=False),
    sa.Column("level", sa.String(10)),
    sa.Column("contact_id", Id, sa.ForeignKey("contacts.id"), index=True),
    sa.Column("match", Json),  # how its contact was found and what was filled in from it; NULL: nobody looked yet
    sa.Column("plan", Json, nullable=False),
    sa.Column("rung", sa.Integer, nullable=False, default=0),
    sa.Column("rungs_left", sa.Integer, nullable=False, server_default="0"),  # of the plan, above the present one
    sa.Column("delivery_id", Id),
    sa.Column("cost", Money, nullable=False, default=0),
    sa.Column("opened_at", UtcTime),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("digest", sa.String(64)),  # of what it says and to whom, as read: the same letter twice has the same; see compose.twins
    sa.Column("again", sa.Boolean, nullable=False, server_default=sa.false()),  # a person said that it may go a second time
    sa.Index("ix_items_mailing_position", "mailing_id", "position"),
    sa.Index("ix_items_mailing_state", "mailing_id", "state"),
    sa.Index("ix_items_organisation_state", "organisation_id", "state"),
    sa.Index(
        "ix_items_postcode",
        "organisation_id",
        "postcode",
        sqlite_where=sa.text("postcode IS NOT NULL"),
        postgresql_where=sa.text("postcode IS NOT NULL"),
    ),
    sa.Index(
        "ix_items_digest",
        "organisation_id",
        "digest",
        sqlite_where=sa.text("digest IS NOT NULL"),
        postgresql_where=sa.text("digest IS NOT NULL"),
    ),
)


deliveries = sa.Table(
    "deliveries",
    metadata,
    id_column(),
    organisation_column(),
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
    created_column(),
    sa.Column("handed_over_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("wait", sa.Integer, nullable=False, server_default="0"),  # seconds to wait for the recipient before the next rung
    sa.Column("wait_until", UtcTime),
    sa.Index("ix_deliveries_batch_state", "batch_id", "state"),
    sa.Index("ix_deliveries_carrier_reference", "carrier", "reference"),
)


batches = sa.Table(
    "batches",
    metadata,
    id_column(),
    organisation_column(),
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
    created_column(),
    sa.Column("done_at", UtcTime),
    sa.Column("held_at", UtcTime),  # somebody paused what it belongs to: nobody claims it until that is lifted
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
    id_column(),
    organisation_column(),
    sa.Column("mailing_id", Id, nullable=True),
    sa.Column("item_id", Id, nullable=True),
    sa.Column("delivery_id", Id, nullable=True),
    sa.Column("contact_id", Id, nullable=True),
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
    sa.Index(
        "ix_events_wishes",  # figures count them
        "organisation_id",
        "mailing_id",
        "kind",
        sqlite_where=sa.text("kind IN ('opted_out', 'complained')"),
        postgresql_where=sa.text("kind IN ('opted_out', 'complained')"),
    ),
)


carriers = sa.Table(
    "carriers",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),  # a line of channels/catalogue.py
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("settings", Json, nullable=False),  # secrets wrapped
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("preferred", sa.Integer, nullable=False, default=0),  # the highest of a channel is used first
    sa.Column("last_ok_at", UtcTime),
    sa.Column("last_error_at", UtcTime),
    sa.Column("last_error", sa.String(1000), nullable=False, default=""),
    sa.Column("cut_offs", Json),  # seven local hours "16:00" from Monday, "" for a day without hand-over; NULL: none are known
    created_column(),
    sa.UniqueConstraint("organisation_id", "name"),
)


sandbox_box = sa.Table(
    "sandbox_box",
    metadata,
    sa.Column("key", Id, primary_key=True),
    organisation_column(),
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


mailing_figures = sa.Table(  # what became of finished mailings, counted; a cache, see store.figures_kept
    "mailing_figures",
    metadata,
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), primary_key=True),
    organisation_column(),
    sa.Column("figures", Json, nullable=False),
    sa.Column("upto", Id, nullable=False),  # the first event that it may not know
    sa.Index("ix_mailing_figures_organisation", "organisation_id", "upto"),
)


idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("mailing_id", Id),
    sa.Column("answer", Json),
    created_column(),
)


folder_files = sa.Table(
    "folder_files",
    metadata,
    sa.Column("printer_id", Id, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("fingerprint", sa.String(64), primary_key=True),  # name, size, time, bytes: a file is taken once
    sa.Column("mailing_id", Id),
    created_column(),
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
