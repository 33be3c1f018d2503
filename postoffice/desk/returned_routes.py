"""The routes of returned mail, of the suppression list and of opt-outs; see `routes.ROUTES`."""

from postoffice.desk import optouts, returned, returned_scans, suppressions
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_SCAN = "/returned/scans/{scan:[0-9a-z]{26}}"
_ENTRY = "/returned/{entry:[0-9a-z]{26}}"
_CONTACT = "/contacts/{contact}"

RETURNED_ROUTES: tuple[Route, ...] = (
    Route("GET", "/returned", returned.station, Right.RETURNED),
    Route("POST", "/returned/frame", returned.frame, Right.RETURNED, quiet="pictures of a camera; an entry names who made it"),
    Route("POST", "/returned/enter", returned.enter, Right.RETURNED),
    Route("GET", "/returned/export", returned.export, Right.RETURNED),
    Route("POST", _ENTRY + "/undo", returned.undo, Right.RETURNED),
    Route("GET", _ENTRY + "/picture", returned.picture, Right.RETURNED),
    Route("GET", "/returned/scans", returned_scans.progress, Right.RETURNED),
    Route("POST", "/returned/scans", returned_scans.bring, Right.RETURNED, own_check=True),
    Route("GET", _SCAN, returned_scans.scan_page, Right.RETURNED),
    Route("GET", _SCAN + "/{page:[0-9]{1,6}}.jpg", returned_scans.page_picture, Right.RETURNED),
    Route("POST", _SCAN + "/{page:[0-9]{1,6}}", returned_scans.settle, Right.RETURNED),
    Route("GET", "/suppressions", suppressions.page, Right.SEE),
    Route("POST", "/suppressions", suppressions.add, Right.SUBMIT),
    Route("POST", "/suppressions/search", suppressions.search, Right.SEE, quiet="looks up only"),
    Route("GET", "/suppressions/export", suppressions.export, Right.SEE),
    Route("POST", "/suppressions/{suppression:[0-9a-z]{26}}/lift", suppressions.lift, Right.MANAGE),
    Route("POST", _CONTACT + "/opt-out", optouts.note, Right.SUBMIT),
    Route("POST", _CONTACT + "/new-address/{entry:[0-9a-z]{26}}/accept", optouts.accept, Right.SUBMIT),
    Route("POST", _CONTACT + "/new-address/{entry:[0-9a-z]{26}}/decline", optouts.decline, Right.SUBMIT),
)
