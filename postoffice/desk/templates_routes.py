"""Routes of templates and of what is made of them."""

from postoffice.desk import mail_editor, templates, templates_check, templates_merge, templates_preview
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_ONE = "/templates/{template}"
_SHEET = _ONE + "/merge/{sheet:[0-9a-f]{64}}"

TEMPLATE_ROUTES: tuple[Route, ...] = (
    Route("GET", "/templates", templates.all_templates, Right.SEE),
    Route("POST", "/templates", templates.create, Right.SUBMIT),
    Route("GET", _ONE, templates.editor, Right.SUBMIT),
    Route("POST", _ONE, templates.save, Right.SUBMIT),
    Route("GET", _ONE + "/thumb.png", templates.thumb, Right.SEE),
    Route("GET", _ONE + "/mail.html", templates_preview.mail, Right.SEE),
    Route("GET", _ONE + "/mail", mail_editor.page, Right.SUBMIT),
    Route("POST", _ONE + "/mail", mail_editor.save, Right.SUBMIT),
    Route("GET", _ONE + "/check", templates_check.page, Right.SUBMIT),
    Route("POST", _ONE + "/trial", templates_check.trial, Right.SUBMIT),
    Route("POST", _ONE + "/language", templates.add_language, Right.SUBMIT),
    Route("POST", _ONE + "/picture", templates.add_picture, Right.SUBMIT, own_check=True),
    Route("POST", _ONE + "/publish", templates.publish, Right.SEND),
    Route("POST", _ONE + "/restore", templates.restore, Right.SUBMIT),
    Route("POST", _ONE + "/remove", templates.remove, Right.SEND),
    Route("GET", _ONE + "/versions/{number:[0-9]{1,6}}", templates.compare, Right.SEE),
    Route("GET", _ONE + "/merge", templates_merge.page, Right.SUBMIT),
    Route("POST", _ONE + "/merge", templates_merge.bring, Right.SUBMIT, own_check=True),
    Route("GET", _SHEET, templates_merge.look, Right.SUBMIT),
    Route("POST", _SHEET, templates_merge.make, Right.SUBMIT),
)
