"""Bringing a mailing in over REST: streamed to the store, one mailing for one Idempotency-Key whatever breaks in between."""

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from postoffice.api import shaping
from postoffice.api.call import Call
from postoffice.api.parts import Parcel, open_parcel
from postoffice.api.problems import Refusal, invalid_field
from postoffice.api.templates import fill_parcel
from postoffice.compose import recheck
from postoffice.compose.merge.content import Content
from postoffice.compose.merge.records import MEDIA_TYPE
from postoffice.model.channel import Purpose
from postoffice.model.errors import NotAllowed, NotFound, TooLarge
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.people import Right
from postoffice.model.ports import PrinterCard
from postoffice.store import idempotency, plans, printers

_LONGEST_KEY = 200
_ALIVE_EVERY = idempotency.LEASE / 3


async def submit(call: Call) -> web.Response:
    """POST /mailings."""
    key = _key(call)
    async with open_parcel(call.request) as parcel:
        content = await fill_parcel(call, parcel)
        card = await _printer(call, parcel.asked.printer)
        limit = min(filter(None, (card.max_bytes if card else 0, call.house.limits.max_upload)), default=0)
        new = await _new_mailing(call, parcel, card, content)
        if card is not None:
            await call.house.reception.check_quota(card)
        if key is None:
            async with call.house.reception.intake(new, limit=limit) as intake:
                async for chunk in parcel.chunks():
                    await intake.write(chunk)
                mailing = await intake.accept(parcel.media_type)
            return _created(call, mailing)
        return await _once(call, key, parcel, new, limit)


async def _once(call: Call, key: str, parcel: Parcel, new: NewMailing, limit: int) -> web.Response:
    """The same for a request with an Idempotency-Key."""
    house = call.house
    request_hash = _request_hash(parcel)
    async with house.database.write() as connection:
        use = await idempotency.claim(connection, key, request_hash, new, house.clock.now())
    if use.busy:
        raise Refusal(
            409,
            "idempotency-key-busy",
            "Another request with this Idempotency-Key is under way.",
            help="Repeat this request in some seconds to get its answer.",
            headers={"Retry-After": "3"},
        )
    if not use.ours:
        return await _again(call, use, request_hash, parcel, limit)
    accepted = False
    try:
        async with house.reception.intake(new, limit=limit, opened=use.mailing) as intake:
            async with aclosing(_kept_alive(call, key, use.mailing, parcel.chunks())) as chunks:
                async for chunk in chunks:
                    await intake.write(chunk)
            mailing = await intake.accept(parcel.media_type)
            accepted = True
    finally:
        if not accepted:  # nothing was stored: the key is free for another try
            async with house.database.write() as connection:
                await idempotency.release(connection, new.organisation_id, key, use.mailing.id)
    response = _created(call, mailing)
    async with house.database.write() as connection:
        await idempotency.answer(connection, new.organisation_id, key, mailing.id, {"body": response.text})
    return response


async def _again(call: Call, use: idempotency.Use, request_hash: str, parcel: Parcel, limit: int) -> web.Response:
    """The answer that was given before, or would have been had the office not died in between; 422 for another request."""
    digest, size = hashlib.sha256(), 0
    async for chunk in parcel.chunks():
        size += len(chunk)
        if limit and size > limit:
            raise _too_large(limit)
        digest.update(chunk)
    made = parcel.media_type == MEDIA_TYPE  # of rows, which the hash of the request covers; the date in the bytes may be another one
    if use.request_hash != request_hash or (use.mailing.original != digest.hexdigest() and not made):
        raise Refusal(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request.",
            help="Use a fresh key for each new mailing, and the same one only to repeat a request.",
        )
    response = _created(call, use.mailing)
    if use.answer:
        response.text = str(use.answer["body"])
    response.headers["Idempotent-Replayed"] = "true"
    return response


async def _kept_alive(call: Call, key: str, mailing: Mailing, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    told = call.house.clock.now()
    async for chunk in chunks:
        now = call.house.clock.now()
        if now - told >= max(_ALIVE_EVERY, timedelta(seconds=1)):
            async with call.house.database.write() as connection:
                await idempotency.keep_alive(connection, mailing.organisation_id, key, mailing.id, now)
            told = now
        yield chunk


def _created(call: Call, mailing: Mailing) -> web.Response:
    body = shaping.mailing(mailing, call.house.url).model_dump_json()
    headers = {"Location": f"{call.house.url}/api/v1/mailings/{mailing.id}", "Cache-Control": "no-store"}
    return web.Response(text=body, status=201, content_type="application/json", headers=headers)


def _key(call: Call) -> str | None:
    """The Idempotency-Key, made the key's own; None where there is none."""
    told = call.request.headers.get("Idempotency-Key")
    if told is None:
        return None
    told = told.strip().strip('"')  # the draft standard has it as a quoted string, most programs send it bare
    if not 1 <= len(told) <= _LONGEST_KEY or not told.isascii() or not told.isprintable():
        raise invalid_field("Idempotency-Key", f"must be 1 to {_LONGEST_KEY} printable ASCII characters")
    return f"{call.key.id}:{told}"


def _request_hash(parcel: Parcel) -> str:
    shape = {"asked": parcel.asked.model_dump(mode="json", exclude={"document"}), "file": parcel.file_name}
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


async def _printer(call: Call, printer_id: str | None) -> PrinterCard | None:
    if printer_id is None:
        return None
    async with call.house.database.read() as connection:
        try:
            found = await printers.get(connection, printer_id, call.organisation_id)
        except NotFound:
            raise invalid_field("printer", "There is no such printer.") from None
    return PrinterCard(**{name: getattr(found, name) for name in printers.Printer.__slots__}, user_id=None)


async def _new_mailing(call: Call, parcel: Parcel, card: PrinterCard | None, content: Content | None) -> NewMailing:
    asked = parcel.asked
    usual = card.options if card else Options()
    if content is not None:
        usual = replace(usual, purpose=Purpose(content.purpose))
    options = shaping.changed(usual, asked.options)
    async with call.house.database.read() as connection:
        await plans.resolved(connection, call.organisation_id, options)  # a plan that does not exist is told now, not when it is sent
    automatic = bool(asked.send)
    if automatic and not call.may(Right.SEND):
        raise NotAllowed("no-right", "This key may bring mailings in, but not send them.", help="Leave 'send' out, or use another key.")
    if asked.split_rule is not None:
        await call.house.workshop.run(recheck.check_rule, asked.split_rule)
    return NewMailing(
        organisation_id=call.organisation_id,
        source=Source.API,
        name=asked.name or parcel.file_name or "API",
        layout=content.layout if content else asked.layout or (card.layout if card else "fr"),
        split_rule=asked.split_rule or (card.split_rule if card else "address"),
        options=options,
        automatic=automatic,
        printer_id=card.id if card else None,
        api_key_id=call.key.id,
        live=call.key.live and (card is None or card.live),
        media_type=parcel.media_type,
    )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "too-large",
        f"This document is larger than the {limit // 1_000_000} MB that one job may have.",
        help="Send it in parts, or ask your administrator to raise the limit.",
        limit=limit,
    )
