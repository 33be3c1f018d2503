"""Requests as a print client writes them, and answers as it reads them."""

from collections.abc import Sequence
from typing import Any

from aiohttp.test_utils import TestClient

from postoffice.intake.ipp.codec import decode, encode
from postoffice.intake.ipp.values import Attribute, Group, Message, attribute
from postoffice.intake.ipp.words import Operation, Status, Tag
from tests.intake.ipp.fakes import TOKEN

PDF = b"%PDF-1.4\n" + b"1 0 obj\n" * 20 + b"%%EOF\n"
PATH = f"/ipp/print/{TOKEN}"
URI = f"ipp://localhost:631{PATH}"
HEADERS = {"Content-Type": "application/ipp"}


def group(tag: int, attributes: Sequence[Attribute]) -> Group:
    return Group(tag, {one.name: one for one in attributes})


def request(
    operation: int,
    *more: Attribute,
    job: Sequence[Attribute] = (),
    uri: str | None = URI,
    language: str = "en",
    charset: str = "utf-8",
    version: tuple[int, int] = (2, 0),
    request_id: int = 7,
) -> bytes:
    """The bytes of a request up to its document."""
    asked = [attribute("attributes-charset", Tag.CHARSET, charset), attribute("attributes-natural-language", Tag.LANGUAGE, language)]
    if uri:
        asked.append(attribute("printer-uri", Tag.URI, uri))
    groups = [group(Tag.OPERATION, [*asked, *more])]
    if job:
        groups.append(group(Tag.JOB, job))
    return encode(Message(version, operation, request_id, groups))


def name(text: str) -> Attribute:
    return attribute("job-name", Tag.NAME, text)


def word(attribute_name: str, *words: str) -> Attribute:
    return attribute(attribute_name, Tag.KEYWORD, *words)


def number(attribute_name: str, *numbers: int) -> Attribute:
    return attribute(attribute_name, Tag.INTEGER, *numbers)


LAST = attribute("last-document", Tag.BOOLEAN, True)


class Answer:
    """A response, easier to ask."""

    def __init__(self, http_status: int, body: bytes) -> None:
        self.http_status = http_status
        self.message, rest = decode(body)
        assert rest == b""
        self.status = Status(self.message.code)

    @property
    def said(self) -> str:
        """The status-message."""
        return str(self.message.groups[0].one("status-message", str) or "")

    def groups(self, tag: int) -> list[Group]:
        return [one for one in self.message.groups if one.tag == tag]

    def value(self, attribute_name: str) -> Any:
        """The first value in the last group."""
        return self.message.groups[-1].attributes[attribute_name].values[0].data


async def send(client: TestClient[Any, Any], body: Any, *, path: str = PATH, **headers: str) -> Answer:
    """Post a request and read its answer, which must be IPP."""
    async with client.post(path, data=body, headers={**HEADERS, **headers}) as response:
        assert response.content_type == "application/ipp", await response.text()
        return Answer(response.status, await response.read())


async def print_job(client: TestClient[Any, Any], document: bytes = PDF, *more: Attribute, **wishes: Any) -> Answer:
    """A Print-Job in one go."""
    return await send(client, request(Operation.PRINT_JOB, name("Letters"), *more, **wishes) + document)
