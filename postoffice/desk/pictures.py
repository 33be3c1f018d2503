"""Pictures of pages. Requests for one document are gathered and drawn many at a time by a child process, from one plain copy.

Pictures are kept in memory only (they show letters), the oldest go first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web

from postoffice.desk.visit import VISIT, load_item
from postoffice.house import House
from postoffice.model.errors import NotFound
from postoffice.pdf import raster

KEPT_BYTES = 48_000_000
AT_ONCE = 20  # pictures per call of a child: a tenth of a second's work
GATHER = 0.015  # seconds in which a browser's requests for one screen come together
PATIENCE = 20.0  # seconds that the plain copy of a document is kept after its last picture
THUMB, LARGE = 240, 1000  # pixels across
SIZES = {"thumb": THUMB, "page": LARGE}

Key = tuple[str, int, int]
"""document, page from 1, pixels across"""


class Pictures:
    """Draws and remembers. One task per document that is being looked at."""

    def __init__(self, house: House, draw: Callable[[Path, Sequence[int], int], list[bytes]] = raster.thumbnails) -> None:
        self._house = house
        self._draw = draw
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self._asked: dict[tuple[str, str], asyncio.Queue[tuple[Key, asyncio.Future[bytes]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, organisation_id: str, document: str, page: int, width: int) -> bytes:
        """A page as PNG. Raises what reading the page raises."""
        key = (document, page, width)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queue(organisation_id, document).put_nowait((key, answer))
        return await answer

    def _queue(self, organisation_id: str, document: str) -> "asyncio.Queue[tuple[Key, asyncio.Future[bytes]]]":
        whose = (organisation_id, document)
        if whose not in self._asked:
            self._asked[whose] = asyncio.Queue()
            task = asyncio.create_task(self._serve(whose))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._asked[whose]

    async def _serve(self, whose: tuple[str, str]) -> None:
        """Draw what is asked of one document until nobody has asked for a while."""
        queue = self._asked[whose]
        try:
            async with self._house.documents.as_file(*whose) as path:
                while batch := await self._gathered(queue):
                    await self._draw_some(path, batch)
                del self._asked[whose]  # from here on a request starts a new task
        except BaseException as error:
            self._asked.pop(whose, None)
            while not queue.empty():
                _fail(queue.get_nowait()[1], error)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _gathered(self, queue: "asyncio.Queue[tuple[Key, asyncio.Future[bytes]]]") -> list[tuple[Key, asyncio.Future[bytes]]]:
        try:
            batch = [await asyncio.wait_for(queue.get(), PATIENCE)]
        except TimeoutError:
            return []
        await asyncio.sleep(GATHER)
        while not queue.empty() and len(batch) < AT_ONCE:
            batch.append(queue.get_nowait())
        return batch

    async def _draw_some(self, path: Path, batch: Sequence[tuple[Key, asyncio.Future[bytes]]]) -> None:
        """Draw in one call; where that fails, page by page, so that one damaged page hides no other."""
        for width in {key[2] for key, _answer in batch}:
            wanted = {key: None for key, answer in batch if key[2] == width and not answer.done()}
            try:
                self._keep(wanted, await self._house.workshop.run(self._draw, path, [page for _sha, page, _width in wanted], width))
            except Exception as error:
                if len(wanted) == 1:
                    for key, answer in batch:
                        if key in wanted:
                            _fail(answer, error)
                else:
                    for key in wanted:
                        await self._draw_some(path, [one for one in batch if one[0] == key])
        for key, answer in batch:
            if key in self._kept and not answer.done():
                answer.set_result(self._kept[key])

    def _keep(self, keys: "dict[Key, None]", pictures: Sequence[bytes]) -> None:
        for key, picture in zip(keys, pictures, strict=True):
            self._kept[key] = picture
            self._bytes += len(picture)
        while self._bytes > KEPT_BYTES and len(self._kept) > AT_ONCE:
            self._bytes -= len(self._kept.popitem(last=False)[1])

    async def close(self) -> None:
        """Let go of plain copies."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _fail(answer: "asyncio.Future[bytes]", error: BaseException) -> None:
    if not answer.done():
        if isinstance(error, asyncio.CancelledError):
            answer.cancel()
        else:
            answer.set_exception(error)


PICTURES = web.AppKey("pictures", Pictures)


async def picture(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/items/{item}/{size}-{page}.png; the page counts within the item, from 1."""
    mailing, item = await load_item(request)
    page = int(request.match_info["page"])
    wanted = item.document_page(page)
    if mailing.document is None or not wanted:
        raise NotFound("page-out-of-range", "This letter has no such page.", help="Reload the page.")
    width = SIZES[request.match_info["size"]]
    made = await request.app[PICTURES].get(request[VISIT].organisation.id, mailing.document, wanted, width)
    return web.Response(body=made, content_type="image/png")


async def close_pictures(app: web.Application) -> None:
    """Called when the application stops."""
    await app[PICTURES].close()
