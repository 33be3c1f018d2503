"""Libraries that the web process does without are not loaded until something asks for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from postoffice import later
from postoffice.later import Later

ROOT = Path(__file__).parent.parent


def test_web_process_is_loaded_without_what_opens_documents_and_speaks_to_print_houses() -> None:
    heavy = {
        *(module.split(".")[0] for module in later._MODULES.values()),
        "weasyprint",
        "fontTools",
        "pypdfium2",
        "img2pdf",
        "alembic",
    }
    said = subprocess.run(
        [sys.executable, "-c", "import sys, postoffice.webapp, postoffice.wiring; print(*sys.modules)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    ).stdout.split()
    assert "postoffice.pipeline" in said
    assert heavy & {name.split(".")[0] for name in said} == set()


@pytest.mark.parametrize("name", sorted(later._MODULES))
def test_each_name_stands_for_its_module(name: str) -> None:
    stand_in = getattr(later, name)
    module = sys.modules.get(later._MODULES[name]) or __import__(later._MODULES[name], fromlist=["x"])
    public = next(one for one in dir(module) if not one.startswith("_"))
    assert getattr(stand_in, public) is getattr(module, public)
    assert name in later.__all__


def test_what_is_not_there_is_an_attribute_error_and_what_is_not_installed_says_so() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        later.nonsense  # noqa: B018
    with pytest.raises(AttributeError):
        later.pikepdf.Nonsense  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        Later("no_such_library").Thing  # noqa: B018
