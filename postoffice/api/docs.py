"""The API's description as one page for people: no script, nothing from elsewhere."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import Any

from aiohttp import web

_STYLE = (
    ":root{color-scheme:light dark;--line:#8884}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1rem 4rem}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line)}"
    "code,pre{font:14px/1.5 ui-monospace,monospace}pre{overflow-x:auto;padding:1rem;border:1px solid var(--line);border-radius:8px}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;"
    "border-bottom:1px solid var(--line)}td:first-child{white-space:nowrap}.scroll{overflow-x:auto}"
    "b.m{display:inline-block;min-width:4rem}nav a{display:block;padding:.15rem 0}"
)
_START = """curl -H 'Authorization: Bearer po_test_...' -H 'Idempotency-Key: invoices-2026-11' \\
     -F 'options={"name": "Invoices", "options": {"channel": "post"}};type=application/json' \\
     -F file=@invoices.pdf  .../api/v1/mailings"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that never changes, with the policy that lets its style through."""

    text: str
    policy: str

    def response(self) -> web.Response:
        """As an answer."""
        headers = {
            "Content-Security-Policy": self.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        return web.Response(text=self.text, content_type="text/html", headers=headers)


def docs_page(described: dict[str, Any]) -> Page:
    """The page of an OpenAPI document."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    operations = [(method, path, one) for path, methods in described["paths"].items() for method, one in methods.items()]
    index = "".join(f'<a href="#{one["operationId"]}">{_title(method, path)}</a>' for method, path, one in operations)
    body = "".join(_operation(method, path, one) for method, path, one in operations)
    schemas = "".join(_schema(name, shape) for name, shape in sorted(described["components"]["schemas"].items()))
    return Page(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Post office API</title><style>{_STYLE}</style><h1>Post office API</h1>"
        f"<p>{escape(described['info']['description'])}</p><pre>{escape(_START)}</pre>"
        '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1). '
        "Failures come as <code>application/problem+json</code> "
        "(RFC 9457) with a stable <code>code</code>, and a <code>help</code> that says what to do.</p>"
        f"<nav>{index}</nav>{body}<h2>Shapes</h2>{schemas}</html>",
        policy,
    )


def _title(method: str, path: str) -> str:
    return f'<b class="m">{method.upper()}</b> <code>{escape(path)}</code>'


def _operation(method: str, path: str, one: dict[str, Any]) -> str:
    rows = [
        (parameter["name"], f"in {parameter['in']}: {_kind(parameter['schema'])}. {parameter.get('description', '')}")
        for parameter in one["parameters"]
    ]
    rows += [(f"body, {media}", _kind(shape["schema"])) for media, shape in one.get("requestBody", {}).get("content", {}).items()]
    rows += [
        (status, answer["description"] + "".join(f": {_kind(shape['schema'])}" for shape in answer["content"].values()))
        for status, answer in one["responses"].items()
    ]
    about = f"{one['summary']}. {one['description']}"
    return f'<h2 id="{one["operationId"]}">{_title(method, path)}</h2><p>{escape(about)}</p>{_table(rows)}'


def _schema(name: str, shape: dict[str, Any]) -> str:
    if "enum" in shape:
        return f'<h3 id="shape-{name}">{name}</h3><p>{escape(", ".join(map(str, shape["enum"])))}</p>'
    rows = [(field, f"{_kind(kind)}. {kind.get('description', '')}") for field, kind in shape.get("properties", {}).items()]
    return f'<h3 id="shape-{name}">{name}</h3><p>{escape(shape.get("description", ""))}</p>{_table(rows)}'


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f'<div class="scroll"><table>{cells}</table></div>'


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("properties"):
        return "parts: " + ", ".join(f"{name} ({_kind(kind)})" for name, kind in schema["properties"].items())
    return str(schema.get("format") or schema.get("type", "anything"))
