"""Templates over REST: list, look, keep; and the rows of a mailing that is made of one."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from postoffice.actions import templating
from postoffice.api import template_shapes as shapes
from postoffice.api.call import Call
from postoffice.api.parts import Parcel
from postoffice.api.problems import invalid_field
from postoffice.compose.merge.content import Content, Parts
from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.compose.merge.samples import made_up
from postoffice.compose.merge.sheets import pack_rows
from postoffice.compose.merge.uses import Use, uses_of
from postoffice.compose.render import TemplateFault
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.store import people, templates

_PIECE = 64 * 1024


async def list_templates(call: Call) -> shapes.Templates:
    """Templates of the key's organisation."""
    async with call.house.database.read() as connection:
        found = await templates.all_of(connection, call.organisation_id)
    return shapes.Templates(data=[_shape(one) for one in found])


async def get_template(call: Call) -> shapes.Template:
    """One template with the fields that its rows fill."""
    template_id = call.request.match_info["template_id"]
    if not is_id(template_id):
        raise templates.missing()
    async with call.house.database.read() as connection:
        return _shape(await templates.get(connection, template_id, call.organisation_id))


async def add_template(call: Call) -> shapes.Template:
    """Keep a template as a draft, or publish it at once. 422 with part and line where it cannot be published."""
    told = call.told(shapes.NewTemplate)
    parts = {language: Parts(**one.model_dump()) for language, one in told.parts.items()}
    content = Content(parts, told.style, told.sender, told.language, told.layout, told.purpose.value)
    if told.publish:
        await templating.trial(call.house, call.organisation_id, content, _row(told, content))
    async with call.house.database.read() as connection:
        organisation = await people.organisation(connection, call.organisation_id)
    made = await templating.create(call.house, organisation, told.name, content, told.sample, call.actor)
    if told.publish:
        version = await templating.publish(call.house, made, call.actor)
        made = replace(made, published=version.number)
    return _shape(made)


def _row(told: shapes.NewTemplate, content: Content) -> dict[str, object]:
    return told.sample[0] if told.sample else made_up(content)


def _shape(one: templates.Template) -> shapes.Template:
    content = Content.from_dict(one.draft)
    try:
        fields = [_field(use) for use in uses_of(content)]
    except TemplateFault:
        fields = []
    return shapes.Template(
        id=one.id,
        name=one.name,
        version=one.published,
        languages=list(content.parts),
        fields=fields,
        created_at=one.created_at,
        updated_at=one.updated_at,
    )


def _field(use: Use) -> shapes.TemplateField:
    children = [_field(child) for child in use.children.values()]
    return shapes.TemplateField.model_validate({"name": use.name, "kind": use.kind, "required": use.required, "fields": children})


async def fill_parcel(call: Call, parcel: Parcel) -> Content | None:
    """Put the rows of a submission that names a template into its parcel; None for one that brings a document.

    Refusal where there is no such template, or none of its versions is published.
    """
    asked = parcel.asked
    if not isinstance(asked, shapes.MergeSubmission):
        return None
    if asked.layout is not None or asked.split_rule is not None:
        raise invalid_field("layout", "A template has its own; leave layout and split_rule out.")
    try:
        async with call.house.database.read() as connection:
            template = await templates.get(connection, asked.template, call.organisation_id)
            version = await templating.published(connection, template)
    except NotFound as missing:
        raise invalid_field("template", missing.message) from None
    with tempfile.TemporaryDirectory(prefix="po-merge-") as folder:
        packed = Path(folder) / "rows.gz"
        pack_rows(packed, version.id, call.house.clock.now().date().isoformat(), asked.rows)
        content = packed.read_bytes()

    async def once() -> AsyncIterator[bytes]:
        for start in range(0, len(content), _PIECE):
            yield content[start : start + _PIECE]

    parcel.media_type, parcel.file_name = MEDIA_TYPE, template.name
    parcel.bring(once())
    return Content.from_dict(version.content)
