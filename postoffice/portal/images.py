"""Pictures that mail shows: public, for ever the same, and silent. Nothing is kept of who fetched one: it would be a hidden counter."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from postoffice.actions.mail_pictures import PATH
from postoffice.compose.mail.pictures import SUFFIXES
from postoffice.house import HOUSE, House
from postoffice.store import mail_pictures

ADDRESS = PATH + "{token:[a-z2-7]{32}}{suffix:\\.(?:png|jpg|gif)}"
_ROOM = 24_000_000  # bytes kept in memory: a campaign's pictures are fetched 100,000 times within an hour
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@dataclass
class Kept:
    """Pictures in memory, the latest used last."""

    found: "OrderedDict[str, tuple[bytes, str]]" = field(default_factory=OrderedDict)
    size: int = 0

    async def get(self, house: House, token: str) -> tuple[bytes, str] | None:
        """(bytes, media type); None where there is no such picture."""
        if token in self.found:
            self.found.move_to_end(token)
            return self.found[token]
        async with house.database.read() as connection:
            picture = await mail_pictures.by_token(connection, token)
        if picture is None:
            return None
        made = (await house.documents.get(picture.organisation_id, picture.document), picture.media_type)
        if token not in self.found:
            self.found[token] = made
            self.size += len(made[0])
        while self.size > _ROOM and self.found:
            _, (gone, _type) = self.found.popitem(last=False)
            self.size -= len(gone)
        return made


KEPT = web.AppKey("mail_pictures", Kept)


async def show(request: web.Request) -> web.Response:
    """GET /i/{token}.{suffix}"""
    found = await request.app[KEPT].get(request.app[HOUSE], request.match_info["token"])
    if found is None or SUFFIXES.get(found[1]) != request.match_info["suffix"]:
        return web.Response(status=404, text="", headers={"Cache-Control": "no-store"})
    content, media_type = found
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag}
    if request.headers.get("If-None-Match", "") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, content_type=media_type, headers=headers)
