"""The one place that says what stands in the navigation, in order."""

from typing import NamedTuple

from postoffice.model.people import Right
from postoffice.words import N_


class Entry(NamedTuple):
    """A page of the navigation: shown to those who have its right."""

    path: str
    label: str  #: English, translated when shown
    right: Right


NAVIGATION = (
    Entry("/", N_("Today"), Right.SEE),
    Entry("/mailings", N_("Mailings"), Right.SEE),
    Entry("/upload", N_("New mailing"), Right.SUBMIT),
    Entry("/campaigns", N_("Campaigns"), Right.SEE),
    Entry("/templates", N_("Templates"), Right.SEE),
    Entry("/contacts", N_("Contacts"), Right.SEE),
    Entry("/segments", N_("Segments"), Right.SEE),
    Entry("/returned", N_("Returned mail"), Right.RETURNED),
    Entry("/suppressions", N_("Suppressions"), Right.SEE),
    Entry("/figures", N_("Figures"), Right.SEE),
    Entry("/sandbox", N_("Sandbox box"), Right.SEE),
    Entry("/admin", N_("Administration"), Right.AUDIT),
)
