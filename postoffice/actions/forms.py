"""Sign-up and preference forms: written at the desk, typed by anybody, and taken only once the address itself says so.

What is typed waits, sealed, until the link that went to the address is opened and its button pressed; what nobody confirms is
forgotten. Only then is a contact made or found, the ledger gets its line with the proof, and what an earlier refusal, complaint or
bounce blocked for these purposes ends: whoever presses the button holds the mailbox, and says so themselves.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.actions import addressbook, listing, notices
from postoffice.actions.actor import Actor
from postoffice.actions.optouts import Address, Wish, record
from postoffice.house import House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.consent import Entry, Means
from postoffice.model.errors import PostOfficeError
from postoffice.model.form import Form, FormDesign, FormEntry, FormKind
from postoffice.model.people import Organisation
from postoffice.model.states import EventKind
from postoffice.store import answers, consents, contact_book, events, forms, people, points, suppressions
from postoffice.store.contact_book import FullContact
from postoffice.store.keys import new_token
from postoffice.words import N_

#: how long what was typed waits for its confirmation
LIFETIME = timedelta(days=3)
#: purposes that a form may ask for: the rest is mail that a business relation brings by itself
ASKED = (Purpose.PROMOTION, Purpose.SERVICE, Purpose.OTHER)
MOST_EXTRAS = 6
CONFIRM_PATH = "/k/"
_OWN = ("name", "company")  # extras that are columns of the contact


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed. `to`: the address as it is kept; `extras`: name of the field -> text."""

    to: str
    purposes: tuple[Purpose, ...]
    extras: Mapping[str, str]


async def keep(house: House, organisation_id: str, design: FormDesign, actor: Actor, form: Form | None = None) -> str:
    """Write a form, or change one; its id. PostOfficeError bad-form where it cannot be."""
    _check(design)
    now = house.clock.now()
    async with house.database.write() as connection:
        made = form or await forms.add(connection, organisation_id, design, now)
        if form is not None:
            await forms.change(connection, form, design, now)
        await _note(connection, organisation_id, actor.name, "form.change" if form else "form.create", made.id, now)
    return made.id


def _check(design: FormDesign) -> None:
    if not design.name.strip() or not design.title.strip():
        raise _bad(N_("The form has no name or no heading."), "name")
    if design.channel not in (Channel.EMAIL, Channel.SMS):
        raise _bad(N_("A form asks for an e-mail address or a mobile number."), "channel")
    if design.kind is FormKind.SIGN_UP and not set(design.purposes) <= set(ASKED) or not design.purposes:
        raise _bad(N_("It is not said what the person signs up for."), "purposes")
    names = [one.name for one in design.extras]
    if len(names) > MOST_EXTRAS or len(set(names)) < len(names) or not all(names):
        raise _bad(N_("Two fields have one name, or a field has none."), "extras")
    for site in design.sites:
        parts = urlsplit(site)
        if parts.scheme not in ("https", "http") or site != f"{parts.scheme}://{parts.netloc}" or not _HOST.fullmatch(parts.netloc):
            raise _bad(N_("A website is written like https://www.example.org."), "sites")


_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?")


def _bad(why: str, field: str) -> PostOfficeError:
    return PostOfficeError("bad-form", why, help=N_("Correct it, then keep it again."), why=why, field=field)


async def close(house: House, form: Form, actor: Actor, *, closed: bool) -> None:
    """Take no more from this form, or open it again. What waits may still be confirmed."""
    now = house.clock.now()
    async with house.database.write() as connection:
        await forms.close(connection, form, now if closed else None)
        await _note(connection, form.organisation_id, actor.name, "form.close" if closed else "form.open", form.id, now)


async def ask(house: House, organisation: Organisation, form: Form, typed: Typed, proof: Mapping[str, Any]) -> bool:
    """Let what was typed wait, and send the link that confirms it; whether a carrier took it. The same whether the address is known.

    `proof`: words shown and from where; never an address.
    """
    now, code = house.clock.now(), new_token()
    shape = {"to": typed.to, "purposes": [one.value for one in typed.purposes], "extras": dict(typed.extras)}
    sealed = house.keyring.wrap(json.dumps(shape).encode())
    told = {**proof, "form": form.id, "version": form.version, "asked": now.isoformat()}
    async with house.database.write() as connection:
        await forms.wait(connection, form, code, sealed, told, now, now + LIFETIME)
    return await _send(house, organisation, form, typed.to, "sign-up", f"{house.url}{CONFIRM_PATH}{code}")


async def ask_for_choices(house: House, organisation: Organisation, form: Form, to: str) -> None:
    """Send the way to their choices to whoever is known by this address; nothing to others. Tell nobody which it was."""
    now = house.clock.now()
    async with house.database.read() as connection:
        contact = await _by_address(connection, form, to)
        if contact is None:
            house.log.info("form.choices-unknown", form=form.id)
            return
        delivery = await forms.last_delivery_with_link(connection, form.organisation_id, contact.id, now)
    if delivery is not None:
        link = f"{house.url}/l/{house.keyring.link_token(delivery)}?to=choices"
    else:
        code = new_token()
        sealed = house.keyring.wrap(json.dumps({"to": to, "purposes": [], "extras": {}}).encode())
        async with house.database.write() as connection:
            await forms.wait(connection, form, code, sealed, {"form": form.id, "version": form.version}, now, now + LIFETIME)
        link = f"{house.url}{CONFIRM_PATH}{code}"
    await _send(house, organisation, form, to, "choices", link)


async def _send(house: House, organisation: Organisation, form: Form, to: str, why: str, link: str) -> bool:
    design = form.design
    facts = {"link": link, "days": LIFETIME.days, "why": why, "title": design.title}
    taken = await notices.send_notice(house, organisation, design.channel, to, "confirm", design.language, facts)
    house.log.info("form.link-sent" if taken else "form.link-not-sent", form=form.id, why=why)
    return taken


def typed_of(house: House, entry: FormEntry) -> Typed:
    """What was typed; only before it is confirmed."""
    shape = json.loads(house.keyring.unwrap(entry.sealed or b""))
    return Typed(shape["to"], tuple(Purpose(one) for one in shape["purposes"]), shape["extras"])


async def confirm(house: House, form: Form, entry: FormEntry, masked: str, proof: Mapping[str, Any]) -> bool:
    """The address itself says yes: contact, ledger, blocks, event and trail in one transaction. False where it was confirmed before."""
    typed, now = typed_of(house, entry), house.clock.now()
    whole = {**entry.proof, "address": masked, "confirmed": now.isoformat(), "confirmed_from": dict(proof), "entry": entry.id}
    async with house.database.write() as connection:
        if not await forms.confirm(connection, entry, now):
            return False
        contact_id = await _contact(house, connection, form, typed, now)
        channel = form.design.channel
        lines = [(contact_id, Entry(one.value, channel.value, True, now, Means.FORM, whole)) for one in typed.purposes]
        await consents.add(connection, form.organisation_id, lines)
        await _unblock(house, connection, form, entry, typed, now)
        await points.mark(
            connection,
            form.organisation_id,
            contact_id,
            lambda one: one.channel is channel and one.value == typed.to,
            points.GOOD,
            "",
            now,
        )
        detail = {"what": "sign-up", "form": form.id, "channel": channel.value, "purpose": ", ".join(typed.purposes), "given": "yes"}
        news = events.NewEvent(form.organisation_id, EventKind.EDITED, "recipient", now, contact_id=contact_id, detail=detail)
        await events.add(connection, [news], now)
        await _note(connection, form.organisation_id, f"form:{form.id}", "form.confirmed", contact_id, now)
    return True


async def _by_address(connection: AsyncConnection, form: Form, to: str) -> FullContact | None:
    """The contact that has this address: of several the one that has had it longest, erased ones never."""
    found = await contact_book.by_points(connection, form.organisation_id, form.design.channel.value, [to])
    held = await contact_book.hold(connection, form.organisation_id, found.get(to, []))
    known = await contact_book.by_ids(connection, form.organisation_id, held)
    alive = sorted(one.id for one in known.values() if one.merged_into is None)
    return known[alive[0]] if alive else None


async def _contact(house: House, connection: AsyncConnection, form: Form, typed: Typed, now: datetime) -> str:
    """Found or made. What is known of a contact stays: a form fills only what is empty, since anybody may type anything."""
    design, extras = form.design, {name: text for name, text in typed.extras.items() if text}
    attributes = {name: text for name, text in extras.items() if name not in _OWN}
    columns: dict[str, Any] = {name: extras[name] for name in _OWN if name in extras}
    known = await _by_address(connection, form, typed.to)
    if known is None:
        values = {**columns, "language": design.language, "attributes": attributes, "tags": [design.tag] if design.tag else []}
        actor = Actor(f"form:{form.id}")
        return await addressbook.add(house, connection, form.organisation_id, values, {design.channel.value: [typed.to]}, actor)
    fresh = {name: text for name, text in columns.items() if getattr(known, name) in ("", typed.to)}
    more = {name: text for name, text in attributes.items() if not known.attributes.get(name)}
    changed: dict[str, Any] = {**fresh, **({"attributes": {**known.attributes, **more}} if more else {})}
    if design.tag and design.tag not in known.tags:
        changed["tags"] = sorted({*known.tags, design.tag})
    if changed:
        await contact_book.change(connection, form.organisation_id, known.id, changed, [], now)
        await addressbook.refresh(connection, form.organisation_id, known.id)
    return known.id


async def _unblock(house: House, connection: AsyncConnection, form: Form, entry: FormEntry, typed: Typed, now: datetime) -> None:
    """End what blocks the address for what was asked: a refusal, a complaint, a bounce that is plainly over. What staff blocked stays,
    and so does what blocks other purposes: a line about all of them is written again for each of the others."""
    channel, wanted = form.design.channel, set(typed.purposes)
    hashes = [house.keyring.blind(suppressions.normal(channel, text, None)) for text in answers.spellings(channel, typed.to)]
    for address_hash in hashes:
        chosen = suppressions.Filter(channel=channel.value, state="active", hashes=[address_hash])
        for line in await suppressions.page(connection, form.organisation_id, chosen, now, limit=100):
            if line.reason == listing.BY_HAND or (line.purpose is not None and line.purpose not in wanted):
                continue
            await suppressions.lift(connection, form.organisation_id, line.id, "signed up again and confirmed", f"form:{entry.id}", now)
            for purpose in [one for one in Purpose if line.purpose is None and one not in wanted and line.reason in _WORDS]:
                await suppressions.add(
                    connection,
                    organisation_id=form.organisation_id,
                    channel=channel,
                    address_hash=address_hash,
                    reason=line.reason,
                    origin=line.origin,
                    now=now,
                    purpose=purpose,
                    expires_at=line.expires_at,
                    contact_id=line.contact_id,
                )


#: what somebody said, not what a mailbox did: it goes on holding for what was not asked anew
_WORDS = frozenset({"unsubscribed", "opt-out", "complaint"})


async def refuse(house: House, form: Form, entry: FormEntry, purposes: tuple[Purpose, ...], proof: Mapping[str, Any]) -> bool:
    """Whoever holds the address wants no more of these by this channel. False where the link was used before."""
    typed, now, channel = typed_of(house, entry), house.clock.now(), form.design.channel
    async with house.database.write() as connection:
        if not await forms.confirm(connection, entry, now):
            return False
        known = await _by_address(connection, form, typed.to)
        contact_id = known.id if known else None
        told = {**entry.proof, **proof, "entry": entry.id}
        address = (Address(channel, typed.to),)
        wish = Wish(form.organisation_id, Means.LINK, now, "recipient", contact_id, purposes, channel, address, proof=told)
        await record(connection, house, wish)
        detail = {"channel": channel.value, "purpose": ", ".join(purposes), "by": "form"}
        news = events.NewEvent(form.organisation_id, EventKind.OPTED_OUT, "recipient", now, contact_id=contact_id, detail=detail)
        await events.add(connection, [news], now)
    return True


async def _note(connection: AsyncConnection, organisation_id: str, actor: str, action: str, subject: str, now: datetime) -> None:
    await people.note(connection, organisation_id=organisation_id, actor=actor, action=action, subject=subject, now=now, detail={})
