"""Where letters begin: proposals to choose from, another rule, a spreadsheet's rows, one envelope a recipient, and the way back."""

from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.actions import recutting
from postoffice.compose.proposals import AGAINST, FOR, THRESHOLD, Proposal
from postoffice.compose.sheet_rows import MOST_BYTES
from postoffice.desk.choices import split_rule, text_of
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, house_of, load_mailing
from postoffice.house import House
from postoffice.model.errors import PostOfficeError, TooLarge
from postoffice.model.mailing import Mailing, Options, Together
from postoffice.model.states import MailingState
from postoffice.store import mailings

SPREADSHEET = "application/x-spreadsheet"  # any of them; the bytes decide
#: what the proposals' figures stand for on a card
SURE, FAIR = THRESHOLD, 0.80


def context(mailing: Mailing) -> dict[str, Any]:
    """What the options page needs: the cards, which one was taken, whether there is a way back."""
    cards = [Proposal.from_dict(shape) for shape in mailing.cuts.get("proposals", ())]
    taken = mailing.cuts.get("rule", mailing.split_rule)
    return {
        "cards": [one for one in cards if one.items > 1 or len(cards) == 1 or taken in (one.rule, *one.also)][:6],
        "taken": taken,
        "sure": mailing.cuts.get("sure", True),
        "speaks_for": FOR,
        "speaks_against": AGAINST,
        "levels": {"sure": SURE, "fair": FAIR},
        "can_undo": bool(mailing.cuts.get("undo")) and mailing.state is MailingState.WAITING,
        "togethers": list(Together),
    }


async def regrouped(request: web.Request, mailing: Mailing, chosen: Options) -> bool:
    """Put letters together anew where the options now ask for it in another way; whether that was so."""
    before = mailing.options
    same = (chosen.together, chosen.envelope, chosen.duplex) == (before.together, before.envelope, before.duplex)
    if mailing.state is not MailingState.WAITING or same or (chosen.together is before.together is Together.NO):
        return False
    await recutting.share_envelopes(house_of(request), mailing, chosen, request[VISIT].actor)
    return True


async def recut(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/recut: a card's rule, or another layout and rule."""
    mailing = await load_mailing(request)
    form = await request.post()
    rule = text_of(form, "rule", 500) or split_rule(form) or mailing.split_rule
    if rule == "order":
        rule = mailing.split_rule
    layout = text_of(form, "layout") or mailing.layout
    done = await recutting.recut(house_of(request), mailing, layout, rule, request[VISIT].actor)
    return go(request, f"/m/{mailing.id}{'?done=recut' if done else ''}")


async def undo(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/undo"""
    mailing = await load_mailing(request)
    await recutting.undo(house_of(request), mailing, request[VISIT].actor)
    return go(request, f"/m/{mailing.id}?done=undone")


async def order(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/order: a spreadsheet with one row a letter; fields first, then the file."""
    mailing, visit = await load_mailing(request), request[VISIT]
    if not request.content_type.startswith("multipart/"):
        raise no_spreadsheet()
    csrf = request.headers.get("X-CSRF", "")
    parts = await request.multipart()
    while (part := await parts.next()) is not None:
        if not isinstance(part, BodyPartReader):
            break
        if part.name == "csrf":
            csrf = bytes(await part.read_chunk(500)).decode("ascii", "replace").strip()
        elif part.name == "order" and part.filename:
            check_csrf(visit, csrf)
            rule = await keep_spreadsheet(house_of(request), mailing.organisation_id, part)
            done = await recutting.recut(house_of(request), mailing, mailing.layout, rule, visit.actor)
            return go(request, f"/m/{mailing.id}{'?done=recut' if done else ''}")
    raise no_spreadsheet()


async def keep_spreadsheet(house: House, organisation_id: str, part: BodyPartReader) -> str:
    """Store a spreadsheet as it comes in; the order rule that names it."""
    size = 0
    async with house.documents.upload(organisation_id) as upload:
        while chunk := await part.read_chunk(256 * 1024):
            size += len(chunk)
            if size > MOST_BYTES:
                raise TooLarge(
                    "spreadsheet-too-large", "This spreadsheet is too large.", help="Leave out the columns that are not needed."
                )
            await upload.write(chunk)
        stored = await upload.finish()
    if not size:
        raise no_spreadsheet()
    async with house.database.write() as connection:
        await mailings.note_document(connection, organisation_id, stored, SPREADSHEET, house.clock.now())
    return f"order:{stored.sha256}"


def no_spreadsheet() -> PostOfficeError:
    """Nothing was chosen."""
    return PostOfficeError("no-file", "No file was chosen.", help="Choose a spreadsheet: CSV, XLSX or ODS.")
