"""Templates of letters with their versions, and what a merge made of a row for when its words go by e-mail or SMS."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

templates = sa.Table(
    "templates",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("draft", Json, nullable=False),  # see compose.merge.content
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),  # of the draft: grows with every change
    sa.Column("published", sa.Integer),  # number of the version in use; NULL: none yet
    sa.Column("mapping", Json, nullable=False),  # column of a spreadsheet -> field, as people last left it
    sa.Column("sample", Json, nullable=False),  # a few rows for the preview
    created_column(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("updated_by", sa.String(80), nullable=False, server_default=""),  # an actor, as in the audit trail
    sa.Column("removed_at", UtcTime),
    sa.Index("ix_templates_organisation", "organisation_id", "name"),
)

template_versions = sa.Table(
    "template_versions",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("template_id", Id, sa.ForeignKey("templates.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),  # from 1
    sa.Column("content", Json, nullable=False),
    sa.Column("note", sa.String(500), nullable=False, server_default=""),
    created_column(),
    sa.Column("created_by", sa.String(80), nullable=False, server_default=""),
    sa.UniqueConstraint("template_id", "number"),
)

merges = sa.Table(
    "merges",
    metadata,
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), primary_key=True),
    organisation_column(),
    sa.Column("version_id", Id, sa.ForeignKey("template_versions.id"), nullable=False),
    sa.Column("day", sa.String(10), nullable=False, server_default=""),  # ISO date that its letters bear
    sa.Column("faulty", sa.Integer, nullable=False, server_default="0"),  # rows that no letter was made of
)

merge_rows = sa.Table(
    "merge_rows",
    metadata,
    sa.Column("mailing_id", Id, sa.ForeignKey("mailings.id"), primary_key=True),
    sa.Column(
        "first_page", sa.Integer, primary_key=True, autoincrement=False
    ),  # of its letter: an item keeps it however it is regrouped
    organisation_column(),
    sa.Column("number", sa.Integer, nullable=False),  # row of the spreadsheet
    sa.Column("data", Json, nullable=False),  # field -> value
)
