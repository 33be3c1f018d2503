"""On which day the n-th recipient of a campaign gets it: in equal parts over some days, or in steps that double. Pure."""

#: a new sender doubles what it sends a day; receivers take more than that for a burst
FACTOR = 2


def day_of(number: int, total: int, days: int, warm_up: int) -> int:
    """The day (0 is the first) of recipient `number` (from 0) of about `total`. The later of what spreading and warming up say.

    More recipients than were counted beforehand go on the last day of the spread.
    """
    spread = min(number // max(1, -(-total // days)), days - 1) if days > 1 else 0
    return max(spread, warm_day(number, warm_up))


def warm_day(number: int, warm_up: int) -> int:
    """The day on which recipient `number` goes where the first day takes `warm_up` and each later one twice the one before."""
    if warm_up <= 0:
        return 0
    day, taken = 0, warm_up
    while number >= taken:
        day += 1
        taken += warm_up * FACTOR**day
    return day


def steps(total: int, days: int, warm_up: int) -> list[int]:
    """How many go on each day: what the page shows before it is launched."""
    found: list[int] = []
    number = 0
    while number < total:
        day = day_of(number, total, days, warm_up)
        last = _last_of(day, number, total, days, warm_up)
        found += [0] * (day + 1 - len(found))
        found[day] += last - number
        number = last
    return found


def _last_of(day: int, number: int, total: int, days: int, warm_up: int) -> int:
    """The first number behind `number` that goes on another day."""
    low, high = number, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if day_of(middle, total, days, warm_up) == day else (low, middle)
    return high
