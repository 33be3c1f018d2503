"""An office reduced to what an agent sees of it: `GET /agent/next` on the loopback interface, answering what a test laid out."""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "tok-3n_of.a~printer"


class FakeOffice:
    """Keeps the pages that were announced; the cursor is how many there were. Answers at once, or within a second when empty."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.asked: list[dict[str, str]] = []  #: the questions, in order
        self.answers: list[tuple[int, Mapping[str, str], bytes]] = []  #: what to answer instead, first come first served
        self.token = TOKEN
        self._news = threading.Condition()
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                office._answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def desk(self) -> str:
        """The office's own address."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "FakeOffice":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)

    def announce(self, *urls: str) -> None:
        """Jobs were printed; agents that wait are answered now."""
        with self._news:
            self.pages.extend(urls)
            self._news.notify_all()

    def instead(self, status: int, body: str = "", **headers: str) -> None:
        """Answer one question with this instead."""
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, body.encode()))

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        question = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(question)
        if self.answers:
            status, headers, body = self.answers.pop(0)
        elif parts.path != "/agent/next" or request.headers.get("Authorization") != f"Bearer {self.token}":
            status, headers, body = 401, {}, b"{}"
        else:
            status, headers, body = 200, {"Content-Type": "application/json"}, self._news_after(question)
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        with suppress(ConnectionError):  # the agent may have been ended while it waited
            request.end_headers()
            request.wfile.write(body)

    def _news_after(self, question: Mapping[str, str]) -> bytes:
        with self._news:
            seen = int(question["after"].removeprefix("c/")) if "after" in question else len(self.pages)
            if "after" in question and len(self.pages) == seen:
                self._news.wait(min(1.2, float(question["wait"])))
            pages = [{"url": url, "name": "Merge"} for url in self.pages[seen:]]
            return json.dumps({"cursor": f"c/{len(self.pages)}", "pages": pages}).encode()
