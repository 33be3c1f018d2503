"""The routes of campaigns: who may write, approve, launch."""

from postoffice.desk import campaign_results, campaign_sheet, campaigns
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_ONE = "/campaigns/{campaign}"

CAMPAIGN_ROUTES: tuple[Route, ...] = (
    Route("GET", "/campaigns", campaigns.all_campaigns, Right.SEE),
    Route("GET", "/campaigns/new", campaigns.new_page, Right.SUBMIT),
    Route("POST", "/campaigns/new", campaigns.add, Right.SUBMIT),
    Route("GET", "/campaigns/compare", campaign_results.beside, Right.SEE),
    Route("GET", _ONE + "/results", campaign_results.page, Right.SEE),
    Route("GET", _ONE + "/results.csv", campaign_results.export, Right.SEE),
    Route("GET", _ONE + "/report.pdf", campaign_results.report, Right.SEE),
    Route("GET", _ONE + "/sheet", campaign_sheet.page, Right.SEE),
    Route("POST", _ONE + "/sheet", campaign_sheet.bring, Right.SUBMIT, own_check=True),
    Route("POST", _ONE + "/columns", campaign_sheet.keep, Right.SUBMIT),
    Route("GET", _ONE, campaigns.campaign_page, Right.SEE),
    Route("GET", _ONE + "/edit", campaigns.edit_page, Right.SUBMIT),
    Route("POST", _ONE + "/edit", campaigns.keep, Right.SUBMIT),
    Route("POST", _ONE + "/submit", campaigns.act, Right.SUBMIT),
    Route("POST", _ONE + "/decision", campaigns.decide, Right.APPROVE),
    Route("POST", _ONE + "/ceiling", campaigns.raise_ceiling, Right.APPROVE),
    Route("POST", _ONE + "/{action:launch|pause|resume|cancel|choose}", campaigns.steer, Right.SEND),
)
