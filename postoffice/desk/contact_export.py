"""The list of contacts as CSV, XLSX or vCards: what the filter shows, streamed slice by slice."""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from postoffice.contacts import tables, vcard
from postoffice.desk.contacts import look_of
from postoffice.desk.page import go
from postoffice.desk.visit import VISIT, WORDS, house_of
from postoffice.model.address import PostalAddress
from postoffice.store import contact_book, contact_search, people
from postoffice.store.contact_book import FullContact

_SLICE = 500
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcf": "text/vcard; charset=utf-8",
}


async def export(request: web.Request) -> web.StreamResponse:
    """GET /contacts/export.{kind}?q=&tag=&channel=&health="""
    kind, visit, house = request.match_info["kind"], request[VISIT], house_of(request)
    if kind not in _TYPES:
        return go(request, "/contacts")
    async with house.database.write() as connection:
        await people.note(
            connection,
            organisation_id=visit.organisation.id,
            actor=visit.actor.name,
            action="contacts.export",
            subject="",
            now=house.clock.now(),
            detail={"kind": kind},
        )
    headers = {"Content-Type": _TYPES[kind], "Content-Disposition": f'attachment; filename="contacts.{kind}"'}
    response = web.StreamResponse(headers=headers | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    await response.prepare(request)
    writer = {"csv": _csv, "xlsx": _xlsx, "vcf": _cards}[kind]
    async for piece in writer(request, _slices(request)):
        await response.write(piece)
    await response.write_eof()
    return response


async def _slices(request: web.Request) -> AsyncIterator[list[FullContact]]:
    mine, look = request[VISIT].organisation.id, look_of(request)
    after: tuple[str, str] | None = None
    while True:
        async with house_of(request).database.read() as connection:
            ids = await contact_search.page(connection, mine, look, after=after, limit=_SLICE)
            found = await contact_book.by_ids(connection, mine, ids)
        if not ids:
            return
        yield [found[one] for one in ids if one in found]
        after = (found[ids[-1]].name, ids[-1])


async def _csv(request: web.Request, slices: AsyncIterator[list[FullContact]]) -> AsyncIterator[bytes]:
    mark = ";" if request[WORDS].language == "fr" else ","
    yield "\ufeff".encode() + tables.csv_line(_titles(request), mark)
    async for some in slices:
        yield b"".join(tables.csv_line(_cells(one), mark) for one in some)


async def _xlsx(request: web.Request, slices: AsyncIterator[list[FullContact]]) -> AsyncIterator[bytes]:
    book = tables.Workbook()
    yield book.begin()
    yield book.rows([_titles(request)])
    async for some in slices:
        yield book.rows([_cells(one) for one in some])
    yield book.end()


async def _cards(_request: web.Request, slices: AsyncIterator[list[FullContact]]) -> AsyncIterator[bytes]:
    async for some in slices:
        yield "".join(_card(one) for one in some).encode()


def _card(one: FullContact) -> str:
    return vcard.written(
        uid=one.id,
        name=one.name,
        company=one.company,
        kind=one.kind,
        addresses=[_adr(one, point.address) for point in one.points if point.address],
        emails=one.values("email"),
        mobiles=one.values("sms"),
        faxes=one.values("fax"),
        language=one.language,
        tags=one.tags,
    )


def _adr(one: FullContact, address: PostalAddress) -> tuple[Sequence[str], str, str, str]:
    street = _street(one, address)
    return street, address.postcode, address.town, address.country


def _street(one: FullContact, address: PostalAddress) -> list[str]:
    """The lines between the name and the town."""
    inner = [line for line in address.lines[1:] if line not in (one.name, one.company)]
    return [line for line in inner if not (address.postcode and address.postcode in line)]


def _titles(request: web.Request) -> list[str]:
    _ = request[WORDS].gettext
    return [
        _("Name"),
        _("Company"),
        _("Street"),
        _("Postcode"),
        _("Town"),
        _("Country"),
        _("E-mail"),
        _("Mobile"),
        _("Fax"),
        _("Language"),
        _("Preferred channel"),
        _("Reference"),
        _("Tags"),
    ]


def _cells(one: FullContact) -> list[str]:
    address = next((point.address for point in one.points if point.address), None)
    place = [" / ".join(_street(one, address)), address.postcode, address.town, address.country] if address else [""] * 4
    return [
        one.name,
        one.company,
        *place,
        "; ".join(one.values("email")),
        "; ".join(one.values("sms")),
        "; ".join(one.values("fax")),
        one.language,
        one.preferred_channel or "",
        "; ".join(one.external_ids.values()),
        ", ".join(one.tags),
    ]
