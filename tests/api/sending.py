"""How the tests bring documents in."""

import io
import json
from typing import Any

from aiohttp import ClientResponse, FormData

from tests.doors import Office, letters

MAILINGS = "/api/v1/mailings"


def form(document: bytes, options: dict[str, Any] | None = None, name: str = "letters.pdf") -> FormData:
    """A multipart body: options, then file."""
    data = FormData()
    if options is not None:
        data.add_field("options", json.dumps(options), content_type="application/json")
    data.add_field("file", io.BytesIO(document), filename=name, content_type="application/pdf")
    return data


async def post(office: Office, key: dict[str, str], document: bytes | None = None, options: Any = None, **more: str) -> ClientResponse:
    """POST /mailings; `more` are headers, with _ for -."""
    headers = {**key, **{name.replace("_", "-"): value for name, value in more.items()}}
    return await office.client.post(MAILINGS, data=form(letters() if document is None else document, options), headers=headers)


async def brought_in(office: Office, key: dict[str, str], number: int = 3, options: Any = None) -> dict[str, Any]:
    """A mailing that was read."""
    answer = await post(office, key, letters(number), options)
    assert answer.status == 201, await answer.text()
    created = await answer.json()
    await office.work()
    found = await office.client.get(f"{MAILINGS}/{created['id']}", headers=key)
    return dict(await found.json())
