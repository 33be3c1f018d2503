"""Pictures that mail shows: public and cacheable, scaled and clean, never a page or a script."""

import io

import pytest
from PIL import Image

from postoffice.actions import mail_pictures
from postoffice.compose.mail.pictures import shown
from postoffice.compose.merge.content import Content, Parts
from postoffice.model.errors import PostOfficeError
from tests.doors import Office


def picture(kind: str = "JPEG", size: tuple[int, int] = (2600, 1000), mode: str = "RGB") -> bytes:
    made, notes = io.BytesIO(), Image.Exif()
    notes[0x010E] = "GPS 47.2184 secret"
    Image.new(mode, size, (200, 30, 60, 90)[: len(mode)]).save(made, kind, **({"exif": notes} if kind == "JPEG" else {}))
    return made.getvalue()


async def content_of(office: Office, **files: bytes) -> Content:
    names = {}
    for name, data in files.items():
        names[name.replace("_", ".")] = (await office.house.documents.put(office.organisation_id, data)).sha256
    return Content({"fr": Parts()}, pictures=names)


async def test_a_picture_is_public_scaled_and_cacheable(office: Office) -> None:
    content = await content_of(
        office, hero_jpg=picture(), clear_webp=picture("WEBP", (300, 300), "RGBA"), logo_svg=b"<svg onload='x()'/>", bad_png=b"no"
    )
    addresses = await mail_pictures.hosted(office.house, office.organisation_id, content)
    assert set(addresses) == {"hero.jpg", "clear.webp"} and addresses == await mail_pictures.hosted(
        office.house, office.organisation_id, content
    )
    path = addresses["hero.jpg"].removeprefix(office.house.url)
    answer = await office.client.get(path)
    data = await answer.read()
    assert answer.status == 200 and answer.content_type == "image/jpeg" and Image.open(io.BytesIO(data)).size == (1200, 462)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable" and "Set-Cookie" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert b"secret" not in data
    again = await office.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert (await office.client.head(path)).status == 200
    clear = await office.client.get(addresses["clear.webp"].removeprefix(office.house.url))
    assert clear.content_type == "image/png" and Image.open(io.BytesIO(await clear.read())).mode == "RGBA"


async def test_names_cannot_be_guessed_or_changed(office: Office) -> None:
    content = await content_of(office, hero_jpg=picture(size=(10, 10)))
    path = (await mail_pictures.hosted(office.house, office.organisation_id, content))["hero.jpg"].removeprefix(office.house.url)
    for wrong in (path.replace(".jpg", ".png"), "/i/" + "a" * 32 + ".jpg", path[:-5] + ".jpg", path.replace(".jpg", ".svg")):
        assert (await office.client.get(wrong)).status == 404, wrong
    assert office.house.keyring.picture_token("0" * 26, "x") != office.house.keyring.picture_token("1" * 26, "x")


async def test_pictures_can_travel_with_the_mail(office: Office) -> None:
    content = await content_of(office, hero_jpg=picture(size=(10, 10)))
    names, attached = await mail_pictures.carried(office.house, office.organisation_id, content)
    assert names["hero.jpg"] == f"cid:{attached[0].cid}" and attached[0].media_type == "image/jpeg"


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", picture()[:20], picture("TIFF", (5, 5))])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PostOfficeError) as caught:
        shown(data)
    assert caught.value.code == "bad-mail-picture"


def test_a_bomb_is_refused_before_it_is_opened() -> None:
    made = io.BytesIO()
    Image.new("1", (9000, 9000)).save(made, "PNG")
    with pytest.raises(PostOfficeError, match="million pixels"):
        shown(made.getvalue())
