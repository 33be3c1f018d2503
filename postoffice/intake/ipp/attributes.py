"""What the printer says of itself: RFC 8011 section 5.4, PWG 5100.14 (IPP Everywhere), and what macOS, iOS and Windows want beyond.

Most of it never changes, so it is encoded once; a printer's own part is encoded once per printer and address; only clocks and
counters are encoded per answer.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

from postoffice.intake.ipp.codec import encode_attribute
from postoffice.intake.ipp.media import media_attributes, media_database
from postoffice.intake.ipp.phrases import sentence
from postoffice.intake.ipp.values import Attribute, Range, Resolution, attribute
from postoffice.intake.ipp.words import Operation, Tag
from postoffice.model.ports import PrinterCard
from postoffice.pdf.sniff import JPEG, PDF, POSTSCRIPT, PWG_RASTER, URF

STARTED = datetime.now(UTC)  # the printer's configuration and state count as unchanged since then

OCTETS = "application/octet-stream"  #: "look for yourself"
FORMATS = (PDF, POSTSCRIPT, JPEG, PWG_RASTER, URF, OCTETS)  # PDF first: Windows takes the first that it knows
COMPRESSIONS = ("none", "deflate", "gzip")
SIDES = ("one-sided", "two-sided-long-edge", "two-sided-short-edge")
COLOUR_MODES = ("auto", "color", "monochrome")
SCALINGS = ("auto", "auto-fit", "fill", "fit", "none")
WHICH_JOBS = ("completed", "not-completed", "all", "aborted", "canceled", "pending", "pending-held", "processing", "processing-stopped")
TIME_OUT = 300  #: seconds between Create-Job and its Send-Document

#: job template attributes that a request may carry (RFC 8011 section 5.2); all others come back as unsupported
CREATION = (
    "copies",
    "finishings",
    "ipp-attribute-fidelity",
    "job-account-id",
    "job-accounting-user-id",
    "job-name",
    "job-priority",
    "job-sheets",
    "media",
    "media-col",
    "multiple-document-handling",
    "number-up",
    "orientation-requested",
    "output-bin",
    "overrides",
    "page-ranges",
    "print-color-mode",
    "print-content-optimize",
    "print-quality",
    "print-rendering-intent",
    "print-scaling",
    "printer-resolution",
    "sides",
)
_TEMPLATE = frozenset(f"{name}-{end}" for name in CREATION for end in ("default", "supported", "ready"))
_MEDIA_TEMPLATE_PREFIX = "media-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where this printer is, as the caller sees it."""

    printer_uri: str  #: ipp:// or ipps://, with the token
    secure: bool  #: over TLS
    desk: str  #: http(s) base of the desk, no slash at the end
    icon: str  #: http(s) address of the printer's picture

    def mailing_url(self, mailing_id: str) -> str:
        """The page where a person chooses options and follows the letters."""
        return f"{self.desk}/m/{mailing_id}"

    def printer_url(self, printer_id: str) -> str:
        """The page of the printer itself."""
        return f"{self.desk}/admin/printers/{printer_id}"


def keyword(name: str, *words: str) -> Attribute:
    """Keywords."""
    return attribute(name, Tag.KEYWORD, *words)


def _constant() -> Iterable[Attribute]:
    resolutions = (Resolution(300, 300), Resolution(600, 600))
    none = attribute("", Tag.NO_VALUE).values
    yield attribute("charset-configured", Tag.CHARSET, "utf-8")
    yield attribute("charset-supported", Tag.CHARSET, "utf-8", "us-ascii")
    yield attribute("color-supported", Tag.BOOLEAN, True)
    yield keyword("compression-supported", *COMPRESSIONS)
    yield attribute("copies-default", Tag.INTEGER, 1)
    yield attribute("copies-supported", Tag.RANGE, Range(1, 999))  # less, and iOS prints pictures
    yield attribute("document-format-default", Tag.MIME, PDF)
    yield attribute("document-format-preferred", Tag.MIME, PDF)
    yield attribute("document-format-supported", Tag.MIME, *FORMATS)
    yield attribute("finishings-default", Tag.ENUM, 3)
    yield attribute("finishings-supported", Tag.ENUM, 3)
    yield attribute("generated-natural-language-supported", Tag.LANGUAGE, "en", "fr")
    yield keyword("identify-actions-default", "display")
    yield keyword("identify-actions-supported", "display")
    yield keyword("ipp-features-supported", "ipp-everywhere")
    yield keyword("ipp-versions-supported", "1.0", "1.1", "2.0")
    yield Attribute("job-account-id-default", none)
    yield attribute("job-account-id-supported", Tag.BOOLEAN, True)
    yield Attribute("job-accounting-user-id-default", none)
    yield attribute("job-accounting-user-id-supported", Tag.BOOLEAN, True)
    yield keyword("job-creation-attributes-supported", *CREATION)
    yield attribute("job-ids-supported", Tag.BOOLEAN, True)
    yield attribute("job-priority-default", Tag.INTEGER, 50)
    yield attribute("job-priority-supported", Tag.INTEGER, 1)
    yield keyword("job-sheets-default", "none")
    yield keyword("job-sheets-supported", "none")
    yield keyword("jpeg-features-supported", "none")
    yield attribute("jpeg-x-dimension-supported", Tag.RANGE, Range(0, 65535))
    yield attribute("jpeg-y-dimension-supported", Tag.RANGE, Range(1, 65535))
    yield attribute("mopria-certified", Tag.TEXT, "1.3")
    yield keyword("multiple-document-handling-default", "separate-documents-collated-copies")
    yield keyword("multiple-document-handling-supported", "separate-documents-collated-copies", "separate-documents-uncollated-copies")
    yield attribute("multiple-document-jobs-supported", Tag.BOOLEAN, False)
    yield attribute("multiple-operation-time-out", Tag.INTEGER, TIME_OUT)
    yield keyword("multiple-operation-time-out-action", "abort-job")
    yield attribute("natural-language-configured", Tag.LANGUAGE, "en")
    yield attribute("number-up-default", Tag.INTEGER, 1)
    yield attribute("number-up-supported", Tag.INTEGER, 1)
    yield attribute("operations-supported", Tag.ENUM, *(one for one in Operation if one not in _REFUSED))
    yield Attribute("orientation-requested-default", none)
    yield attribute("orientation-requested-supported", Tag.ENUM, 3, 4, 5, 6)
    yield keyword("output-bin-default", "face-up")
    yield keyword("output-bin-supported", "face-up")
    yield keyword("overrides-supported", "document-number", "document-numbers", "pages")
    yield attribute("page-ranges-supported", Tag.BOOLEAN, True)
    yield attribute("pages-per-minute", Tag.INTEGER, 100)
    yield attribute("pages-per-minute-color", Tag.INTEGER, 100)
    yield keyword("pdf-versions-supported", "adobe-1.3", "adobe-1.4", "adobe-1.5", "adobe-1.6", "iso-32000-1_2008")
    yield keyword("pdl-override-supported", "attempted")
    yield attribute("preferred-attributes-supported", Tag.BOOLEAN, False)
    yield keyword("print-color-mode-supported", *COLOUR_MODES)
    for name in ("print-content-optimize", "print-rendering-intent"):
        yield keyword(f"{name}-default", "auto")
        yield keyword(f"{name}-supported", "auto")
    yield attribute("print-quality-default", Tag.ENUM, 4)
    yield attribute("print-quality-supported", Tag.ENUM, 3, 4, 5)
    yield keyword("print-scaling-default", "auto")
    yield keyword("print-scaling-supported", *SCALINGS)
    yield attribute("printer-device-id", Tag.TEXT, "MFG:Post Office;MDL:Virtual Printer;CMD:PDF,PS,JPEG,PWGRaster,URF;")
    yield attribute("printer-geo-location", Tag.UNKNOWN)
    yield keyword("printer-get-attributes-supported", "document-format")
    yield attribute(
        "printer-input-tray",
        Tag.OCTETS,
        b"type=sheetFeedAutoNonRemovableTray;mediafeed=0;mediaxfeed=0;maxcapacity=-2;level=-2;status=0;name=auto;",
    )
    yield keyword("printer-kind", "document")
    yield attribute("printer-make-and-model", Tag.TEXT, "Post Office Virtual Printer")
    yield attribute("printer-output-tray", Tag.OCTETS, b"type=unRemovableBin;maxcapacity=-2;remaining=-2;status=0;name=face-up;")
    yield attribute("printer-resolution-default", Tag.RESOLUTION, resolutions[0])
    yield attribute("printer-resolution-supported", Tag.RESOLUTION, *resolutions)
    yield keyword("printer-settable-attributes-supported", "none")
    yield attribute(
        "printer-supply",
        Tag.OCTETS,
        b"index=1;class=supplyThatIsConsumed;type=toner;unit=percent;maxcapacity=100;level=100;colorantname=black;",
    )
    yield attribute("printer-supply-description", Tag.TEXT, "Ink of the print house")
    yield attribute("pwg-raster-document-resolution-supported", Tag.RESOLUTION, *resolutions)
    yield keyword("pwg-raster-document-sheet-back", "normal")
    yield keyword("pwg-raster-document-type-supported", "black_1", "sgray_8", "srgb_8")
    yield keyword("sides-supported", *SIDES)
    yield keyword("uri-authentication-supported", "none")
    yield keyword("urf-supported", "V1.4", "CP1", "W8", "SRGB24", "RS300-600", "DM1", "IS1", "MT1", "OB10", "PQ3-4-5", "FN3")
    yield keyword("which-jobs-supported", *WHICH_JOBS)
    yield attribute("printer-config-change-date-time", Tag.DATE_TIME, STARTED)
    yield attribute("printer-config-change-time", Tag.INTEGER, seconds(STARTED))
    yield attribute("printer-config-changes", Tag.INTEGER, 1)
    yield attribute("printer-state-change-date-time", Tag.DATE_TIME, STARTED)
    yield attribute("printer-state-change-time", Tag.INTEGER, seconds(STARTED))


_REFUSED = (Operation.PRINT_URI, Operation.SEND_URI)  # we fetch nothing from addresses that a client names


def _of_printer(card: PrinterCard, place: Place) -> Iterable[Attribute]:
    kilobytes = Range(0, (card.max_bytes + 1023) // 1024 or 0x7FFFFFFF)
    yield attribute("printer-uri-supported", Tag.URI, place.printer_uri)
    yield keyword("uri-security-supported", "tls" if place.secure else "none")
    yield attribute("printer-name", Tag.NAME, short(card.name))
    yield attribute("printer-dns-sd-name", Tag.NAME, short(card.name, 63))
    yield attribute("printer-info", Tag.TEXT, short(card.info or card.name))
    yield attribute("printer-location", Tag.TEXT, short(card.location))
    yield attribute("printer-organization", Tag.TEXT, "")
    yield attribute("printer-organizational-unit", Tag.TEXT, "")
    yield attribute("printer-uuid", Tag.URI, uuid.uuid5(uuid.NAMESPACE_URL, f"postoffice:printer:{card.id}").urn)
    yield attribute("printer-more-info", Tag.URI, place.printer_url(card.id))
    yield attribute("printer-supply-info-uri", Tag.URI, place.printer_url(card.id))
    yield attribute("printer-icons", Tag.URI, place.icon)
    yield keyword("sides-default", SIDES[1] if card.options.duplex else SIDES[0])
    yield keyword("print-color-mode-default", "color" if card.options.colour else "monochrome")
    yield attribute("job-k-octets-supported", Tag.RANGE, kilobytes)
    yield attribute("pdf-k-octets-supported", Tag.RANGE, kilobytes)
    yield attribute("jpeg-k-octets-supported", Tag.RANGE, kilobytes)
    yield attribute("job-impressions-supported", Tag.RANGE, Range(0, 0x7FFFFFFF))
    yield attribute("job-media-sheets-supported", Tag.RANGE, Range(0, 0x7FFFFFFF))


@dataclass(frozen=True, slots=True)
class Moment:
    """What changes from answer to answer."""

    now: datetime
    language: str  #: en or fr
    queued: int  #: mailings that wait on this printer


def _fresh(card: PrinterCard, moment: Moment) -> Iterable[Attribute]:
    """A printer that takes nothing says so here, because CUPS then keeps its jobs and shows the sentence to the person."""
    now, queued = moment.now, moment.queued
    state = "paused" if not card.accepting else "full" if card.max_jobs and queued >= card.max_jobs else "ready"
    yield attribute("printer-is-accepting-jobs", Tag.BOOLEAN, state == "ready")
    yield attribute("printer-state", Tag.ENUM, 5 if state == "paused" else 3)
    yield keyword("printer-state-reasons", {"ready": "none", "full": "spool-area-full", "paused": "paused"}[state])
    yield attribute("printer-state-message", Tag.TEXT, sentence(f"printer-{state}", moment.language))
    yield attribute("printer-up-time", Tag.INTEGER, seconds(now))
    yield attribute("printer-current-time", Tag.DATE_TIME, now)
    yield attribute("queued-job-count", Tag.INTEGER, queued)


def seconds(when: datetime) -> int:
    """A moment on the printer's clock, which like that of CUPS counts from 1970, so that it goes on over restarts."""
    return max(0, min(int(when.timestamp()), 0x7FFFFFFF))


def short(text: str, size: int = 127) -> str:
    """At most `size` bytes of UTF-8, cut between two characters."""
    return text.encode()[:size].decode("utf-8", "ignore")


@cache
def _constant_bytes() -> Mapping[str, bytes]:
    return {one.name: encode_attribute(one) for one in (*_constant(), *media_attributes())}


@lru_cache(maxsize=512)
def _standing_bytes(card: PrinterCard, place: Place) -> tuple[Mapping[str, bytes], bytes]:
    """A printer's attributes by name, and all of them in one piece."""
    by_name = {**_constant_bytes(), **{one.name: encode_attribute(one) for one in _of_printer(card, place)}}
    return by_name, b"".join(by_name.values())


@cache
def _database_bytes() -> bytes:
    return encode_attribute(media_database())


def printer_bytes(card: PrinterCard, place: Place, wanted: frozenset[str], moment: Moment) -> bytes:
    """The attributes that were asked for (names and the groups `all`, `printer-description`, `job-template`), encoded.

    `media-col-database` comes only by its name (PWG 5100.7 section 6.3).
    """
    by_name, everything = _standing_bytes(card, place)
    fresh = {one.name: encode_attribute(one) for one in _fresh(card, moment)}
    database = _database_bytes() if "media-col-database" in wanted else b""
    if "all" in wanted:
        return b"".join((everything, *fresh.values(), database))
    named = {**by_name, **fresh}
    picked = [data for name, data in named.items() if name in wanted or _group_of(name) in wanted]
    return b"".join((*picked, database))


def _group_of(name: str) -> str:
    return "job-template" if name in _TEMPLATE or name.startswith(_MEDIA_TEMPLATE_PREFIX) else "printer-description"


_COUNTED = frozenset(
    {"all", "printer-description", "queued-job-count", "printer-state", "printer-is-accepting-jobs"}
    | {"printer-state-reasons", "printer-state-message"}
)


def wants_count(wanted: frozenset[str]) -> bool:
    """Whether the number of waiting jobs must be looked up for this answer."""
    return not wanted.isdisjoint(_COUNTED)
