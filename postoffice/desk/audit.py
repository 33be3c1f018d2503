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
    "segment.create": N_("wrote a segment"),
    "segment.update": N_("changed a segment"),
    "segment.freeze": N_("froze a segment"),
    "segment.thaw": N_("let a segment follow its rules again"),
    "segment.remove": N_("removed a segment"),
    "segment.set-aside": N_("set sleepers aside"),
    "segment.take-back": N_("took sleepers back"),
    "purchases.add": N_("brought purchases in"),
    "campaign.create": N_("wrote a campaign"),
    "campaign.change": N_("changed a campaign"),
    "campaign.submit": N_("handed a campaign in for approval"),
    "campaign.approve": N_("approved a campaign"),
    "campaign.refuse": N_("sent a campaign back"),
    "campaign.launch": N_("launched a campaign"),
    "campaign.pause": N_("paused a campaign"),
    "campaign.resume": N_("let a campaign go on"),
    "campaign.ceiling": N_("raised a campaign's limit"),
    "campaign.cancel": N_("took a campaign back"),
    "campaign.archive": N_("put a campaign into the public archive"),
    "campaign.unarchive": N_("took a campaign out of the public archive"),
    "form.create": N_("wrote a form"),
    "form.change": N_("changed a form"),
    "form.close": N_("closed a form"),
    "form.open": N_("opened a form again"),
    "form.confirmed": N_("signed up by a form, and confirmed it"),
    "mailing.options": N_("chose options of a mailing"),
    "mailing.send": N_("sent a mailing"),
    "mailing.send-more": N_("sent the corrected letters of a mailing"),
    "mailing.cancel": N_("stopped a mailing"),
    "mailing.recut": N_("had a mailing cut anew"),
    "mailing.recut-undone": N_("took back a new cut of a mailing"),
    "mailing.together": N_("put letters of a mailing together, or apart again"),
    "items.exclude": N_("left letters out"),
    "items.include": N_("took letters back in"),
    "items.release": N_("released letters"),
    "items.duplicates-released": N_("released letters that were held as doubles"),
    "items.merge": N_("merged two letters"),
    "items.cut": N_("cut a letter in two"),
    "items.edit": N_("corrected a letter"),
    "items.resend": N_("sent letters again"),
    "item.links-blocked": N_("blocked the secure links of a letter"),
    "printer.add": N_("added a printer"),
    "printer.change": N_("changed a printer"),
    "printer.fields": N_("changed the fields that a printer's mailings read"),
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
    "carrier.mailbox": N_("chose where a carrier's returning mail is fetched"),
    "carrier.mailbox-removed": N_("removed the mailbox of a carrier"),
    "carrier.read-again": N_("had a carrier's news read again"),
    "carrier.cut-offs": N_("changed the hours until which a carrier takes mail"),
    "carrier.remove": N_("removed a carrier"),
    "user.add": N_("invited somebody"),
    "user.change": N_("changed somebody's roles"),
    "user.disable": N_("disabled an account"),
    "user.enable": N_("enabled an account"),
    "user.password": N_("made a new first password"),
    "user.second-reset": N_("took away somebody's second factor"),
    "office.second-factor": N_("chose which roles need a second factor"),
    "account.sign-in": N_("signed in"),
    "account.sign-out": N_("signed out"),
    "account.proved": N_("proved again who they are"),
    "account.change": N_("changed the own name or language"),
    "account.password": N_("chose a new password"),
    "account.session-end": N_("ended another session of their own"),
    "account.sessions-end": N_("ended all other sessions of their own"),
    "account.app-on": N_("set up an app for one-time codes"),
    "account.app-off": N_("removed the app for one-time codes"),
    "account.codes": N_("made new recovery codes"),
    "account.passkey-add": N_("added a passkey"),
    "account.passkey-remove": N_("removed a passkey"),
    "desk.change": N_("changed something at the desk"),
    "api.change": N_("changed something by the API"),
    "key.add": N_("made an API key"),
    "key.revoke": N_("revoked an API key"),
    "organisation.change": N_("changed the organisation's settings"),
    "link.proven": N_("proved who they are and opened a secure link"),
    "link.wrong": N_("gave a wrong proof at a secure link"),
    "link.paused": N_("gave too many wrong proofs: the secure link is paused"),
    "link.expired": N_("proved who they are at a secure link that had expired"),
    "link.shown": N_("read a letter"),
    "link.downloaded": N_("took a letter as PDF"),
    "link.shared": N_("shared a letter by a second link"),
    "link.unshared": N_("ended a second link"),
    "code.sent": N_("had a one-time code sent"),
    "code.right": N_("typed the right code"),
    "code.wrong": N_("typed a wrong code"),
    "code.over": N_("typed a code that is no longer good"),
    "contact.choices": N_("changed what they want to receive"),
    "contact.preference": N_("chose how they like to be reached"),
    "contact.address-changed": N_("changed and confirmed an address"),
    "contact.data-taken": N_("took a copy of what is kept of them"),
    "contact.erasure-asked": N_("asked to be erased"),
    "item.link-blocked": N_("blocked a secure link"),
    "item.link-extended": N_("extended a secure link"),
    "item.link-resent": N_("sent a secure link again"),
    "item.previewed": N_("looked at a letter as its recipient sees it"),
    "item.marked": N_("marked a letter"),
    "organisation.look": N_("changed the look of recipients' pages"),
    "privacy.answered": N_("answered a recipient's request"),
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


async def deeds_of(request: web.Request, connection: AsyncConnection, subject: str, limit: int = 100) -> list[Deed]:
    """What was done to one thing, newest first, in the visitor's words."""
    visit = request[VISIT]
    names = await _names(connection, visit.organisation.id)
    return [_deed(visit, line, names) for line in await audit.of_subject(connection, visit.organisation.id, subject, limit)]


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
    return words._("a recipient") if kind in ("link", "form") else words._("the office itself")


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
