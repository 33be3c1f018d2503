"""Carriers: can I rely on them? Their state, their settings, which one a channel uses first."""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from postoffice.desk.admin import admin_page, note, of_whole_office
from postoffice.desk.choices import Form, text_of
from postoffice.desk.hearing import heard_of
from postoffice.desk.page import go
from postoffice.desk.returning import returning_of
from postoffice.desk.visit import VISIT, house_of
from postoffice.house import CarrierKind, SettingField
from postoffice.model.channel import Channel
from postoffice.model.errors import Conflict, NotFound, PostOfficeError
from postoffice.store import carriers, news
from postoffice.store.carriers import CarrierRow

LONGEST = 20_000  # characters of a setting: a key or a chain of certificates
NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")  # it stands in webhook addresses and logs
PREFIX = "set-"  # of the fields of a kind, so that none can be taken for one of ours


def is_sandbox(carrier: CarrierRow | None) -> bool:
    """Whether what it takes stays in the office."""
    return carrier is not None and carrier.kind.startswith("sandbox")


async def all_carriers(request: web.Request) -> web.StreamResponse:
    """GET /admin/carriers: by channel, the one that is used first on top."""
    visit, house = request[VISIT], house_of(request)
    of_whole_office(visit)
    async with house.database.read() as connection:
        known = await carriers.all_of(connection, visit.organisation.id)
    of: dict[Channel, list[CarrierRow]] = {channel: [one for one in known if one.channel is channel] for channel in Channel}
    used = await house.carriers.names(visit.organisation.id, live=True)
    first = {channel: next((one for one in of[channel] if one.name == used.get(channel)), None) for channel in Channel}
    context = {
        "of": of,
        "first": first,
        "stopped": ", ".join(visit.words.word(channel) for channel in Channel if is_sandbox(first[channel])),
        "missing": ", ".join(visit.words.word(channel) for channel in Channel if first[channel] is None),
        "labels": {kind.word: kind.label for kind in house.carriers.kinds()},
        "kinds": house.carriers.kinds(),
    }
    return admin_page(request, "carriers.html", context)


def kind_of(request: web.Request, word: str) -> CarrierKind:
    """A kind by its word; NotFound otherwise."""
    for kind in house_of(request).carriers.kinds():
        if kind.word == word:
            return kind
    raise NotFound("carrier-kind", f"There is no carrier kind '{word[:40]}'.", help="Choose one of the list.")


async def load_carrier(request: web.Request) -> CarrierRow:
    """The carrier that the address names; NotFound otherwise."""
    visit = request[VISIT]
    of_whole_office(visit)
    async with house_of(request).database.read() as connection:
        return await carriers.by_name(connection, visit.organisation.id, request.match_info["carrier"])


async def new_carrier(request: web.Request) -> web.StreamResponse:
    """GET /admin/carriers/new?kind="""
    of_whole_office(request[VISIT])
    kind = kind_of(request, request.query.get("kind", ""))
    async with house_of(request).database.read() as connection:
        taken = {one.name for one in await carriers.all_of(connection, request[VISIT].organisation.id)}
    name = next(word for n in range(1, len(taken) + 2) if (word := kind.word if n == 1 else f"{kind.word}-{n}") not in taken)
    return await carrier_page_of(request, None, kind, {field.name: field.default for field in kind.fields}, typed_name=name)


async def carrier_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/carriers/{carrier}"""
    carrier = await load_carrier(request)
    return await carrier_page_of(request, carrier, kind_of(request, carrier.kind), kept_settings(request, carrier))


def kept_settings(request: web.Request, carrier: CarrierRow) -> Mapping[str, Any]:
    """What is stored, defaults filled in, for forms: fields that the kind no longer has are left out."""
    stored = carriers.unseal(house_of(request).keyring, carrier.sealed)
    kind = kind_of(request, carrier.kind)
    return {field.name: stored.get(field.name, field.default) for field in kind.fields}


async def carrier_page_of(
    request: web.Request,
    carrier: CarrierRow | None,
    kind: CarrierKind,
    settings: Mapping[str, Any],
    *,
    typed_name: str = "",
    wrong: PostOfficeError | None = None,
    **more: Any,
) -> web.Response:
    """A carrier's page, or the form of a new one; `settings` fill the form, secrets among them are never written out."""
    visit, house = request[VISIT], house_of(request)
    used = await house.carriers.names(visit.organisation.id, live=True)
    said = visit.words.problem(_with_label(wrong, kind, visit.words.language)) if wrong else None
    context = {
        "carrier": carrier,
        "kind": kind,
        "fields": kind.fields,
        "values": {field.name: settings.get(field.name, field.default) for field in kind.fields if not field.secret},
        "kept": {field.name for field in kind.fields if field.secret and settings.get(field.name)},
        "typed_name": typed_name,
        "is_first": carrier is not None and used.get(carrier.channel) == carrier.name,
        "sandboxed": kind.word.startswith("sandbox"),
        "prefix": PREFIX,
        "said": said,
        "wrong_field": str(wrong.facts.get("field", "")) if wrong else "",
        "tried": None,
        "typed_to": "",
        "returning": await returning_of(request, carrier) if carrier else None,
        "heard": await heard_of(request, carrier) if carrier else None,
        **more,
    }
    return admin_page(request, "carriers-one.html", context, status=wrong.status if wrong else 200)


def _with_label(wrong: PostOfficeError, kind: CarrierKind, language: str) -> PostOfficeError:
    """A setting's failure with the words that stand at its field."""
    label = next((field.label[language] for field in kind.fields if field.name == wrong.facts.get("field")), None)
    if label is None:
        return wrong
    return PostOfficeError(wrong.code, wrong.message, help=wrong.help, **{**wrong.facts, "label": label})


def read_form(form: Form, kind: CarrierKind, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a form asks for, still as texts. A secret that is left empty stays as it is, unless it is cleared."""
    return {field.name: _read_field(form, field, kept) for field in kind.fields}


def _read_field(form: Form, field: SettingField, kept: Mapping[str, Any]) -> Any:
    typed = text_of(form, PREFIX + field.name, LONGEST).replace("\r\n", "\n")
    if field.kind == "switch":
        return typed == "1"
    if field.secret and not typed and text_of(form, f"clear-{field.name}") != "1":
        return kept.get(field.name, "")
    return typed


async def add_carrier(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/new. A new carrier stands last on its channel: nothing changes until it is made the first."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    kind, name = kind_of(request, text_of(form, "kind", 40)), text_of(form, "name", 40)
    given = read_form(form, kind, {})
    try:
        if not NAME.fullmatch(name):
            raise PostOfficeError(
                "carrier-name", "This name cannot be used.", help="Use 2 to 40 small letters, digits and hyphens.", field="name"
            )
        settings = house.carriers.check(kind.word, given)
        async with house.database.write() as connection:
            known = await carriers.all_of(connection, visit.organisation.id)
            if any(one.name == name for one in known):
                raise Conflict("carrier-exists", "There is a carrier of this name already.", help="Choose another name.", field="name")
            lowest = min((one.preferred for one in known if one.channel is kind.channel), default=1)
            carrier_id = await carriers.add(
                connection,
                organisation_id=visit.organisation.id,
                name=name,
                kind=kind.word,
                channel=kind.channel,
                settings=carriers.seal(house.keyring, settings),
                now=house.clock.now(),
                preferred=lowest - 1,
            )
            await note(request, connection, "carrier.add", carrier_id, name=name, kind=kind.word)
    except PostOfficeError as wrong:
        return await carrier_page_of(request, None, kind, given, typed_name=name, wrong=wrong)
    return go(request, f"/admin/carriers/{name}?done=made")


async def change_carrier(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/settings"""
    carrier, house, form = await load_carrier(request), house_of(request), await request.post()
    kind = kind_of(request, carrier.kind)
    given = read_form(form, kind, kept_settings(request, carrier))
    try:
        settings = house.carriers.check(kind.word, given)
    except PostOfficeError as wrong:
        return await carrier_page_of(request, carrier, kind, given, wrong=wrong)
    async with house.database.write() as connection:
        await carriers.update(connection, carrier.id, settings=carriers.seal(house.keyring, settings))
        await note(request, connection, "carrier.change", carrier.id, name=carrier.name)
    await house.carriers.forget(carrier.organisation_id, carrier.name)
    return go(request, f"/admin/carriers/{carrier.name}?done=kept")


async def switch(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/switch: on or off. Off, nothing is handed to it; what waits for it waits."""
    carrier, house, enabled = await load_carrier(request), house_of(request), text_of(await request.post(), "on") == "1"
    async with house.database.write() as connection:
        await carriers.update(connection, carrier.id, enabled=enabled)
        await note(request, connection, "carrier.on" if enabled else "carrier.off", carrier.id, name=carrier.name)
    await house.carriers.forget(carrier.organisation_id, carrier.name)
    return go(request, f"/admin/carriers/{carrier.name}?done=changed")


async def read_again(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/read-again: the news that was not understood, now that its settings are mended."""
    carrier, house = await load_carrier(request), house_of(request)
    async with house.database.write() as connection:
        batch_id, attempt = await news.reopen(
            connection, carrier.organisation_id, carrier.id, carrier.name, carrier.channel, house.clock.now()
        )
        await note(request, connection, "carrier.read-again", carrier.id, name=carrier.name)
    await house.bell.ring(carrier.channel.value, batch_id, attempt)
    return go(request, f"/admin/carriers/{carrier.name}?done=tried#news")


async def prefer(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/prefer: from now on its channel uses it first."""
    carrier, house = await load_carrier(request), house_of(request)
    if not carrier.enabled:
        raise Conflict("carrier-off", f"The carrier {carrier.name} is switched off.", help="Switch it on first.")
    async with house.database.write() as connection:
        known = await carriers.all_of(connection, carrier.organisation_id)
        highest = max(one.preferred for one in known if one.channel is carrier.channel)
        await carriers.update(connection, carrier.id, preferred=highest + 1)
        await note(request, connection, "carrier.prefer", carrier.id, name=carrier.name)
    return go(request, f"/admin/carriers/{carrier.name}?done=changed")


async def remove(request: web.Request) -> web.StreamResponse:
    """POST /admin/carriers/{carrier}/remove, once it is off. Its deliveries keep its name."""
    carrier, house = await load_carrier(request), house_of(request)
    if carrier.enabled:
        raise Conflict("carrier-in-use", "This carrier is switched on.", help="Switch it off first.")
    async with house.database.write() as connection:
        await carriers.remove(connection, carrier.organisation_id, carrier.id)
        await note(request, connection, "carrier.remove", carrier.id, name=carrier.name)
    await house.carriers.forget(carrier.organisation_id, carrier.name)
    return go(request, "/admin/carriers?done=removed")
