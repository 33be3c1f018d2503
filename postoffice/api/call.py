"""A request at the REST door as its handler sees it, and the row of the table that says what a route needs."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from postoffice.actions.actor import Actor
from postoffice.api.problems import Refusal, invalid, invalid_field
from postoffice.house import House
from postoffice.model.errors import NotFound, TooLarge
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import RIGHTS, ApiKey, Right
from postoffice.store import items, mailings

Model = TypeVar("Model", bound=BaseModel)
MOST_JSON = 1_000_000  #: bytes of a JSON body
_LARGEST = 2**31 - 1  # what an INTEGER of the database holds


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `key.organisation_id` is the only organisation that it can reach."""

    house: House
    request: web.Request
    key: ApiKey
    query: BaseModel | None = None
    body: BaseModel | None = None

    @property
    def organisation_id(self) -> str:
        """Whose key it is."""
        return self.key.organisation_id

    @property
    def actor(self) -> Actor:
        """For the audit trail."""
        return Actor(f"key:{self.key.id}")

    def may(self, right: Right) -> bool:
        """Whether the key's role gives this right."""
        return right in RIGHTS[self.key.role]

    def asked(self, kind: type[Model]) -> Model:
        """The query, as the model that the route names."""
        assert isinstance(self.query, kind)
        return self.query

    def told(self, kind: type[Model]) -> Model:
        """The body, as the model that the route names."""
        assert isinstance(self.body, kind)
        return self.body

    async def mailing(self) -> Mailing:
        """The mailing that the path names; NotFound for those of other organisations, and of the other mode (live or test)."""
        async with self.house.database.read() as connection:
            mailing = await mailings.get(connection, self._id("mailing_id", "mailing"), self.organisation_id)
        if mailing.live is not self.key.live:
            raise _missing("mailing")
        return mailing

    async def item(self) -> tuple[Item, Mailing]:
        """The item that the path names, with its mailing; NotFound as above."""
        async with self.house.database.read() as connection:
            item = await items.get(connection, self._id("item_id", "letter"), self.organisation_id)
            mailing = await mailings.get(connection, item.mailing_id, self.organisation_id)
        if mailing.live is not self.key.live:
            raise _missing("letter")
        return item, mailing

    def _id(self, name: str, what: str) -> str:
        found = self.request.match_info[name]
        if not is_id(found):
            raise _missing(what)
        return found


def _missing(what: str) -> NotFound:
    code = {"mailing": "no-such-mailing", "letter": "no-such-item"}[what]
    return NotFound(code, f"There is no such {what}.", help="Keys see their own organisation only, and test keys test mailings only.")


Handler = Callable[[Call], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table: everything that the router checks before it calls `handle`, and that the description says of it."""

    method: str
    path: str  #: below /api/v1
    right: Right  #: what the key's role must give; there is no route without
    handle: Handler
    summary: str
    answer: type[BaseModel] | None = None  #: None: not JSON, see `media`
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None  #: read and checked by the router
    needs_body: bool = True
    media: str = ""  #: media type of an answer that is not JSON
    own_body: bool = False  #: the handler reads the body itself (uploads)
    problems: tuple[int, ...] = field(default=())  #: statuses beside those that follow from the rest

    @property
    def documented(self) -> set[int]:
        """Every status that this route may answer with."""
        statuses = {self.status, 401, 403, 503, *self.problems}
        if "{" in self.path:
            statuses.add(404)
        if self.query or self.body or self.own_body:
            statuses.add(422)
        if self.body or self.own_body:
            statuses |= {400, 413, 415}
        return statuses


async def read_query(request: web.Request, kind: type[BaseModel]) -> BaseModel:
    """The query's fields; a field that may be repeated takes all, any other must come once."""
    shape: dict[str, object] = {}
    for name in request.query:
        values = request.query.getall(name)
        annotation = kind.model_fields[name].annotation if name in kind.model_fields else str
        shape[name] = values if getattr(annotation, "__origin__", None) is list or len(values) > 1 else values[0]
    try:
        return kind.model_validate(shape)
    except ValidationError as error:
        raise invalid(error, "query") from None


async def read_json(request: web.Request, limit: int = MOST_JSON) -> bytes:
    """A JSON body's bytes; 415 for another media type, 413 past `limit`, 400 where it breaks off."""
    if request.content_type != "application/json":
        raise Refusal(
            415, "not-json", "The body must be JSON.", help="Send it with Content-Type: application/json.", expected="application/json"
        )
    body = bytearray()
    try:
        async for chunk in request.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > limit:
                break
    except Exception as error:  # aiohttp has a dozen for a connection that is gone or a chunk that is none
        raise broken_off() from error
    if len(body) > limit:
        raise TooLarge("body-too-large", f"The body is larger than {limit} bytes.", help="Send less at once.", limit=limit)
    return bytes(body)


def broken_off() -> Refusal:
    """The client went away, or what it sends is not HTTP any more."""
    return Refusal(400, "broken-off", "The request broke off before its end: nothing was kept of it.", help="Send it again.")


def parse(body: bytes, kind: type[Model], where: str = "body") -> Model:
    """Bytes of JSON as a model; 422 with the fields that cannot be used."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error, where) from None


def cursor_of(position: int) -> str:
    """A place in a list, as callers see it: opaque."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> int | None:
    """The inverse of `cursor_of`; 422 for anything else."""
    if cursor is None:
        return None
    try:
        position = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
    except (ValueError, binascii.Error):
        position = -1
    if not 0 <= position <= _LARGEST:
        raise invalid_field("after", "This is no cursor that the office gave.")
    return position
