"""A failure that nobody foresaw: where it was raised, and whether anybody is still there to be told."""

from pathlib import Path

from aiohttp import web

#: what web servers write down for a caller who went away before the answer (nginx's number; IANA has none)
GONE = 499
_BROKEN = (ConnectionError, web.RequestPayloadError)


def where(error: BaseException) -> str:
    """File and line where it was raised, "file.py:12"; never its text, which may hold names."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""


def left(request: web.Request, error: Exception) -> bool:
    """Whether the caller's own leaving is the failure: a line broke, and theirs is closed. Nothing is wrong with the office then."""
    return isinstance(error, _BROKEN) and (request.transport is None or request.transport.is_closing())


def nobody() -> web.Response:
    """The answer that only the log sees."""
    return web.Response(status=GONE)
