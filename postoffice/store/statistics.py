"""What PostgreSQL knows of tables that fill quickly.

Its own housekeeping looks once a minute. Until then it takes a table that was just filled for a small one, reads all that an
organisation has where it should look for a few, and what grows with each slice takes longer with each slice.
"""

import sqlalchemy as sa

from postoffice.store.database import Database

#: those that a mailing or an import fills by thousands, and looks things up in meanwhile
FILLED = ("items", "contacts", "contact_keys", "contact_points", "deliveries")
#: a table is looked at anew once it is so many times as large as when it was looked at last; below so many pages it does not matter
GROWN, SMALL = 2, 16

_OUTGROWN = sa.text(
    "SELECT relname FROM pg_class WHERE oid = ANY(SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name) "
    f"AND pg_relation_size(oid) > current_setting('block_size')::bigint * greatest({GROWN} * relpages, {SMALL}) ORDER BY relname"
)


async def refresh(database: Database) -> list[str]:
    """Have those of FILLED looked at that outgrew what is known of them; which. Costs one small query where there are none.

    Call it between transactions: rows that were not committed are not seen. SQLite needs none: it takes an index where there is one.
    """
    if database.is_sqlite:
        return []
    async with database.write() as connection:
        grown = list(await connection.scalars(_OUTGROWN, {"names": list(FILLED)}))
        for name in grown:
            await connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {name}")
    return grown
