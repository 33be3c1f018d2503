"""What tesseract reads on a picture."""

import shutil
import subprocess
from pathlib import Path

import pytest


def words_of(picture: Path, language: str = "fra") -> list[str]:
    """The words, in reading order; skips where tesseract or its language is not installed."""
    if not shutil.which("tesseract"):
        pytest.skip("tesseract is not installed")
    languages = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=20, check=True).stdout.split()
    if language not in languages:
        pytest.skip(f"tesseract has no {language}")
    read = subprocess.run(
        ["tesseract", str(picture), "-", "-l", language, "--psm", "4", "--dpi", "200"],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return read.stdout.split()
