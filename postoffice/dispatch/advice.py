"""What a carrier says against a letter before anything is sent."""

from collections.abc import Awaitable

from postoffice.model.errors import PostOfficeError
from postoffice.model.mailing import Options
from postoffice.model.ports import Advises, Carrier


async def check(carrier: Awaitable[Carrier], options: Options, pages: int, country: str) -> None:
    """OptionConflict, the first one, where the carrier names any; nothing where it names none, never does, or is not to be had."""
    try:
        found = await carrier
    except PostOfficeError:  # switched off a moment ago: dispatch waits for it
        return
    if isinstance(found, Advises):
        for problem in found.conflicts(options, pages, country):
            raise problem
