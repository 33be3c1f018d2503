"""A campaign's spreadsheet at the desk: bring it in, say what its columns fill, see what is wrong with which row."""

from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.actions import campaign_sheets
from postoffice.compose.merge.columns import RECIPIENT
from postoffice.compose.merge.sheets import SheetView
from postoffice.desk.campaigns import load
from postoffice.desk.cutting import keep_spreadsheet, no_spreadsheet
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, render
from postoffice.desk.templates_merge import SHOWN_COLUMNS, mapping_of
from postoffice.desk.upload import LONGEST_FIELD
from postoffice.desk.visit import VISIT, house_of
from postoffice.model.campaign import AWAITED, Campaign
from postoffice.model.errors import PostOfficeError
from postoffice.model.finding import Finding, Severity
from postoffice.model.people import Right


async def page(request: web.Request) -> web.StreamResponse:
    """GET /campaigns/{campaign}/sheet"""
    return await _page(request, await load(request))


async def _page(request: web.Request, campaign: Campaign, wrong: PostOfficeError | None = None) -> web.Response:
    visit, view = request[VISIT], None
    if campaign.design.sheet not in ("", AWAITED):
        try:
            view = await campaign_sheets.look(house_of(request), campaign)
        except PostOfficeError as error:
            wrong = wrong or error
    context = {
        "campaign": campaign,
        "view": view,
        "said": visit.words.problem(wrong) if wrong else None,
        "is_open": campaign.state in campaign_sheets.OPEN,
        "may_write": visit.may(Right.SUBMIT),
        **(_shown(view) if view else {}),
    }
    return render(request, "campaign-sheet.html", context, status=wrong.status if wrong else 200)


def _shown(view: SheetView) -> dict[str, Any]:
    shown = [name for number, name in enumerate(view.headers) if name and (number < SHOWN_COLUMNS or view.mapping.get(name))]
    found = [(row, Finding(code, Severity.ERROR, None, None, "", ""), column, value) for row, code, column, value in view.problems]
    fields = dict.fromkeys([*RECIPIENT, *filter(None, view.mapping.values()), *view.unmapped])
    return {"shown_columns": shown, "problems": found, "targets": list(fields)}


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/sheet: the CSRF word first, then the file."""
    campaign, visit, house = await load(request), request[VISIT], house_of(request)
    if not request.content_type.startswith("multipart/"):
        raise no_spreadsheet()
    csrf, parts = request.headers.get("X-CSRF", ""), await request.multipart()
    while isinstance(part := await parts.next(), BodyPartReader):
        if part.name == "csrf":
            csrf = bytes(await part.read_chunk(LONGEST_FIELD)).decode("utf-8", "replace").strip()
        elif part.name == "sheet" and part.filename:
            check_csrf(visit, csrf)
            try:
                sheet = (await keep_spreadsheet(house, campaign.organisation_id, part)).removeprefix("order:")
                name = part.filename.replace("\\", "/").rsplit("/", 1)[-1]
                await campaign_sheets.bring(house, campaign, sheet, name, visit.actor)
            except PostOfficeError as wrong:
                return await _page(request, campaign, wrong)
            return go(request, f"/campaigns/{campaign.id}/sheet")
    raise no_spreadsheet()


async def keep(request: web.Request) -> web.StreamResponse:
    """POST /campaigns/{campaign}/columns: what its columns fill."""
    campaign, form = await load(request), await request.post()
    if campaign.design.sheet in ("", AWAITED):
        raise no_spreadsheet()
    design = campaign.design
    try:
        await campaign_sheets.bring(
            house_of(request), campaign, design.sheet, design.sheet_name, request[VISIT].actor, mapping_of(form)
        )
    except PostOfficeError as wrong:
        return await _page(request, campaign, wrong)
    return go(request, f"/campaigns/{campaign.id}/sheet?done=kept")
