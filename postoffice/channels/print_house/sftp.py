"""A print house that takes files: PDF and manifest dropped by SFTP, news read from files in a folder. DROP.md is the agreement.

A crash anywhere neither loses nor doubles a piece, also when the house takes files away at once. Three names do it:

* `DROP/<key>.pdf`                    the pages: harmless until the manifest stands beside them
* `JOURNAL/<part of key>/<key>`       the mark, made once and never removed; holds the name of the manifest that counts
* `JOURNAL/<part of key>/<key>.N`     that manifest, complete; moving it to `DROP/<key>.json` is the hand-over

Mark there, manifest still in the journal: not handed over yet, so move it. Mark there, manifest gone: it was handed over.
"""

import asyncio
import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncssh

from postoffice.channels.kind import BadSetting, Field, FieldKind, Kind, Label, Parts
from postoffice.channels.pages import pdf_of
from postoffice.channels.print_house.returns import read_return
from postoffice.model.channel import Channel
from postoffice.model.delivery import Event, Knock, Piece, Receipt
from postoffice.model.errors import AlreadySent, Forged, Refused, TryLater
from postoffice.model.ports import Abilities, Log

_MANIFEST_VERSION = 1
_MANY = 20_000  #: events of one answer to `ask`; the rest comes with the next one
_RETELL = timedelta(hours=1)  #: how often files are read again for pieces that we are still asked about
_LARGEST = 50_000_000  #: bytes of a return file
_SUFFIXES = (".csv", ".txt", ".json", ".jsonl")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class House:
    """Where the house's server is and who we are there. `host_keys`: the only ones it may show; empty: any (told to)."""

    host: str
    port: int = 22
    username: str = ""
    password: str = ""
    private_key: str = ""  #: OpenSSH or PEM
    passphrase: str = ""
    host_keys: tuple[str, ...] = ()  #: as ssh-keyscan prints them, host name or not
    drop: str = "drop"
    journal: str = "journal"
    returns: str = "returns"
    returns_days: int = 30
    seconds: float = 30.0
    max_bytes: int = 50_000_000


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
            async with asyncio.timeout(10 * self._house.seconds):
                sftp = await self._line.client()
                nonce = await self._mark_of(sftp, piece.key) or await self._stage(sftp, piece)
                await self._commit(sftp, piece.key, nonce)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise self._trouble(error) from error
        return Receipt(piece.key, f"{piece.key}.pdf")

    async def _mark_of(self, sftp: asyncssh.SFTPClient, key: str) -> str:
        """The name in the mark; empty where there is no mark."""
        try:
            async with sftp.open(self._journal(key, key), "rb") as file:
                return (await file.read()).decode("ascii", "replace").strip()
        except asyncssh.SFTPNoSuchFile:
            return ""

    async def _stage(self, sftp: asyncssh.SFTPClient, piece: Piece) -> str:
        """Everything but the hand-over. Returns the name in the mark, ours or that of whoever was faster."""
        content = await pdf_of(piece, self._house.max_bytes)
        nonce = secrets.token_hex(4)
        await self._prepare(sftp, self._house.drop)
        await self._prepare(sftp, posixpath.dirname(self._journal(piece.key, "x")))
        await _put(sftp, self._drop(f"{piece.key}.pdf"), content, nonce)
        staged = self._journal(piece.key, f"{piece.key}.{nonce}")
        await _write(sftp, staged, manifest(piece, content))
        mark = self._journal(piece.key, piece.key)
        await _write(sftp, f"{mark}.{nonce}.mark", nonce.encode())
        try:
            await sftp.rename(f"{mark}.{nonce}.mark", mark)  # fails where the name is taken: SFTP version 3, 6.5
        except asyncssh.SFTPError:
            other = await self._mark_of(sftp, piece.key)
            if not other:
                raise
            for leftover in (staged, f"{mark}.{nonce}.mark"):
                await sftp.remove(leftover)
            return other
        return nonce

    async def _commit(self, sftp: asyncssh.SFTPClient, key: str, nonce: str) -> None:
        """Move the marked manifest into the drop. AlreadySent where that was done before."""
        try:
            await sftp.rename(self._journal(key, f"{key}.{nonce}"), self._drop(f"{key}.json"))
        except asyncssh.SFTPNoSuchFile:
            raise AlreadySent("The print house has this piece already", reference=f"{key}.pdf") from None

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
            return TryLater(f"The print house's server could not take the files: {_words(error)}", code=str(error.code))
        self._line.drop()
        return TryLater(f"The print house's server cannot be used: {_words(error)}")

    async def ask(self, receipts: Sequence[Receipt]) -> Sequence[Event]:
        """News from the return files, which stay where they are: the same news may be told again, never is it lost.

        New and changed files are told whole. Once an hour every file of the last `returns_days` is read again for the pieces
        that were asked about since, in case news was told but could not be recorded.
        """
        self._asked.update(receipt.key for receipt in receipts)
        try:
            async with asyncio.timeout(10 * self._house.seconds):
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
        async with sftp.open(posixpath.join(self._house.returns, name), "rb") as file:
            content = await file.read()
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


class Line:
    """One SFTP session, opened when needed, shared by all sends, and opened anew after a loss."""

    def __init__(self, house: House, name: str, log: Log) -> None:
        self._house = house
        self._name = name
        self._log = log
        self._host_keys = [_host_key(line) for line in house.host_keys]
        self._client_keys = _client_keys(house)
        self._lock = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def client(self) -> asyncssh.SFTPClient:
        """The session. Raises what asyncssh and the network raise."""
        async with self._lock:
            if self._client is None or self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
                self._client = await self._connection.start_sftp_client()
            return self._client

    async def _connect(self) -> asyncssh.SSHClientConnection:
        house = self._house
        try:
            return await asyncssh.connect(
                house.host,
                house.port,
                config=None,  # nothing of this account's own ssh settings, keys and agents
                agent_path=None,
                client_keys=self._client_keys,
                username=house.username,
                password=house.password or None,
                known_hosts=(self._host_keys, [], []) if self._host_keys else None,
                connect_timeout=house.seconds,
                login_timeout=house.seconds,
                keepalive_interval=30,
            )
        except asyncssh.HostKeyNotVerifiable:
            self._log.error("host_key_differs", carrier=self._name)
            raise

    def drop(self) -> None:
        """Forget the session: the next send opens another."""
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    async def close(self) -> None:
        """Hang up and wait until it is done."""
        if self._connection is not None:
            self._connection.close()
            with suppress(asyncssh.Error, OSError):  # it may be gone already, which is what is wanted
                await self._connection.wait_closed()
        self._connection = self._client = None


async def _write(sftp: asyncssh.SFTPClient, path: str, content: bytes) -> None:
    async with sftp.open(path, "wb") as file:
        await file.write(content)


async def _put(sftp: asyncssh.SFTPClient, path: str, content: bytes, nonce: str) -> None:
    """A file that appears under its name only when it is whole, in the place of an older one."""
    part = f"{path}.{nonce}.part"
    await _write(sftp, part, content)
    if await sftp.getsize(part) != len(content):
        await sftp.remove(part)
        raise asyncssh.SFTPFailure("the server kept fewer bytes than were sent")
    try:
        await sftp.rename(part, path)
    except asyncssh.SFTPError:  # left by an attempt that died
        await sftp.remove(path)
        await sftp.rename(part, path)


def manifest(piece: Piece, content: bytes) -> bytes:
    """The JSON that goes with a PDF; DROP.md explains each field to the house."""
    options, pages, address = piece.options, piece.pages, piece.address
    count = pages.pages if pages else 0
    shape = {
        "version": _MANIFEST_VERSION,
        "key": piece.key,
        "pdf": f"{piece.key}.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "pages": count,
        "sheets": -(-count // 2) if options.duplex else count,
        "duplex": options.duplex,
        "colour": options.colour,
        "postage": options.postage.value,
        "envelope": options.envelope.value,
        "address": list(address.lines) if address else [],
        "country": address.country if address else "",
        "sender": piece.sender_name,
        "mailing": piece.mailing_id,
        "position": piece.position,
    }
    return json.dumps(shape, ensure_ascii=False, indent=1).encode() + b"\n"


def _words(error: Exception) -> str:
    """What went wrong, on one line. Servers' words may name paths, never credentials."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _host_key(line: str) -> asyncssh.SSHKey:
    """A public key as ssh-keyscan prints it, with or without the host's name before it. ValueError otherwise."""
    words = line.split()
    for start, word in enumerate(words):
        if word.startswith(("ssh-", "ecdsa-", "sk-")):
            try:
                return asyncssh.import_public_key(" ".join(words[start : start + 2]))
            except asyncssh.KeyImportError:
                break
    raise ValueError("a host key as `ssh-keyscan HOST` prints it")


def _client_keys(house: House) -> list[asyncssh.SSHKey]:
    if not house.private_key:
        return []
    try:
        return [asyncssh.import_private_key(house.private_key.strip() + "\n", house.passphrase or None)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise ValueError("a private key that its passphrase opens") from None


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
    )
    try:
        return SftpCarrier(parts.name, house, parts.log)
    except ValueError as error:
        raise _bad("private_key", f"it must be {error}", "Paste the key as ssh-keygen made it.") from None


def _checked(field: str, key: str) -> None:
    try:
        _host_key(key)
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
