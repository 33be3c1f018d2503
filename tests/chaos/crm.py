"""A program that brings letters in over REST while the office falls: it repeats each with its Idempotency-Key until it is taken."""

import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from tests.doors import letters

LINE = "----chaos"
PATIENCE, MOST_PATIENCE = 8.0, 120.0  #: seconds for one request; longer each time, since the machine may be slow


@dataclass
class Crm:
    """`taken`: name -> the mailing that the office says it made of it."""

    url: str
    secret: str
    names: list[str]
    seed: int
    pause: float = 0.4
    taken: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    repeats: int = 0

    def __enter__(self) -> "Crm":
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(20)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def _send_all(self) -> None:
        for number, name in enumerate(self.names):
            document = letters(1, self.seed * 1000 + number)
            tries = 0
            while not self._closing.is_set() and not self._sent(name, document, tries):
                tries += 1
                self.repeats += 1
                time.sleep(self.pause)
            time.sleep(self.pause)

    def _sent(self, name: str, document: bytes, tries: int) -> bool:
        try:
            with urllib.request.urlopen(self._request(name, document), timeout=min(MOST_PATIENCE, PATIENCE * 1.3**tries)) as answer:
                self.taken[name] = json.loads(answer.read())["id"]
                return True
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (400, 401, 403, 404, 413, 415, 422):
                    self.refused.append(f"{name}: {error.code} {error.read()[:200]!r}")
                    return True
                return False
        except (OSError, ValueError):
            return False  # nobody there, or it died while it answered: the key makes a repetition safe

    def _request(self, name: str, document: bytes) -> urllib.request.Request:
        options = {"name": name, "send": True, "options": {"channel": "post", "purpose": "invoice"}}
        head = (
            f"--{LINE}\r\nContent-Disposition: form-data; name=options\r\nContent-Type: application/json\r\n\r\n"
            f"{json.dumps(options)}\r\n"
            f"--{LINE}\r\nContent-Disposition: form-data; name=file; filename=letter.pdf\r\nContent-Type: application/pdf\r\n\r\n"
        )
        return urllib.request.Request(
            f"{self.url}/api/v1/mailings",
            data=head.encode() + document + f"\r\n--{LINE}--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {self.secret}",
                "Content-Type": f"multipart/form-data; boundary={LINE}",
                "Idempotency-Key": name,
            },
        )
