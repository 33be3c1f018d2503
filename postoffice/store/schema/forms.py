"""Forms that others' pages embed, what waits there for its confirmation, and which campaigns stand in the public archive."""

import sqlalchemy as sa

from postoffice.store.schema.base import Id, Json, UtcTime, created_column, id_column, metadata, organisation_column

forms = sa.Table(
    "forms",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("token", sa.String(32), nullable=False, unique=True),  # its public address
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("design", Json, nullable=False),  # model.form.FormDesign
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),  # of its words: grows with every change
    sa.Column("asked", sa.Integer, nullable=False, server_default="0"),
    sa.Column("confirmed", sa.Integer, nullable=False, server_default="0"),
    created_column(),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("closed_at", UtcTime),
    sa.Index("ix_forms_organisation", "organisation_id", "id"),
)

form_entries = sa.Table(  # what was typed and is not confirmed yet; a confirmed one says nothing of whom
    "form_entries",
    metadata,
    id_column(),
    organisation_column(),
    sa.Column("form_id", Id, sa.ForeignKey("forms.id"), nullable=False, index=True),
    sa.Column("code_hash", sa.String(64), nullable=False, unique=True),  # of the confirming link
    sa.Column("sealed", sa.LargeBinary),  # what was typed, wrapped by the master key; NULL once confirmed
    sa.Column("proof", Json, nullable=False),  # words shown, their version, when, from where; never an address
    created_column(),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
    sa.Column("confirmed_at", UtcTime),
)

campaign_archive = sa.Table(
    "campaign_archive",
    metadata,
    sa.Column("campaign_id", Id, sa.ForeignKey("campaigns.id"), primary_key=True),
    organisation_column(),
    sa.Column("since", UtcTime, nullable=False),
)
