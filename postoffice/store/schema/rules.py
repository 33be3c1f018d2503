"""What an organisation lays down for its mail: saved plans, what may be spent in a month, and what was."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Money, UtcTime, created_column, id_column, metadata, organisation_column

plans = sa.Table(
    "plans",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("ladder", sa.String(500), nullable=False),  # see routing.ladder
    created_column(),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.UniqueConstraint("organisation_id", "name"),
)


budgets = sa.Table(
    "budgets",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("scope", sa.String(12), nullable=False),  # organisation | printer | cost-centre
    sa.Column("subject", sa.String(100), nullable=False),  # id of the printer, name of the cost centre; empty for the organisation
    sa.Column("amount", Money, nullable=False),  # millionths that a month may cost
    created_column(),
    sa.UniqueConstraint("organisation_id", "scope", "subject"),
)


spendings = sa.Table(
    "spendings",
    metadata,
    sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("scope", sa.String(12), nullable=False),
    sa.Column("subject", sa.String(100), nullable=False),
    sa.Column("month", sa.String(7), nullable=False),  # 2026-11, in the organisation's own zone
    sa.Column("spent", Money, nullable=False),  # planned, and reserved by mailings that are being planned
    sa.PrimaryKeyConstraint("organisation_id", "scope", "subject", "month"),
)
