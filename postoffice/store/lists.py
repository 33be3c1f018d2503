"""Long lists of values in a query, as one parameter: an IN of hundreds costs SQLAlchemy more than it costs the database."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection


def asked_of_each(column: sa.Column[str]) -> sa.ColumnElement[str]:
    """A column of text as one that no index is entered by: its value is asked of each row that something else finds.

    For the organisation beside a list of ids: knowing nothing of the table, SQLite takes an equal for ten rows and would rather read
    all contacts of the organisation than look up thirty ids.
    """
    return column.concat("")


def one_of(connection: AsyncConnection, column: "sa.ColumnElement[Any]", values: Iterable[str]) -> sa.ColumnElement[bool]:
    """That a column of text is one of these values."""
    wanted = list(values)
    if connection.dialect.name == "sqlite":
        return column.in_(sa.select(_json_each(wanted).c.value))
    return column == sa.any_(sa.cast(wanted, postgresql.ARRAY(sa.Text)))


def table_of(connection: AsyncConnection, values: Iterable[str]) -> sa.FromClause:
    """These values as a table of one column, `value`."""
    wanted = list(values)
    if connection.dialect.name == "sqlite":
        return _json_each(wanted)
    return sa.func.unnest(sa.cast(wanted, postgresql.ARRAY(sa.Text))).table_valued("value", name="listed").render_derived()


def shared_by_few(
    connection: AsyncConnection, column: sa.Column[Any], same: Mapping[str, str], values: Iterable[str], most: int
) -> sa.ColumnElement[bool]:
    """That a column has one of those of these values that at most `most` rows have; `same`: other columns of such rows. Of the others
    no more is read than shows that they are many."""
    listed, other = table_of(connection, values), column.table.alias("other")
    alike = [other.c[name] == value for name, value in same.items()]
    some = sa.select(sa.literal(1)).where(*alike, other.c[column.name] == listed.c.value).limit(most + 1)
    number = sa.select(sa.func.count()).select_from(some.correlate(listed).subquery("some")).scalar_subquery()
    few = sa.select(listed.c.value).where(number <= most)
    if connection.dialect.name == "sqlite":
        return column.in_(few)
    # as an array it is made once; left as a query, the planner may make it anew for each row of a table whose size it does not know yet
    return column == sa.any_(sa.func.array(few.scalar_subquery(), type_=postgresql.ARRAY(sa.Text)))


def _json_each(wanted: list[str]) -> sa.TableValuedAlias:
    return sa.func.json_each(json.dumps(wanted)).table_valued(sa.column("value", sa.String), name="listed")
