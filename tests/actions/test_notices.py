"""Short words to one person at once: both languages, one segment by SMS, nothing loaded from elsewhere, carriers that refuse."""

import re
from pathlib import Path
from typing import Any

import pytest

from postoffice.actions.notices import can_reach, send_notice
from postoffice.compose.message import _GSM, render_message
from postoffice.model.channel import Channel
from postoffice.store import people
from tests.portal.conftest import office, sandboxed  # noqa: F401

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
CONTEXT: dict[str, Any] = {
    "sender_name": "Communauté de communes « Entre-Deux-Œuvres et Vallées » " * 2,
    "code": "004217",
    "minutes": 10,
}
SEGMENT = 160  # GSM-7 letters of one SMS


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("why", ["open", "email", "mobile"])
def test_a_code_fits_one_segment_and_its_mail_loads_nothing(language: str, why: str) -> None:
    sms = render_message("sms/code", language, {**CONTEXT, "why": why}, TEMPLATES).text
    assert len(sms) <= SEGMENT and set(sms) <= _GSM and sms.count("004217") == 1, len(sms)
    mail = render_message("email/code", language, {**CONTEXT, "why": why}, TEMPLATES)
    assert "004217" in mail.text and "004217" in mail.html and "004217" not in mail.subject
    assert not re.search(r"(?:src|background)=|url\(|@import|https?://", mail.html)
    assert "prefers-color-scheme:dark" in mail.html and "display:none" in mail.html, "dark mode and preheader"


async def test_a_notice_goes_by_the_organisation_s_carrier_and_a_refusal_is_a_no(office: Any) -> None:  # noqa: F811
    async with office.house.database.read() as connection:
        sender = await people.organisation(connection, office.organisation_id)
    facts = {"code": "004217", "minutes": 10, "why": "open"}
    assert await can_reach(office.house, sender.id, live=True) == {Channel.EMAIL, Channel.SMS}
    assert await send_notice(office.house, sender, Channel.SMS, "+33639980000", "code", "fr", facts)
    assert not await send_notice(office.house, sender, Channel.EMAIL, "refused@example.net", "code", "fr", facts)
    assert [one.to for one in await sandboxed(office)] == ["+33639980000"]
    other = await office.other_organisation()
    async with office.house.database.read() as connection:
        nobody = await people.organisation(connection, other)
    assert not await send_notice(office.house, nobody, Channel.SMS, "+33639980000", "code", "fr", facts), "no carrier of its own"
    assert "004217" not in str(office.log.lines) and "39980000" not in str(office.log.lines)
