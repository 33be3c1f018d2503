"""The check of a template's mail, and the test that staff send themselves."""

from typing import Any

from aiohttp import web

from postoffice.actions import mail_checks, templating, trial_mail
from postoffice.actions.mail_checks import Check, Options
from postoffice.compose.merge.content import Content
from postoffice.desk.choices import text_of, unknown_word
from postoffice.desk.page import go, render
from postoffice.desk.templates import load
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.channel import Channel
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Severity
from postoffice.store import people
from postoffice.store.templates import Template
from postoffice.words import Words


async def page(request: web.Request) -> web.StreamResponse:
    """GET /templates/{template}/check: `links`, `utm` and `channel` say what is looked at beyond the mail itself."""
    return await _page(request, await load(request))


async def _page(request: web.Request, template: Template, problem: PostOfficeError | None = None) -> web.StreamResponse:
    house, visit = house_of(request), request[VISIT]
    content = Content.from_dict(template.draft)
    channel = Channel.SMS if request.query.get("channel") == "sms" else Channel.EMAIL
    wide = request.query.get("links") == "1"
    options = Options(channel, utm=request.query.get("utm") == "1", reach=wide, spam=bool(house.rspamd), dns=True)
    rows = list(template.sample)
    async with house.database.read() as connection:
        organisation = await people.organisation(connection, template.organisation_id)
        staff = await people.all_users(connection, template.organisation_id)
    found = await mail_checks.check_content(house, organisation, content, rows or None, options, rows)
    context: dict[str, Any] = {
        "template": template,
        "lang": content.spoken(request.query.get("lang", "") or visit.words.language),
        "checks": found,
        "said": lambda one: _said(visit.words, one),
        "errors": sum(one.severity is Severity.ERROR for one in found),
        "warnings": sum(one.severity is Severity.WARNING for one in found),
        "channel": channel,
        "sms": any(parts.sms for parts in content.parts.values()),
        "sample": len(rows),
        "staff": staff,
        "problem": visit.words.problem(problem) if problem else None,
    }
    return render(request, "template-check.html", context, status=problem.status if problem else 200)


def _said(words: Words, one: Check) -> str:
    """A finding in the reader's words; a reason among its facts too."""
    facts = {name: words.gettext(value) if name == "why" else value for name, value in one.facts.items()}
    return words.gettext(one.text, **facts)


async def trial(request: web.Request) -> web.StreamResponse:
    """POST /templates/{template}/trial: the mail of a sample row, to oneself or colleagues."""
    template, visit = await load(request), request[VISIT]
    form = await request.post()
    content = Content.from_dict(template.draft)
    language = text_of(form, "lang", 10)
    if language not in content.parts:
        raise unknown_word()
    told = text_of(form, "row", 6)
    row = {**templating.sample_row(template, int(told) if told.isdigit() else 0), "language": language}
    to = [str(one) for one in form.getall("to", [])][:20]
    try:
        number = await trial_mail.send(house_of(request), visit.organisation, template.id, content, row, to, visit.actor)
    except PostOfficeError as error:
        return await _page(request, template, error)
    return go(request, f"/templates/{template.id}/check?lang={language}&tested={number}#trial")
