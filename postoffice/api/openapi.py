"""The table of routes as OpenAPI 3.1."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from postoffice import __version__
from postoffice.api import shapes
from postoffice.api.call import Route
from postoffice.api.problems import CONTENT_TYPE
from postoffice.api.template_shapes import MergeSubmission

_INTRODUCTION = (
    "Bring a document in, let it be cut into one item per recipient, choose, send, and follow each item. "
    "Keys begin with po_live_ or po_test_: what a test key brings in walks the whole road and stops at the sandbox. "
    "Each kind sees its own mailings only. Repeat a request that broke off with the same Idempotency-Key: "
    "it makes one mailing, however often it is sent."
)


def description(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document, without `servers`."""
    names, schemas = _schemas(routes)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names, schemas)
    for one in {route.query for route in routes if route.query}:
        schemas.pop(one.__name__)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Post office", "version": __version__, "description": _INTRODUCTION},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an API key from the desk"}},
        },
    }


def _schemas(routes: Sequence[Route]) -> tuple[dict[type[BaseModel], str], dict[str, Any]]:
    """Model -> its $ref, and the schemas by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(shapes.Problem, "serialization"): None}
    for route in routes:
        for kind in (
            route.query,
            route.body,
            *((shapes.Submission, shapes.SmallSubmission, MergeSubmission) if route.own_body else ()),
        ):
            if kind:
                wanted[kind, "validation"] = None
        if route.answer:
            wanted[route.answer, "serialization"] = None
    found, shared = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    names = {kind: str(found[kind, mode]["$ref"]) for kind, mode in wanted}
    return names, dict(shared["$defs"])


def _operation(route: Route, names: dict[type[BaseModel], str], schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query:
        parameters += _query(schemas[route.query.__name__])
    operation: dict[str, Any] = {
        "operationId": route.handle.__name__,
        "summary": route.summary,
        "description": f"{(route.handle.__doc__ or '').strip()} Needs the right '{route.right.value}'.".strip(),
        "parameters": parameters,
        "responses": _responses(route, names),
    }
    if route.own_body:
        parameters.append(_IDEMPOTENCY_KEY)
        operation["requestBody"] = _upload(names)
    elif route.body:
        operation["requestBody"] = {
            "required": route.needs_body,
            "content": {"application/json": {"schema": {"$ref": names[route.body]}}},
        }
    return operation


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "Your own name for this request, remembered for 30 days: repeating it gives the same answer, "
    "with Idempotent-Replayed: true.",
}


def _query(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": shape.get("description", ""),
            "schema": {key: value for key, value in shape.items() if key != "description"},
        }
        for name, shape in schema["properties"].items()
    ]


def _upload(names: dict[type[BaseModel], str]) -> dict[str, Any]:
    parts = {
        "type": "object",
        "required": ["file"],
        "properties": {"options": {"$ref": names[shapes.Submission]}, "file": {"type": "string", "format": "binary"}},
    }
    encoding = {"options": {"contentType": "application/json"}, "file": {"contentType": "application/pdf"}}
    return {
        "required": True,
        "description": "The part 'options' stands in front of the part 'file'. JSON is for small documents (up to 9 MB), "
        "and for a template with its rows.",
        "content": {
            "multipart/form-data": {"schema": parts, "encoding": encoding},
            "application/json": {"schema": {"anyOf": [{"$ref": names[shapes.SmallSubmission]}, {"$ref": names[MergeSubmission]}]}},
        },
    }


def _responses(route: Route, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    if route.answer:
        content: dict[str, Any] = {"application/json": {"schema": {"$ref": names[route.answer]}}}
    else:
        content = {route.media: {"schema": {"type": "string", "format": "binary"}}}
    told: dict[str, Any] = {str(route.status): {"description": HTTPStatus(route.status).phrase, "content": content}}
    if route.own_body:
        told[str(route.status)]["headers"] = {
            "Location": {"schema": {"type": "string"}, "description": "address of the mailing"},
            "Idempotent-Replayed": {"schema": {"const": "true"}, "description": "the answer of an earlier request with the same key"},
        }
    problem = {CONTENT_TYPE: {"schema": {"$ref": names[shapes.Problem]}}}
    for status in sorted(route.documented - {route.status}):
        told[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return told
