"""The routes of forms, of the campaigns' calendar and of the archive's switch; see `routes.ROUTES`."""

from postoffice.desk import campaign_calendar, forms
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_ONE = "/forms/{form}"

FORM_ROUTES: tuple[Route, ...] = (
    Route("GET", "/calendar", campaign_calendar.month_page, Right.SEE),
    Route("POST", "/campaigns/{campaign}/archive", campaign_calendar.archive, Right.SEND),
    Route("GET", "/forms", forms.all_forms, Right.SEE),
    Route("GET", "/forms/new", forms.new_page, Right.SUBMIT),
    Route("POST", "/forms/new", forms.add, Right.SUBMIT),
    Route("GET", _ONE, forms.form_page, Right.SEE),
    Route("GET", _ONE + "/edit", forms.edit_page, Right.SUBMIT),
    Route("POST", _ONE + "/edit", forms.keep, Right.SUBMIT),
    Route("POST", _ONE + "/{action:close|open}", forms.switch, Right.SUBMIT),
)
