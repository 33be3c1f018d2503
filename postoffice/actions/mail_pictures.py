"""Pictures of a template in its mail: hosted by the portal under a name that tells nothing of the reader, or carried by the mail."""

import base64
from collections.abc import Mapping
from pathlib import Path

from postoffice.compose.mail import pictures
from postoffice.compose.merge.content import Content
from postoffice.house import House
from postoffice.model.delivery import Attachment
from postoffice.model.errors import PostOfficeError
from postoffice.store import mail_pictures, mailings
from postoffice.store.mail_pictures import Picture

PATH = "/i/"
MAIL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})


async def ensure(house: House, organisation_id: str, content: Content) -> dict[str, Picture]:
    """The pictures of a template that mail can show, by file name, each made when first asked for.

    SVG is left out (no mail program of weight shows it), and what cannot be read: the checks say so.
    """
    wanted = {name: sha256 for name, sha256 in content.pictures.items() if Path(name).suffix.lower() in MAIL_SUFFIXES}
    if not wanted:
        return {}
    async with house.database.read() as connection:
        known = await mail_pictures.of_originals(connection, organisation_id, set(wanted.values()))
    for sha256 in set(wanted.values()) - set(known):
        try:
            known[sha256] = await _make(house, organisation_id, sha256)
        except PostOfficeError as error:
            house.log.warning("mail_picture.unfit", organisation=organisation_id, code=error.code)
    return {name: known[sha256] for name, sha256 in wanted.items() if sha256 in known}


async def _make(house: House, organisation_id: str, original: str) -> Picture:
    made = await house.workshop.run(pictures.shown, await house.documents.get(organisation_id, original))
    stored = await house.documents.put(organisation_id, made.content)
    token = house.keyring.picture_token(organisation_id, original)
    new = Picture(token, organisation_id, original, stored.sha256, made.media_type, stored.size, made.width, made.height)
    now = house.clock.now()
    async with house.database.write() as connection:
        await mailings.note_document(connection, organisation_id, stored, made.media_type, now)
        await mail_pictures.add(connection, new, now)
    return new


def address(house: House, picture: Picture) -> str:
    """Where anybody can fetch it, for ever the same bytes."""
    return f"{house.url}{PATH}{picture.token}{pictures.SUFFIXES[picture.media_type]}"


async def hosted(house: House, organisation_id: str, content: Content) -> dict[str, str]:
    """File name -> public address, for merge.wording.Wording."""
    return {name: address(house, one) for name, one in (await ensure(house, organisation_id, content)).items()}


async def inline(house: House, organisation_id: str, content: Content) -> dict[str, str]:
    """File name -> the picture itself as an address, for previews that may load nothing."""
    found = {}
    for name, one in (await ensure(house, organisation_id, content)).items():
        data = await house.documents.get(organisation_id, one.document)
        found[name] = f"data:{one.media_type};base64,{base64.b64encode(data).decode()}"
    return found


async def carried(house: House, organisation_id: str, content: Content) -> tuple[Mapping[str, str], tuple[Attachment, ...]]:
    """(file name -> `cid:...`, the pictures), for mail that carries them itself."""
    names, attached = {}, []
    for name, one in (await ensure(house, organisation_id, content)).items():
        cid = f"{one.token[:16]}{pictures.SUFFIXES[one.media_type]}"
        names[name] = f"cid:{cid}"
        data = await house.documents.get(organisation_id, one.document)
        attached.append(Attachment(cid, one.media_type, data, cid=cid))
    return names, tuple(attached)
