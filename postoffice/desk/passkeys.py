"""Passkeys (W3C WebAuthn, level 3): what the browser is asked, and whether its answer holds. Each question is answered once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk.choices import Form, text_of
from postoffice.desk.visit import house_of
from postoffice.house import House
from postoffice.later import fido2_server, fido2_utils, webauthn
from postoffice.model.errors import NotAllowed
from postoffice.model.people import User
from postoffice.store import accounts, factors, people, sign_ins
from postoffice.store.factors import Passkey

LONGEST_ANSWER = 20_000  # letters of JSON; a credential's id alone may have 1,400


def offered(house: House) -> bool:
    """Whether browsers can use passkeys here: they need a host name (no number), and https anywhere but on this computer."""
    address = urlsplit(house.url)
    return not _is_number(address.hostname or "") and (house.secure or address.hostname == "localhost")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return not host
    return True


def _server(house: House) -> fido2_server.Fido2Server:
    """The relying party: this house's own host, answers from its own pages only."""
    address = urlsplit(house.url)
    party = webauthn.PublicKeyCredentialRpEntity(id=address.hostname or "", name="Post office")
    own = f"{address.scheme}://{address.netloc}"
    return fido2_server.Fido2Server(
        party, attestation=webauthn.AttestationConveyancePreference.NONE, verify_origin=lambda origin: origin == own
    )


def refused() -> NotAllowed:
    """The answer to a passkey that does not hold, whatever is wrong with it."""
    return NotAllowed("passkey-refused", "This passkey was not accepted.", help="Try again, or use your password.")


async def begin_adding(request: web.Request, connection: AsyncConnection, user: User) -> web.Response:
    """What the browser needs to make one: {"publicKey": ..., "step": ...}."""
    known = [_descriptor(one.credential) for one in await factors.passkeys_of(connection, user.id)]
    entity = webauthn.PublicKeyCredentialUserEntity(id=user.id.encode(), name=user.email, display_name=user.name)
    options, state = _server(house_of(request)).register_begin(
        entity,
        known,
        resident_key_requirement=webauthn.ResidentKeyRequirement.PREFERRED,
        user_verification=webauthn.UserVerificationRequirement.PREFERRED,
    )
    return await _asked(request, connection, user, "passkey-add", options, state)


async def begin_using(request: web.Request, connection: AsyncConnection, user: User | None, purpose: str) -> web.Response:
    """What the browser needs to use one; of a stranger (None) any passkey of this house, and then the device must know its owner."""
    known = [_descriptor(one.credential) for one in await factors.passkeys_of(connection, user.id)] if user else None
    wish = webauthn.UserVerificationRequirement.PREFERRED if user else webauthn.UserVerificationRequirement.REQUIRED
    options, state = _server(house_of(request)).authenticate_begin(known, user_verification=wish)
    return await _asked(request, connection, user, purpose, options, state)


def _descriptor(credential: str) -> webauthn.PublicKeyCredentialDescriptor:
    return webauthn.PublicKeyCredentialDescriptor(
        type=webauthn.PublicKeyCredentialType.PUBLIC_KEY, id=fido2_utils.websafe_decode(credential)
    )


async def _asked(
    request: web.Request, connection: AsyncConnection, user: User | None, purpose: str, options: Any, state: Mapping[str, Any]
) -> web.Response:
    house = house_of(request)
    organisation_id = user.organisation_id if user else await _any_organisation(connection)
    token = await sign_ins.begin(
        connection, house.keyring, organisation_id, user.id if user else None, purpose, house.clock.now(), secret=state
    )
    return web.json_response({**json.loads(json.dumps(dict(options), default=fido2_utils.websafe_encode)), "step": token})


async def _any_organisation(connection: AsyncConnection) -> str:
    first = await people.first_organisation(connection)
    if first is None:
        raise refused()
    return first.id


class Answer(NamedTuple):
    """A browser's answer that belongs to a step of ours; the step is over."""

    shape: Mapping[str, Any]
    state: Mapping[str, Any]


async def _answer(request: web.Request, connection: AsyncConnection, form: Form, purpose: str, user_id: str | None) -> Answer:
    house, token = house_of(request), text_of(form, "step", 64)
    step = await sign_ins.step(connection, house.keyring, token, purpose, house.clock.now())
    if step is None or step.user_id != user_id or not await sign_ins.end(connection, token):
        raise refused()
    try:
        shape = json.loads(text_of(form, "answer", LONGEST_ANSWER))
    except (ValueError, RecursionError):
        raise refused() from None
    if not isinstance(shape, dict):
        raise refused()
    return Answer(shape, step.secret)


class Made(NamedTuple):
    """A passkey as its device made it."""

    credential: str
    public_key: bytes
    uses: int


async def finish_adding(request: web.Request, connection: AsyncConnection, form: Form, user: User) -> Made:
    """The passkey that the browser made; NotAllowed where its answer does not hold."""
    answer = await _answer(request, connection, form, "passkey-add", user.id)
    try:
        made = _server(house_of(request)).register_complete(dict(answer.state), answer.shape)
    except _BAD as error:
        raise refused() from error
    data = made.credential_data
    if data is None:
        raise refused()
    return Made(fido2_utils.websafe_encode(data.credential_id), bytes(data), made.counter)


#: what fido2 and its parsers raise at answers that are none: it promises ValueError, its readers of foreign bytes give the rest
_BAD = (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError, OverflowError)


async def finish_using(request: web.Request, connection: AsyncConnection, form: Form, purpose: str, user_id: str | None) -> Passkey:
    """The passkey that the browser used; NotAllowed where its answer does not hold. Its owner is held until the transaction ends.

    `user_id`: who is asked; the caller holds this account already.
    """
    answer = await _answer(request, connection, form, purpose, user_id)
    try:
        told = webauthn.AuthenticationResponse.from_dict(answer.shape)
        credential, uses = fido2_utils.websafe_encode(told.raw_id), told.response.authenticator_data.counter
    except _BAD as error:
        raise refused() from error
    passkey = await factors.passkey_of_credential(connection, credential)
    if passkey is None or (user_id is not None and passkey.user_id != user_id):
        raise refused()
    if (await accounts.hold(connection, passkey.user_id, passkey.organisation_id)).disabled:
        raise refused()
    _verify(house_of(request), answer, [webauthn.AttestedCredentialData(passkey.public_key)])
    if not await factors.use_passkey(connection, passkey, uses, house_of(request).clock.now()):
        raise refused()
    return passkey


def _verify(house: House, answer: Answer, known: Sequence[webauthn.AttestedCredentialData]) -> None:
    try:
        _server(house).authenticate_complete(dict(answer.state), known, answer.shape)
    except _BAD as error:
        raise refused() from error
