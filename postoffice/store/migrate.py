"""Bring the database to the newest schema, or tell what differs. Several hosts may start at once: one migrates, the others wait."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from postoffice.model.errors import PostOfficeError
from postoffice.store.database import MIGRATIONS, Database
from postoffice.store.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config  # and within functions: 10 MB that web and workers, which only `check`, do without

_LOCK = 7_202_611_21  # any fixed number: PostgreSQL's advisory lock for migrations


def _config(connection: sa.Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database) -> None:
    """Run what is missing; nothing where the schema is up to date."""
    from alembic import command

    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))


async def check(database: Database) -> None:
    """PostOfficeError where the schema is older than this version needs. A newer one, which this version does not know, will do:
    migrations only add, so that processes of the old version go on while the new one comes up."""
    *older, newest = revisions()
    try:
        async with database.read() as connection:
            there = await connection.run_sync(_revision)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise PostOfficeError(
            "no-database",
            f"The database at {database.url.render_as_string()} does not answer ({type(error).__name__}).",
            help="See that it runs and that POSTOFFICE_DATABASE_URL names it with the right user and password.",
        ) from error
    if there is None or there in older:
        found = f"schema {there}" if there else "no schema yet"
        raise PostOfficeError(
            "schema-too-old",
            f"The database has {found}; this version needs {newest}.",
            help="Run `postoffice migrate` first, with the same settings.",
        )


def revisions() -> list[str]:
    """Names of all migrations, the newest last: a file's name begins with its revision, and these count upwards."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _revision(connection: sa.Connection) -> str | None:
    """Alembic's note of the schema that the database has."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


async def differences(database: Database) -> list[Any]:
    """What the migrations made otherwise than schema.py says; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(sync: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(sync, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with database.read() as connection:
        return await connection.run_sync(compare)
