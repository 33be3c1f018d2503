"""New mailing: a file is chosen or dropped, and streamed into the reception without being held in memory."""

from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from postoffice.compose.rules import parse_rule
from postoffice.desk.choices import split_rule, unknown_word
from postoffice.desk.cutting import keep_spreadsheet
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import render
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.house import House
from postoffice.model.channel import Purpose
from postoffice.model.errors import NotAllowed, PostOfficeError, Unreadable
from postoffice.model.layout import LAYOUTS
from postoffice.model.mailing import Mailing, NewMailing, Options, Source
from postoffice.model.people import Right
from postoffice.model.ports import PrinterCard
from postoffice.pdf.sniff import sniff
from postoffice.store import printers
from postoffice.store.printers import Printer

CHUNK = 256 * 1024
LONGEST_FIELD = 2_000  # bytes of a form field before the file


async def upload_page(request: web.Request) -> web.StreamResponse:
    """GET /upload"""
    return render(request, "upload.html", await _choices(request))


async def _choices(request: web.Request) -> dict[str, Any]:
    visit, house = request[VISIT], house_of(request)
    known = await _printers(house, visit)
    return {"printers": known, "layouts": LAYOUTS, "purposes": list(Purpose), "most": house.limits.max_upload}


async def _printers(house: House, visit: Visit) -> list[Printer]:
    async with house.database.read() as connection:
        known = await printers.all_of(connection, visit.organisation.id)
    return [one for one in known if visit.user.may(Right.SUBMIT, one.id)]


async def upload(request: web.Request) -> web.StreamResponse:
    """POST /upload: fields first, then the file. A page that sends by script reads the new address from the answer."""
    if not request.content_type.startswith("multipart/"):
        raise _no_file()
    mailing = await _take(request, await request.multipart())
    address = f"/m/{mailing.id}"
    if "X-Upload" in request.headers:
        return web.json_response({"address": address}, status=201)
    return web.Response(status=303, headers={"Location": address})


async def _take(request: web.Request, parts: MultipartReader) -> Mailing:
    visit = request[VISIT]
    fields = {"csrf": request.headers.get("X-CSRF", "")}
    while (part := await parts.next()) is not None:
        if not isinstance(part, BodyPartReader):
            break
        if part.name == "order":
            fields |= await _order(request, part, fields)
            continue
        if part.name == "file":
            check_csrf(visit, fields["csrf"])
            return await _take_file(request, part, fields)
        fields[part.name or ""] = bytes(await part.read_chunk(LONGEST_FIELD)).decode("utf-8", "replace").strip()
    raise _no_file()


async def _order(request: web.Request, part: BodyPartReader, fields: dict[str, str]) -> dict[str, str]:
    """A spreadsheet that comes before the document: the rule that names it, nothing where none was chosen."""
    if not part.filename:
        await part.release()
        return {}
    visit = request[VISIT]
    check_csrf(visit, fields["csrf"])
    return {"split": await keep_spreadsheet(house_of(request), visit.organisation.id, part)}


async def _take_file(request: web.Request, part: BodyPartReader, fields: dict[str, str]) -> Mailing:
    house, visit = house_of(request), request[VISIT]
    if not part.filename:
        raise _no_file()
    printer = await _printer(house, visit, fields.get("printer", ""))
    if printer is not None:
        await house.reception.check_quota(printer, request.content_length)
    limit = min(filter(None, (house.limits.max_upload, printer.max_bytes if printer else 0)), default=0)
    async with house.reception.intake(_new(visit, part.filename, printer, fields), limit=limit) as intake:
        while chunk := await part.read_chunk(CHUNK):
            await intake.write(chunk)
        kind = sniff(intake.head)
        if kind is None and intake.size:
            raise Unreadable(
                "unknown-format",
                "This is no document that the post office can read.",
                help="Send a PDF, PostScript, JPEG, PNG, TIFF, PWG or URF document.",
            )
        return await intake.accept(kind.media_type if kind else "")


async def _printer(house: House, visit: Visit, printer_id: str) -> PrinterCard | None:
    """The printer whose defaults apply; none chosen is fine for those who may use any."""
    known = {one.id: one for one in await _printers(house, visit)}
    if printer_id in known:
        chosen = known[printer_id]
        return PrinterCard(**{name: getattr(chosen, name) for name in Printer.__slots__}, user_id=visit.user.id)
    if printer_id or visit.user.printers(Right.SUBMIT) is not None:
        raise NotAllowed("not-allowed", "You have no right to use this printer.", help="Choose another one.")
    return None


def _new(visit: Visit, filename: str, printer: PrinterCard | None, fields: dict[str, str]) -> NewMailing:
    """The mailing as its form describes it; what is left out comes from the printer."""
    shape = (printer.options if printer else Options()).as_dict()
    if fields.get("purpose"):
        shape["purpose"] = fields["purpose"]
    layout = fields.get("layout") or (printer.layout if printer else "fr")
    if layout not in LAYOUTS or shape["purpose"] not in set(Purpose):
        raise unknown_word()
    rule = split_rule(fields) or (printer.split_rule if printer else "address")
    parse_rule(rule)
    return NewMailing(
        visit.organisation.id,
        Source.UPLOAD,
        filename.replace("\\", "/").rsplit("/", 1)[-1],
        layout=layout,
        split_rule=rule,
        options=Options.from_dict(shape),
        printer_id=printer.id if printer else None,
        user_id=visit.user.id,
        live=printer.live if printer else True,
    )


def _no_file() -> PostOfficeError:
    return PostOfficeError("no-file", "No file was chosen.", help="Choose a file or drop it on the page.")
