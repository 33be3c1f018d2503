"""What the administrator's pages share: their tabs, who may change the whole office, the line in the audit trail."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from postoffice.desk.page import go, render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.model.errors import NotAllowed, PostOfficeError
from postoffice.model.people import Right
from postoffice.store import people
from postoffice.words import N_


class Tab(NamedTuple):
    """A page of the administration. `whole`: a right that is narrowed to some printers is not enough."""

    path: str
    label: str  #: English, translated when shown
    right: Right
    whole: bool = True


TABS = (
    Tab("/admin/printers", N_("Printers"), Right.MANAGE, whole=False),
    Tab("/admin/carriers", N_("Carriers"), Right.MANAGE),
    Tab("/admin/plans", N_("Plans"), Right.MANAGE),
    Tab("/admin/limits", N_("Limits"), Right.MANAGE),
    Tab("/admin/domains", N_("Sending domains"), Right.MANAGE),
    Tab("/admin/people", N_("People"), Right.MANAGE),
    Tab("/admin/keys", N_("API keys"), Right.MANAGE),
    Tab("/admin/hooks", N_("Webhooks"), Right.MANAGE),
    Tab("/admin/organisation", N_("Organisation"), Right.MANAGE),
    Tab("/admin/audit", N_("Audit trail"), Right.AUDIT),
)


def tabs_of(visit: Visit) -> list[Tab]:
    """The pages that the visitor may open."""
    return [tab for tab in TABS if (visit.user.may(tab.right) if tab.whole else visit.may(tab.right))]


def of_whole_office(visit: Visit, right: Right = Right.MANAGE) -> None:
    """NotAllowed where the right is narrowed to some printers: people, carriers and keys belong to all of them."""
    if not visit.user.may(right):
        raise NotAllowed("not-allowed", "You have no right to do this.", help="Ask your administrator for the right.")


def admin_page(request: web.Request, template: str, context: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """A page with the administration's tabs."""
    return render(request, template, {"tabs": tabs_of(request[VISIT]), **context}, status=status)


async def admin(request: web.Request) -> web.StreamResponse:
    """GET /admin: the first page that the visitor may open."""
    known = tabs_of(request[VISIT])
    if not known:
        of_whole_office(request[VISIT])
    return go(request, known[0].path)


def name_missing() -> PostOfficeError:
    """What is to be kept has no name."""
    return PostOfficeError("name-missing", "A name is needed.", help="Type the name that people will look for.")


async def note(request: web.Request, connection: AsyncConnection, action: str, subject: str, **detail: Any) -> None:
    """A line in the audit trail, in the transaction of the change itself. No personal data and no secret in `detail`."""
    visit = request[VISIT]
    await people.note(
        connection,
        organisation_id=visit.organisation.id,
        actor=visit.actor.name,
        action=action,
        subject=subject,
        now=house_of(request).clock.now(),
        detail=detail,
    )
