"""The ground floor needs nothing but Python."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at whatever depth the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize("path", sorted((ROOT / "postoffice/model").rglob("*.py")), ids=lambda path: path.name)
def test_model_imports_the_standard_library_only(path: Path) -> None:
    strangers = {name for name in imported(path) if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in strangers if not name.startswith("postoffice.model")} == set()


def test_the_linux_agent_runs_on_any_desktop() -> None:
    agent = ROOT / "printdrivers/linux/agent.py"
    assert {name.split(".")[0] for name in imported(agent)} <= set(sys.stdlib_module_names)
    ast.parse(agent.read_text(), feature_version=(3, 8))
