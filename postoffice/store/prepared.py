"""Statements compiled once and run by the driver: SQLAlchemy's own way costs more than SQLite's work, and the hottest door feels it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.store.upsert import insert_into


class Prepared:
    """A statement made by `build(connection)`, whose parameters are named by `columns`, for whichever dialect runs it."""

    def __init__(self, build: Callable[[sa.Connection], Any], columns: list[str] | None = None) -> None:
        self._build = build
        self._columns = columns
        self._ready: dict[str, tuple[str, list[tuple[str, Any, Callable[[Any], Any] | None]]]] = {}
        self._by_columns: dict[frozenset[int], str] = {}  # numbers of the parameters that all rows share -> PostgreSQL's words
        self._readers: dict[str, list[tuple[int, Callable[[Any], Any]]]] = {}

    def rows(self, connection: sa.Connection, values: Mapping[str, Any]) -> list[list[Any]]:
        """The rows of a query after these values, each column as the schema has it; [] for none. Errors as `run`."""
        cursor = self.run(connection, values)
        try:
            found = list(map(list, cursor.fetchall()))
        finally:
            cursor.close()
        for place, read in self._readers[connection.dialect.name]:
            for row in found:
                row[place] = read(row[place])
        return found

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after these values; what is absent takes the statement's own literal, or NULL. Raises the driver's
        own error as SQLAlchemy's."""
        sql, parameters = self._ready.get(connection.dialect.name) or self._compile(connection)
        given = tuple(
            default if name not in values else process(values[name]) if process else values[name]
            for name, default, process in parameters
        )
        cursor = connection.connection.cursor()
        try:
            cursor.execute(sql, given)
        except connection.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error) from error
        return cursor

    def run_all(self, connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """The same for many rows at a time; all have the same columns, and none of them the statement's own literals. Returns how
        many rows it wrote.

        SQLite's driver runs it row by row, which costs next to nothing within one process. PostgreSQL is told once, with each
        column as an array: it would make a plan and an answer for each row. So no two rows may write the same row of a table.
        """
        _sql, parameters = self._ready.get(connection.dialect.name) or self._compile(connection)
        given = list(map(itemgetter(*(name for name, _default, _process in parameters)), rows))
        return self._at_once(connection, list(zip(*given, strict=True))) if given else 0

    def run_columns(self, connection: sa.Connection, columns: Mapping[str, Sequence[Any]]) -> int:
        """`run_all` for rows that are at hand as columns, all of one length."""
        _sql, parameters = self._ready.get(connection.dialect.name) or self._compile(connection)
        given = [columns[name] for name, _default, _process in parameters]
        return self._at_once(connection, given) if given[0] else 0

    def _at_once(self, connection: sa.Connection, given: Sequence[Sequence[Any]]) -> int:
        sql, parameters = self._ready[connection.dialect.name]
        columns = [_processed(column, process) for column, (_, _, process) in zip(given, parameters, strict=True)]
        cursor = connection.connection.cursor()
        try:
            if connection.dialect.name == "sqlite":
                cursor.executemany(sql, list(zip(*columns, strict=True)))
            else:
                shared = _shared(columns)
                sql = self._by_columns.get(shared) or self._rewrite(connection, shared)
                if len(columns[0]) >= _MANY:
                    cursor.execute(_KEEP_PLANS, ())
                cursor.execute(sql, tuple(column[0] if number in shared else list(column) for number, column in enumerate(columns, 1)))
            return int(cursor.rowcount)
        except connection.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError.instance(
                sql, None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
            ) from error
        finally:
            cursor.close()

    def _rewrite(self, connection: sa.Connection, shared: frozenset[int]) -> str:
        """PostgreSQL's words for all rows at once: `$1` becomes a column of a table of arrays, or stays where all rows share it."""
        compiled = self._build(connection).compile(dialect=connection.dialect, column_keys=self._columns)
        kinds = [_in_array(compiled.binds[name].type, connection.dialect) for name in compiled.positiontup or []]
        own = [number for number, _ in enumerate(kinds, 1) if number not in shared]
        arrays = ", ".join(f"CAST(${number} AS {kinds[number - 1]}[])" for number in own)
        told = f"FROM unnest({arrays}) AS told({', '.join(f'p{number}' for number in own)})"

        def place(found: re.Match[str]) -> str:
            number = int(found[1])
            return f"CAST(${number} AS {kinds[number - 1]})" if number in shared else f"told.p{number}"

        sql = re.sub(r"\$(\d+)", place, str(compiled))
        if values := _VALUES.search(sql):
            inner = values[1]
            sql = f"{sql[: values.start()]} SELECT {inner} {told}{sql[values.end() :]}"
        else:
            before, where, after = sql.partition(" WHERE ")
            sql = f"{before} {told}{where}{after}"
        if len(self._by_columns) >= _MOST_SHAPES:
            self._by_columns.clear()
        self._by_columns[shared] = sql
        return sql

    def _compile(self, connection: sa.Connection) -> tuple[str, list[tuple[str, Any, Callable[[Any], Any] | None]]]:
        dialect, statement = connection.dialect, self._build(connection)
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        parameters = []
        for name in compiled.positiontup or []:
            bind = compiled.binds[name]
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            literal = None if bind.required or bind.value is None else bind.value
            parameters.append((name, process(literal) if process and literal is not None else literal, process))
        read = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.exported_columns]
        self._readers[dialect.name] = [(place, one) for place, one in enumerate(read) if one]
        self._ready[dialect.name] = (str(compiled), parameters)
        return self._ready[dialect.name]


_VALUES = re.compile(r" VALUES \((.*?)\)(?= ON CONFLICT| RETURNING|$)", re.DOTALL)
_TEXTS = (sa.String, sa.JSON)

#: rows from which on `_KEEP_PLANS` is worth its way to the server, and a word of its own for what all rows share
_MANY = 20
_MOST_SHAPES = 30  #: of one statement that are remembered: which columns are shared changes little from slice to slice
#: For each row that is written, PostgreSQL looks up what its foreign keys point at, by plans of its own. A line plans all anew
#: (see store.lines), and to plan such a look-up costs many times the look-up. So here plans are kept until the transaction ends,
#: and only such as go by an index: these stay good however full the tables get.
_KEEP_PLANS = "SELECT set_config('plan_cache_mode', 'auto', true), set_config('enable_seqscan', 'off', true)"


def _in_array(kind: Any, dialect: sa.Dialect) -> str:
    """The type of an array's members for a bind of this type; what is text to the driver becomes what it is in the statement."""
    own = kind.dialect_impl(dialect)
    inner = getattr(own, "impl_instance", own)
    return "TEXT" if isinstance(inner, _TEXTS) else str(inner.compile(dialect=dialect))


def _shared(columns: Sequence[Sequence[Any]]) -> frozenset[int]:
    """The numbers, from 1, of the columns that have the same in all of many rows: sent once, they are neither packed nor read row by
    row. One column at least is left."""
    many = len(columns[0])
    if many < _MANY:
        return frozenset()
    found = [number for number, column in enumerate(columns, 1) if column[0] is column[-1] and column.count(column[0]) == many]
    return frozenset(found[:-1] if len(found) == len(columns) else found)


def _processed(column: Sequence[Any], process: Callable[[Any], Any] | None) -> Sequence[Any]:
    """A column as the driver takes it. What stands in many rows, as the hour of writing does, is made once."""
    if process is None:
        return column
    nothing = process(None)
    fresh, last, made = [], None, nothing
    for value in column:
        if value is None:
            fresh.append(nothing)
            continue
        if value is not last:
            last, made = value, process(value)
        fresh.append(made)
    return fresh


def insert_of(table: sa.Table, *, once: bool = False) -> Prepared:
    """An insert of whole rows; `once`: rows that are there already are left alone."""

    def build(connection: sa.Connection) -> Any:
        return insert_into(connection, table).on_conflict_do_nothing() if once else table.insert()

    return Prepared(build, [column.name for column in table.columns])


@lru_cache(maxsize=100)
def _insert(table: sa.Table, columns: tuple[str, ...], once: bool) -> Prepared:
    def build(connection: sa.Connection) -> Any:
        return insert_into(connection, table).on_conflict_do_nothing() if once else table.insert()

    return Prepared(build, list(columns))


def insert_now(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, those with a default of Python's included."""
    if rows:
        _insert(table, tuple(rows[0]), False).run_all(connection, rows)


async def insert_rows(connection: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, once: bool = False) -> int:
    """Insert rows that all have the same columns, those with a default of Python's included; `once`: known ones are left alone. How
    many were written."""
    return await connection.run_sync(_insert(table, tuple(rows[0]), once).run_all, rows) if rows else 0
