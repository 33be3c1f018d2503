"""Ghostscript as a program of its own (it is AGPL): without access to files, with limits of time, memory and output."""

import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postoffice.model.errors import PostOfficeError, TimedOut

#: seconds that it may take for one job, and bytes it may write and hold
SECONDS = 300
_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its exit status, and the last line of what it said (operators, never contents)."""

    status: int
    complaint: str


def run(arguments: Sequence[str], source: Path, target: Path, *, what: str, missing: str) -> Outcome:
    """Make a PDF at `target`. `arguments` come before the files; they may end with `-c` and PostScript.

    `what` names the work in the message of TimedOut (conversion-timeout), `missing` is the message of PostOfficeError no-ghostscript.
    """
    program = shutil.which("gs")
    if program is None:
        raise PostOfficeError("no-ghostscript", missing, help="Install ghostscript.")
    command = [program, "-dSAFER", "-dBATCH", "-dNOPAUSE", "-q", "-sDEVICE=pdfwrite", "-dAutoRotatePages=/None"]
    command += ["-o", str(target), *arguments, "-f", str(source)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _limit(process.pid)
    try:
        _, complaint = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise TimedOut(
            "conversion-timeout", f"{what} took more than {SECONDS} seconds.", help="Print it in smaller parts, or as PDF."
        ) from None
    return Outcome(process.returncode, _last_line(complaint))


def _limit(pid: int) -> None:
    """Bound a child's memory, output and processor time from outside (a hook between fork and exec is unsafe with threads).

    Bounds that it inherited may be closer: nobody but an almighty process may widen them.
    """
    if hasattr(resource, "prlimit"):
        for what, most in ((resource.RLIMIT_AS, _BYTES), (resource.RLIMIT_FSIZE, _BYTES), (resource.RLIMIT_CPU, SECONDS)):
            try:
                _soft, hard = resource.prlimit(pid, what)
                least = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.prlimit(pid, what, (least, least))
            except ProcessLookupError:  # it has ended already
                return


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode("ascii", errors="replace").strip().splitlines()
    return lines[-1][:120] if lines else "no message"
