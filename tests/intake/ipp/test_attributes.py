"""What the printer says of itself, and that it says only what was asked."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from postoffice.intake.ipp.attributes import short
from postoffice.intake.ipp.checks import locate
from postoffice.intake.ipp.values import Group, attribute
from postoffice.intake.ipp.words import Operation, Status, Tag
from postoffice.model.mailing import Options
from tests.intake.ipp.client import URI, print_job, request, send, word
from tests.intake.ipp.fakes import Office

Client = TestClient[Any, Any]

#: what macOS, iOS and the class driver of Windows look for beyond the conformance suites
WANTED_BY_SYSTEMS = [
    "document-format-preferred",
    "urf-supported",
    "media-ready",
    "media-col-ready",
    "mopria-certified",
    "printer-uuid",
    "printer-icons",
    "printer-more-info",
    "printer-device-id",
    "printer-dns-sd-name",
    "printer-kind",
    "print-scaling-supported",
    "printer-input-tray",
    "printer-output-tray",
    "printer-current-time",
    "pdf-versions-supported",
    "jpeg-k-octets-supported",
    "job-account-id-supported",
    "printer-state-change-time",
]


async def ask(client: Client, *wanted: str, **more: Any) -> Group:
    asked = [word("requested-attributes", *wanted)] if wanted else []
    answer = await send(client, request(Operation.GET_PRINTER_ATTRIBUTES, *asked, **more))
    assert answer.status is Status.OK
    (found,) = answer.groups(Tag.PRINTER)
    return found


async def test_pdf_is_first_and_default(client: Client) -> None:
    said = await ask(client)
    formats = said.many("document-format-supported", str)
    assert formats[0] == "application/pdf" == said.one("document-format-default", str)
    assert set(formats) >= {"application/postscript", "image/jpeg", "image/pwg-raster", "image/urf", "application/octet-stream"}
    assert {"document-number", "document-numbers"} <= set(said.many("overrides-supported", str))
    assert said.one("media-default", str) == "iso_a4_210x297mm"
    assert said.attributes["copies-supported"].values[0].data == (1, 999)
    assert [name for name in WANTED_BY_SYSTEMS if name not in said.attributes] == []


async def test_every_default_is_supported(client: Client) -> None:
    said = await ask(client)
    for name, one in said.attributes.items():
        supported = said.attributes.get(name.removesuffix("-default") + "-supported")
        if (
            name.endswith("-default")
            and supported
            and one.values[0].tag == supported.values[0].tag
            and one.values[0].tag != Tag.INTEGER
        ):
            assert one.values[0] in supported.values, name


async def test_only_what_was_asked(client: Client) -> None:
    assert set((await ask(client, "printer-name", "sides-supported", "unheard-of")).attributes) == {"printer-name", "sides-supported"}
    template = set((await ask(client, "job-template")).attributes)
    description = set((await ask(client, "printer-description")).attributes)
    everything = set((await ask(client, "all")).attributes)
    assert {"sides-default", "media-col-ready"} <= template and {"printer-state", "queued-job-count"} <= description
    assert not template & description and template | description == everything
    assert "media-col-database" not in everything
    assert "media-col-database" in (await ask(client, "all", "media-col-database")).attributes


async def test_defaults_are_those_of_the_printer(office: Office, client: Client) -> None:
    said = await ask(client)
    assert (said.one("sides-default", str), said.one("print-color-mode-default", str)) == ("two-sided-long-edge", "monochrome")
    office.change_card(options=Options(duplex=False, colour=True), name="Factures")
    said = await ask(client)
    assert (said.one("sides-default", str), said.one("print-color-mode-default", str)) == ("one-sided", "color")
    assert said.one("printer-name", str) == "Factures"


async def test_a_paused_and_a_full_printer_say_so(office: Office, client: Client) -> None:
    assert (await ask(client, "printer-state-message")).one("printer-state-message", str) == "Ready."
    office.change_card(max_jobs=1)
    await print_job(client)
    full = await ask(client, "printer-is-accepting-jobs", "printer-state-reasons", "queued-job-count", "printer-state")
    assert full.one("printer-is-accepting-jobs", bool) is False
    assert full.many("printer-state-reasons", str) == ["spool-area-full"] and full.one("queued-job-count", int) == 1
    office.change_card(accepting=False)
    paused = await ask(client, language="fr")
    assert paused.one("printer-state", int) == 5 and paused.one("printer-state-message", str).startswith(
        "Cette imprimante est en pause"
    )


async def test_unsupported_document_format_is_refused(client: Client) -> None:
    wish = attribute("document-format", Tag.MIME, "text/plain")
    assert (await send(client, request(Operation.GET_PRINTER_ATTRIBUTES, wish))).status is Status.FORMAT_NOT_SUPPORTED


async def test_addresses_are_those_that_the_client_uses(client: Client) -> None:
    path = URI.partition("/ipp/")[2]
    said = await ask(client, "printer-uri-supported", uri=f"ipp://post.example:8631/ipp/{path}")
    assert said.one("printer-uri-supported", str) == f"ipp://post.example:8631/ipp/{path}"


@pytest.mark.parametrize(
    ("told", "secure", "uri"),
    [
        ("ipp://a.example/ipp/print/t", False, "ipp://a.example/P"),
        ("http://a.example/ipp/print/t", False, "ipp://a.example:80/P"),
        ("https://a.example/ipp/print/t", False, "ipps://a.example:443/P"),
        ("http://a.example:8631/x", True, "ipps://a.example:8631/P"),
        ("ipp://[::1]:8631/x", False, "ipp://[::1]:8631/P"),
        ("ipp://[::1/x", False, "ipp://host.example:8080/P"),
        ("ipp://user:secret@a.example/x", False, "ipp://host.example:8080/P"),
        ("ipp://a b/x", False, "ipp://host.example:8080/P"),
        ("nonsense", True, "ipps://host.example:8080/P"),
        ("ipp://é.example/", False, "ipp://host.example:8080/P"),
    ],
)
def test_locate(told: str, secure: bool, uri: str) -> None:
    assert locate(told, "host.example:8080", secure, "/P", "https://desk.example").printer_uri == uri


def test_a_strange_host_header_is_not_repeated() -> None:
    assert locate("", 'evil"><', False, "/P", "https://desk.example").printer_uri == "ipp://desk.example/P"


def test_short_cuts_between_characters() -> None:
    assert short("é" * 100, 5) == "éé"
