"""The public archive of an organisation's newsletters: a list, and each as a reader without a name would get it."""

import re
from collections.abc import Mapping
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from aiohttp import web

from postoffice.actions import archive
from postoffice.compose.message import Message
from postoffice.house import HOUSE
from postoffice.model.campaign import Campaign
from postoffice.model.people import Organisation
from postoffice.portal.brand import brand_of
from postoffice.portal.pages import language_of, missing, page, public
from postoffice.store import forms, people
from postoffice.words import Words

PATH = "/archive/{slug:[a-z0-9-]{1,60}}"
FEED = PATH + "/feed.xml"
ONE = PATH + "/{campaign:[0-9a-z]{26}}"
#: a mail as its reader sees it: its own style, pictures that it carries, nothing from anywhere else, no script
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
_ATOM = "application/atom+xml"
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 has no way to say
Found = tuple[Organisation, list[Campaign]]
_EMPTY = re.compile(r"(?<=\w) +(?=[,.](?:\s|<))")  # what an empty name leaves behind: `Hello ,`


async def _organisation(request: web.Request) -> Found | None:
    house = request.app[HOUSE]
    async with house.database.read() as connection:
        found = await forms.organisation_by_slug(connection, request.match_info["slug"])
        if found is None:
            return None
        organisation = await people.organisation(connection, found)
    listed = await archive.listed(house, organisation.id)
    return (organisation, listed) if listed else None


async def show(request: web.Request) -> web.Response:
    """GET /archive/{slug}: newest first. An organisation that shows nothing looks like one that does not exist."""
    found = await _organisation(request)
    if found is None:
        return missing(request)
    organisation, _listed = found
    words = _words(request, organisation)
    made = await _made(request, found, words.language, _MOST)
    shown = [(one, mail.subject) for one, mail in made]
    brand = await brand_of(request.app[HOUSE], organisation)
    listing = page(request, "archive.html", words, brand=brand, sender=organisation.name, slug=organisation.slug, shown=shown)
    listing.headers["Link"] = f'</archive/{organisation.slug}/feed.xml>; rel="alternate"; type="{_ATOM}"'
    return public(request, listing)


_MOST = 60  # on the page; each is made anew, so that nothing goes stale
_IN_FEED = 20
_SUMMARY = 400  # letters


def _words(request: web.Request, organisation: Organisation) -> Words:
    return Words(language_of(request, [organisation.language]), organisation.timezone, organisation.currency)


async def _made(request: web.Request, found: Found, language: str, most: int) -> list[tuple[Campaign, Message]]:
    """The newest campaigns with their mails; those that cannot be made are left out."""
    mails = [(one, await archive.mail_of(request.app[HOUSE], found[0], one, language)) for one in found[1][:most]]
    return [(one, mail) for one, mail in mails if mail is not None]


async def feed(request: web.Request) -> web.Response:
    """GET /archive/{slug}/feed.xml: the same as an Atom feed (RFC 4287), for readers and for other pages."""
    found = await _organisation(request)
    if found is None:
        return missing(request)
    organisation, _listed = found
    words, place = _words(request, organisation), f"{request.app[HOUSE].url}/archive/{organisation.slug}"
    made = await _made(request, found, words.language, _IN_FEED)
    root = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": words.language})
    latest = max((_when(one) for one, _mail in made), default=_when(found[1][0]))
    _tell(root, {"id": place, "title": words.gettext("What {sender} wrote", sender=organisation.name), "updated": latest.isoformat()})
    SubElement(root, "link", {"rel": "self", "type": _ATOM, "href": f"{place}/feed.xml"})
    SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": place})
    SubElement(SubElement(root, "author"), "name").text = organisation.name
    for one, mail in made:
        entry, address = SubElement(root, "entry"), f"{place}/{one.id}"
        when = _when(one).isoformat()
        _tell(entry, {"id": address, "title": _plain(mail.subject), "updated": when, "published": when, "summary": _summary(mail.text)})
        SubElement(entry, "link", {"rel": "alternate", "href": address})
    body = tostring(root, encoding="utf-8", xml_declaration=True)
    return public(request, web.Response(body=body, content_type=_ATOM, charset="utf-8"))


def _when(campaign: Campaign) -> datetime:
    return campaign.started_at or campaign.created_at


def _tell(parent: Element, facts: Mapping[str, str]) -> None:
    for name, text in facts.items():
        SubElement(parent, name).text = text


def _plain(text: str) -> str:
    return _NO_XML.sub("", _EMPTY.sub("", text)).strip()


def _summary(text: str) -> str:
    plain = " ".join(_plain(text).split())
    return plain if len(plain) <= _SUMMARY else plain[:_SUMMARY].rpartition(" ")[0] + " …"


async def one(request: web.Request) -> web.Response:
    """GET /archive/{slug}/{campaign}: the mail itself, for nobody in particular."""
    found = await _organisation(request)
    campaign = next((one for one in found[1] if one.id == request.match_info["campaign"]), None) if found else None
    if found is None or campaign is None:
        return missing(request)
    language = language_of(request, [found[0].language])
    mail = await archive.mail_of(request.app[HOUSE], found[0], campaign, language)
    if mail is None:
        return missing(request)
    if not mail.html:
        return public(request, web.Response(text=_EMPTY.sub("", mail.text), content_type="text/plain", charset="utf-8"))
    headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY"}
    return public(request, web.Response(text=_EMPTY.sub("", mail.html), content_type="text/html", charset="utf-8", headers=headers))
