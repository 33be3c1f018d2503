"""The routes of mail that comes back; see `routes.ROUTES`."""

from postoffice.desk import mailbox, returned_mail
from postoffice.desk.guard import Route
from postoffice.model.people import Right

_MAILBOX = "/admin/carriers/{carrier}/mailbox"
_MAIL = "/i/{item}/mails/{mail:[0-9a-z]{26}}"

MAIL_ROUTES: tuple[Route, ...] = (
    Route("GET", _MAILBOX, mailbox.mailbox_page, Right.MANAGE),
    Route("POST", _MAILBOX, mailbox.change, Right.MANAGE),
    Route("POST", _MAILBOX + "/test", mailbox.try_it, Right.MANAGE),
    Route("POST", _MAILBOX + "/remove", mailbox.remove, Right.MANAGE),
    Route("GET", _MAIL, returned_mail.mail_page, Right.SEE),
    Route("GET", _MAIL + ".eml", returned_mail.mail_file, Right.SUBMIT),
)
