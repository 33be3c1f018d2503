"""Pictures that the HTML of an e-mail template names (`src="cid:logo.png"`): files that lie beside the templates."""

import re
from functools import lru_cache
from pathlib import Path

from postoffice.model.delivery import Attachment
from postoffice.model.errors import NotFound

_NAMED = re.compile(r"""(?:src|background)=["']cid:([A-Za-z0-9._-]{1,80})["']|url\(['"]?cid:([A-Za-z0-9._-]{1,80})""", re.IGNORECASE)
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".svg": "image/svg+xml"}


def pictures_of(html: str, name: str, language: str, templates: Path) -> tuple[Attachment, ...]:
    """The pictures of a rendered mail, in the order in which they are named.

    Looked for in the template's folder of that language, in the template's own (`email/letter/`), then in the channel's (`email/`).
    NotFound where one is missing.
    """
    if "cid:" not in html:
        return ()
    found = dict.fromkeys(one or other for one, other in _NAMED.findall(html))
    folder = templates / name
    return tuple(_read(cid, (folder / language, folder, folder.parent)) for cid in found)


def _read(cid: str, folders: tuple[Path, ...]) -> Attachment:
    for folder in folders:
        path = folder / cid
        if path.suffix.lower() in _KINDS and path.is_file():
            return _picture(path, path.stat().st_mtime_ns)
    raise NotFound(
        "template-missing", f"There is no picture '{cid}' beside the template.", help="Put it into the templates folder.", template=cid
    )


@lru_cache(maxsize=32)
def _picture(path: Path, _changed: int) -> Attachment:
    return Attachment(path.name, _KINDS[path.suffix.lower()], path.read_bytes(), cid=path.name)
