"""Failures by code: what happened, and what to do. `{...}` are facts of the failure; `{megabytes}` is its limit in MB."""

from collections.abc import Mapping

from postoffice.words.marks import N_

_PRINT_AGAIN = N_("Print or export it again; if it comes by e-mail or a share, check that the transfer was complete.")
_PARTS = N_("Print it again as a plain PDF, or in smaller parts.")
_RELOAD = N_("Reload the page to see where it stands.")
_BACKUP = N_("Ask your administrator to restore it from a backup.")
_ADMINISTRATOR = N_("Ask your administrator.")
_PICTURE = N_("Save it again as PDF, PNG or JPEG, at 300 dpi.")
_DOCUMENT_HELP = N_("Send a PDF, PostScript, JPEG, PNG, TIFF, PWG or URF document.")

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "dkim-exists": (N_("This domain has signing keys already."), N_("Rotate them, or publish what is shown.")),
    "dkim-none": (N_("This domain has no signing keys."), N_("Make them first.")),
    "dkim-waiting": (N_("A new key of this domain still waits for its record."), N_("Publish it, then check.")),
    "dkim-in-use": (N_("This key is still in use."), N_("Rotate first, and leave its record for some days.")),
    "dns-silent": (N_("The name servers did not answer."), N_("Try again later; is the network there?")),
    "domain-name": (
        N_("This is no domain name."),
        N_("Write it as after the @ of an e-mail address, such as company.example."),
    ),
    "none-reached": (
        N_("No letter of this mailing has an address for this channel."),
        N_("Choose another channel, or add addresses."),
    ),
    "nothing-to-send": (N_("No letter of this mailing can be sent."), N_("Correct or include some first.")),
    "no-such-fix": (N_("There is no such fix."), _RELOAD),
    "fix-not-possible": (
        N_("This cannot be mended here: the page would look otherwise than it should."),
        N_("Nothing was changed. Correct the document in the program that made it."),
    ),
    "nothing-to-fix": (N_("No letter has anything that this would mend."), _RELOAD),
    "document-changed": (N_("The document was changed meanwhile: nothing was done."), _RELOAD),
    "fix-too-large": (
        N_("{pages} pages would have to be written anew: too many at once."),
        N_("Mend the template and print again, or fix single letters."),
    ),
    "no-font": (N_("No font can be found on this machine."), _ADMINISTRATOR),
    "no-envelope-price": (
        N_("The tariff has no price for this envelope."),
        N_("Choose another envelope, or add its price to the tariff."),
    ),
    "no-such-layout": (N_("There is no such layout."), N_("Choose another one.")),
    "no-such-page": (N_("This letter cannot be cut there."), N_("Choose another page.")),
    "bad-split-rule": (N_("This cutting rule cannot be read."), N_("Correct it, or cut by the address.")),
    "bad-field": (
        N_("A field cannot be read in this way: {field}."),
        N_("Draw a box on the page, or write an expression with the wanted part in brackets."),
    ),
    "letters-together": (N_("Letters share this envelope."), N_("Give each its own envelope first.")),
    "not-neighbours": (
        N_("A separator page was left out between these letters: they cannot be merged."),
        N_("Cut the document in another way."),
    ),
    "no-spreadsheet": (N_("The spreadsheet of this cutting rule is missing."), N_("Bring it in with the document.")),
    "nothing-to-undo": (N_("There is nothing to undo here."), _RELOAD),
    "order-mismatch": (
        N_("The spreadsheet and the document do not fit: they part at row {row}, page {page}."),
        N_("Look at this row and the ones before it: one may be missing or too many. Correct the spreadsheet and read again."),
    ),
    "spreadsheet-too-large": (N_("This spreadsheet is too large."), N_("Leave out the columns that are not needed.")),
    "unreadable-spreadsheet": (
        N_("This spreadsheet cannot be used: {why}"),
        N_("Use CSV, XLSX or ODS with one row for each letter, in the order of the document, and names of columns in the first row."),
    ),
    "mailing-state": (N_("This mailing has moved on: it can no longer be changed in this way."), _RELOAD),
    "item-state": (N_("This letter has moved on: it can no longer be changed in this way."), _RELOAD),
    "item-sent": (N_("This letter was sent already."), N_("It can no longer be changed; send a new one.")),
    "no-next-letter": (N_("There is no letter after this one."), N_("Merge from the letter before it.")),
    "too-late": (N_("This letter is being handed over this moment."), N_("It can no longer be stopped.")),
    "too-large": (
        N_("This document is larger than the {megabytes} MB that one job may have."),
        N_("Print it in parts, or ask your administrator to raise the limit."),
    ),
    "empty": (N_("The document is empty: not a single byte came in."), N_("Print or upload it again.")),
    "printer-paused": (N_("This printer is paused."), N_("Ask your administrator to resume it.")),
    "too-many-waiting": (N_("{limit} mailings of this printer wait already."), N_("Send or cancel some of them first.")),
    "unknown-format": (N_("This is no document that the post office can read."), _DOCUMENT_HELP),
    "no-ghostscript": (N_("PostScript cannot be read here: Ghostscript is not installed."), _ADMINISTRATOR),
    "postscript-damaged": (
        N_("This PostScript is damaged."),
        N_("Print it again, or as PDF; a job that was cancelled half way ends like this."),
    ),
    "conversion-timeout": (N_("Turning this PostScript into a PDF took too long."), _PARTS),
    "page-unreadable": (N_("Page {page} is damaged and cannot be read."), _PRINT_AGAIN),
    "page-out-of-range": (N_("The letters were cut in another way in the meantime."), N_("Reload the page.")),
    "pdf-damaged": (N_("This PDF is damaged and cannot be opened."), _PRINT_AGAIN),
    "pdf-empty": (N_("This PDF has no page."), N_("Print or export it again with its pages.")),
    "not-a-pdf": (N_("This is not a PDF."), _DOCUMENT_HELP),
    "pdf-truncated": (N_("This PDF ends in the middle: its end is missing."), _PRINT_AGAIN),
    "pdf-encrypted": (N_("This PDF is protected by a password."), N_("Save or print it again without a password.")),
    "no-tesseract": (N_("Pictures of text cannot be read here: Tesseract is not installed."), _ADMINISTRATOR),
    "ocr-failed": (N_("The picture of an address could not be read."), N_("Type the address by hand.")),
    "ocr-timeout": (N_("Reading the picture of an address took too long."), N_("Type the address by hand.")),
    "image-too-large": (N_("This picture has more pixels or pages than can be taken."), N_("Scan it at 300 dpi, or in parts.")),
    "image-damaged": (N_("This picture is damaged or of an unusual kind."), _PICTURE),
    "raster-damaged": (N_("This print raster is damaged."), N_("Print it again; the job may have been cut off.")),
    "raster-too-large": (N_("This print raster is larger than can be taken."), _PARTS),
    "too-heavy": (
        N_("{grams} g is more than this postage takes."),
        N_("Choose another postage, print on both sides, or split the letter."),
    ),
    "recall-too-late": (N_("The carrier does not give this letter back any more."), N_("It can no longer be stopped.")),
    "carrier-silent": (N_("The carrier does not answer now."), N_("Try again in a moment.")),
    "no-proof": (N_("There is no such document about this letter."), N_("Reload the page.")),
    "house-sheets": (
        N_("{sheets} sheets are more than the {most} that the print house puts into one envelope."),
        N_("Print on both sides, or split the letter."),
    ),
    "house-pages": (N_("{pages} pages are more than the {most} that the print house takes in one letter."), N_("Split the letter.")),
    "house-envelope": (
        N_("The print house chooses the envelope by the number of sheets: {sheets} do not go into {envelope}."),
        N_("Leave the envelope to the print house."),
    ),
    "house-postage": (
        N_("The print house has no such mail to the country {country}."),
        N_("Choose another postage, or another way for this recipient."),
    ),
    "house-country": (
        N_("The print house does not post to the country {country}."),
        N_("Choose another way for this recipient."),
    ),
    "house-duplex": (N_("The print house does not print this on both sides."), N_("Print on one side.")),
    "house-colour": (N_("The print house does not print this in black and white."), N_("Print in colour.")),
    "envelope-full": (
        N_("{sheets} sheets do not fit into this envelope."),
        N_("Choose another envelope, print on both sides, or split the letter."),
    ),
    "too-many-pages": (
        N_("This document has {pages} pages; one job may have {limit}."),
        N_("Print it in parts, or ask your administrator to raise the limit."),
    ),
    "unknown-layout": (N_("There is no such layout."), N_("Choose another one.")),
    "template-missing": (N_("A template of the office is missing."), _ADMINISTRATOR),
    "template-broken": (N_("A template of the office is broken."), _ADMINISTRATOR),
    "address-bad": (N_("This postal address cannot be used: {why}"), N_("Correct its lines and try again.")),
    "no-tariff": (N_("No tariff holds today."), _ADMINISTRATOR),
    "no-such-carrier": (N_("There is no such carrier."), N_("Look for it on the page of carriers.")),
    "no-such-contact": (N_("There is no such contact."), N_("Look for it in the list of contacts.")),
    "no-such-item": (N_("There is no such letter."), N_("Look for it in its mailing.")),
    "no-such-mailing": (N_("There is no such mailing."), N_("Look for it in the list of mailings.")),
    "no-such-printer": (N_("There is no such printer."), N_("Look for it in the list of printers.")),
    "no-such-organisation": (N_("There is no such organisation."), _ADMINISTRATOR),
    "no-such-page-here": (N_("There is no page at this address."), N_("Check the address, or start from Today.")),
    "document-damaged": (N_("A stored document is damaged or has another key."), _BACKUP),
    "document-missing": (N_("This document is not in the store."), _BACKUP),
    "disk-full": (
        N_("The office's disk is full: the document was not taken in, nothing was kept of it."),
        N_("Ask your administrator to free some space, then send it again."),
    ),
    "wrong-master-key": (N_("A stored secret cannot be opened with this master key."), _ADMINISTRATOR),
    "user-exists": (N_("There is an account for this e-mail address already."), N_("Change its rights instead.")),
    "too-much-memory": (N_("This document needs more memory than one piece of work may take."), _PARTS),
    "too-slow": (N_("This document takes longer than one piece of work may take."), _PARTS),
    "not-allowed": (N_("You have no right to do this."), N_("Ask your administrator for the right, or a colleague who has it.")),
    "stale-page": (N_("This page is too old to be trusted: nothing was done."), N_("Reload it and try again.")),
    "price-changed": (
        N_("What would be sent has changed since this page was shown: nothing was sent."),
        N_("Look at the new figures and confirm again."),
    ),
    "no-file": (N_("No file was chosen."), N_("Choose a file or drop it on the page.")),
    "bad-date": (N_("This is not a date and an hour."), N_("Write it as the field shows, or leave it empty to send now.")),
    "unknown-word": (N_("This choice does not exist."), N_("Reload the page and choose again.")),
    "no-such-mail": (N_("There is no such e-mail."), N_("Look for it on the letter's timeline.")),
    "mailbox-password": (
        N_("The mail server refused the user name or the password."),
        N_("Type them again; some providers want a password made for programs."),
    ),
    "mailbox-folder": (N_("The mailbox has no folder of this name."), N_("Look at the folder's exact name.")),
    "mailbox-tls": (
        N_("The mail server's certificate or its encryption cannot be trusted."),
        N_("Check its name and port, or paste the certificate of its authority."),
    ),
    "mailbox-unreachable": (
        N_("The mail server does not answer."),
        N_("Check its name, its port and the network; it is tried again."),
    ),
    "mailbox-broke": (N_("The mail server broke off the conversation."), N_("It is tried again by itself.")),
    "mailbox-incomplete": (
        N_("The mailbox lacks its server, its user name or its password."),
        N_("Fill them in on the page of the carrier."),
    ),
    "mailbox-address": (N_("Another carrier takes mail for this address."), N_("Choose another one.")),
    "mailbox-open": (
        N_("The user name and the password would cross the network unprotected."),
        N_("Choose tls or starttls."),
    ),
    "mailbox-field": (N_("This cannot be used."), N_("Correct the marked field and save again.")),
    "name-missing": (N_("A name is needed."), N_("Type the name that people will look for.")),
    "bad-number": (N_("A whole number from 1 to {most} is needed."), N_("Correct the number and save again.")),
    "address-missing": (N_("An address is needed."), N_("Type where the test should go.")),
    "bad-email": (N_("This is not an e-mail address."), N_("Write it like name@example.org.")),
    "bad-mobile": (N_("This is no valid mobile number."), N_("Write it like +33 6 12 34 56 78, with its country.")),
    "bad-fax": (N_("This is no valid fax number."), N_("Write it like +33 1 23 45 67 89, with its country.")),
    "no-such-token": (N_("This printer has no such address."), N_("Look for it on the printer's page.")),
    "no-such-user": (N_("There is no such account."), N_("Look for it in the list of people.")),
    "no-such-key": (N_("There is no such API key."), N_("Look for it in the list of keys.")),
    "not-in-the-box": (N_("This is not in the sandbox box."), N_("Look for it in the list.")),
    "last-administrator": (
        N_("This is the last administrator of the whole office: nothing was changed."),
        N_("Make somebody else administrator first."),
    ),
    "not-oneself": (N_("You cannot disable your own account."), N_("Ask another administrator.")),
    "no-printer-chosen": (N_("A role for certain printers needs at least one."), N_("Tick its printers.")),
    "carrier-kind": (N_("There is no such kind of carrier."), N_("Choose one of the list.")),
    "carrier-setting": (
        N_("The setting “{label}” cannot be used: it is missing, or not what this carrier needs."),
        N_("Correct the marked field and save again."),
    ),
    "carrier-name": (N_("This name cannot be used."), N_("Use 2 to 40 small letters, digits and hyphens.")),
    "carrier-exists": (N_("There is a carrier of this name already."), N_("Choose another name.")),
    "carrier-off": (N_("This carrier is switched off."), N_("Switch it on first.")),
    "no-such-webhook": (N_("There is no such webhook."), N_("Look for it in the list of webhooks.")),
    "too-many-webhooks": (N_("There are {limit} webhooks already."), N_("Remove one first.")),
    "webhook-address": (
        N_("This web address cannot be called."),
        N_("Give a public https:// address of your own program, without a user name in it."),
    ),
    "webhook-off": (N_("This webhook is paused."), N_("Resume it first.")),
    "carrier-in-use": (N_("This carrier is switched on."), N_("Switch it off first.")),
    "missing-field": (
        N_("The field {field} is missing."),
        N_("Add the column to the file of recipients, or make the template do without it."),
    ),
    "template-syntax": (N_("Line {line} of {file} cannot be understood."), N_("Correct the template.")),
    "template-forbidden": (N_("The template does something that templates may not."), N_("Correct the template.")),
    "template-failed": (N_("The template fails on this row."), N_("Correct the template, or the row.")),
    "no-template": (N_("There is no letter.html in this folder."), N_("Choose the folder of a letter template.")),
    "letter-too-long": (N_("A letter is longer than can be."), N_("Look for a list without an end.")),
    "letter-too-slow": (
        N_("This letter took longer than a letter may take."),
        N_("Use fewer boxes within boxes (flex, grid, tables), or a shorter list."),
    ),
    "letter-too-big": (N_("This letter needs more memory than it may."), N_("Make it shorter.")),
    "letter-failed": (N_("This letter cannot be laid out."), N_("Look at its preview, and simplify the template where it goes wrong.")),
    "asset-missing": (
        N_("The template shows {asset}, which is not among its files or cannot be read."),
        N_("Add the file to the template, or correct its name."),
    ),
    "field-not-number": (
        N_("A field that the template writes as a number holds something else."),
        N_("Give it as digits with a point before the decimals, such as 1234.50."),
    ),
    "field-not-date": (
        N_("A field that the template writes as a date holds something else."),
        N_("Give it in the form 2026-03-31."),
    ),
    "field-not-address": (
        N_("A field that the template writes as an address holds something else."),
        N_("Give it as a list of lines, or fields such as name, street, postcode and town."),
    ),
    "bad-currency": (N_("{currency} is no currency."), N_("Use a code such as EUR.")),
    "weasyprint-version": (
        N_("Letters are rendered with WeasyPrint {wanted}, but {found} is installed."),
        N_("Ask your administrator to install the versions that constraints.txt names."),
    ),
    "office-trouble": (
        N_("Something went wrong in the office. What you did may not be kept; what was sent before is safe."),
        N_("Try again. If it goes on, give your administrator this number: {number}"),
    ),
}
