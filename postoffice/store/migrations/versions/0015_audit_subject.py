"""Who did what to one thing is found without reading the whole trail."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_organisation_subject", "audit", ["organisation_id", "subject"])


def downgrade() -> None:
    op.drop_index("ix_audit_organisation_subject", table_name="audit")
