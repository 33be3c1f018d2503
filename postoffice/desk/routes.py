"""Every route of the desk with what it needs. What is not in this table does not exist; what names no need cannot be written."""

from postoffice.desk import (
    board,
    cutting,
    fields,
    figures,
    fixes,
    item,
    links,
    mailing,
    options,
    panel,
    paper,
    pictures,
    requests,
    taken,
    today,
    upload,
)
from postoffice.desk.account_routes import ACCOUNT_ROUTES
from postoffice.desk.admin_routes import ADMIN_ROUTES
from postoffice.desk.campaign_routes import CAMPAIGN_ROUTES
from postoffice.desk.contact_routes import CONTACT_ROUTES
from postoffice.desk.forms_routes import FORM_ROUTES
from postoffice.desk.guard import Route
from postoffice.desk.hearing import answers
from postoffice.desk.returned_routes import RETURNED_ROUTES
from postoffice.desk.segment_routes import SEGMENT_ROUTES
from postoffice.desk.templates_routes import TEMPLATE_ROUTES
from postoffice.model.people import Right

_MAILING = "/m/{mailing}"
_PIECE = "/m/{mailing}/items/{item}"
_ITEM = "/i/{item}"
_LINK = _ITEM + "/links/{link}"

ROUTES: tuple[Route, ...] = (
    # --- who is there
    *ACCOUNT_ROUTES,
    *CAMPAIGN_ROUTES,
    *FORM_ROUTES,
    # --- today, mailings, a new one
    Route("GET", "/", today.today, Right.SEE),
    Route("POST", "/try", today.try_out, Right.SUBMIT),
    Route("GET", "/mailings", today.all_mailings, Right.SEE),
    Route("GET", "/upload", upload.upload_page, Right.SUBMIT),
    Route("POST", "/upload", upload.upload, Right.SUBMIT, own_check=True),
    # --- a mailing: options, then board
    Route("GET", _MAILING, mailing.mailing_page, Right.SEE),
    Route("GET", _MAILING + "/live", mailing.live, Right.SEE),
    Route("POST", _MAILING + "/options", options.choose, Right.SUBMIT),
    Route("POST", _MAILING + "/confirm", options.confirm, Right.SEND, quiet="shows number and price only"),
    Route("POST", _MAILING + "/send", options.send, Right.SEND),
    Route("POST", _MAILING + "/recut", cutting.recut, Right.SUBMIT),
    Route("POST", _MAILING + "/undo", cutting.undo, Right.SUBMIT),
    Route("POST", _MAILING + "/order", cutting.order, Right.SUBMIT, own_check=True),
    Route("GET", _MAILING + "/fields", fields.page, Right.SUBMIT),
    Route("POST", _MAILING + "/fields", fields.keep, Right.SUBMIT),
    Route("POST", _MAILING + "/fields/try", fields.attempt, Right.SUBMIT, quiet="reads some letters only"),
    Route("POST", _MAILING + "/cancel", mailing.cancel, Right.SUBMIT),
    Route("POST", _MAILING + "/exclude", options.exclude, Right.SUBMIT),
    Route("POST", _MAILING + "/include", options.exclude, Right.SUBMIT),
    Route("POST", _MAILING + "/again", options.again, Right.SUBMIT),
    Route("POST", _MAILING + "/resend", board.resend, Right.SEND),
    Route("POST", _MAILING + "/send-more", board.send_more, Right.SEND),
    Route("GET", _MAILING + "/export.csv", board.export, Right.SEE),
    # --- an item within its mailing
    Route("GET", _PIECE, panel.panel, Right.SEE),
    Route("POST", _PIECE, panel.edit, Right.SUBMIT),
    Route("POST", _PIECE + "/{action:release|exclude|include|merge|cut}", panel.act, Right.SUBMIT),
    Route("GET", _PIECE + "/fix/{word:[a-z0-9-]{1,30}}", fixes.show, Right.SEE),
    Route("POST", _PIECE + "/fix/{word:[a-z0-9-]{1,30}}", fixes.apply, Right.SUBMIT),
    Route("GET", _PIECE + "/fix/{word:[a-z0-9-]{1,30}}/{page:[0-9]{1,6}}.png", fixes.picture, Right.SEE),
    Route("POST", _MAILING + "/paper", paper.bring, Right.SUBMIT),
    Route("POST", _MAILING + "/fixes/{number:[0-9]{1,4}}/undo", fixes.undo, Right.SUBMIT),
    Route("GET", _PIECE + "/{size:thumb|page}-{page:[0-9]{1,6}}.png", pictures.picture, Right.SEE),
    # --- an item on its own
    Route("GET", _ITEM, item.item_page, Right.SEE),
    Route("GET", _ITEM + "/letter.pdf", item.item_pdf, Right.SEE),
    Route("POST", _ITEM + "/resend", item.resend, Right.SEND),
    Route("POST", _ITEM + "/cancel", item.cancel, Right.SUBMIT),
    Route("POST", _ITEM + "/recall", taken.recall, Right.SUBMIT),
    Route("GET", _ITEM + "/proofs/{event}", taken.proof, Right.SEE),
    Route("POST", _ITEM + "/block", item.block, Right.SUBMIT),
    Route("POST", _ITEM + "/mark", links.mark, Right.SUBMIT),
    Route("POST", _LINK + "/extend", links.extend, Right.SUBMIT),
    Route("POST", _LINK + "/block", links.block, Right.SUBMIT),
    Route("POST", _LINK + "/resend", links.resend, Right.SEND),
    Route("POST", _LINK + "/preview", links.preview, Right.SUBMIT),
    # --- what recipients ask of the data-protection officer
    Route("GET", "/privacy/requests", requests.requests_page, Right.PRIVACY),
    Route("POST", "/privacy/requests/{request}", requests.answer, Right.PRIVACY),
    Route("GET", "/answers", answers, Right.SEE),
    # --- templates
    *TEMPLATE_ROUTES,
    # --- figures
    Route("GET", "/figures", figures.page, Right.SEE),
    Route("GET", "/figures.csv", figures.export, Right.SEE),
    # --- contacts
    *CONTACT_ROUTES,
    # --- segments, customers
    *SEGMENT_ROUTES,
    # --- returned mail, the suppression list, opt-outs
    *RETURNED_ROUTES,
    # --- printers, carriers, people, keys, audit trail, organisation, sandbox box
    *ADMIN_ROUTES,
)
