"""Dovecot for tests: an IMAP server in a folder of its own, on free ports, ended by its process id."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from postoffice.intake.imap import Access
from postoffice.intake.ipp.tls import ensure_certificate
from tests import servers

PASSWORD = "mot de passe é 'à' garder"


class Dovecot:
    """One account, `post`, with INBOX. Mails are dropped into it as files, as a delivery agent does."""

    def __init__(self) -> None:
        program = servers.program("dovecot", "/usr/sbin/dovecot")
        self.folder = Path(tempfile.mkdtemp(prefix="po-imap-"))  # short: sockets lie in it
        self.folder.chmod(0o755)
        self.port, self.tls_port = servers.free_port(), servers.free_port()
        certificate, key = ensure_certificate(self.folder, ["localhost"])
        self.ca = certificate.read_text()
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        me = pwd.getpwuid(os.geteuid()).pw_name
        inside, login = ("dovecot", "dovenull") if os.geteuid() == 0 else (me, me)
        self.maildir = self.folder / "mail"
        self._count = 0
        self.renew()
        (self.folder / "users").write_text(f"post:{{PLAIN}}{PASSWORD}\n")
        (self.folder / "dovecot.conf").write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
default_internal_user = {inside}
default_internal_group = {"dovecot" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_gid}
default_login_user = {login}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:{self.maildir}
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = static
  args = uid={self._account.pw_uid} gid={self._account.pw_gid} home={self.folder}/home
}}
service imap-login {{
  {"" if os.geteuid() == 0 else "chroot ="}
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
  {"" if os.geteuid() == 0 else "chroot ="}
}}
namespace inbox {{
  inbox = yes
  mailbox Traités {{
    auto = create
  }}
}}
""")
        self.process = subprocess.Popen([program, "-F", "-c", str(self.folder / "dovecot.conf")], stderr=subprocess.DEVNULL)
        servers.wait_for(self._answers, what="dovecot")

    def _answers(self) -> bool:
        import socket

        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def renew(self) -> None:
        """A mailbox made anew: UIDs begin again under another UIDVALIDITY."""
        shutil.rmtree(self.maildir, ignore_errors=True)
        for name in ("cur", "new", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        for path in (self.maildir, *self.maildir.iterdir()):
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def drop(self, *mails: bytes, arrived: float | None = None) -> None:
        """New mails in INBOX; `arrived`: seconds since the epoch."""
        for raw in mails:
            self._count += 1
            path = self.maildir / "new" / f"{self._count:09d}.M{self._count}.test"
            path.write_bytes(raw)
            os.chown(path, self._account.pw_uid, self._account.pw_gid)
            if arrived is not None:
                os.utime(path, (arrived, arrived))

    def flags(self, folder: str = "") -> list[str]:
        """The flags of the messages in a folder; S: read. New ones have none."""
        place = self.maildir / folder if folder else self.maildir
        names = [path.name for part in ("cur", "new") for path in sorted((place / part).glob("*"))]
        return [name.rpartition(":2,")[2] if ":2," in name else "" for name in names]

    def access(self, **more: object) -> Access:
        """The way in, over TLS with the certificate checked."""
        given = {"host": "localhost", "username": "post", "password": PASSWORD, "port": self.tls_port, "ca": self.ca, **more}
        return Access(**given)  # type: ignore[arg-type]

    def stop(self) -> None:
        """End it, and nothing else."""
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
