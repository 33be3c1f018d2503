"""Forms that others' pages embed: the page behind a form's address, and the page behind the link that confirms what was typed.

No captcha: a field that no person sees, the time that typing takes, limits, and nothing counts before the address itself confirms.
Whoever asks learns nothing of whether an address is known. There is no cookie, so framing the page gives nobody anything.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from postoffice.actions import forms as acting
from postoffice.actions.forms import Typed
from postoffice.house import HOUSE, House
from postoffice.model.channel import Channel, Purpose
from postoffice.model.form import Form, FormEntry, FormKind
from postoffice.model.people import Organisation
from postoffice.portal.brand import Brand, brand_of
from postoffice.portal.choices import ALL_OFF, LABELS
from postoffice.portal.coding import mask
from postoffice.portal.forms import fields_of, from_own_page, network_of, proof_of
from postoffice.portal.limits import DAY, HOUR
from postoffice.portal.pages import language_of, missing, page
from postoffice.portal.reach import email_of, mobile_of
from postoffice.store import forms, people, tries
from postoffice.store.tries import Limit
from postoffice.words import Words

PATH, CONFIRM = "/f/{token:[a-z2-7]{32}}", acting.CONFIRM_PATH + "{code:[a-z2-7]{32}}"
TRAP = "website"  #: a field that people do not see, and programs fill
STAMP = "at"  #: when the page was made, sealed
QUICKEST = timedelta(seconds=2)
SLOWEST = timedelta(hours=12)
OF_ADDRESS = 3  #: confirming messages to one address a day, over all forms of an organisation
OF_NETWORK = 20  #: an hour; a company's people may share an address
OF_FORM = 2000  #: an hour
_BEHIND = web.AppKey("portal_forms_behind", set[asyncio.Task[None]])


class Shown:
    """A form with what its page says."""

    def __init__(self, form: Form, organisation: Organisation, brand: Brand) -> None:
        self.form, self.organisation, self.brand = form, organisation, brand
        self.words = Words(form.design.language, organisation.timezone, organisation.currency)

    @property
    def consent(self) -> str:
        """What the person agrees to, in the form's words or the office's own."""
        if self.form.design.consent:
            return self.form.design.consent
        name = self.organisation.name
        return self.words._(
            "{sender} may write to me about what I chose here. I can take this back at any time, by one click.", sender=name
        )

    def said(self, purposes: tuple[Purpose, ...]) -> str:
        """The very words that were agreed to: what the proof is a hash of."""
        design = self.form.design
        chosen = ", ".join(self.words.gettext(LABELS[one]) for one in purposes)
        return f"{design.title} | {self.consent} | {chosen} | {self.words.word(design.channel)}"


def add_forms(app: web.Application) -> None:
    """What the handlers keep."""
    app[_BEHIND] = set()


async def _shown(request: web.Request, form: Form | None) -> Shown | None:
    if form is None:
        return None
    async with request.app[HOUSE].database.read() as connection:
        organisation = await people.organisation(connection, form.organisation_id)
    return Shown(form, organisation, await brand_of(request.app[HOUSE], organisation))


async def _open(request: web.Request) -> Shown | None:
    async with request.app[HOUSE].database.read() as connection:
        form = await forms.by_token(connection, request.match_info["token"])
    return await _shown(request, form)


async def show(request: web.Request) -> web.Response:
    """GET /f/{token}"""
    shown = await _open(request)
    return missing(request) if shown is None else _page(request, shown, {})


async def take(request: web.Request) -> web.StreamResponse:
    """POST /f/{token}: what was typed waits for its confirmation. A form on somebody else's page leads to ours, filled in."""
    shown = await _open(request)
    if shown is None:
        return missing(request)
    if shown.form.closed_at is not None:
        return _page(request, shown, {})
    fields = await fields_of(request)
    if fields.get(TRAP):
        return _asked(request, shown)  # a program: it learns nothing
    age = _age(request.app[HOUSE], shown.form, fields.get(STAMP, ""))
    if not from_own_page(request) or age is None or age > SLOWEST:
        return _page(request, shown, fields)
    if age < QUICKEST:
        return _page(
            request, shown, fields, status=422, error=shown.words._("That was very quick. Look at it once more, then send it.")
        )
    return await _taken(request, shown, fields)


async def _taken(request: web.Request, shown: Shown, fields: Mapping[str, str]) -> web.StreamResponse:
    design, words, house = shown.form.design, shown.words, request.app[HOUSE]
    by_mail = design.channel is Channel.EMAIL
    to = email_of(fields.get("to", "")).lower() if by_mail else mobile_of(fields.get("to", ""), shown.organisation.country)
    purposes = _purposes(shown.form, fields)
    extras = {one.name: " ".join(fields.get(f"x{place}", "").split())[:200] for place, one in enumerate(design.extras)}
    lacks = [place for place, one in enumerate(design.extras) if one.required and not extras[one.name]]
    if not to:
        wrong = words._("This is no e-mail address.") if by_mail else words._("This is no mobile number.")
        return _page(request, shown, fields, status=422, error=wrong, wrong=["to"])
    if lacks:
        return _page(request, shown, fields, status=422, error=words._("Something is missing."), wrong=[f"x{one}" for one in lacks])
    if design.kind is FormKind.SIGN_UP and not purposes:
        return _page(request, shown, fields, status=422, error=words._("Choose what you want to receive."), wrong=["purposes"])
    stop, silent = await _counted(request, shown.form, to)
    if stop:
        return _paused(request, shown, stop)
    if silent:
        house.log.info("form.address-limit", form=shown.form.id)
        return _asked(request, shown)
    if design.kind is FormKind.PREFERENCES:
        _behind(request, acting.ask_for_choices(house, shown.organisation, shown.form, to))
        return _asked(request, shown)
    proof = proof_of(request, shown.form.id, shown.said(purposes))
    if not await acting.ask(house, shown.organisation, shown.form, Typed(to, purposes, extras), proof):
        sorry = words._("The message could not be sent just now. Try again in a few minutes.")
        return _page(request, shown, fields, status=503, error=sorry)
    return _asked(request, shown)


def _behind(request: web.Request, work: Awaitable[None]) -> None:
    """Do it when the answer is gone: how long it takes would tell whether the address is known."""
    kept = request.app[_BEHIND]
    task: asyncio.Task[None] = asyncio.ensure_future(_quietly(request.app[HOUSE], work))
    kept.add(task)
    task.add_done_callback(kept.discard)


async def _quietly(house: House, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # nobody waits for it: its kind goes to the log, its text may hold an address
        house.log.error("form.failed", kind=type(error).__name__)


def _purposes(form: Form, fields: Mapping[str, str]) -> tuple[Purpose, ...]:
    """What is ticked; a form that asks for one thing alone asks by its button."""
    offered = form.design.purposes
    return offered if len(offered) == 1 else tuple(one for one in offered if fields.get(f"p-{one.value}") == "yes")


async def _counted(request: web.Request, form: Form, to: str) -> tuple[timedelta, bool]:
    """(how long nothing is taken from here, whether this address had its messages for today)."""
    house = request.app[HOUSE]
    blind, now, whose = house.keyring.blind, house.clock.now(), form.organisation_id
    network = network_of(request, bits=(32, 64))
    public = [Limit(blind(f"form-network|{whose}|{network}"), OF_NETWORK, HOUR), Limit(blind(f"form|{form.id}"), OF_FORM, HOUR)]
    async with house.database.write() as connection:
        if stop := await tries.count(connection, whose, public, now):
            return stop, False
        silent = await tries.count(connection, whose, [Limit(blind(f"form-to|{whose}|{to}"), OF_ADDRESS, DAY)], now)
    return timedelta(), bool(silent)


def _stamp(house: House, form: Form) -> str:
    moment = f"{int(house.clock.now().timestamp()):x}"
    return f"{moment}-{house.keyring.blind(f'form-stamp|{form.id}|{moment}')[:32]}"


def _age(house: House, form: Form, stamp: str) -> timedelta | None:
    """How long ago a page with this stamp was made; None where the stamp is not ours."""
    moment, _, seal = stamp.partition("-")
    known = house.keyring.blind(f"form-stamp|{form.id}|{moment}")[:32]
    if not hmac.compare_digest(seal.encode(), known.encode()):
        return None
    return house.clock.now() - datetime.fromtimestamp(int(moment, 16), UTC)


def _page(
    request: web.Request, shown: Shown, fields: Mapping[str, str], *, status: int = 200, error: str = "", wrong: list[str] | None = None
) -> web.Response:
    design, house = shown.form.design, request.app[HOUSE]
    young = error and status == 422 and not wrong  # too quick: the time goes on from the first page
    facts: dict[str, Any] = {
        "design": design,
        "by_mail": design.channel is Channel.EMAIL,
        "sign_up": design.kind is FormKind.SIGN_UP,
        "sender": shown.organisation.name,
        "consent": shown.consent,
        "labels": LABELS,
        "typed": fields,
        "stamp": fields[STAMP] if young else _stamp(house, shown.form),
        "trap": TRAP,
        "closed": shown.form.closed_at is not None,
        "error": error,
        "wrong": wrong or [],
    }
    return _framed(page(request, "form.html", shown.words, brand=shown.brand, status=status, **facts), shown.form)


def _asked(request: web.Request, shown: Shown) -> web.Response:
    facts: dict[str, Any] = {
        "sender": shown.organisation.name,
        "design": shown.form.design,
        "sign_up": shown.form.design.kind is FormKind.SIGN_UP,
    }
    days, by_mail = acting.LIFETIME.days, shown.form.design.channel is Channel.EMAIL
    answer = page(request, "form-asked.html", shown.words, brand=shown.brand, days=days, by_mail=by_mail, **facts)
    return _framed(answer, shown.form)


def _paused(request: web.Request, shown: Shown, stop: timedelta) -> web.Response:
    seconds = max(1, int(stop.total_seconds()))
    minutes, sender = -(-seconds // 60), shown.organisation.name
    answer = page(request, "form-paused.html", shown.words, brand=shown.brand, status=429, sender=sender, minutes=minutes)
    answer.headers["Retry-After"] = str(seconds)
    return _framed(answer, shown.form)


def _framed(answer: web.Response, form: Form) -> web.Response:
    """Let others' pages frame this answer: those that the form names, or all."""
    policy = answer.headers["Content-Security-Policy"]
    sites = " ".join(form.design.sites) or "*"
    answer.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", f"frame-ancestors {sites}")
    del answer.headers["X-Frame-Options"]
    return answer


async def _waiting(request: web.Request) -> tuple[Shown, FormEntry] | None:
    house = request.app[HOUSE]
    async with house.database.read() as connection:
        found = await forms.waiting(connection, request.match_info["code"], house.clock.now())
    if found is None:
        return None
    shown = await _shown(request, found[0])
    assert shown is not None
    return shown, found[1]


async def confirm_page(request: web.Request) -> web.Response:
    """GET /k/{code}: a button. Scanners that follow the link confirm nothing."""
    found = await _waiting(request)
    return _over(request) if found is None else _confirm(request, *found, done=found[1].confirmed_at is not None)


async def confirm(request: web.Request) -> web.Response:
    """POST /k/{code}: the address itself says yes, or what it wants no more of. As often as one likes."""
    found = await _waiting(request)
    if found is None:
        return _over(request)
    shown, entry = found
    if not from_own_page(request):
        return _confirm(request, shown, entry, done=entry.confirmed_at is not None, status=403)
    if entry.confirmed_at is None:
        house, proof = (
            request.app[HOUSE],
            {name: value for name, value in proof_of(request, shown.form.id, "").items() if name in _FROM},
        )
        if shown.form.design.kind is FormKind.SIGN_UP:
            await acting.confirm(house, shown.form, entry, mask(acting.typed_of(house, entry).to), proof)
        else:
            fields = await fields_of(request)
            off = tuple(one for one in ALL_OFF if fields.get(f"p-{one.value}") == "no")
            if not off:
                return _confirm(request, shown, entry, done=False, status=422)
            await acting.refuse(house, shown.form, entry, off, proof)
    return _confirm(request, shown, entry, done=True)


_FROM = ("network", "agent")


def _confirm(request: web.Request, shown: Shown, entry: FormEntry, *, done: bool, status: int = 200) -> web.Response:
    house, design = request.app[HOUSE], shown.form.design
    typed = None if done or entry.sealed is None else acting.typed_of(house, entry)
    facts: dict[str, Any] = {
        "sender": shown.organisation.name,
        "design": design,
        "sign_up": design.kind is FormKind.SIGN_UP,
        "to": mask(typed.to) if typed else "",
        "purposes": typed.purposes if typed else (),
        "off": ALL_OFF,
        "labels": LABELS,
        "consent": shown.consent,
        "done": done,
        "lacks": status == 422,
    }
    return page(request, "form-confirm.html", shown.words, brand=shown.brand, status=status, **facts)


def _over(request: web.Request) -> web.Response:
    return page(request, "form-over.html", Words(language_of(request)), status=410)
