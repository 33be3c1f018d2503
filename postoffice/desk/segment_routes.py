"""The part of the table of routes that is about segments and customers."""

from postoffice.desk import segment_customers, segments
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_ONE = "/segments/{segment}"

SEGMENT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/segments", segments.all_segments, Right.SEE),
    Route("POST", "/segments", segments.save, Right.SUBMIT),
    Route("GET", "/segments/new", segments.builder, Right.SUBMIT),
    Route("POST", "/segments/build", segments.build, Right.SUBMIT, quiet="shows the form anew only"),
    Route("POST", "/segments/live", segments.live, Right.SUBMIT, quiet="counts only"),
    Route("GET", "/segments/sleepers", segments.sleepers, Right.SEE),
    Route("POST", "/segments/sleepers", segments.set_aside, Right.SUBMIT),
    Route("GET", "/segments/customers", segment_customers.page, Right.SEE),
    Route("POST", "/segments/customers", segment_customers.reckon, Right.SUBMIT),
    Route("POST", "/segments/purchases", segment_customers.bring, Right.SUBMIT, own_check=True),
    Route("GET", "/segments/purchases/{import}", segment_customers.import_page, Right.SEE),
    Route("GET", _ONE, segments.segment_page, Right.SEE),
    Route("GET", _ONE + "/count", segments.count, Right.SEE),
    Route("GET", _ONE + "/edit", segments.builder, Right.SUBMIT),
    Route("POST", _ONE + "/{word:freeze|thaw|remove|take-back}", segments.act, Right.SUBMIT),
)
