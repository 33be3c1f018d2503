"""Pictures that a template's HTML names."""

from pathlib import Path

import pytest

from postoffice.compose.pictures import pictures_of
from postoffice.model.errors import NotFound


def test_named_pictures_are_found_nearest_first_and_once(tmp_path: Path) -> None:
    for place, content in (("email/logo.png", b"all"), ("email/letter/logo.png", b"letter"), ("email/letter/fr/map.jpg", b"fr")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(content)
    html = '<img src="cid:logo.png"><td background=\'cid:map.jpg\'></td><p style="background:url(cid:logo.png)">cid:other.png</p>'
    found = pictures_of(html, "email/letter", "fr", tmp_path)
    assert [(one.cid, one.media_type, one.content) for one in found] == [
        ("logo.png", "image/png", b"letter"),
        ("map.jpg", "image/jpeg", b"fr"),
    ]


@pytest.mark.parametrize("named", ["logo.png", "..", "words.txt", "../../secret.png"])
def test_what_is_no_picture_of_the_template_is_not_sent(tmp_path: Path, named: str) -> None:
    (tmp_path / "email/letter/fr").mkdir(parents=True)
    (tmp_path / "email/letter/fr/words.txt").write_text("x")
    (tmp_path / "secret.png").write_bytes(b"x")
    if "/" in named:
        assert pictures_of(f'<img src="cid:{named}">', "email/letter", "fr", tmp_path) == ()
        return
    with pytest.raises(NotFound):
        pictures_of(f'<img src="cid:{named}">', "email/letter", "fr", tmp_path)
