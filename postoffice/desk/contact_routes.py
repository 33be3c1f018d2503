"""The part of the table of routes that is about contacts."""

from postoffice.desk import contact_doubts, contact_edit, contact_export, contact_imports, contacts
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_ONE = "/contacts/{contact}"
_IMPORT = "/contacts/imports/{import}"

CONTACT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/contacts", contacts.all_contacts, Right.SEE),
    Route("GET", "/contacts/export.{kind:csv|xlsx|vcf}", contact_export.export, Right.SUBMIT),
    Route("GET", "/contacts/new", contact_edit.new_page, Right.SUBMIT),
    Route("POST", "/contacts/new", contact_edit.create, Right.SUBMIT),
    Route("GET", "/contacts/doubts", contact_doubts.doubts_page, Right.SEE),
    Route("POST", "/contacts/doubts/{item}", contact_doubts.decide, Right.SUBMIT),
    Route("GET", "/contacts/imports", contact_imports.all_imports, Right.SUBMIT),
    Route("POST", "/contacts/imports", contact_imports.bring, Right.SUBMIT, own_check=True),
    Route("GET", _IMPORT, contact_imports.import_page, Right.SUBMIT),
    Route("GET", _IMPORT + "/refused.csv", contact_imports.refused, Right.SUBMIT),
    Route("POST", _IMPORT + "/choose", contact_imports.choose, Right.SUBMIT),
    Route("POST", _IMPORT + "/{word:apply|undo|change}", contact_imports.act, Right.SUBMIT),
    Route("GET", _ONE, contacts.contact_page, Right.SEE),
    Route("GET", _ONE + "/edit", contact_edit.edit_page, Right.SUBMIT),
    Route("POST", _ONE + "/edit", contact_edit.edit, Right.SUBMIT),
    Route("POST", _ONE + "/consent", contact_edit.consent, Right.SUBMIT),
    Route("POST", _ONE + "/merge", contact_edit.merge, Right.SUBMIT),
    Route("POST", _ONE + "/part/{merge}", contact_edit.part, Right.SUBMIT),
    Route("POST", _ONE + "/erase", contact_edit.erase, Right.PRIVACY),
    Route("GET", _ONE + "/everything.zip", contact_edit.export, Right.PRIVACY),
)
