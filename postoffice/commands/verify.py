"""`postoffice verify`: whether rows, documents and carriers' records belong together. Changes nothing."""

import argparse
import asyncio
import json

from postoffice.commands.common import add_data, settings_of
from postoffice.model.errors import PostOfficeError
from postoffice.settings import Settings
from postoffice.store import migrate
from postoffice.store.database import Database
from postoffice.store.documents_s3 import Store
from postoffice.store.keys import Keyring
from postoffice.store.shelf import FileShelf, StoreShelf
from postoffice.store.verify import Result, ask_rows, summary
from postoffice.store.verify_documents import ask_documents
from postoffice.wiring import documents_place

_LAY_BACK = (
    "Copy the documents of these names from the last backup to the same place in the data folder, then: postoffice verify --deep"
)
_SET_ASIDE = "`postoffice doctor` says whether their work was set aside, and how it is opened again (--revive)."
#: what to do, by the word of a check
WHAT_TO_DO = {
    "documents": _LAY_BACK,
    "lengths": _LAY_BACK,
    "contents": _LAY_BACK,
    "named": _LAY_BACK,
    "carried": _SET_ASIDE,
    "sending": _SET_ASIDE,
    "worked-on": _SET_ASIDE,
    "stray": "They only take room; nothing is lost.",
    "left-over": "They only take room; a worker removes them after some hours.",
}
ROWS = "Look at these at the desk before they are sent again; keep this list and the log, and tell the makers of the program."


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("verify", help="do rows, documents and carriers' records belong together? changes nothing")
    parser.add_argument("--deep", action="store_true", help="also read and open every byte of every document")
    parser.add_argument("--repair-none", action="store_true", help="as always: look only (said aloud, for scripts)")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    add_data(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, print, and return 0: all well; 1: untidy; 2: something is missing or told wrongly."""
    results = asyncio.run(look(settings_of(arguments), deep=arguments.deep))
    total = summary(results)
    if arguments.json:
        print(json.dumps({"checks": [one.as_dict() for one in results], **total}, indent=2))
    else:
        for line in table(results):
            print(line)
    return 2 if total["faults"] else 1 if total["untidy"] else 0


async def look(settings: Settings, *, deep: bool = False) -> list[Result]:
    """Every check. PostOfficeError where there is no office, or none that this version can read."""
    if not settings.database_url and not (settings.data / "office.db").exists():
        raise PostOfficeError("no-office", f"There is no office in {settings.data}.", help="Name its folder with --data.")
    keyring = Keyring(settings.key) if settings.has_key else None  # asking for a missing key would make one
    folder, place = settings.data / "documents", documents_place(settings)
    store = Store(place) if place else None
    files = FileShelf(folder)
    shelf = StoreShelf(store, files) if store else files
    database = Database(settings.database)
    try:
        await migrate.check(database)
        return [*await ask_rows(database), *await ask_documents(database, shelf, folder, keyring, deep=deep)]
    finally:
        await database.close()
        if store:
            await store.close()


def table(results: list[Result]) -> list[str]:
    """A line each, with the first faults below it."""
    lines = []
    for one in results:
        verdict = "ok" if not one.faults else "BAD" if one.grave else "untidy"
        lines.append(f"{verdict:7}{one.looked:>12,} looked at {one.faults:>8,} wrong   {one.about}")
        if one.faults:
            more = " ..." if one.faults > len(one.examples) else ""
            lines.append(f"{'':7}{', '.join(one.examples)}{more}")
            lines.append(f"{'':7}-> {WHAT_TO_DO.get(one.word, ROWS)}")
    total = summary(results)
    lines.append("All belongs together." if not any(total.values()) else f"{total['faults']} faults, {total['untidy']} untidy.")
    return lines
