"""The public archive of an organisation's newsletters: a list, and each as a reader without a name would get it."""

import re

from aiohttp import web

from postoffice.actions import archive
from postoffice.house import HOUSE
from postoffice.model.campaign import Campaign
from postoffice.model.people import Organisation
from postoffice.portal.brand import brand_of
from postoffice.portal.pages import language_of, missing, page
from postoffice.store import forms, people
from postoffice.words import Words

PATH = "/archive/{slug:[a-z0-9-]{1,60}}"
ONE = PATH + "/{campaign:[0-9a-z]{26}}"
#: a mail as its reader sees it: its own style, pictures that it carries, nothing from anywhere else, no script
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
_EMPTY = re.compile(r"(?<=\w) +(?=[,.](?:\s|<))")  # what an empty name leaves behind: `Hello ,`


async def _organisation(request: web.Request) -> tuple[Organisation, list[Campaign]] | None:
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
    organisation, listed = found
    house = request.app[HOUSE]
    words = Words(language_of(request, [organisation.language]), organisation.timezone, organisation.currency)
    made = [(one, await archive.mail_of(house, organisation, one, words.language)) for one in listed[:_MOST]]
    shown = [(one, mail.subject) for one, mail in made if mail is not None]
    brand = await brand_of(house, organisation)
    return page(request, "archive.html", words, brand=brand, sender=organisation.name, slug=organisation.slug, shown=shown)


_MOST = 60  # on the page; each is made anew, so that nothing goes stale


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
        return web.Response(text=_EMPTY.sub("", mail.text), content_type="text/plain", charset="utf-8")
    headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY", "Vary": "Accept-Language"}
    return web.Response(text=_EMPTY.sub("", mail.html), content_type="text/html", charset="utf-8", headers=headers)
