"""INSERT with ON CONFLICT, which SQLAlchemy writes by dialect although both databases say it alike."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_into(connection: sa.Connection | AsyncConnection, table: sa.Table) -> Any:
    """An insert of this connection's dialect, with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
