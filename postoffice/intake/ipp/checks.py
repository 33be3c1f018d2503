"""What every request must have before anything is done (RFC 8011 sections 4.1.1 to 4.1.8), and where it says to be going."""

import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from postoffice.intake.ipp.attributes import Place
from postoffice.intake.ipp.phrases import tongue
from postoffice.intake.ipp.values import Group, IppError, Message
from postoffice.intake.ipp.words import Operation, Status, Tag

_CHARSETS = ("utf-8", "us-ascii")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_NUMBER = re.compile(r"\d{1,9}")


def check(message: Message) -> tuple[Operation, str]:
    """The operation and the language to answer in. IppError for a request that breaks the rules."""
    if message.version[0] not in (1, 2):
        raise IppError("This printer speaks IPP 1.0, 1.1 and 2.0.", Status.VERSION_NOT_SUPPORTED)
    if not 0 < message.request_id < 2**31:
        raise IppError("A request-id is between 1 and 2147483647.")
    if not message.groups or message.groups[0].tag != Tag.OPERATION:
        raise IppError("A request begins with its operation attributes.")
    if sum(one.tag == Tag.OPERATION for one in message.groups) > 1:
        raise IppError("A request has one group of operation attributes.")
    language = _check_first_two(message.groups[0])
    try:
        operation = Operation(message.code)
    except ValueError as error:
        raise IppError("This printer does not know that operation.", Status.OPERATION_NOT_SUPPORTED) from error
    if target(message) is None:
        raise IppError("The request does not name its printer: printer-uri is missing.")
    return operation, language


def _check_first_two(asked: Group) -> str:
    if list(asked.attributes)[:2] != ["attributes-charset", "attributes-natural-language"]:
        raise IppError("A request begins with attributes-charset and attributes-natural-language.")
    charset = _only(asked, "attributes-charset", Tag.CHARSET)
    language = _only(asked, "attributes-natural-language", Tag.LANGUAGE)
    if charset.lower() not in _CHARSETS:
        raise IppError("This printer speaks utf-8 and us-ascii.", Status.CHARSET_NOT_SUPPORTED)
    return tongue(language)


def _only(asked: Group, name: str, tag: int) -> str:
    values = asked.attributes[name].values
    if len(values) != 1 or values[0].tag != tag:
        raise IppError(f"The attribute {name} has one value of its own kind.")
    return str(values[0].data)


def target(message: Message) -> str | None:
    """The printer-uri, or the job-uri where there is none."""
    asked = message.groups[0]
    found = asked.one("printer-uri", str) or asked.one("job-uri", str)
    return str(found) if found else None


def job_number(message: Message, in_path: str | None) -> int | None:
    """The job that a request names: by job-id, by the end of job-uri, or by the path that it was posted to."""
    asked = message.groups[0]
    number = asked.one("job-id", int)
    if number is not None:
        return int(number)
    for text in ((asked.one("job-uri", str) or "").rpartition("/")[2], in_path or ""):
        if _NUMBER.fullmatch(text):
            return int(text)
    return None


@lru_cache(maxsize=1024)
def locate(told: str, host: str, secure: bool, path: str, desk: str) -> Place:
    """The printer's address as this client knows it: as it wrote it in the request, else by the host that it spoke to.

    `told` is the request's printer-uri or job-uri, `host` the Host header, `path` the printer's own path. A client's `http://`
    becomes `ipp://` with the port written out, because the two have different default ports.
    """
    parts = _split(told)
    ports = {"ipp": "", "ipps": "", "http": ":80", "https": ":443"}
    place = host if _HOST.fullmatch(host) else urlsplit(desk).netloc
    if parts.scheme in ports and _HOST.fullmatch(parts.netloc):
        place = parts.netloc if re.search(r":\d+$", parts.netloc) else parts.netloc + ports[parts.scheme]
        secure = secure or parts.scheme in ("ipps", "https")
    return Place(f"{'ipps' if secure else 'ipp'}://{place}{path}", secure, desk, f"{desk}/ipp/icon.png")


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address if address.isascii() and len(address) < 1024 else "")
    except ValueError:  # half an IPv6 address
        return urlsplit("")
