"""A print house for tests: asyncssh's SFTP server in the test's own loop, with a root folder that the test looks into."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from postoffice.channels.print_house.session import House

USER, PASSWORD = "postoffice", "papier"


@dataclass
class PrintHouse:
    """`printed`: how often each key was taken out of the drop by `collect`."""

    root: Path
    house: House
    server: asyncssh.SSHAcceptor | None = None
    #: file names at whose n-th rename the line breaks, before or after it was done: {"suffix": "before"|"after"}
    breaks: dict[str, str] = field(default_factory=dict)
    printed: dict[str, int] = field(default_factory=dict)

    def collect(self) -> None:
        """Take letters away as DROP.md says: those with a manifest, checked against it."""
        for path in sorted((self.root / "drop").glob("*.json")):
            shape = json.loads(path.read_bytes())
            pdf = path.with_name(shape["pdf"])
            assert len(pdf.read_bytes()) == shape["bytes"]
            path.unlink()
            pdf.unlink()
            self.printed[shape["key"]] = self.printed.get(shape["key"], 0) + 1


class _Users(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


def _files(place: PrintHouse) -> type[asyncssh.SFTPServer]:
    class Files(asyncssh.SFTPServer):
        def __init__(self, chan: asyncssh.SSHServerChannel) -> None:
            super().__init__(chan, chroot=os.fsencode(place.root))

        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            moment = place.breaks.pop(Path(os.fsdecode(newpath)).suffix, "")
            if moment == "before":
                self._break()
            super().rename(oldpath, newpath)
            if moment == "after":
                self._break()

        def _break(self) -> None:
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("broken by the test")

    return Files


@asynccontextmanager
async def print_house(root: Path) -> AsyncIterator[PrintHouse]:
    """A house on a free port of the loopback interface, host key fresh."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    place = PrintHouse(root, House(host="127.0.0.1"))
    place.server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=_Users, server_host_keys=[key], sftp_factory=_files(place), config=None
    )
    place.house = House(
        host="127.0.0.1",
        port=place.server.get_port(),
        username=USER,
        password=PASSWORD,
        host_keys=(f"[127.0.0.1]:22 {key.export_public_key().decode().strip()} comment",),
        seconds=5.0,
    )
    try:
        yield place
    finally:
        place.server.close()
        await place.server.wait_closed()
        await asyncio.sleep(0)
