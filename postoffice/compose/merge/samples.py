"""What a template begins with: the samples that ship in `templates/letters/`, or next to nothing; and rows to try it with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from postoffice.compose.merge.content import Content, Parts
from postoffice.compose.merge.uses import uses_of

#: sample templates: folders of `templates/letters/`
_FILES = {"letter": "letter.html", "subject": "subject.txt", "text": "body.txt", "html": "body.html", "sms": "sms.txt"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample template as it ships."""

    name: str
    titles: Mapping[str, str]
    content: Content
    rows: Sequence[Mapping[str, Any]]
    files: Mapping[str, Path] = field(default_factory=dict)  #: pictures by their names in the template


def samples(folder: Path) -> list[Sample]:
    """The samples of `templates/letters/` and `templates/email/campaigns/`, in the order in which people want them."""
    root, mails = folder / "letters", folder / "email" / "campaigns"
    found = [_sample(root, path) for path in sorted(root.glob("*/about.json"))] if root.is_dir() else []
    found += [_campaign(path) for path in sorted(mails.glob("*/about.json"))]
    return sorted(found, key=lambda one: (_ORDER.index(one.name) if one.name in _ORDER else 99, one.name))


_ORDER = ("invoice", "reminder", "contract", "promotion", "newsletter", "offer", "invitation")
#: of a campaign, which has no letter
_SAID = {"subject": "subject.txt", "preheader": "preheader.txt", "sms": "sms.txt"}


def _campaign(about: Path) -> Sample:
    """A mail of blocks, with its pictures beside it."""
    shape = json.loads(about.read_text(encoding="utf-8"))
    content = Content({}, "", shape["sender"], "fr", shape["layout"], shape["purpose"])
    for folder in sorted(one for one in about.parent.iterdir() if one.is_dir()):
        said = {part: (folder / name).read_text(encoding="utf-8").strip() for part, name in _SAID.items()}
        content = replace(content, parts={**content.parts, folder.name: Parts(**said)})
        content = content.with_blocks(folder.name, (folder / "blocks.json").read_text(encoding="utf-8"))
    files = {name: about.parent / name for name in shape["pictures"]}
    return Sample(about.parent.name, shape["titles"], content, shape["rows"], files)


def _sample(root: Path, about: Path) -> Sample:
    shape = json.loads(about.read_text(encoding="utf-8"))
    parts = {}
    for folder in sorted(one for one in about.parent.iterdir() if one.is_dir()):
        sources = {part: (folder / name).read_text(encoding="utf-8") for part, name in _FILES.items() if (folder / name).exists()}
        parts[folder.name] = Parts(**sources)
    own = about.parent / "style.css"
    style = (root / "style.css").read_text(encoding="utf-8") + (own.read_text(encoding="utf-8") if own.exists() else "")
    content = Content(parts, style, shape["sender"], "fr", shape["layout"], shape["purpose"])
    return Sample(about.parent.name, shape["titles"], content, shape["rows"])


def starter(language: str) -> Content:
    """What a template begins with that is made of nothing."""
    letter = _STARTER[language if language in _STARTER else "en"]
    return Content({language: Parts(letter=letter)}, _STARTER_STYLE, {}, language)


_STARTER_STYLE = """@page { size: A4; margin: 20mm 20mm 25mm }
@page :first { margin-top: 55mm }
body { font: 10.5pt/1.5 "Liberation Sans", sans-serif }
.address { position: absolute; left: 90mm; top: 0; width: 85mm; height: 33mm }
.text { margin-top: 45mm }
"""
_STARTER = {
    "fr": """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><style>{% include "style.css" %}</style></head><body>
<div class="address">{{ address | address }}</div>
<div class="text">
<p>Le {{ today | date }}</p>
<p>Bonjour,</p>
<p>{{ text }}</p>
</div></body></html>
""",
    "en": """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><style>{% include "style.css" %}</style></head><body>
<div class="address">{{ address | address }}</div>
<div class="text">
<p>{{ today | date }}</p>
<p>Hello,</p>
<p>{{ text }}</p>
</div></body></html>
""",
}


def made_up(content: Content) -> dict[str, Any]:
    """Sample values for every field that a template uses, by kind; raises TemplateFault where it cannot be read."""
    kinds = {"number": "1234.50", "date": "2026-03-31"}
    values: dict[str, Any] = dict(_SOMEBODY)
    for use in uses_of(content):
        if use.kind == "list":
            entry = {one.name: kinds.get(one.kind, one.name.capitalize()) for one in use.children.values()}
            values[use.name] = [entry, entry] if entry else ["…", "…"]
        elif use.children:
            values[use.name] = {one.name: kinds.get(one.kind, one.name.capitalize()) for one in use.children.values()}
        else:
            values.setdefault(use.name, kinds.get(use.kind, use.name.replace("_", " ").capitalize()))
    return values


_SOMEBODY = {
    "title": "Madame",
    "first_name": "Inès",
    "last_name": "Fournier",
    "name": "Inès Fournier",
    "street": "12 rue des Lilas",
    "postcode": "69003",
    "town": "Lyon",
    "email": "ines@example.org",
    "mobile": "+33612345678",
    "reference": "2026-0042",
}
