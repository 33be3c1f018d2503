"""Reads a Dockerfile, and walks its steps in a plain folder: what `docker build` would do, without a Docker engine.

Knows the instructions that this project uses; anything else is an error, so that a new one is given its meaning here first.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: ARG without a value is a shell variable that is not set: nobody gives one here
KNOWN = {"FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "CMD", "ARG"}


@dataclass(frozen=True)
class Step:
    """One instruction: its word, and what stands behind it in one line."""

    word: str
    text: str

    @property
    def parts(self) -> list[str]:
        """The text as words of a shell, without flags."""
        return [part for part in shlex.split(self.text) if not part.startswith("--")]

    def flag(self, name: str) -> str:
        """The value of `--name=value`, empty where there is none."""
        found = re.search(rf"--{name}=(\S+)", self.text)
        return found[1] if found else ""

    @property
    def listed(self) -> list[str]:
        """The JSON list of a CMD, or of a HEALTHCHECK's CMD."""
        return [str(part) for part in json.loads(self.text[self.text.index("[") :])]


@dataclass
class Stage:
    """A FROM and what follows it."""

    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> Step:
        """The instruction that holds in the end."""
        return [step for step in self.steps if step.word == word][-1]

    @property
    def environment(self) -> dict[str, str]:
        """All ENV together."""
        pairs = (pair.partition("=") for step in self.steps if step.word == "ENV" for pair in shlex.split(step.text))
        return {name: value for name, _, value in pairs}


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile in order. AssertionError for an instruction that nobody gave a meaning here."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        assert word in KNOWN, f"{word}: give it a meaning in tests/house/dockerfile.py"
        if word == "FROM":
            base, _, name = re.sub(r"\s+as\s+", "\0", rest.strip(), flags=re.IGNORECASE).partition("\0")
            stages.append(Stage(name or str(len(stages)), base))
        else:
            stages[-1].steps.append(Step(word, rest.strip()))
    return stages


class Context:
    """The files that the engine would be sent: those in git, less what .dockerignore leaves out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
        rules = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
        self.files = {name for name in listed.split("\0") if name and (root / name).is_file() and not _ignored(name, rules)}

    def under(self, source: str) -> set[str]:
        """The files that a COPY's source names: a file, or everything in a folder."""
        source = source.removeprefix("./").rstrip("/")
        return {name for name in self.files if name == source or name.startswith(source + "/")}


def _ignored(name: str, rules: list[str]) -> bool:
    """.dockerignore: the last rule that matches the file or a folder above it decides."""
    ignored = False
    parts = name.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for rule in rules:
        pattern = rule.removeprefix("!").strip("/")
        patterns = [pattern, pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        tails = above + (parts if pattern.startswith("**/") else [])
        if any(fnmatch.fnmatch(tail, one) and ("*" in one or tail == one) for tail in tails for one in patterns):
            ignored = not rule.startswith("!")
    return ignored


class Walk:
    """Carries out stages in folders: `base` is a folder with the base image's system, copied for each stage."""

    def __init__(self, context: Context, base: Path, folder: Path) -> None:
        self.context, self.base, self.folder = context, base, folder
        self.roots: dict[str, Path] = {}

    def build(self, stage: Stage) -> Path:
        """The stage's file system. AssertionError with the end of the output where a step fails."""
        root = self.folder / stage.name
        subprocess.run(["cp", "-a", "--reflink=auto", self.base, root], check=True)
        self.roots[stage.name] = root
        environment: dict[str, str] = {}
        place, user = "/", "root"
        for step in stage.steps:
            if step.word == "ENV":
                environment |= dict(pair.split("=", 1) for pair in shlex.split(step.text))
            elif step.word == "WORKDIR":
                place = os.path.join(place, step.text)
                (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif step.word == "USER":
                user = step.text
            elif step.word == "COPY":
                self._copy(step, root, place)
            elif step.word == "RUN":
                done = self.run(root, ["/bin/sh", "-c", step.text], environment, place, user)
                assert done.returncode == 0, f"RUN {step.text[:200]}\n{(done.stdout + done.stderr)[-3000:]}"
        return root

    def run(
        self, root: Path, command: list[str], environment: Mapping[str, str], place: str = "/", user: str = "root"
    ) -> subprocess.CompletedProcess[str]:
        """A command inside a root, with /proc and /dev in a mount namespace of its own that ends with it."""
        inner = ["chroot", f"--userspec={user}", str(root), "/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", place, *command]
        script = f"mount -t proc proc {root}/proc && mount --bind /dev {root}/dev && exec {shlex.join(inner)}"
        outside = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower().endswith("_proxy")}
        usual = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            env={**outside, **usual, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def _copy(self, step: Step, root: Path, place: str) -> None:
        *sources, target = step.parts
        into = root / os.path.join(place, target).lstrip("/")
        if step.flag("from"):
            for source in sources:
                subprocess.run(["cp", "-a", self.roots[step.flag("from")] / source.lstrip("/"), into], check=True)
            return
        for source in sources:
            for name in sorted(self.context.under(source)):
                inside = os.path.relpath(name, source.rstrip("/")) if name != source.removeprefix("./") else ""
                to = into / inside if inside else (into / os.path.basename(name) if target.endswith("/") else into)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.context.root / name, to)
