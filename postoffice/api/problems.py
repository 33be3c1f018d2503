"""Failures as problem+json (RFC 9457): type, title, status, detail, and our code, help, facts and faulty fields."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from postoffice.model.errors import PostOfficeError

CONTENT_TYPE = "application/problem+json"
_LONGEST_LIST = 50


class Refusal(PostOfficeError):
    """A failure with a status and headers of its own."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        help: str = "",
        headers: Mapping[str, str] | None = None,
        fields: Sequence[Mapping[str, str]] = (),
        **facts: object,
    ) -> None:
        super().__init__(code, message, help=help, **facts)
        self.status = status
        self.headers = dict(headers or {})
        self.fields = fields


def unauthorised() -> Refusal:
    """No key, or none that opens anything."""
    return Refusal(
        401,
        "no-such-key",
        "This request carries no API key that the office knows.",
        help="Send 'Authorization: Bearer po_live_...' with a key from the desk; it may have been revoked.",
        headers={"WWW-Authenticate": 'Bearer realm="postoffice"'},
    )


def invalid(error: ValidationError, where: str) -> Refusal:
    """What pydantic found, without repeating what was sent (it may be personal)."""
    fields = [
        {"field": ".".join(str(part) for part in one["loc"]) or where, "message": one["msg"]}
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:_LONGEST_LIST]
    ]
    named = ", ".join(dict.fromkeys(field["field"] for field in fields))
    return Refusal(
        422,
        "invalid-request",
        f"The {where} cannot be used: {named[:300]}.",
        help="See 'fields' for what is wrong with each, and the API's description for what is allowed.",
        fields=fields,
    )


def invalid_field(field: str, message: str) -> Refusal:
    """One field that cannot be used."""
    return Refusal(
        422,
        "invalid-request",
        f"The request cannot be used: {field}.",
        help="See 'fields' for what is wrong, and the API's description for what is allowed.",
        fields=[{"field": field, "message": message}],
    )


def trouble() -> Refusal:
    """Something of the office's own is away (its database, its disk)."""
    return Refusal(
        503,
        "office-trouble",
        "The office cannot answer this moment.",
        help="Repeat the request in some seconds, with the same Idempotency-Key where it has one.",
        headers={"Retry-After": "5"},
    )


def answer(error: PostOfficeError, url: str) -> web.Response:
    """A failure as an HTTP answer. `url` is the office's own address."""
    shape: dict[str, Any] = {
        "type": f"{url}/api/v1/docs#{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "help": error.help,
    }
    if error.facts:
        shape["facts"] = {name: fact if isinstance(fact, int | float | bool) else str(fact) for name, fact in error.facts.items()}
    headers: dict[str, str] = {}
    if isinstance(error, Refusal):
        headers = error.headers
        if error.fields:
            shape["fields"] = list(error.fields)
    response = web.json_response(shape, status=error.status, headers={"Cache-Control": "no-store", **headers})
    response.content_type = CONTENT_TYPE
    return response
