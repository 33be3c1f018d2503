"""The part of the table of routes that is about contacts."""

from postoffice.api import contact_shapes as shapes
from postoffice.api import contacts
from postoffice.api.call import Route
from postoffice.model.people import Right

_ONE = "/contacts/{contact_id}"

CONTACT_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/contacts",
        Right.SEE,
        contacts.list_contacts,
        "Contacts changed since a cursor, or found by a search",
        shapes.ContactPage,
        query=shapes.ContactsQuery,
    ),
    Route(
        "POST",
        "/contacts",
        Right.SUBMIT,
        contacts.create_contact,
        "Write a contact down",
        shapes.Contact,
        status=201,
        body=shapes.ContactChange,
        problems=(409,),
    ),
    Route(
        "PUT",
        "/contacts/by/{system}/{number}",
        Right.SUBMIT,
        contacts.put_contact,
        "Write or correct the contact that a program knows by a number",
        shapes.Contact,
        body=shapes.ContactChange,
        problems=(409,),
    ),
    Route("GET", _ONE, Right.SEE, contacts.get_contact, "A contact", shapes.Contact),
    Route(
        "PATCH",
        _ONE,
        Right.SUBMIT,
        contacts.change_contact,
        "Correct a contact",
        shapes.Contact,
        body=shapes.ContactChange,
        problems=(409,),
    ),
    Route("DELETE", _ONE, Right.PRIVACY, contacts.erase_contact, "Forget a person", shapes.Erased, body=shapes.Removal),
    Route("GET", _ONE + "/consents", Right.SEE, contacts.list_consents, "What a contact allowed and refused", shapes.Consents),
    Route(
        "POST",
        _ONE + "/consents",
        Right.SUBMIT,
        contacts.add_consent,
        "Note a consent or a refusal",
        shapes.Consents,
        body=shapes.ConsentChange,
        problems=(409,),
    ),
    Route(
        "POST",
        _ONE + "/merge",
        Right.SUBMIT,
        contacts.merge_contact,
        "Let a contact stand for another",
        shapes.Merged,
        body=shapes.MergeRequest,
        problems=(409,),
    ),
    Route("DELETE", _ONE + "/merges/{merge_id}", Right.SUBMIT, contacts.part_contact, "Undo a merge", shapes.Contact, problems=(409,)),
)
