"""Node packages for peers that tests talk to: installed once into .setup/, which git ignores."""

import fcntl
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """The peer cannot be had here; the words say why."""


def node() -> str:
    """The path of node; Missing where it is not installed."""
    found = shutil.which("node")
    if found is None:
        raise Missing("node is not installed")
    return found


def installed(package: str, version: str, *beside: str) -> Path:
    """The folder `node_modules` with this package, installed at the first call. Missing where that cannot be done.

    `beside`: packages it needs, `name@version`, where the newest that it allows would not run here.
    """
    node()
    if shutil.which("npm") is None:
        raise Missing("npm is not installed")
    folder = CHECKOUT / ".setup" / f"npm-{package.strip('@').replace('/', '-')}-{version}{len(beside) or ''}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            words = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", f"{package}@{version}", *beside]
            try:
                made = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder, check=False)
            except subprocess.TimeoutExpired:
                raise Missing(f"npm took too long to install {package}") from None
            if made.returncode:
                raise Missing(f"npm could not install {package} {version}: {made.stderr.strip()[-200:]}")
            done.touch()
    return folder / "node_modules"
