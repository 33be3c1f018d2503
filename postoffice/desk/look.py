"""The organisation's look on its recipients' pages: one colour that can be read, and a logo that is drawn anew before it is kept."""

import io
from typing import Any

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from postoffice.desk.admin import note, of_whole_office
from postoffice.desk.choices import text_of
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.colour import ENOUGH, WHITE, contrast, rgb
from postoffice.model.errors import PostOfficeError
from postoffice.store import people

LARGEST = 1_000_000  #: bytes of an uploaded logo
WIDE, HIGH = 480, 144  #: pixels that are kept: sharp at a third of it
HEAVIEST = 20_000  #: bytes that are kept: it rides in every page
_PIXELS = 20_000_000


async def change_look(request: web.Request) -> web.StreamResponse:
    """POST /admin/organisation/look (multipart): `colour` (#rrggbb, empty for ours), `logo` (a picture), `no_logo`."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    changed: dict[str, Any] = {"colour": _colour(text_of(form, "colour", 20))}
    upload, no_logo = form.get("logo"), text_of(form, "no_logo") == "1"
    if not no_logo and isinstance(upload, web.FileField) and upload.filename:
        made = await house.workshop.run(drawn_anew, upload.file.read(LARGEST + 1))
        stored = await house.documents.put(visit.organisation.id, made)
        changed["logo"] = {"document": stored.sha256, "type": "image/png"}
    async with house.database.write() as connection:
        settings = {**(await people.hold_organisation(connection, visit.organisation.id)).settings, **changed}
        if no_logo:
            settings.pop("logo", None)
        await people.update_organisation(connection, visit.organisation.id, settings=settings)
        await note(request, connection, "organisation.look", visit.organisation.id)
    return go(request, "/admin/organisation?done=kept")


def _colour(text: str) -> str:
    if not text:
        return ""
    tone = rgb(text)
    if tone is None:
        raise PostOfficeError("bad-colour", "This is no colour.", help="Write it as #1f5fbf.", field="colour")
    if contrast(tone, WHITE) < ENOUGH:
        raise PostOfficeError(
            "pale-colour", "White letters cannot be read on this colour.", help="Choose a darker one.", field="colour"
        )
    return text.lower()


def drawn_anew(content: bytes) -> bytes:
    """An uploaded picture as a small PNG of our own making: nothing of the file but its pixels goes on. Runs in a child process."""
    wrong = PostOfficeError(
        "bad-logo", "This file cannot be used as a logo.", help="Bring a PNG or JPEG picture below 1 MB.", field="logo"
    )
    if len(content) > LARGEST:
        raise wrong
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
            if picture.width * picture.height > _PIXELS:
                raise wrong
            image = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise wrong from None
    for share in (1.0, 0.66, 0.4, 0.2):
        small = image.copy()
        small.thumbnail((int(WIDE * share), int(HIGH * share)))
        for colours in (0, 64):
            target = io.BytesIO()
            made = small.quantize(colours, method=Image.Quantize.FASTOCTREE) if colours else small
            made.save(target, "PNG", optimize=True)
            if target.tell() <= HEAVIEST:
                return target.getvalue()
    raise wrong
