"""The audit trail: who did what?"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk.admin import admin_page, of_whole_office
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.people import Right
from postoffice.store import audit, carriers, people, printers
from postoffice.store.audit import Line
from postoffice.words import N_, Words

PAGE = 50

#: what was done -> in words; `{...}` are facts of the line
DEEDS: Mapping[str, str] = {
    "mailing.options": N_("chose options of a mailing"),
    "mailing.send": N_("sent a mailing"),
    "mailing.send-more": N_("sent the corrected letters of a mailing"),
    "mailing.cancel": N_("stopped a mailing"),
    "mailing.recut": N_("had a mailing cut anew"),
    "items.exclude": N_("left letters out"),
    "items.include": N_("took letters back in"),
    "items.release": N_("released letters"),
    "items.merge": N_("merged two letters"),
    "items.cut": N_("cut a letter in two"),
    "items.edit": N_("corrected a letter"),
    "items.resend": N_("sent letters again"),
    "item.links-blocked": N_("blocked the secure links of a letter"),
    "printer.add": N_("added a printer"),
    "printer.change": N_("changed a printer"),
    "printer.pause": N_("paused a printer"),
    "printer.resume": N_("resumed a printer"),
    "printer.remove": N_("removed a printer"),
    "printer.token-add": N_("made an address of a printer"),
    "printer.token-show": N_("looked at an address of a printer"),
    "printer.token-revoke": N_("revoked an address of a printer"),
    "carrier.add": N_("added a carrier"),
    "carrier.change": N_("changed the settings of a carrier"),
    "carrier.on": N_("switched a carrier on"),
    "carrier.off": N_("switched a carrier off"),
    "carrier.prefer": N_("chose the carrier that a channel uses first"),
    "carrier.test": N_("tried a carrier"),
    "carrier.remove": N_("removed a carrier"),
    "user.add": N_("invited somebody"),
    "user.change": N_("changed somebody's roles"),
    "user.disable": N_("disabled an account"),
    "user.enable": N_("enabled an account"),
    "user.password": N_("made a new first password"),
    "key.add": N_("made an API key"),
    "key.revoke": N_("revoked an API key"),
    "organisation.change": N_("changed the organisation's settings"),
    "link.proven": N_("proved who they are and opened a secure link"),
    "link.wrong": N_("gave a wrong proof at a secure link"),
    "link.paused": N_("gave too many wrong proofs: the secure link is paused"),
}


class Deed(NamedTuple):
    """A line of the trail in words. `href`: the page of what it was done to, empty where there is none."""

    line: Line
    who: str
    what: str
    subject: str
    href: str
    facts: Mapping[str, Any]


class Names(NamedTuple):
    """What ids are called now."""

    staff: Mapping[str, str]
    keys: Mapping[str, str]
    printers: Mapping[str, str]
    carriers: Mapping[str, str]


async def trail(request: web.Request) -> web.StreamResponse:
    """GET /admin/audit?who=&before="""
    visit = request[VISIT]
    of_whole_office(visit, Right.AUDIT)
    who, before = request.query.get("who", "")[:80], request.query.get("before", "")[:26]
    async with house_of(request).database.read() as connection:
        lines = await audit.page(connection, visit.organisation.id, actor=who, before=before, limit=PAGE + 1)
        names = await _names(connection, visit.organisation.id)
    deeds = [_deed(visit, line, names) for line in lines[:PAGE]]
    actors = {**{f"user:{one}": name for one, name in names.staff.items()}, **{f"key:{one}": name for one, name in names.keys.items()}}
    context = {"deeds": deeds, "more": len(lines) > PAGE, "who": who, "actors": actors, "before": before}
    return admin_page(request, "audit.html", context)


async def _names(connection: AsyncConnection, organisation_id: str) -> Names:
    return Names(
        {one.id: one.name for one in await people.all_users(connection, organisation_id)},
        {one.id: one.name for one in await people.all_api_keys(connection, organisation_id)},
        {one.id: one.name for one in await printers.all_of(connection, organisation_id)},
        {one.id: one.name for one in await carriers.all_of(connection, organisation_id)},
    )


def _deed(visit: Visit, line: Line, names: Names) -> Deed:
    subject, href = _subject(visit, line, names)
    facts = {name: value for name, value in line.detail.items() if name != "name"}
    return Deed(line, _who(visit.words, line.actor, names), deed_words(visit.words, line.action), subject, href, facts)


def deed_words(words: Words, action: str) -> str:
    """What was done, in words; the action's own word where it has none."""
    return words.gettext(DEEDS[action]) if action in DEEDS else action


def _who(words: Words, actor: str, names: Names) -> str:
    kind, _, actor_id = actor.partition(":")
    if kind == "user":
        return names.staff.get(actor_id, words._("somebody who has no account any more"))
    if kind == "key":
        return words._("the program {name}", name=names.keys.get(actor_id, actor_id))
    return words._("a recipient") if kind == "link" else words._("the office itself")


def _subject(visit: Visit, line: Line, names: Names) -> tuple[str, str]:
    """What it was done to: its name and its page."""
    kind, words, subject = line.action.partition(".")[0], visit.words, line.subject
    manages = visit.user.may(Right.MANAGE)
    if kind in ("mailing", "items"):
        return words._("the mailing"), f"/m/{subject}"
    if kind in ("item", "link"):
        return words._("the letter"), f"/i/{subject}"
    if kind == "printer":
        return names.printers.get(subject, words._("a removed printer")), _page("printers", subject, names.printers, manages)
    if kind == "user":
        return names.staff.get(subject, ""), _page("people", subject, names.staff, manages)
    if kind == "key":
        return names.keys.get(subject, ""), ""
    if kind == "carrier":
        name = names.carriers.get(subject, str(line.detail.get("name", "")))
        return name, f"/admin/carriers/{name}" if subject in names.carriers and manages else ""
    return "", ""


def _page(tab: str, subject: str, known: Mapping[str, str], manages: bool) -> str:
    return f"/admin/{tab}/{subject}" if subject in known and manages else ""
