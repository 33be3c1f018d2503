"""What a template may load: files of its own folder and `data:` addresses. No network, no other file."""

from base64 import b64decode
from binascii import Error as Base64Error
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from postoffice.compose.render.engine import urls

#: where relative addresses of a template lead; the name is reserved, it can never be on a network (RFC 6761)
BASE = "https://assets.invalid/"
#: bytes of one picture, font or style sheet
_LARGEST = 20_000_000


class Assets(urls.URLFetcher):  # type: ignore[misc]
    """The only fetcher that templates get. `missed`: what was asked for in vain since it was last emptied, as the template names it."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(allowed_protocols=())
        self._folder = folder.resolve() if folder else None
        self.missed: set[str] = set()

    def fetch(self, url: str, headers: Any = None) -> Any:
        """See URLFetcher. WeasyPrint takes any exception as "not there"."""
        parts = urlsplit(url)
        if parts.scheme == "data":
            return _data(url)
        path = self._path(url)
        if path is None:
            self.missed.add(name_of(url))
            raise ValueError("not an asset of this template")
        kind = guess_type(path.name)[0] or "application/octet-stream"
        return urls.URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    def _path(self, url: str) -> Path | None:
        """The file of an address; None where it is not within the folder (links are followed first)."""
        parts = urlsplit(url)
        if self._folder is None or not url.startswith(BASE):
            return None
        name = unquote(parts.path).lstrip("/")
        if "\0" in name:
            return None
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        return path


class Pictures(dict[str, Any]):
    """WeasyPrint's cache of pictures. Those written into the page itself (`data:`) are a letter's own and are not kept."""

    def __init__(self) -> None:
        super().__init__()
        self.missed: set[str] = set()  #: pictures that cannot be shown, met since it was last emptied

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if value is None:
            self.missed.add(name_of(key))
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        if value is None:
            self.missed.add(name_of(key))
        if not key.startswith("data:"):
            super().__setitem__(key, value)


def name_of(url: str) -> str:
    """An address as the template names it; nothing of a `data:` address, which may be personal."""
    if url.startswith("data:"):
        return "data:"
    return unquote(url.removeprefix(BASE))[:200]


def _data(url: str) -> Any:
    head, comma, body = url.partition(",")
    if not comma or len(body) > _LARGEST:
        raise ValueError("not a data address")
    kind = head.removeprefix("data:")
    if kind.endswith(";base64"):
        try:
            content = b64decode(unquote_to_bytes(body))
        except Base64Error:
            raise ValueError("not base64") from None
    else:
        content = unquote_to_bytes(body)
    return urls.URLFetcherResponse(url, content, {"Content-Type": kind.partition(";")[0] or "text/plain"})
