"""What we began at a print house that keeps no keys, written down before each step that matters, so that no letter is posted twice.

A *record* is one attempt: a sending of ours at the house, named by us, for one or more keys. Files are made once and never over
another, so of two workers that meet (one was thought dead) exactly one goes on:

* `records/<name>.json`          the keys, written before anything is created at the house
* `keys/<part of key>/<key>.N`   the same file, linked: the key's Nth attempt; the last one counts
* `records/<name>.fate`          the house's id of the sending, or nothing: it will never be submitted. Written once, before submitting
* `records/<name>.gone`          we are about to delete the draft: if the house knows it no more, it was never posted

All workers of an office share its data folder, and so this one.
"""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_KEPT = 200 * 86400  #: seconds that records stay: news of a letter and doubts about it are over long before
_SWEEP = 86400  #: seconds between two looks for old ones


class Record(NamedTuple):
    """One attempt. `service` is the carrier's word for the interface that it used."""

    name: str
    service: str
    keys: tuple[str, ...]


class Mark(NamedTuple):
    """The latest attempt for a key: its number from 1, 0 where there was none."""

    number: int = 0
    record: Record | None = None


class Journal:
    """The records of one account. Without a folder it lasts as long as the process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._temporary: Path | None = None
        self._swept = 0.0

    async def marks(self, keys: Sequence[str]) -> dict[str, Mark]:
        """The latest record of each key."""
        return await asyncio.to_thread(self._marks, keys)

    async def begin(self, service: str, marks: Mapping[str, Mark], prefix: str) -> Record | None:
        """A new record for these keys, durable; None where one of them was begun since its mark was read."""
        return await asyncio.to_thread(self._begin, service, marks, prefix)

    async def fate(self, record: Record) -> str | None:
        """The house's id of the sending; empty: it will never be submitted; None: not settled yet."""
        return await asyncio.to_thread(self._read_fate, record)

    async def settle(self, record: Record, sending: str) -> str:
        """Settle the fate, or learn how another worker settled it; the fate that counts."""
        return await asyncio.to_thread(self._settle, record, sending)

    async def going(self, record: Record) -> None:
        """Note that its draft is about to be deleted."""
        await asyncio.to_thread(self._once, self._place("records") / f"{record.name}.gone", b"")

    async def is_gone(self, record: Record) -> bool:
        """Whether its draft was, or was about to be, deleted."""
        return await asyncio.to_thread((self._place("records") / f"{record.name}.gone").exists)

    def named(self, name: str) -> Record | None:
        """A record by its name: what a webhook speaks of."""
        if not name.replace("-", "").isalnum():
            return None
        return _load(self._place("records") / f"{name}.json")

    def close(self) -> None:
        """Let go of a temporary folder."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _place(self, *parts: str) -> Path:
        if self._folder is not None:
            return self._folder.joinpath(*parts)
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="postoffice-"))
        return self._temporary.joinpath(*parts)

    def _key(self, key: str, number: int) -> Path:
        return self._place("keys", key[:4], f"{key}.{number}")

    def _last(self, key: str) -> int:
        number = 0
        while self._key(key, number + 1).exists():
            number += 1
        return number

    def _marks(self, keys: Sequence[str]) -> dict[str, Mark]:
        return {key: Mark(last, _load(self._key(key, last)) if last else None) for key in keys for last in (self._last(key),)}

    def _begin(self, service: str, marks: Mapping[str, Mark], prefix: str) -> Record | None:
        self._sweep()
        record = Record(f"{prefix}{secrets.token_hex(12)}", service, tuple(marks))
        path = self._place("records") / f"{record.name}.json"
        self._once(path, json.dumps(record._asdict()).encode())
        wanted = [self._key(key, mark.number + 1) for key, mark in marks.items()]
        try:
            for one in wanted:
                one.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.link(path, one)
        except FileExistsError:
            self._settle(record, "")
            return None
        for folder in {one.parent for one in wanted}:
            _sync(folder)
        return record

    def _read_fate(self, record: Record) -> str | None:
        try:
            return (self._place("records") / f"{record.name}.fate").read_text("utf-8")
        except FileNotFoundError:
            return None

    def _settle(self, record: Record, sending: str) -> str:
        path = self._place("records") / f"{record.name}.fate"
        self._once(path, sending.encode())
        return path.read_text("utf-8")

    def _once(self, path: Path, content: bytes) -> None:
        """A complete, durable file; one that is there already stays."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # somebody was faster: theirs counts
        finally:
            draft.unlink()
        _sync(path.parent)

    def _sweep(self) -> None:
        now = time.time()
        if now - self._swept < _SWEEP:
            return
        self._swept = now
        for folder in (self._place("records"), *self._place("keys").glob("*")):
            for path in folder.glob("*"):
                if now - path.stat().st_mtime > _KEPT:
                    path.unlink(missing_ok=True)


def _load(path: Path) -> Record | None:
    try:
        shape = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Record(shape["name"], shape["service"], tuple(shape["keys"]))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
