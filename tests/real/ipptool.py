"""Runs the conformance suites of CUPS's ipptool and counts what they really say.

ipptool returns 0 with failures in included files and when a file is missing, so its exit status is not looked at: the lines are.
"""

import asyncio
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SUITES = {"ipp-1.1": 66, "ipp-2.0": 67, "ipp-everywhere": 500}  #: suite -> tests in it, of CUPS 2.4
PROGRAMS = ("ipptool", "gs")
_RESULT = re.compile(r"\[(PASS|FAIL|SKIP)\]\s*$", re.MULTILINE)
_RASTER = re.compile(r"pwg-raster-samples-\d+dpi/[\w-]+/[\w.@-]+\.pwg")
_DOCUMENTS = ("document-a4.pdf", "document-letter.pdf", "document-a4.ps", "document-letter.ps", "color.jpg", "gray.jpg")
_PAGE = "%!PS-Adobe-3.0\n/Helvetica findfont 12 scalefont setfont 72 600 moveto (A letter) show showpage\n%%EOF\n"


@dataclass(frozen=True)
class Counts:
    """What a suite said."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    output: str

    @property
    def run(self) -> int:
        """How many tests there were."""
        return self.passed + self.failed + self.skipped

    def failures(self) -> str:
        """The failed tests with their explanations."""
        lines = self.output.splitlines()
        found = []
        for at, line in enumerate(lines):
            if line.rstrip().endswith("[FAIL]"):
                found += [one for one in lines[at : at + 12] if "[PASS]" not in one and "[SKIP]" not in one]
        return "\n".join(found)


def missing() -> str:
    """The programs that are not here; empty when all are."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    if not gone and suite_folder() is None:
        gone = ["ipptool's test files"]
    return ", ".join(gone)


def suite_folder() -> Path | None:
    """Where the distribution keeps the suites."""
    found = Path("/usr/share/cups/ipptool")
    return found if (found / "ipp-1.1.test").exists() else None


def prepare(workdir: Path) -> None:
    """Suites and small valid documents, side by side as ipptool wants them."""
    folder = suite_folder()
    assert folder is not None
    for suite in SUITES:
        shutil.copy(folder / f"{suite}.test", workdir)
    source = workdir / "source.ps"
    source.write_text(_PAGE)
    for paper in ("a4", "letter"):
        _ghostscript(workdir, "pdfwrite", f"document-{paper}.pdf", f"-sPAPERSIZE={paper}")
        _ghostscript(workdir, "ps2write", f"document-{paper}.ps", f"-sPAPERSIZE={paper}")
    Image.new("RGB", (120, 180), (200, 40, 40)).save(workdir / "color.jpg")
    Image.new("L", (120, 180), 128).save(workdir / "gray.jpg")
    raster = workdir / "page.pwg"
    _ghostscript(workdir, "pwgraster", raster.name, "-r300", "-dcupsColorSpace=18", "-dcupsBitsPerColor=8", "-dcupsBitsPerPixel=8")
    for name in set(_RASTER.findall((workdir / "ipp-everywhere.test").read_text())):
        (workdir / name).parent.mkdir(parents=True, exist_ok=True)
        (workdir / name).symlink_to(raster)
    assert all((workdir / name).stat().st_size for name in _DOCUMENTS)


def _ghostscript(workdir: Path, device: str, output: str, *options: str) -> None:
    command = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", f"-sDEVICE={device}", *options, f"-sOutputFile={output}", "source.ps"]
    subprocess.run(command, cwd=workdir, check=True, timeout=30, stdout=subprocess.DEVNULL)


async def run_suite(uri: str, suite: str, workdir: Path, *, timeout: float = 300.0) -> Counts:
    """Run one of `SUITES` against the printer at `uri` (ipp:// or ipps://) from a `prepare`d folder."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    process = await asyncio.create_subprocess_exec(
        *("ipptool", "--stop-after-include-error", "-V", "2.0", "-t", "-T", "30", "-f", "document-a4.pdf", uri, f"{suite}.test"),
        cwd=workdir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        raw, _ = await asyncio.wait_for(process.communicate(), timeout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    output = raw.decode(errors="replace")
    said = _RESULT.findall(output)
    return Counts(said.count("PASS"), said.count("FAIL"), said.count("SKIP"), loop.time() - begun, output)
