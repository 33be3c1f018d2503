"""When paper leaves a print house: what is handed over until a day's last hour is produced that day, later goes on the next one. Pure.

Nothing is kept back for it: the hand-over happens at once, and the carrier's queue is where it waits. The day is what people are told.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from postoffice.model.errors import PostOfficeError
from postoffice.routing.holidays import is_holiday

DAYS = 7
_SEARCH = 60  #: days looked ahead: longer than any row of holidays


def read(texts: Sequence[str]) -> tuple[str, ...]:
    """Seven hours from Monday as "16:00", empty for a day without hand-over; () where all are empty. PostOfficeError names the day."""
    cleaned = [text.strip() for text in texts]
    if len(cleaned) != DAYS:
        raise PostOfficeError("bad-cut-off", "Seven hours are needed, one for each day of the week.", help="Write them as 16:00.")
    for text in filter(None, cleaned):
        try:
            hour = time.fromisoformat(text)
        except ValueError:
            hour = None
        if hour is None or hour.tzinfo is not None or len(text) != 5:
            raise PostOfficeError("bad-cut-off", f"'{text[:20]}' is not an hour.", help="Write it as 16:00.", hour=text[:20])
    return tuple(cleaned) if any(cleaned) else ()


def leaves_on(cut_offs: Sequence[str], moment: datetime, zone: str, country: str = "") -> date | None:
    """The day on which what is handed over at `moment` (aware) leaves; None where no hours are known. `country`: its holidays rest."""
    if not any(cut_offs):
        return None
    local = moment.astimezone(ZoneInfo(zone))
    for ahead in range(_SEARCH):
        day = local.date() + timedelta(days=ahead)
        last = cut_offs[day.weekday()]
        if not last or is_holiday(country, day):
            continue
        if ahead or local.time() <= time.fromisoformat(last):
            return day
    return None
