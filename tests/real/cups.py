"""A CUPS of its own: cupsd in a folder under /tmp, on a free port, with queues that printdrivers/linux/install.sh makes."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.servers import free_port, program, wait_for

PRINTDRIVERS = Path(__file__).resolve().parents[2] / "printdrivers"

#: Everything in the folder; `Sandboxing relaxed` and `FileDevice No` are Debian's own values
FILES = """
ServerRoot {folder}/etc
CacheDir {folder}/cache
RequestRoot {folder}/spool
StateDir {folder}/run
TempDir {folder}/tmp
ErrorLog {folder}/error_log
AccessLog {folder}/access_log
PageLog {folder}/page_log
SystemGroup {group}
FileDevice No
Sandboxing relaxed
"""
SERVER = """
LogLevel warn
Listen 127.0.0.1:{port}
Browsing Off
WebInterface No
DefaultAuthType None
MaxJobs 0
MaxLogSize 0
PreserveJobHistory Yes
PreserveJobFiles No
ErrorPolicy retry-job
JobRetryInterval 5
<Location />
  Order allow,deny
  Allow localhost
</Location>
<Policy default>
  JobPrivateAccess default
  JobPrivateValues default
  SubscriptionPrivateAccess default
  SubscriptionPrivateValues default
  <Limit All>
    Order allow,deny
    Allow localhost
  </Limit>
</Policy>
"""


class Cups:
    """A private cupsd. Use as context manager, or `start()` and `stop()`.

    Filters run as user lp when the tests run as root, so files to print are read through `lp`, which sends them.
    """

    def __init__(self) -> None:
        self.port = 0
        self.folder = Path()
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start cupsd and wait until it answers; skips the test where CUPS is not installed or may not run from elsewhere."""
        cupsd = program("cupsd", "/usr/sbin/cupsd")
        for name in ("lpadmin", "lp", "lpstat", "lpoptions"):
            program(name, f"/usr/sbin/{name}")
        if confined():
            pytest.skip("AppArmor confines cupsd to its own folders on this machine")
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="po-cups-"))
        self.folder.chmod(0o755)
        for name in ("etc", "cache", "spool", "run", "tmp", "home"):
            (self.folder / name).mkdir(mode=0o755)
        group = "root" if os.geteuid() == 0 else str(os.getegid())
        (self.folder / "cups-files.conf").write_text(FILES.format(folder=self.folder, group=group))
        (self.folder / "cupsd.conf").write_text(SERVER.format(port=self.port))
        self._daemon = subprocess.Popen(
            [cupsd, "-f", "-c", self.folder / "cupsd.conf", "-s", self.folder / "cups-files.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: "is running" in self.run("lpstat", "-r", check=False).stdout, what="cupsd")

    def stop(self) -> None:
        """End cupsd and remove its folder."""
        if self._daemon is not None:
            self._daemon.terminate()
            try:
                self._daemon.wait(10)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait(10)
            self._daemon = None
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Cups":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which CUPS's programs, and programs that print, talk to this server and to no other."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "CUPS_", "IPP_"))}
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        return {**mine, "CUPS_SERVER": f"127.0.0.1:{self.port}", "HOME": str(self.folder / "home"), "PATH": path, "LC_ALL": "C.UTF-8"}

    def run(self, *command: str | Path, check: bool = True, seconds: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this server. `input` may be given as text."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False, input=more.get("input", "")
        )
        if check and done.returncode:
            raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}\n{self.log()}")
        return done

    def log(self, lines: int = 20) -> str:
        """The end of the error log."""
        path = self.folder / "error_log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "no error log"

    def add_queue(self, name: str, uri: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Make a queue as a user would: by install.sh, here without the agent unless `options` say otherwise."""
        return self.run(
            PRINTDRIVERS / "linux" / "install.sh", "--name", name, *(options or ("--no-agent",)), "-", input=uri, check=check
        )

    def remove_queue(self, name: str) -> None:
        """Take the queue away by remove.sh."""
        self.run(PRINTDRIVERS / "linux" / "remove.sh", "--name", name)

    def queues(self) -> list[str]:
        """Names of all queues."""
        return [line.split()[0] for line in self.run("lpstat", "-a", check=False).stdout.splitlines() if line]

    def print_file(self, queue: str, path: Path, title: str = "", *options: str) -> int:
        """Print a file; returns CUPS's job number as soon as CUPS has the file. `options` are lp's `-o` values."""
        words = [word for option in options for word in ("-o", option)]
        said = self.run("lp", "-d", queue, "-t", title or path.name, *words, "--", path).stdout
        found = re.search(rf"request id is {re.escape(queue)}-(\d+)", said)
        assert found, f"lp said: {said}"
        return int(found[1])

    def finished(self, queue: str) -> set[int]:
        """Numbers of the queue's jobs that CUPS counts as over, well or badly."""
        lines = self.run("lpstat", "-W", "completed", "-o", queue).stdout.splitlines()
        return {int(line.split()[0].rpartition("-")[2]) for line in lines if line}

    def wait_printed(self, queue: str, job: int, seconds: float = 60.0) -> None:
        """Wait until the printer has taken the job."""
        wait_for(lambda: job in self.finished(queue), seconds, every=0.1, what=f"job {queue}-{job} at its printer ({self.log()})")


def confined() -> bool:
    """Whether AppArmor keeps cupsd in Debian's folders, as on Ubuntu."""
    try:
        profiles = Path("/sys/kernel/security/apparmor/profiles").read_text()
    except OSError:
        return False
    return bool(re.search(r"^/usr/sbin/cupsd \(enforce\)", profiles, re.MULTILINE))
