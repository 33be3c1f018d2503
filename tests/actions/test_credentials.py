"""Staff are told by mail of each change to how they sign in."""

import re
from pathlib import Path
from typing import Any

import pytest

from postoffice.actions.notices import Change, tell_staff
from postoffice.compose.message import render_message
from postoffice.model.people import Grant, Role, User
from postoffice.store import people
from tests.portal.conftest import office, sandboxed  # noqa: F401

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FACTS = {"sender_name": "Mairie de Lys", "name": "Zoé <b>", "moment": "22/11/2026 12:00", "link": "https://post.example/account"}


def person(organisation_id: str, email: str) -> User:
    return User("u" * 26, organisation_id, email, "Zoé", "fr", False, False, (Grant(Role.SENDER),))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("change", Change)
def test_each_change_has_its_sentence(language: str, change: Change) -> None:
    mail = render_message("email/credential", language, {**FACTS, "what": change.value}, TEMPLATES)
    other = render_message("email/credential", language, {**FACTS, "what": "key" if change is Change.CODES else "codes"}, TEMPLATES)
    assert mail.subject != other.subject and mail.text != other.text
    assert FACTS["link"] in mail.text and FACTS["link"] in mail.html and FACTS["moment"] in mail.text
    assert "Zoé &lt;b&gt;" in mail.html
    assert not re.search(r"(?:src|background)=|url\(|@import", mail.html)


async def test_the_mail_goes_by_the_organisation_s_carrier_and_its_refusal_harms_nothing(office: Any) -> None:  # noqa: F811
    async with office.house.database.read() as connection:
        mine = await people.organisation(connection, office.organisation_id)
    assert await tell_staff(office.house, mine, person(mine.id, "zoe@example.org"), Change.PASSWORD)
    assert not await tell_staff(office.house, mine, person(mine.id, "refused@example.net"), Change.PASSWORD)
    (sent,) = await sandboxed(office)
    assert sent.to == "zoe@example.org" and "mot de passe" in sent.subject
