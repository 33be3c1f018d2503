"""People: who may do what? Accounts, their roles, and first passwords that are shown once."""

import secrets
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from postoffice.actions.notices import Change, tell_staff
from postoffice.compose.recheck import points
from postoffice.desk.admin import admin_page, name_missing, note, of_whole_office
from postoffice.desk.choices import Form, text_of, unknown_word
from postoffice.desk.page import go
from postoffice.desk.visit import SECOND_FACTOR_ROLES, VISIT, house_of, required_roles
from postoffice.model.errors import Conflict, PostOfficeError
from postoffice.model.people import Grant, Role, User
from postoffice.store import accounts, factors, people, printers
from postoffice.store.printers import Printer
from postoffice.words import LANGUAGES, N_

#: what each role is trusted with, in words
TRUST: dict[Role, str] = {
    Role.ADMINISTRATOR: N_("Everything but the privacy work: people, printers, carriers, settings, audit trail."),
    Role.SENDER: N_("Prints, uploads, chooses and sends."),
    Role.APPROVER: N_("Sends what others prepared."),
    Role.CLERK: N_("Enters mail that came back."),
    Role.VIEWER: N_("Looks on, changes nothing."),
    Role.PRIVACY: N_("Consents, exports, erasure, audit trail."),
}


async def all_people(request: web.Request) -> web.StreamResponse:
    """GET /admin/people"""
    visit = request[VISIT]
    of_whole_office(visit)
    async with house_of(request).database.read() as connection:
        known = await people.all_users(connection, visit.organisation.id)
        seen = await accounts.last_seen(connection, visit.organisation.id)
        names = {one.id: one.name for one in await printers.all_of(connection, visit.organisation.id)}
    context = {"people": sorted(known, key=lambda one: one.disabled), "seen": seen, "printer_names": names}
    return admin_page(request, "people.html", {**context, "roles": list(Role), "required": required_roles(visit.organisation)})


async def require_second_factor(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/second-factor: the roles that may not work with a password alone. Who has none yet sets one up first."""
    visit, form = request[VISIT], await request.post()
    of_whole_office(visit)
    chosen = [role.value for role in Role if text_of(form, f"second-{role.value}", 1) == "1"]
    async with house_of(request).database.write() as connection:
        organisation = await people.hold_organisation(connection, visit.organisation.id)
        settings = {**organisation.settings, SECOND_FACTOR_ROLES: chosen}
        await people.update_organisation(connection, organisation.id, settings=settings)
        await note(request, connection, "office.second-factor", organisation.id, roles=chosen)
    return go(request, "/admin/people?done=kept")


async def reset_second_factor(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/{user}/second-factor: for somebody who lost app, codes and passkeys. All sessions of this person end."""
    person = await _load(request)
    if person.id == request[VISIT].user.id:
        raise Conflict(
            "own-second-factor", "You cannot take away your own second factor here.", help="Use the page of your own account."
        )
    async with house_of(request).database.write() as connection:
        await factors.forget_all(connection, person.id)
        await note(request, connection, "user.second-reset", person.id)
    await tell_staff(house_of(request), request[VISIT].organisation, person, Change.SECOND_RESET)
    return go(request, "/admin/people?done=changed")


async def new_person(request: web.Request) -> web.StreamResponse:
    """GET /admin/people/new"""
    of_whole_office(request[VISIT])
    return await _form_page(request, None, {"language": request[VISIT].organisation.language}, {Role.SENDER: "all"})


async def person_page(request: web.Request) -> web.StreamResponse:
    """GET /admin/people/{user}"""
    person = await _load(request)
    return await _form_page(request, person, {"name": person.name, "language": person.language}, _given(person.grants))


async def _load(request: web.Request) -> User:
    visit = request[VISIT]
    of_whole_office(visit)
    async with house_of(request).database.read() as connection:
        return await accounts.get(connection, request.match_info["user"], visit.organisation.id)


def _given(grants: Sequence[Grant]) -> dict[Role, Any]:
    """Role -> "all" or the ids of its printers, as the form shows it."""
    given: dict[Role, Any] = {}
    for grant in grants:
        if grant.printer_id is None:
            given[grant.role] = "all"
        elif given.get(grant.role) != "all":
            given[grant.role] = [*given.get(grant.role, []), grant.printer_id]
    return given


async def _form_page(
    request: web.Request, person: User | None, typed: Form, given: dict[Role, Any], wrong: PostOfficeError | None = None
) -> web.Response:
    visit = request[VISIT]
    async with house_of(request).database.read() as connection:
        known = await printers.all_of(connection, visit.organisation.id)
    context = {
        "person": person,
        "typed": typed,
        "given": given,
        "trust": TRUST,
        "printers": known,
        "said": visit.words.problem(wrong) if wrong else None,
        "oneself": person is not None and person.id == visit.user.id,
    }
    return admin_page(request, "people-one.html", context, status=wrong.status if wrong else 200)


def _chosen(form: Form, known: Sequence[Printer], all_of: Any) -> list[Grant]:
    """The roles that a form gives. `all_of`: the form's values of a name."""
    ids = {one.id for one in known}
    chosen: list[Grant] = []
    for role in Role:
        reach = text_of(form, f"role-{role.value}", 10)
        if reach == "all":
            chosen.append(Grant(role))
        elif reach == "some":
            at = [str(one) for one in all_of(f"at-{role.value}", [])]
            if not set(at) <= ids:
                raise unknown_word()
            if not at:
                raise PostOfficeError("no-printer-chosen", "A role for certain printers needs at least one.", help="Tick its printers.")
            chosen += [Grant(role, printer_id) for printer_id in at]
        elif reach:
            raise unknown_word()
    return chosen


def _language(form: Form, otherwise: str) -> str:
    chosen = text_of(form, "language", 5) or otherwise
    if chosen not in LANGUAGES:
        raise unknown_word()
    return chosen


def _name(form: Form) -> str:
    name = text_of(form, "name", 200)
    if not name:
        raise name_missing()
    return name


async def invite(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/new: the account with a first password, which this answer shows and nothing shows again."""
    visit, house, form = request[VISIT], house_of(request), await request.post()
    of_whole_office(visit)
    email, password = text_of(form, "email", 320), first_password()
    hashed = await people.hash_password(password)
    try:
        email = points(email=email, mobile=None, fax=None, country=visit.organisation.country)["email"]
        if not email:
            raise PostOfficeError("bad-email", "This is not an e-mail address.", help="Write it like name@example.org.")
        async with house.database.write() as connection:
            known = await printers.all_of(connection, visit.organisation.id)
            user_id = await people.add_user(
                connection,
                organisation_id=visit.organisation.id,
                email=email,
                name=_name(form),
                password=hashed,
                roles=_chosen(form, known, form.getall),
                now=house.clock.now(),
                language=_language(form, visit.organisation.language),
                must_change=True,
            )
            await note(request, connection, "user.add", user_id)
            made = await accounts.get(connection, user_id, visit.organisation.id)
    except PostOfficeError as wrong:
        return await _form_page(request, None, form, _retyped(form), wrong)
    return _password_page(request, made, password)


def _retyped(form: Any) -> dict[Role, Any]:
    """What was ticked, for a form that is shown again."""
    given: dict[Role, Any] = {}
    for role in Role:
        reach = text_of(form, f"role-{role.value}", 10)
        if reach:
            given[role] = "all" if reach == "all" else list(form.getall(f"at-{role.value}", []))
    return given


def first_password() -> str:
    """Easy to read out: four groups of four letters and digits, none of them like another; 79 random bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _password_page(request: web.Request, person: User, password: str) -> web.Response:
    return admin_page(request, "people-password.html", {"person": person, "password": password, "url": house_of(request).url})


async def change_person(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/{user}: name, language and roles. Conflict where no administrator would be left."""
    person, visit, form = await _load(request), request[VISIT], await request.post()
    try:
        async with house_of(request).database.write() as connection:
            known = await printers.all_of(connection, visit.organisation.id)
            chosen = _chosen(form, known, form.getall)
            await accounts.rename(connection, person.id, _name(form), _language(form, person.language))
            await people.set_grants(connection, visit.organisation.id, person.id, chosen, house_of(request).clock.now())
            await accounts.keep_an_administrator(connection, visit.organisation.id)
            roles = sorted({grant.role.value for grant in chosen})
            await note(request, connection, "user.change", person.id, roles=roles)
    except PostOfficeError as wrong:
        return await _form_page(request, person, form, _retyped(form), wrong)
    return go(request, "/admin/people?done=kept")


async def switch(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/{user}/switch: disable or enable an account. Disabled, its sessions end at once."""
    person, visit, house = await _load(request), request[VISIT], house_of(request)
    on = text_of(await request.post(), "on") == "1"
    if person.id == visit.user.id and not on:
        raise Conflict("not-oneself", "You cannot disable your own account.", help="Ask another administrator.")
    async with house.database.write() as connection:
        if on:
            await accounts.enable(connection, person.id)
        else:
            await accounts.disable(connection, person.id, house.clock.now())
        await accounts.keep_an_administrator(connection, visit.organisation.id)
        await note(request, connection, "user.enable" if on else "user.disable", person.id)
    return go(request, "/admin/people?done=changed")


async def new_password(request: web.Request) -> web.StreamResponse:
    """POST /admin/people/{user}/password: a new first password; all sessions of this person end."""
    person, visit, house = await _load(request), request[VISIT], house_of(request)
    if person.id == visit.user.id:
        return go(request, "/password")
    password = first_password()
    hashed = await people.hash_password(password)
    async with house.database.write() as connection:
        await people.set_password(connection, person.id, hashed, must_change=True)
        await note(request, connection, "user.password", person.id)
    await tell_staff(house, visit.organisation, person, Change.PASSWORD_RESET)
    return _password_page(request, person, password)
