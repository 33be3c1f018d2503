"""One of Maileva's two interfaces of sendings, call by call. Nothing here decides what a failure means for a letter."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp

from postoffice.channels.oauth import Signed
from postoffice.channels.rest import Answer, hide, verdict
from postoffice.model.errors import CarrierError, TryLater

DRAFT = "DRAFT"
_PAGE = 500  #: the most that a listing gives at once
_PAGES = 40  #: of the listing of sendings that are looked through for one of ours
_LONGEST = 20_000_000  #: bytes of a listing or a document


class Imported(NamedTuple):
    """What POST /recipients/imports took: the house's ids by key, and what it refused: (code, words) by key."""

    ids: dict[str, str]
    refused: dict[str, tuple[str, str]]


class Service:
    """`path`: of the interface at its site, e.g. /mail/v2."""

    def __init__(self, word: str, site: Signed, path: str) -> None:
        self.word = word
        self._site = site
        self._path = path

    async def create(self, body: Mapping[str, Any]) -> str:
        """A draft; its id."""
        return _id(_good(await self._site.change("POST", f"{self._path}/sendings", json=body)))

    async def find(self, name: str) -> str:
        """The id of the sending that we named so; empty where it is not among the listed ones."""
        async for sending in self._listed(f"{self._path}/sendings", "sendings", _PAGES):
            if sending.get("custom_id") == name:
                return str(sending.get("id") or "")
        return ""

    async def get(self, sending: str) -> Mapping[str, Any] | None:
        """The sending as it stands; None where there is none by this id."""
        answer = await self._site.get(self._at(sending))
        if answer.status == 404:
            return None
        return _good(answer).body

    async def delete(self, sending: str) -> bool:
        """Delete a draft; False where it is none any more. One that is not there counts as deleted."""
        answer = await self._site.change("DELETE", self._at(sending))
        if answer.good or answer.status == 404:
            return True
        if answer.status in (400, 409, 422):
            return False
        raise fault(answer)

    async def upload(self, sending: str, name: str, content: bytes) -> str:
        """Add a PDF; its id."""

        def form() -> aiohttp.FormData:
            data = aiohttp.FormData()
            data.add_field("document", content, filename=f"{name}.pdf", content_type="application/pdf")
            data.add_field("metadata", json.dumps({"priority": 1, "name": f"{name}.pdf"}), content_type="application/json")
            return data

        return _id(_good(await self._site.change("POST", f"{self._at(sending)}/documents", data=form)))

    async def add_recipient(self, sending: str, body: Mapping[str, Any]) -> str:
        """One recipient; the house's id of it."""
        return _id(_good(await self._site.change("POST", f"{self._at(sending)}/recipients", json=body)))

    async def add_recipients(self, sending: str, bodies: Sequence[Mapping[str, Any]]) -> Imported:
        """Many at once, told apart by their `custom_id`."""
        wanted = {"import_recipients": [{"correlation_id": body["custom_id"], **body} for body in bodies]}
        answer = _good(await self._site.change("POST", f"{self._at(sending)}/recipients/imports", json=wanted))
        taken = [one for one in _objects(answer.body.get("accepted_import")) if one.get("id")]
        refused = _objects(answer.body.get("rejected_import"))
        return Imported(
            {str(one.get("correlation_id")): str(one["id"]) for one in taken},
            {str(one.get("correlation_id")): _first(one.get("errors")) for one in refused},
        )

    async def submit(self, sending: str) -> Answer:
        """Let it be made: this cannot be undone. Whatever the house answers."""
        return await self._site.change("POST", f"{self._at(sending)}/submit")

    def recipients(self, sending: str) -> AsyncIterator[Mapping[str, Any]]:
        """All recipients of a sending."""
        return self._listed(f"{self._at(sending)}/recipients", "recipients", 10_000)

    async def download(self, sending: str, recipient: str, word: str) -> Answer:
        """A document about one recipient: `download_<word>`."""
        path = f"{self._at(sending)}/recipients/{quote(recipient, safe='')}/download_{word}"
        return await self._site.get(path, headers={"Accept": "application/pdf, application/json"}, longest=_LONGEST)

    def _at(self, sending: str) -> str:
        return f"{self._path}/sendings/{quote(sending, safe='')}"

    async def _listed(self, path: str, name: str, pages: int) -> AsyncIterator[Mapping[str, Any]]:
        for page in range(pages):
            answer = _good(await self._site.get(f"{path}?start_index={page * _PAGE + 1}&count={_PAGE}", longest=_LONGEST))
            some = _objects(answer.body.get(name))
            for one in some:
                yield one
            if len(some) < _PAGE:
                return


def fault(answer: Answer) -> CarrierError:
    """What a no means: Refused, TryLater or InDoubt."""
    code, words = _first(answer.body.get("errors") or [answer.body])
    return verdict(answer, code, f"{code} {words}".strip(), dead=frozenset())


def _good(answer: Answer) -> Answer:
    if not answer.good:
        raise fault(answer)
    return answer


def _id(answer: Answer) -> str:
    found = answer.body.get("id")
    if not isinstance(found, str) or not found:
        raise TryLater("Maileva took it but did not name it", code="no-id")
    return found


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _first(errors: Any) -> tuple[str, str]:
    """Code and words of the first error."""
    for error in _objects(errors):
        return str(error.get("code") or "")[:60], hide(str(error.get("message") or ""))
    return "", ""
