"""Failures of templates, their mails and tests, by code: see problems."""

from collections.abc import Mapping

from postoffice.words.marks import N_

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "bad-mjml": (N_("Line {line} of the mail cannot be understood: {why}"), N_("Correct the MJML.")),
    "bad-mail-picture": (N_("This picture cannot be shown in mail."), N_("Save it as PNG or JPEG and add it again.")),
    "test-address": (
        N_("A test goes to one to five addresses of your own staff."),
        N_("Take addresses of people who have an account here."),
    ),
    "test-limit": (N_("Enough tests were sent within this hour."), N_("Wait a little.")),
    "test-no-mail": (N_("This template has no e-mail."), N_("Write a subject and a text first.")),
    "test-no-carrier": (N_("No carrier takes e-mail."), N_("Set one up under Administration, Carriers.")),
    "test-refused": (N_("The carrier took none of the tests."), N_("Look at its state under Administration, Carriers.")),
    "bad-picture": (
        N_("This picture cannot be used."),
        N_("Use PNG, JPEG, GIF, WebP or SVG up to 12 MB; a template has at most 20 pictures."),
    ),
    "column-twice": (N_("Two columns fill the field {field}."), N_("Choose one of them.")),
    "row-not-made": (
        N_("No letter was made of this row: there is nothing that could be released."),
        N_("Correct the row in the spreadsheet and bring it in again, or leave it out."),
    ),
    "not-published": (N_("No version of this template is published yet."), N_("Publish it in its editor first.")),
    "template-changed": (
        N_("Somebody changed this template meanwhile: nothing was kept of your change."),
        N_("Copy what you typed, reload the page, and bring it in again."),
    ),
    "no-such-template": (N_("There is no such template."), N_("Look for it in the list of templates.")),
}
