"""Who asks: the user behind the cookie, the words of their language, and what they may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from postoffice.actions.actor import Actor
from postoffice.house import HOUSE, House
from postoffice.model.errors import NotFound
from postoffice.model.ids import is_id
from postoffice.model.item import Item
from postoffice.model.mailing import Mailing
from postoffice.model.people import Organisation, Right, Role, User
from postoffice.store import items, mailings, people
from postoffice.words import LANGUAGES, Words

LANGUAGE_COOKIE = "language"
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request by somebody who is signed in. `right` is the one that the route needs (None: any signed-in person)."""

    user: User
    organisation: Organisation
    words: Words
    csrf: str
    token: str
    right: Right | None
    proved_at: datetime  #: when the visitor last typed the password or used a passkey

    @property
    def needs_second_factor(self) -> bool:
        """Whether the organisation asks for a second factor of one of the visitor's roles, and there is none yet."""
        return not self.user.second_factor and bool(required_roles(self.organisation) & {one.role for one in self.user.grants})

    @property
    def actor(self) -> Actor:
        """Who does it, for the timeline and the audit trail."""
        return Actor(f"user:{self.user.id}", self.user.id)

    @property
    def printer_ids(self) -> Sequence[str] | None:
        """The printers that the route's right is narrowed to; None: all."""
        ids = self.user.printers(self.right) if self.right else frozenset()
        return None if ids is None else sorted(ids)

    def may(self, right: Right, mailing: Mailing | None = None) -> bool:
        """Whether the user has `right`, for this mailing or for anything at all. Own mailings count as one's own printer's."""
        if not self.user.may_somewhere(right):
            return False
        return mailing is None or mailing.user_id == self.user.id or self.user.may(right, mailing.printer_id)


#: among an organisation's settings: the roles that may not work with a password alone
SECOND_FACTOR_ROLES = "second_factor_roles"


def required_roles(organisation: Organisation) -> frozenset[Role]:
    """The roles of which the organisation asks a second factor."""
    words = organisation.settings.get(SECOND_FACTOR_ROLES)
    return frozenset(Role(word) for word in words) if isinstance(words, list) else frozenset()


VISIT = web.RequestKey("visit", Visit)
WORDS = web.RequestKey("words", Words)


def house_of(request: web.Request) -> House:
    """The house's parts."""
    return request.app[HOUSE]


def cookie_name(house: House) -> str:
    """`__Host-` binds the cookie to this host and to https; browsers refuse the prefix over plain http."""
    return "__Host-postoffice" if house.secure else "postoffice"


async def recognise(request: web.Request, right: Right | None) -> Visit | None:
    """The visit behind the request's cookie; None where there is none or it ended."""
    house = house_of(request)
    token = request.cookies.get(cookie_name(house), "")
    if not token:
        return None
    now = house.clock.now()
    async with house.database.read() as connection:
        found = await people.session(connection, token, now, timedelta(seconds=house.limits.idle_seconds))
        organisation = await people.organisation(connection, found.user.organisation_id) if found else None
    if found is None or organisation is None:
        return None
    user = found.user
    if now - found.seen_at > TOUCH_EVERY:
        async with house.database.write() as connection:
            await people.touch_session(connection, token, now)
    language = user.language or words_of_stranger(request).language
    words = Words(language, organisation.timezone, organisation.currency)
    return Visit(user, organisation, words, found.csrf, token, right, found.proved_at)


def words_of_stranger(request: web.Request) -> Words:
    """The language of somebody who is not signed in: chosen before, else the browser's, else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return Words(chosen)
    wished = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("Accept-Language", "").split(",")]
    return Words(next((language for language in wished if language in LANGUAGES), "en"))


async def load_mailing(request: web.Request) -> Mailing:
    """The mailing that the address names, where the visitor has the route's right for it; NotFound otherwise."""
    visit, mailing_id = request[VISIT], request.match_info["mailing"]
    if is_id(mailing_id):
        async with house_of(request).database.read() as connection:
            mailing = await mailings.get(connection, mailing_id, visit.organisation.id)
        if visit.right is None or visit.may(visit.right, mailing):
            return mailing
    raise NotFound("no-such-mailing", "There is no such mailing.", help="Look for it in the list of mailings.")


async def load_item(request: web.Request) -> tuple[Mailing, Item]:
    """The item that the address names with its mailing; NotFound otherwise."""
    visit, item_id = request[VISIT], request.match_info["item"]
    if is_id(item_id):
        async with house_of(request).database.read() as connection:
            item = await items.get(connection, item_id, visit.organisation.id)
            mailing = await mailings.get(connection, item.mailing_id, visit.organisation.id)
        named = request.match_info.get("mailing", mailing.id)
        if named == mailing.id and (visit.right is None or visit.may(visit.right, mailing)):
            return mailing, item
    raise NotFound("no-such-item", "There is no such letter.", help="Look for it in its mailing.")
