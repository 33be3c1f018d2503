"""All tables, for SQLite and PostgreSQL alike. Everything belongs to an organisation from the first table on.

Ids are the 26 letters of model.ids; times are aware UTC; money is in millionths of the organisation's currency; states are
the words of model.states. Alembic's history in `migrations/` is what really makes the tables; a test compares the two.
"""

from postoffice.store.schema.access import passkeys, recovery_codes, sign_in_steps
from postoffice.store.schema.back import mailboxes, mails
from postoffice.store.schema.base import Json, UtcTime, metadata
from postoffice.store.schema.campaigns import campaign_approvals, campaign_members, campaign_waves, campaigns
from postoffice.store.schema.clicks import click_counts, click_hits, click_links, mail_pictures
from postoffice.store.schema.forms import campaign_archive, form_entries, forms
from postoffice.store.schema.mail import (
    batches,
    carriers,
    deliveries,
    documents,
    events,
    folder_files,
    heartbeats,
    idempotency_keys,
    items,
    mailing_figures,
    mailings,
    printer_tokens,
    printers,
    sandbox_box,
)
from postoffice.store.schema.news import hook_endpoints, hook_messages, leases, news
from postoffice.store.schema.people import (
    api_keys,
    audit,
    counters,
    grants,
    organisations,
    sessions,
    users,
)
from postoffice.store.schema.portal import codes, privacy_requests, tries
from postoffice.store.schema.recipients import (
    consents,
    contact_doubts,
    contact_import_lines,
    contact_imports,
    contact_keys,
    contact_merges,
    contact_points,
    contacts,
    link_sessions,
    links,
    suppressions,
)
from postoffice.store.schema.returned import returned, returned_pages, returned_scans
from postoffice.store.schema.rules import budgets, plans, spendings
from postoffice.store.schema.segments import purchases, rfm_runs, rfm_scores, segment_members, segments
from postoffice.store.schema.sending import dkim_keys, paces
from postoffice.store.schema.templates import merge_rows, merges, template_versions, templates

__all__ = [
    "Json",
    "UtcTime",
    "api_keys",
    "audit",
    "batches",
    "budgets",
    "campaign_approvals",
    "campaign_archive",
    "campaign_members",
    "campaign_waves",
    "campaigns",
    "carriers",
    "click_counts",
    "click_hits",
    "click_links",
    "codes",
    "consents",
    "contact_doubts",
    "contact_import_lines",
    "contact_imports",
    "contact_keys",
    "contact_merges",
    "contact_points",
    "contacts",
    "counters",
    "deliveries",
    "dkim_keys",
    "documents",
    "events",
    "folder_files",
    "form_entries",
    "forms",
    "grants",
    "heartbeats",
    "hook_endpoints",
    "hook_messages",
    "idempotency_keys",
    "items",
    "leases",
    "link_sessions",
    "links",
    "mail_pictures",
    "mailboxes",
    "mailing_figures",
    "mailings",
    "mails",
    "merge_rows",
    "merges",
    "metadata",
    "news",
    "organisations",
    "paces",
    "passkeys",
    "plans",
    "printer_tokens",
    "printers",
    "privacy_requests",
    "purchases",
    "recovery_codes",
    "returned",
    "returned_pages",
    "returned_scans",
    "rfm_runs",
    "rfm_scores",
    "sandbox_box",
    "segment_members",
    "segments",
    "sessions",
    "sign_in_steps",
    "spendings",
    "suppressions",
    "template_versions",
    "templates",
    "tries",
    "users",
]
