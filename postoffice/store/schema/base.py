"""What all tables share: the metadata with its naming rule, column types for both databases, the usual columns."""

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


def id_column(*, primary: bool = True) -> sa.Column[Any]:
    return sa.Column("id", Id, primary_key=primary)


def organisation_column() -> sa.Column[Any]:
    return sa.Column("organisation_id", Id, sa.ForeignKey("organisations.id"), nullable=False)


def created_column() -> sa.Column[Any]:
    return sa.Column("created_at", UtcTime, nullable=False)
