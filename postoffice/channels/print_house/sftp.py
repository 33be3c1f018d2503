"""A print house that takes files: PDF and manifest dropped by SFTP, news read from files in a folder. DROP.md is the agreement.

A crash anywhere neither loses nor doubles a piece, also when the house takes files away at once. Three names do it:

* `JOURNAL/<part of key>/<key>.N.pdf` and `.N.json`   pages and manifest, complete, N being new at each attempt
* `JOURNAL/<part of key>/<key>`                       the mark, made once and never removed: it holds the N that counts
* `DROP/<key>.pdf`, then `DROP/<key>.json`            moved there; the manifest's move is the hand-over

Mark there, its manifest still in the journal: not handed over yet, so move it. Mark there, manifest gone: it was handed over.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.pages import pdf_of
from postoffice.channels.print_house.coding import paper_facts
from postoffice.channels.print_house.returns import read_return
from postoffice.channels.print_house.session import House, Line, host_key, move, read, words, write
from postoffice.later import asyncssh
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, Refused, TryLater
from postoffice.model.ports import Abilities, Log

_MANIFEST_VERSION = 1
_MANY = 20_000  #: events of one answer to `ask`; the rest comes with the next one
_RETELL = timedelta(hours=1)  #: how often files are read again for pieces that we are still asked about
_LONGEST = 110.0  #: seconds for one piece or one look at the return files; dispatch gives a carrier 120
_LARGEST = 50_000_000  #: bytes of a return file
_SUFFIXES = (".csv", ".txt", ".json", ".jsonl")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")


class SftpCarrier:
    """Drops pieces at a print house. Repeating a key never sends twice."""

    def __init__(self, name: str, house: House, log: Log) -> None:
        self.name = name
        self.abilities = Abilities(
            Channel.POST, keeps_keys=True, can_be_asked=True, batch=200, chunk=20, max_bytes=house.max_bytes, ask_after=300.0
        )
        self._house = house
        self._line = Line(house, name, log)
        self._log = log
        self._folders: set[str] = set()
        self._told: dict[str, tuple[int, int]] = {}
        self._asked: set[str] = set()
        self._retell_at = datetime.now(UTC) + _RETELL

    async def send(self, piece: Piece) -> Receipt:
        """Drop PDF and manifest. TryLater for whatever the server or the network does; AlreadySent for a known key."""
        if piece.address is None or not piece.address.lines:
            raise Refused("A letter needs a postal address", code="no-address")
        if not _KEY.fullmatch(piece.key):
            raise Refused("The delivery's id cannot be a file name", code="key")
        try:
            async with asyncio.timeout(_LONGEST):
                sftp = await self._line.client()
                await self._prepare(sftp, self._house.drop)
                nonce = await self._mark_of(sftp, piece.key) or await self._stage(sftp, piece)
                await self._hand_over(sftp, piece.key, nonce)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise self._trouble(error) from error
        return Receipt(piece.key, f"{piece.key}.pdf")

    async def _mark_of(self, sftp: asyncssh.SFTPClient, key: str) -> str:
        """The N in the mark; empty where there is no mark."""
        try:
            return (await read(sftp, self._journal(key, key))).decode("ascii", "replace").strip()
        except asyncssh.SFTPNoSuchFile:
            return ""

    async def _stage(self, sftp: asyncssh.SFTPClient, piece: Piece) -> str:
        """Everything but the hand-over. Returns the N in the mark: ours, or that of whoever was faster."""
        content = await pdf_of(piece, self._house.max_bytes)
        nonce = secrets.token_hex(4)
        mark = self._journal(piece.key, piece.key)
        await self._prepare(sftp, posixpath.dirname(mark))
        await write(sftp, f"{mark}.{nonce}.pdf", content)
        await write(sftp, f"{mark}.{nonce}.json", manifest(piece, content))
        await write(sftp, f"{mark}.{nonce}", nonce.encode())
        try:
            await sftp.rename(f"{mark}.{nonce}", mark)  # fails where the name is taken: SFTP version 3, 6.5
        except asyncssh.SFTPError:
            other = await self._mark_of(sftp, piece.key)
            if not other:
                raise
            for leftover in (".pdf", ".json", ""):
                await sftp.remove(f"{mark}.{nonce}{leftover}")
            return other
        return nonce

    async def _hand_over(self, sftp: asyncssh.SFTPClient, key: str, nonce: str) -> None:
        """Move what the mark names into the drop. AlreadySent where that was done before."""
        staged = self._journal(key, f"{key}.{nonce}")
        await move(sftp, f"{staged}.pdf", self._drop(f"{key}.pdf"))
        if not await move(sftp, f"{staged}.json", self._drop(f"{key}.json")):
            raise AlreadySent("The print house has this piece already", reference=f"{key}.pdf")

    async def _prepare(self, sftp: asyncssh.SFTPClient, folder: str) -> None:
        if folder not in self._folders:
            await sftp.makedirs(folder, exist_ok=True)
            self._folders.add(folder)

    def _drop(self, name: str) -> str:
        return posixpath.join(self._house.drop, name)

    def _journal(self, key: str, name: str) -> str:
        """In folders by the first letters of the key: about twelve days' deliveries each, so that old ones can be cleared away."""
        return posixpath.join(self._house.journal, key[:4], name)

    def _trouble(self, error: Exception) -> TryLater:
        if isinstance(error, asyncssh.SFTPError):
            self._folders.clear()  # somebody may have removed one
            if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
                self._line.drop()
            return TryLater(f"The print house's server could not take the files: {words(error)}", code=str(error.code))
        self._line.drop()
        return TryLater(f"The print house's server cannot be used: {words(error)}")

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """News from the return files, which stay where they are: the same news may be told again, never is it lost.

        New and changed files are told whole. Once an hour every file of the last `returns_days` is read again for the pieces
        that were asked about since, in case news was told but could not be recorded.
        """
        self._asked.update(receipt.key for receipt in receipts)
        try:
            async with asyncio.timeout(_LONGEST):
                return await self._read_returns(await self._line.client())
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise self._trouble(error) from error

    async def _read_returns(self, sftp: asyncssh.SFTPClient) -> list[Event]:
        now = datetime.now(UTC)
        again = now >= self._retell_at
        events: list[Event] = []
        finished = True
        for name, stamp in await self._files(sftp, now):
            fresh = self._told.get(name) != stamp
            if not (fresh or again):
                continue
            if len(events) >= _MANY:
                finished = False
                break
            told = await self._read_file(sftp, name, stamp)
            events += told if fresh else [event for event in told if event.key in self._asked]
            self._told[name] = stamp
        if again and finished:
            self._retell_at = now + _RETELL
            self._asked.clear()
        return events

    async def _files(self, sftp: asyncssh.SFTPClient, now: datetime) -> list[tuple[str, tuple[int, int]]]:
        """Names of return files with size and time of change (Unix seconds), oldest first."""
        oldest = (now - timedelta(days=self._house.returns_days)).timestamp()
        try:
            listing = await sftp.readdir(self._house.returns)
        except asyncssh.SFTPNoSuchFile:
            return []  # the house makes the folder with its first file
        found = []
        for entry in listing:
            name = str(entry.filename)
            stamp = (entry.attrs.size or 0, int(entry.attrs.mtime or 0))
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".") and stamp[1] >= oldest and 0 < stamp[0] <= _LARGEST:
                found.append((name, stamp))
        self._told = {name: stamp for name, stamp in self._told.items() if name in {name for name, _ in found}}
        return sorted(found, key=lambda one: (one[1][1], one[0]))

    async def _read_file(self, sftp: asyncssh.SFTPClient, name: str, stamp: tuple[int, int]) -> tuple[Event, ...]:
        content = await read(sftp, posixpath.join(self._house.returns, name))
        result = await asyncio.to_thread(read_return, content, datetime.fromtimestamp(stamp[1], UTC))
        if result.unreadable:
            where = hashlib.sha256(name.encode()).hexdigest()[:8]
            self._log.warning("return_file_unreadable", carrier=self.name, file=where, lines=list(result.unreadable[:10]))
        return result.events

    def read(self, knock: Knock) -> Sequence[Event]:
        """Forged: the house writes files, it never knocks."""
        raise Forged("A print house reached by SFTP has no webhooks: nothing that knocks here is genuine")

    async def close(self) -> None:
        """Hang up."""
        await self._line.close()


def manifest(piece: Piece, content: bytes) -> bytes:
    """The JSON that goes with a PDF; DROP.md explains each field to the house."""
    options, address = piece.options, piece.address
    shape = {
        "version": _MANIFEST_VERSION,
        "key": piece.key,
        "pdf": f"{piece.key}.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        **paper_facts(piece, content),
        "duplex": options.duplex,
        "colour": options.colour,
        "postage": options.postage.value,
        "envelope": options.envelope.value,
        "address": list(address.lines) if address else [],
        "address_for_post": list(address.for_post) if address else [],
        "country": address.country if address else "",
        "sender": piece.sender_name,
        "mailing": piece.mailing_id,
        "position": piece.position,
    }
    return json.dumps(shape, ensure_ascii=False, indent=1).encode() + b"\n"


def _build(settings: Mapping[str, Any], parts: Parts) -> SftpCarrier:
    lines = [line for line in settings["host_key"].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines and not settings["any_host_key"]:
        raise _bad("host_key", "without it, letters could go to an impostor", "Paste what `ssh-keyscan HOST` prints, once checked.")
    if not settings["password"] and not settings["private_key"]:
        raise _bad("private_key", "there is neither a key nor a password", "Give one of the two.")
    for key in lines:
        _checked("host_key", key)
    house = House(
        host=settings["host"],
        port=settings["port"],
        username=settings["username"],
        password=settings["password"],
        private_key=settings["private_key"],
        passphrase=settings["passphrase"],
        host_keys=tuple(lines),
        drop=settings["drop"],
        journal=settings["journal"],
        returns=settings["returns"],
        returns_days=settings["returns_days"],
        seconds=settings["timeout"],
        max_bytes=settings["max_bytes"],
        reach=parts.reach,
    )
    try:
        return SftpCarrier(parts.name, house, parts.log)
    except ValueError as error:
        raise _bad("private_key", f"it must be {error}", "Paste the key as ssh-keygen made it.") from None


def _checked(field: str, key: str) -> None:
    try:
        host_key(key)
    except ValueError as error:
        raise _bad(field, f"it must be {error}", "Check it with the print house and paste it again.") from None


def _bad(field: str, what: str, help: str) -> BadSetting:
    return BadSetting(
        "carrier-setting",
        f"The setting '{field}' of the carrier kind 'sftp' cannot be used: {what}.",
        help=help,
        kind="sftp",
        field=field,
    )


_FIELDS = (
    Field("host", Label("Server", "Serveur"), required=True),
    Field("port", Label("Port", "Port"), FieldKind.NUMBER, 22),
    Field("username", Label("User name", "Identifiant"), required=True),
    Field("private_key", Label("Private key", "Clé privée"), FieldKind.BLOCK, secret=True),
    Field("passphrase", Label("Passphrase of the key", "Phrase de passe de la clé"), secret=True),
    Field("password", Label("Password, without a key", "Mot de passe, sans clé"), secret=True),
    Field(
        "host_key",
        Label("Server's host key", "Clé d'hôte du serveur"),
        FieldKind.BLOCK,
        hint=Label("As ssh-keyscan prints it", "Telle que ssh-keyscan l'affiche"),
    ),
    Field("any_host_key", Label("Accept any host key (unsafe)", "Accepter toute clé d'hôte (risqué)"), FieldKind.SWITCH, False),
    Field("drop", Label("Folder for letters", "Dossier des courriers"), default="drop"),
    Field("journal", Label("Folder for our journal", "Dossier de notre journal"), default="journal"),
    Field("returns", Label("Folder for return files", "Dossier des fichiers de retour"), default="returns"),
    Field("returns_days", Label("Days that return files count", "Jours de prise en compte des retours"), FieldKind.NUMBER, 30),
    Field("timeout", Label("Patience in seconds", "Délai d'attente en secondes"), FieldKind.SECONDS, 30.0),
    Field("max_bytes", Label("Largest PDF in bytes", "Taille maximale du PDF en octets"), FieldKind.NUMBER, 50_000_000),
)
KIND = Kind("sftp", Channel.POST, Label("Print house by SFTP", "Imprimeur par SFTP"), _FIELDS, _build)
