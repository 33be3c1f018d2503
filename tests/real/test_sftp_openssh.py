"""The SFTP drop against OpenSSH's own server, with a key, its host key pinned."""

import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from postoffice.channels.print_house.session import House
from postoffice.channels.print_house.sftp import SftpCarrier
from postoffice.model.channel import Channel
from postoffice.model.errors import AlreadySent, TryLater
from postoffice.model.states import EventKind
from tests import servers
from tests.channels.fakes import PDF, ListLog, make_piece

pytestmark = pytest.mark.real


def _listens(port: int) -> bool:
    return f":{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[House, Path]]:
    """sshd on a free port, in the foreground, for this account and one key."""
    sshd = servers.program("sshd", "/usr/sbin/sshd")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it separates its privileges
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host_key.write_private_key(tmp_path / "host_key")
    user_key.write_public_key(tmp_path / "authorized_keys")
    for name in ("host_key", "authorized_keys"):
        (tmp_path / name).chmod(0o600)
    root = tmp_path / "files"
    root.mkdir()
    port = servers.free_port()
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host_key\nAuthorizedKeysFile {tmp_path}/authorized_keys\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"Subsystem sftp internal-sftp -d {root}\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=log)
    try:
        servers.wait_for(lambda: _listens(port) or process.poll() is not None, what="sshd listening")
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {(tmp_path / 'log').read_text()[-200:]}")
        yield (
            House(
                host="127.0.0.1",
                port=port,
                username=os.environ.get("USER") or "root",
                private_key=user_key.export_private_key().decode(),
                host_keys=(host_key.export_public_key().decode(),),
                drop=str(root / "drop"),
                journal=str(root / "journal"),
                returns=str(root / "returns"),
                seconds=10.0,
            ),
            root,
        )
    finally:
        process.terminate()
        process.wait(10)


async def test_letters_go_out_once_and_news_comes_back(house: tuple[House, Path]) -> None:
    settings, root = house
    carrier = SftpCarrier("house", settings, ListLog())
    piece = make_piece(Channel.POST)
    receipt = await carrier.send(piece)
    assert sorted(os.listdir(root / "drop")) == [f"{piece.key}.json", f"{piece.key}.pdf"]
    assert (root / "drop" / receipt.reference).read_bytes() == PDF
    for path in (root / "drop").iterdir():
        path.unlink()  # the house takes it away at once
    with pytest.raises(AlreadySent):
        await carrier.send(piece)
    assert not os.listdir(root / "drop")
    (root / "returns").mkdir()
    (root / "returns" / "day.csv").write_text(f"key,status,reason\n{piece.key},returned,N02\n")
    (event,) = await carrier.ask([receipt])
    assert (event.kind, event.address_dead) == (EventKind.RETURNED, True)
    await carrier.close()


async def test_a_mark_without_a_move_is_moved(house: tuple[House, Path]) -> None:
    """The process died between the mark and the hand-over."""
    settings, root = house
    carrier = SftpCarrier("house", settings, ListLog())
    piece = make_piece(Channel.POST)
    (root / "drop").mkdir()
    (root / "drop").chmod(0o700)
    journal = root / "journal" / piece.key[:4]
    journal.mkdir(parents=True)
    (journal / piece.key).write_text("feedbeef")
    (journal / f"{piece.key}.feedbeef.pdf").write_bytes(b"%PDF")
    (journal / f"{piece.key}.feedbeef.json").write_bytes(b"{}")
    assert (await carrier.send(piece)).reference == f"{piece.key}.pdf"
    assert (root / "drop" / f"{piece.key}.json").read_bytes() == b"{}"
    assert os.listdir(journal) == [piece.key]
    await carrier.close()


async def test_another_host_key_is_not_trusted(house: tuple[House, Path]) -> None:
    settings, root = house
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(TryLater, match="[Hh]ost key"):
        await SftpCarrier("house", replace(settings, host_keys=(other,)), ListLog()).send(make_piece(Channel.POST))
    assert not os.listdir(root)
