"""An SFTP session with a print house's server, pinned to its host key."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from postoffice.channels.reach import Reach
from postoffice.later import asyncssh
from postoffice.model.ports import Log


@dataclass(frozen=True, slots=True)
class House:
    """Where the house's server is and who we are there. `host_keys`: the only ones it may show; empty: any (told to)."""

    host: str
    port: int = 22
    username: str = ""
    password: str = ""
    private_key: str = ""  #: OpenSSH without a passphrase, or PEM
    passphrase: str = ""
    host_keys: tuple[str, ...] = ()  #: as ssh-keyscan prints them, host name or not
    drop: str = "drop"
    journal: str = "journal"
    returns: str = "returns"
    returns_days: int = 30
    seconds: float = 30.0
    max_bytes: int = 50_000_000
    reach: Reach = Reach()


class Line:
    """One SFTP session, opened when needed, shared by all sends, and opened anew after a loss."""

    def __init__(self, house: House, name: str, log: Log) -> None:
        self._house = house
        self._name = name
        self._log = log
        self._host_keys = [host_key(line) for line in house.host_keys]
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
            async with asyncio.timeout(house.seconds):
                link = await house.reach.connect(house.host, house.port)
            return await asyncssh.connect(
                house.host,
                house.port,
                sock=link,
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


async def read(sftp: asyncssh.SFTPClient, path: str) -> bytes:
    """A file's bytes."""
    async with sftp.open(path, "rb") as file:
        content = await file.read()
    return content if isinstance(content, bytes) else content.encode()


async def write(sftp: asyncssh.SFTPClient, path: str, content: bytes) -> None:
    """A file with these bytes, all of them, or SFTPFailure."""
    async with sftp.open(path, "wb") as file:
        await file.write(content)
    if await sftp.getsize(path) != len(content):
        raise asyncssh.SFTPFailure("the server kept fewer bytes than were sent")


async def move(sftp: asyncssh.SFTPClient, source: str, target: str) -> bool:
    """Rename, never over another file. False where the source is gone, so somebody moved it before.

    A server may rename by linking and unlinking; one that dies in between leaves both names, and the move counts.
    """
    try:
        await sftp.rename(source, target)
    except asyncssh.SFTPError:
        if not await sftp.exists(source):
            return False
        if not await sftp.exists(target):
            raise
        await sftp.remove(source)
    return True


def words(error: Exception) -> str:
    """What went wrong, on one line. Servers' words may name paths, never credentials."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return " ".join(str(error).split())[:200] or type(error).__name__


def host_key(line: str) -> asyncssh.SSHKey:
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
        raise ValueError("a private key: OpenSSH without a passphrase, or PKCS#8 in PEM form, which may have one") from None
