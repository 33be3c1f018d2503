"""Every failure that code can raise by a fixed code can be said in French."""

import ast
from collections.abc import Iterator

from postoffice.words.problems import PROBLEMS
from tests.words.gather import ROOT

KINDS = {"PostOfficeError", "Unreadable", "TooLarge", "NotAllowed", "NotFound", "Conflict", "OutOfRoom", "TimedOut", "TemplateFault"}
#: files whose failures only the command line meets
TOLD_BY_COMMANDS = {"backup.py", "dump.py", "bell.py", "documents_s3.py"}
#: only programs, printers and the command line meet these
ELSEWHERE = {"api", "commands", "channels", "intake"}


def raised() -> Iterator[tuple[str, str]]:
    """(code, file) of every failure that is made with a fixed code where the desk may meet it."""
    for path in sorted((ROOT / "postoffice").rglob("*.py")):
        if path.relative_to(ROOT / "postoffice").parts[0] in ELSEWHERE or path.name in TOLD_BY_COMMANDS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value, path.name


def test_every_failure_has_its_french() -> None:
    unknown = sorted({f"{code} ({file})" for code, file in raised() if code not in PROBLEMS})
    assert not unknown, "add to words/problems.py and fr.po: " + ", ".join(unknown)
