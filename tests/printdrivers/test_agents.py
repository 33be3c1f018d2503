"""The agents that open the page after printing, run as the processes they are, against a small office and a recording browser."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import playwright
import pytest

from tests.printdrivers.fake_office import TOKEN, FakeOffice
from tests.servers import wait_for

pytestmark = pytest.mark.slow  # they wait, as agents do

PRINTDRIVERS = Path(__file__).resolve().parents[2] / "printdrivers"
RECORDER = '#!/bin/sh\nprintf "%s\\n" "$1" >>"$RECORD"\n'
#: macOS's osascript as far as the agent uses it: `-l JavaScript -e CODE WORD`
OSASCRIPT = '#!/bin/sh\nexec "{node}" -e "$4; console.log(run([process.argv[1]]))" "$5"\n'


class Agent:
    """One user's machine with one agent on it: the same handles for either system's program."""

    def __init__(self, home: Path, office: FakeOffice, stack: ExitStack) -> None:
        self.home, self.office, self._stack = home, office, stack
        self.record = home / "opened"
        self.logfile = home / "log"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.tools = home / "bin"
        self.tools.mkdir()
        self._script("browser", RECORDER)
        self.environment = {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "HOME": str(home),
            "RECORD": str(self.record),
            "BROWSER_COMMAND": str(self.tools / "browser"),
        }

    def _script(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def configure(self, desk: str | None = None) -> None:
        """What the installer writes."""
        folder = self.home / ".config/postoffice"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "agent-Post.json").write_text(json.dumps({"desk": desk or self.office.desk, "token": TOKEN}))

    def command(self) -> list[str]:
        """How the agent is run."""
        return [sys.executable, str(PRINTDRIVERS / "linux/agent.py"), "--printer", "Post", "--wait", "1"]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it knows where it stands."""
        before = len(self.office.asked)
        log = self._stack.enter_context(self.logfile.open("ab"))
        process = subprocess.Popen(self.command(), env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        self._stack.callback(self.stop, process)
        wait_for(lambda: len(self.office.asked) >= before + 2, what=f"an agent that asks ({self.log})")
        return process

    def stop(self, process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM) -> None:
        """End it with what it started."""
        if process.poll() is None:
            os.killpg(process.pid, by)
            process.wait(10)

    @property
    def opened(self) -> list[str]:
        """The pages that were opened."""
        return self.record.read_text().splitlines() if self.record.exists() else []

    @property
    def log(self) -> str:
        """What it said."""
        return self.logfile.read_text()


class MacAgent(Agent):
    """The shell agent of macOS, with stand-ins for the two programs that only macOS has."""

    def __init__(self, home: Path, office: FakeOffice, stack: ExitStack) -> None:
        super().__init__(home, office, stack)
        self._script("open", RECORDER)
        self._script("osascript", OSASCRIPT.format(node=Path(playwright.__file__).parent / "driver/node"))

    def configure(self, desk: str | None = None) -> None:
        folder = self.home / "Library/Application Support/postoffice"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "agent-Post.conf").write_text(f"{desk or self.office.desk}\n{TOKEN}\n")

    def command(self) -> list[str]:
        return ["sh", str(PRINTDRIVERS / "macos/agent.sh"), "Post"]


@pytest.fixture
def office() -> Iterator[FakeOffice]:
    with FakeOffice() as office:
        yield office


@pytest.fixture(params=[Agent, MacAgent], ids=["linux", "macos"])
def agent(request: pytest.FixtureRequest, tmp_path: Path, office: FakeOffice) -> Iterator[Agent]:
    with ExitStack() as stack:
        agent: Agent = request.param(tmp_path, office, stack)
        agent.configure()
        yield agent


@pytest.fixture
def linux(tmp_path: Path, office: FakeOffice) -> Iterator[Agent]:
    with ExitStack() as stack:
        agent = Agent(tmp_path, office, stack)
        agent.configure()
        yield agent


def opens(agent: Agent, *urls: str) -> Callable[[], bool]:
    return lambda: agent.opened == list(urls)


def test_opens_what_is_printed_from_now_on_and_nothing_older(agent: Agent, office: FakeOffice) -> None:
    old, first, second = (f"{office.desk}/m/{name}" for name in ("old", "first?x=1&y=2", "second"))
    office.announce(old)
    agent.start()
    office.announce(first)
    wait_for(opens(agent, first), what=f"a page ({agent.log})")
    office.announce(second, first)
    wait_for(opens(agent, first, second), what=f"the second page ({agent.log})")
    assert TOKEN not in agent.log


def test_remembers_across_restarts(agent: Agent, office: FakeOffice) -> None:
    one, two, three = (f"{office.desk}/m/{number}" for number in range(3))
    process = agent.start()
    office.announce(one)
    wait_for(opens(agent, one), what="a page")
    agent.stop(process)
    office.announce(one, two)  # the office repeats itself, and something came while nobody was here
    agent.start()
    wait_for(opens(agent, one, two), what=f"the page that waited ({agent.log})")
    office.announce(three)
    wait_for(opens(agent, one, two, three), what="the next page")


def test_never_opens_another_address(agent: Agent, office: FakeOffice) -> None:
    agent.start()
    port = office.server.server_port
    good = f"{office.desk}/m/good"
    office.announce(
        "https://evil.example/m/1",
        f"https://127.0.0.1:{port}/m/1",
        f"http://127.0.0.1:{port + 1}/m/1",
        f"http://127.0.0.1:{port}@evil.example/m/1",
        f"http://127.0.0.1:{port}.evil.example/m/1",
        "file:///etc/passwd",
        "--help",
        f"{office.desk}/m/$(touch pwned)`x`",
        f"{office.desk}/m/\n{office.desk}",
        good,
    )
    wait_for(lambda: good in agent.opened, what=f"the good page ({agent.log})")
    assert [url for url in agent.opened if not url.startswith(office.desk + "/m/")] == []
    assert not [url for url in agent.opened if "touch" in url]
    assert "another address" in agent.log


def test_many_missed_pages_do_not_fill_the_screen(agent: Agent, office: FakeOffice) -> None:
    agent.start()
    urls = [f"{office.desk}/m/{number}" for number in range(30)]
    office.announce(*urls)
    wait_for(opens(agent, *urls[-5:]), what=f"the last five ({agent.log})")


@pytest.mark.parametrize("trouble", [(503, ""), (200, "<html>a captive portal</html>"), (400, "")])
def test_troubles_pass(agent: Agent, office: FakeOffice, trouble: tuple[int, str]) -> None:
    office.instead(trouble[0], trouble[1])
    agent.start()
    wait_for(lambda: len(office.asked) >= 3, what="another question")
    office.announce(url := f"{office.desk}/m/1")
    wait_for(opens(agent, url), what=f"the page after the trouble ({agent.log})")
    assert "The office answers again." in agent.log


def test_a_redirect_is_not_followed(linux: Agent, office: FakeOffice) -> None:
    with FakeOffice() as other:
        office.instead(302, Location=f"{other.desk}/agent/next")
        done = run(linux, "--once")
        assert done.returncode == 1
        assert "redirect" in done.stderr
        assert other.asked == []


def test_a_revoked_token_is_told_and_asked_again_rarely(linux: Agent, office: FakeOffice) -> None:
    office.token = "another"
    done = run(linux, "--check")
    assert done.returncode == 1
    assert "token" in done.stderr
    assert "install.sh" in done.stderr
    assert TOKEN not in done.stderr


def test_an_unreachable_office_is_told(linux: Agent) -> None:
    linux.configure(desk="http://127.0.0.1:9")
    done = run(linux, "--check")
    assert done.returncode == 1
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr


def test_a_lost_cursor_starts_from_now(linux: Agent, office: FakeOffice) -> None:
    linux.start()
    office.instead(410)
    office.announce(f"{office.desk}/m/lost")
    wait_for(lambda: sum("after" not in question for question in office.asked) == 2, what=f"a fresh start ({linux.log})")


def test_a_damaged_memory_starts_from_now(linux: Agent, office: FakeOffice) -> None:
    state = linux.home / ".local/state/postoffice"
    state.mkdir(parents=True)
    (state / "agent-Post.json").write_text('{"cursor": ')
    linux.start()
    office.announce(url := f"{office.desk}/m/1")
    wait_for(opens(linux, url), what="a page")


def test_one_agent_per_printer(linux: Agent) -> None:
    linux.start()
    done = run(linux, "--once")
    assert done.returncode == 1
    assert "already at work" in done.stderr


def test_a_missing_browser_is_told_and_the_agent_goes_on(linux: Agent, office: FakeOffice) -> None:
    linux.environment["BROWSER_COMMAND"] = "/no/such/browser"
    linux.start()
    office.announce(f"{office.desk}/m/1")
    wait_for(lambda: "could not be opened" in linux.log, what="a word about it")
    assert linux.processes[0].poll() is None


@pytest.mark.parametrize("text", ["", "[]", '{"desk": "file:///etc", "token": "x"}', '{"desk": "http://x", "token": 3}'])
def test_a_damaged_configuration_is_told(linux: Agent, text: str) -> None:
    (linux.home / ".config/postoffice/agent-Post.json").write_text(text)
    done = run(linux, "--once")
    assert done.returncode == 1
    assert "Run install.sh again" in done.stderr


def test_ends_at_once_when_told(linux: Agent) -> None:
    process = linux.start()
    process.terminate()
    assert process.wait(2) == 0


def run(agent: Agent, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*agent.command(), *options], env=agent.environment, capture_output=True, text=True, timeout=20, check=False)
