"""A contestant of `bench import` in a process of its own: prints seconds and peak memory as JSON."""

import asyncio
import csv
import json
import resource
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.contact_office import opened
from postoffice.contacts.columns import guess
from postoffice.model.ids import new_id
from postoffice.pipeline import importing
from postoffice.pipeline.stop import Stop
from postoffice.store import batches, imports
from postoffice.store.imports import Import, ImportState
from postoffice.worker import rest_collector


async def ours(path: Path, folder: Path) -> dict[str, float]:
    """Seconds of each part of an import as the worker does it."""
    seconds: dict[str, float] = {}
    async with opened(folder) as (house, organisation_id):
        rest_collector()  # as the worker does
        stored = await house.documents.put_file(organisation_id, path)
        async with house.database.write() as connection:
            import_id = await imports.add(connection, organisation_id, path.name, stored.sha256, "bench", house.clock.now())

        async def work(word: str) -> Import:
            begun = time.perf_counter()
            async with house.database.write() as connection:
                now = house.clock.now()
                batch_id = await batches.add(connection, **importing.new_work(import_id, organisation_id, now))
                batch = await batches.claim(connection, batch_id, "bench", now, house.lease * 100)
            assert batch is not None
            await importing.run(house, batch, Stop())
            seconds[word] = time.perf_counter() - begun
            async with house.database.read() as connection:
                return await imports.get(connection, import_id)

        one = await work("read")
        names = one.facts["names"]
        choices = {"names": names, "mapping": guess(names), "first": 2, "system": "crm", "country": "FR"}
        async with house.database.write() as connection:
            await imports.command(connection, one, "try", choices=choices, next_row=0)
        one = await work("trial")
        async with house.database.write() as connection:
            await imports.command(connection, one, "apply", next_row=0)
        one = await work("write")
        assert one.state is ImportState.DONE, one
        return seconds | {f"rows_{word}": count for word, count in one.outcome["counts"].items()}


def naive(path: Path, folder: Path) -> dict[str, float]:
    """csv and executemany into the same two tables, without a look at what is there or whether a value is right."""
    asyncio.run(_only_open(folder))
    begun = time.perf_counter()
    with closing(sqlite3.connect(folder / "office.db")) as base, path.open(encoding="utf-8-sig", newline="") as file:
        organisation_id = base.execute("SELECT id FROM organisations").fetchone()[0]
        rows = csv.reader(file, delimiter=";")
        next(rows)
        while some := [row for _, row in zip(range(5_000), rows, strict=False)]:
            ids = [new_id() for _ in some]
            people = [
                (one, organisation_id, "person", f"{row[2]} {row[3]}", one, "fr", "{}", "{}", "2026-01-01", "2026-01-01")
                for one, row in zip(ids, some, strict=True)
            ]
            columns = "id, organisation_id, kind, name, match_key, language, external_ids, attributes, created_at, updated_at"
            base.executemany(f"INSERT INTO contacts ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", people)
            points = [
                (new_id(), organisation_id, one, channel, value, "good", "2026-01-01")
                for one, row in zip(ids, some, strict=True)
                for channel, value in (("email", row[7]), ("sms", row[8]), ("post", ", ".join(row[2:7])))
            ]
            columns = "id, organisation_id, contact_id, channel, value, health, created_at"
            base.executemany(f"INSERT INTO contact_points ({columns}) VALUES (?,?,?,?,?,?,?)", points)
            base.commit()
    return {"write": time.perf_counter() - begun}


async def _only_open(folder: Path) -> None:
    async with opened(folder):
        return


def main() -> None:
    """name, file, folder."""
    name, path, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    found: dict[str, Any] = asyncio.run(ours(path, folder)) if name == "ours" else naive(path, folder)
    own, children = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    sys.stdout.write(json.dumps({**found, "megabytes": own, "child_megabytes": children, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
