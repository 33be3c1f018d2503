"""What the pipeline gives an e-mail beside its words: ways to stop it, an address for answers, pictures of its template."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from postoffice.actions import steering
from postoffice.actions.actor import OFFICE
from postoffice.model.channel import Channel, Purpose
from postoffice.model.delivery import Piece
from postoffice.model.mailing import Ground, Options
from postoffice.model.ports import Abilities
from postoffice.store import people
from postoffice.store.schema import contacts
from tests.pipeline.house import TEMPLATES, Office, PlannedCarrier, people_items


async def piece_of(office: Office, purpose: Purpose, *, url: str = "https://post.example", **settings: object) -> Piece:
    seen: list[Piece] = []

    async def look(piece: Piece) -> None:
        seen.append(piece)

    carrier = PlannedCarrier("planned", Abilities(Channel.EMAIL))
    carrier.say["*"] = [look]
    office.carriers.mine[Channel.EMAIL] = carrier
    office.house = replace(office.house, url=url)
    async with office.house.database.write() as connection:
        await people.update_organisation(connection, office.organisation_id, settings={"sender_email": "office@example.fr", **settings})
    options = Options(channel=Channel.EMAIL, purpose=purpose, ground=Ground.CUSTOMERS)
    mailing = await office.drafts(people_items(1), options)
    await steering.send(office.house, mailing, options, OFFICE)
    await office.follow(2)
    (piece,) = seen
    return piece


@pytest.mark.parametrize("purpose", [Purpose.PROMOTION, Purpose.SERVICE])
async def test_offers_and_what_the_organisation_names_can_be_stopped_with_one_click(office: Office, purpose: Purpose) -> None:
    piece = await piece_of(office, purpose, unsubscribe=["service"], reply_to="answers@example.fr")
    address = f"https://post.example/u/{office.house.keyring.unsubscribe_token(piece.key)}"
    assert piece.headers == {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    assert address in piece.text and address in piece.html
    assert piece.reply_to == "answers@example.fr"


async def test_a_recipient_is_written_to_in_their_own_language(office: Office) -> None:
    unknown = await piece_of(office, Purpose.INVOICE)
    async with office.house.database.write() as connection:
        await connection.execute(contacts.update().values(language="en"))
    english = await piece_of(office, Purpose.INVOICE)
    assert (unknown.language, english.language) == ("fr", "en")
    assert "Bonjour" in unknown.text and "Hello" in english.text and 'lang="en"' in english.html


async def test_an_invoice_cannot_be_stopped(office: Office) -> None:
    piece = await piece_of(office, Purpose.INVOICE)
    assert not piece.headers and "/u/" not in piece.html


async def test_no_mailbox_program_is_given_an_address_without_tls(office: Office) -> None:
    piece = await piece_of(office, Purpose.PROMOTION, url="http://post.example")
    assert not piece.headers and "/u/" in piece.html


async def test_pictures_of_the_template_travel_with_the_mail(office: Office, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    base = tmp_path / "templates/email/base.html"
    base.write_text(base.read_text().replace("{{ sender_name }}</td>", '<img src="cid:logo.png">{{ sender_name }}</td>'))
    (tmp_path / "templates/email/logo.png").write_bytes(b"\x89PNG")
    office.house = replace(office.house, templates=tmp_path / "templates")
    piece = await piece_of(office, Purpose.INVOICE)
    assert [(one.cid, one.content) for one in piece.attachments] == [("logo.png", b"\x89PNG")]
