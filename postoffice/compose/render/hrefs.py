"""The filter `href`: an address in an e-mail is made harmless, and led through the office where clicks are counted."""

from collections.abc import Callable
from urllib.parse import urlsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

#: what a mail may lead to; everything else (javascript:, data:, file: ...) leads nowhere
SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms"})
#: the name under which a mail's values hold what counts: (number, address) -> address
COUNTER = "_clicks"

Counter = Callable[[int, str], str]


@pass_context
def href(context: Context, value: object, number: int = 0) -> str:
    """An address that came from the template or from a row; "#" for what leads nowhere. As markup where the value is markup."""
    marked = isinstance(value, Markup)
    address = (str(value.unescape()) if isinstance(value, Markup) else str(value)).strip()
    counter: Counter | None = context.get(COUNTER)
    if not is_harmless(address):
        address = "#"
    elif counter is not None and number and address[:4].lower() == "http":
        address = counter(number, address)
    return Markup.escape(address) if marked else address


def is_harmless(address: str) -> bool:
    """Whether an address is one that a mail may lead to."""
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return False
    return scheme in SCHEMES and "\n" not in address and "\r" not in address
