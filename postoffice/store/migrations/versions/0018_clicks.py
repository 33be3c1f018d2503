"""Clicks on the links of mailings, and pictures that mail shows."""

import sqlalchemy as sa
from alembic import op

Id = sa.String(26)
Time = sa.DateTime(timezone=True)

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _organisation(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("organisation_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id"),
    )


def _mailing(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return (
        sa.Column("mailing_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailings.id"], name=f"fk_{table}_mailing_id"),
    )


def upgrade() -> None:
    op.create_table(
        "click_links",
        *_mailing("click_links"),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        *_organisation("click_links"),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("part", sa.String(10), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False, server_default=""),
        sa.Column("fixed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", "number", name="pk_click_links"),
    )
    op.create_table(
        "click_counts",
        *_mailing("click_counts"),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("clicker", sa.String(10), nullable=False),
        *_organisation("click_counts"),
        sa.Column("count", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("mailing_id", "number", "day", "clicker", name="pk_click_counts"),
    )
    op.create_table(
        "click_hits",
        sa.Column("delivery_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_click_hits_delivery_id"),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("clicker", sa.String(10), nullable=False),
        *_organisation("click_hits"),
        *_mailing("click_hits"),
        sa.Column("item_id", Id, nullable=False),
        sa.Column("contact_id", Id, nullable=True),
        sa.Column("at", Time, nullable=False),
        sa.Column("settled_at", Time, nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", "number", "clicker", name="pk_click_hits"),
    )
    op.create_index("ix_click_hits_mailing", "click_hits", ["mailing_id", "clicker"])
    unsettled = sa.text("settled_at IS NULL")
    op.create_index("ix_click_hits_open", "click_hits", ["at"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_index("ix_click_hits_contact", "click_hits", ["contact_id"])
    op.create_table(
        "mail_pictures",
        sa.Column("token", sa.String(32), nullable=False),
        *_organisation("mail_pictures"),
        sa.Column("original", sa.String(64), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(20), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_mail_pictures"),
    )


def downgrade() -> None:
    op.drop_table("mail_pictures")
    for index in ("ix_click_hits_contact", "ix_click_hits_open", "ix_click_hits_mailing"):
        op.drop_index(index, table_name="click_hits")
    for table in ("click_hits", "click_counts", "click_links"):
        op.drop_table(table)
