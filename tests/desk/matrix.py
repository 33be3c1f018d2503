"""The table of who may do what at the desk, read from matrix.tsv, and how its letters are found out.

A line: method, path without patterns, then one letter for each of COLUMNS:
`+` let in, `-` refused (403), `0` said not to exist (404), `s` sent to the sign-in page, `p` sent to prove who they are.
Roles are asked with the route's handler taken away: what the guard alone says. `printer` is an administrator and sender of one
printer, asked for things of another one; `other` is the administrator of another organisation, asked for things of this one:
both meet the real handlers.
"""

import csv
import re
from pathlib import Path

from postoffice.model.ids import new_id

COLUMNS = ("anonymous", "administrator", "sender", "approver", "clerk", "viewer", "privacy", "printer", "other")
FILE = Path(__file__).with_name("matrix.tsv")


def bare(path: str) -> str:
    """A route's path without the patterns of its places."""
    return re.sub(r":[^{}]*(?:{[^}]*}[^{}]*)?}", "}", path)


def table() -> dict[tuple[str, str], dict[str, str]]:
    """(method, path) -> column -> letter."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {(row["method"], row["path"]): {name: row[name] for name in COLUMNS} for row in csv.DictReader(file, delimiter="\t")}


def letter(status: int, location: str) -> str:
    """What an answer says of the one who asked."""
    if status in (401, 303) and location.startswith("/sign-in"):
        return "s"
    if status == 303 and location.startswith("/account/prove"):
        return "p"
    return {403: "-", 404: "0"}.get(status, "+")


_FITTING = ("1", "release", "thumb", "email", "x", "accept", "0" * 64)  # for places that take words or numbers only


def address_of(path: str, ids: dict[str, str]) -> str:
    """A route's path with something in every place."""

    def fill(place: re.Match[str]) -> str:
        chosen, pattern = ids.get(place[1]) or new_id(), place[2]
        if pattern is None or re.fullmatch(pattern, chosen):
            return chosen
        return next(word for word in (*pattern.split("|"), *_FITTING) if re.fullmatch(pattern, word))

    return re.sub(r"{(\w+)(?::((?:[^{}]|{[^}]*})*))?}", fill, path)
