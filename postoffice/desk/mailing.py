"""The address of a mailing, /m/{mailing}: options until it is sent, a board afterwards; and what both have in common."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from postoffice.actions import steering
from postoffice.desk import board, options
from postoffice.desk.live import LIVE, Look, Stream
from postoffice.desk.page import go, render_text
from postoffice.desk.today import is_board
from postoffice.desk.visit import VISIT, house_of, load_mailing
from postoffice.model.states import MailingState


async def mailing_page(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}"""
    mailing = await load_mailing(request)
    return await (board.page if is_board(mailing) else options.page)(request, mailing)


async def live(request: web.Request) -> web.StreamResponse:
    """GET /m/{mailing}/live?of=options|board: `look` carries the part that moves, `turned` says that the page is another one now."""
    mailing = await load_mailing(request)
    of_board = request.query.get("of") == "board"
    stream = Stream(request)
    await stream.open()
    shown = request.query.get("state", mailing.state.value)
    changes = request.app[LIVE].follow(mailing.id)
    try:
        async for look in changes:
            if look is None:
                if request.app[LIVE].closed or stream.over:
                    break
                await stream.heartbeat()
                continue
            template, context = ("board-live.html", board.live_context(look)) if of_board else ("progress.html", _progress(look))
            await stream.send("look", render_text(request, template, context))
            if _turned(look, of_board, shown):
                await stream.send("turned", "")
                break
            if stream.over:
                break
    except ConnectionResetError:  # the viewer went away: nothing to tell, nobody to tell it to
        return stream.response
    finally:
        await changes.aclose()  # type: ignore[attr-defined]
    return stream.response


def _turned(look: Look, of_board: bool, shown: str) -> bool:
    """Whether the page is another one now: the other of the two, another step of reading, or a board that came to its end."""
    if is_board(look.mailing) != of_board:
        return True
    state = look.mailing.state
    return state.value != shown and (not of_board or state is MailingState.FINISHED)


def _progress(look: Look) -> Mapping[str, Any]:
    return {"mailing": look.mailing}


async def cancel(request: web.Request) -> web.StreamResponse:
    """POST /m/{mailing}/cancel: take back what has not been handed over, and what would follow."""
    mailing = await load_mailing(request)
    stopped = await steering.cancel(house_of(request), mailing, request[VISIT].actor)
    done, number = ("ladders", stopped.ladders) if stopped.ladders and not stopped.items else ("cancelled", stopped.items)
    return go(request, f"/m/{mailing.id}?done={done}&n={number}")
