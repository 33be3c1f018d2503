"""A small REST client for tests: what a CRM would do."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.real.office import Office


class Api:
    """The office's REST API with a key of its own."""

    def __init__(self, office: Office, *, live: bool = True) -> None:
        self.office = office
        self.secret = office.run("key", "add", "tests", *(["--live"] if live else [])).strip()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.office.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def upload(self, content: bytes, **options: Any) -> tuple[int, dict[str, Any]]:
        """Send a PDF in; the status and what was answered."""
        line = "----post-office-tests"
        head = (
            f"--{line}\r\nContent-Disposition: form-data; name=options\r\nContent-Type: application/json\r\n\r\n"
            f"{json.dumps(options)}\r\n"
            f"--{line}\r\nContent-Disposition: form-data; name=file; filename=letters.pdf\r\nContent-Type: application/pdf\r\n\r\n"
        )
        request = urllib.request.Request(
            f"{self.office.url}/api/v1/mailings",
            data=head.encode() + content + f"\r\n--{line}--\r\n".encode(),
            headers={"Authorization": f"Bearer {self.secret}", "Content-Type": f"multipart/form-data; boundary={line}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def newest(self) -> dict[str, Any]:
        return self.call("GET", "/mailings?limit=1")["data"][0]

    def until(self, path: str, ready: Callable[[dict[str, Any]], bool], seconds: float = 120) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            found = self.call("GET", path)
            if ready(found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def items(self, mailing_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/mailings/{mailing_id}/items?limit=100{cursor}")
            found += page["data"]
            if not page["next"]:
                return found
            cursor = f"&after={page['next']}"
