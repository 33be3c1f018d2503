"""The hottest statements in SQL of their own: both databases take the same words, and whole chunks go as one list.

SQLAlchemy writes out an IN list name by name, and makes an object of each row: for a chunk of hundreds that costs more than the work.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

_ONCE = re.compile(r"IN \[([^\]]*)\]")


class Plain:
    """A statement in SQL that both databases take, with `:name` for a value, `IN :name` for a list of texts, and `IN [SELECT ...]` for
    what a query finds once, before anything else is looked at."""

    def __init__(self, sql: str) -> None:
        self._names: list[str] = []
        self._lists = frozenset(re.findall(r"IN :(\w+)", sql))
        self._sqlite = re.sub(r"IN :(\w+)", r"IN (SELECT value FROM json_each(:\1))", _ONCE.sub(r"IN (\1)", sql))
        # PostgreSQL may run a query within IN anew for each row of a table whose size it does not know yet; an array it makes once
        self._postgresql = re.sub(r"(IN )?:(\w+)", self._numbered, _ONCE.sub(r"= ANY(ARRAY(\1))", sql))

    def _numbered(self, found: re.Match[str]) -> str:
        if found[2] not in self._names:
            self._names.append(found[2])
        number = self._names.index(found[2]) + 1
        return f"= ANY(CAST(${number} AS text[]))" if found[1] else f"${number}"

    def rows(self, connection: sa.Connection, **values: Any) -> list[Any]:
        """The rows that it returns, [] for none: plain tuples, to be read by `opened` and `moment`."""
        return self._run(connection, values)[0]

    def count(self, connection: sa.Connection, **values: Any) -> int:
        """How many rows it changed."""
        return self._run(connection, values)[1]

    def _run(self, connection: sa.Connection, values: Mapping[str, Any]) -> tuple[list[Any], int]:
        given: Any
        if connection.dialect.name == "sqlite":
            sql, given = self._sqlite, {name: self._for_sqlite(name, value) for name, value in values.items()}
        else:
            sql, given = self._postgresql, tuple(values[name] for name in self._names)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(sql, given)
            return (list(cursor.fetchall()) if cursor.description else []), cursor.rowcount
        except connection.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError.instance(
                sql, None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
            ) from error
        finally:
            cursor.close()

    def _for_sqlite(self, name: str, value: Any) -> Any:
        if name in self._lists:
            return json.dumps(list(value))
        return stamp(value) if isinstance(value, datetime) else value


_SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"


def stamp(value: datetime) -> str:
    """A time as SQLite keeps it (see schema.UtcTime)."""
    return value.astimezone(UTC).strftime(_SQLITE_TIME)


def moment(value: Any) -> Any:
    """A time as a driver gives it, aware; None for none."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def opened(value: Any) -> Any:
    """A list, a mapping or None of a column of JSON: SQLite's driver gives its text, PostgreSQL's has opened it."""
    return json.loads(value) if isinstance(value, str) else value
