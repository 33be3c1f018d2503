"""Scans of returned letters: brought in by the bin, read by the worker, and the pages that a person looks at."""

from typing import Any

from aiohttp import BodyPartReader, web

from postoffice.actions import returned
from postoffice.desk.choices import text_of
from postoffice.desk.guard import check_csrf
from postoffice.desk.page import go, render
from postoffice.desk.returned import jpeg, reason_of, scans_context
from postoffice.desk.visit import VISIT, Visit, house_of
from postoffice.house import House
from postoffice.model.errors import NotAllowed, NotFound, PostOfficeError, TooLarge, Unreadable
from postoffice.model.ids import is_id
from postoffice.model.people import Right
from postoffice.model.ports import StoredDocument
from postoffice.pdf.sniff import JPEG, PDF, PNG, TIFF, sniff
from postoffice.store import returned as entries
from postoffice.store import scans
from postoffice.store.scans import Outcome, Page, Scan

CHUNK = 256 * 1024
TAKEN = frozenset({PDF, JPEG, PNG, TIFF})


async def bring(request: web.Request) -> web.StreamResponse:
    """POST /returned/scans: the reason first, then one file or more."""
    visit, house = request[VISIT], house_of(request)
    if visit.user.printers(Right.RETURNED) is not None:  # a scan shows everybody's letters
        raise NotAllowed("not-allowed", "You have no right to do this.", help="Ask your administrator for the right.")
    if not request.content_type.startswith("multipart/"):
        raise _no_file()
    fields = {"csrf": request.headers.get("X-CSRF", ""), "reason": ""}
    taken = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            break
        if part.name != "file":
            fields[part.name or ""] = bytes(await part.read_chunk(2_000)).decode("utf-8", "replace").strip()
        elif part.filename:
            check_csrf(visit, fields["csrf"])
            reason, name = reason_of(fields["reason"]), part.filename.replace("\\", "/").rsplit("/", 1)[-1]
            await returned.take_scan(house, visit.organisation.id, reason, name, await _store(house, visit, part), visit.actor)
            taken += 1
    if not taken:
        raise _no_file()
    return go(request, f"/returned?reason={fields['reason']}&done=scans")


async def _store(house: House, visit: Visit, part: BodyPartReader) -> StoredDocument:
    size, head = 0, b""
    async with house.documents.upload(visit.organisation.id) as upload:
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            head = head or bytes(chunk)
            if house.limits.max_upload and size > house.limits.max_upload:
                raise TooLarge("scan-too-large", "This scan is larger than one upload may be.", help="Scan it in parts.")
            await upload.write(chunk)
        kind = sniff(head)
        if kind is None or kind.media_type not in TAKEN:
            raise Unreadable("no-scan", "This is no scan that can be read.", help="Send a PDF, JPEG, PNG or TIFF.")
        return await upload.finish()


def _no_file() -> PostOfficeError:
    return PostOfficeError("no-file", "No file was chosen.", help="Choose a file or drop it on the page.")


async def progress(request: web.Request) -> web.StreamResponse:
    """GET /returned/scans: how far they are read, for the station while it is open."""
    async with house_of(request).database.read() as connection:
        return render(request, "returned-scans.html", await scans_context(connection, request[VISIT]))


async def _scan(request: web.Request) -> Scan:
    visit, scan_id = request[VISIT], request.match_info["scan"]
    async with house_of(request).database.read() as connection:
        scan = await scans.get(connection, visit.organisation.id, scan_id if is_id(scan_id) else "")
    if visit.user.printers(Right.RETURNED) is not None:
        raise NotFound("no-such-scan", "There is no such scan.", help="Look for it at the station.")
    return scan


async def scan_page(request: web.Request) -> web.StreamResponse:
    """GET /returned/scans/{scan}: what became of its pages; those that a person must look at come first."""
    scan, visit = await _scan(request), request[VISIT]
    async with house_of(request).database.read() as connection:
        pages = await scans.pages(connection, scan.id)
        named = {key for one in pages for key, _ in one.candidates} | {one.delivery_id for one in pages if one.delivery_id}
        letters = await entries.by_delivery(connection, visit.organisation.id, sorted(named))
        counts = await scans.counts(connection, [scan.id])
    context: dict[str, Any] = {
        "scan": scan,
        "doubtful": [one for one in pages if one.outcome is Outcome.DOUBTFUL],
        "nothing": [one for one in pages if one.outcome is Outcome.NOTHING],
        "pages": pages,
        "letters": letters,
        "counts": counts[scan.id],
    }
    return render(request, "returned-scan.html", context)


async def _page(request: web.Request, scan: Scan) -> Page:
    number = int(request.match_info["page"])
    async with house_of(request).database.read() as connection:
        found = [one for one in await scans.pages(connection, scan.id) if one.page == number]
    if not found:
        raise NotFound("no-such-scan", "There is no such scan.", help="Look for it at the station.")
    return found[0]


async def page_picture(request: web.Request) -> web.StreamResponse:
    """GET /returned/scans/{scan}/{page}.jpg"""
    scan = await _scan(request)
    page = await _page(request, scan)
    if page.document is None:
        raise NotFound("no-proof", "There is no such document about this letter.", help="Reload the page.")
    return await jpeg(house_of(request), scan.organisation_id, page.document)


async def settle(request: web.Request) -> web.StreamResponse:
    """POST /returned/scans/{scan}/{page}: a person says which letter it is, or that it is none of ours."""
    scan, visit = await _scan(request), request[VISIT]
    page = await _page(request, scan)
    chosen = text_of(await request.post(), "delivery")
    await returned.settle_page(house_of(request), visit.organisation.id, scan.id, page.page, visit.actor, chosen or None)
    return go(request, f"/returned/scans/{scan.id}")
