# ruff: noqa: E501 - parts of pages
"""Addresses that lead into our own network, however they are written; templates that reach for files, networks and endless time."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from postoffice.compose.render.faults import TemplateFault
from postoffice.compose.render.letters import render_letter
from postoffice.compose.render.template import Template
from postoffice.model.errors import PostOfficeError
from postoffice.model.outside import check_url, is_public
from postoffice.pipeline.outward import Outward

INSIDE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe"),
    *("::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:db8::1", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_form_of_an_inside_address_is_public(address: str) -> None:
    assert not is_public(address)
    literal = f"[{address.split('%')[0]}]" if ":" in address else address
    with pytest.raises(PostOfficeError):
        check_url(f"https://{literal}/x", inside=False)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://localhost/",
            "https://LOCALHOST./",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
        ),
        *(
            "https://a@b.example/",
            "file:///etc/passwd",
            "gopher://b.example/",
            "http://b.example/",
            "https://b.example:0/",
            "https:///x",
        ),
        *(
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://router/",
            "https://b.example/\r\nX: y",
            "https://[::1",
        ),
    ],
)
def test_what_is_no_public_address_is_refused(url: str) -> None:
    with pytest.raises(PostOfficeError):
        check_url(url, inside=False)


class _Rebinding(AbstractResolver):
    """A name that is public when it is first asked for and this machine afterwards."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        where = "127.0.0.1"
        return [ResolveResult(hostname=host, host=where, port=self.port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return None


async def test_a_name_that_turns_inside_between_check_and_call_is_not_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.2)
        check_url("https://rebinding.example/hook", inside=False)  # as it is typed, nothing is wrong
        resolver = _Rebinding(door.getsockname()[1])
        outward = Outward(2.0, resolver)
        answer = await outward.post("https://rebinding.example/hook", b"{}", {}, inside=False)
        await outward.close()
        assert answer.status is None
        assert "private network" in answer.text
        assert resolver.asked
        with pytest.raises(TimeoutError):
            door.accept()


def _reaching(address: str) -> str:
    return f"""<html><head><link rel="stylesheet" href="{address}/a.css"><style>@import url("{address}/b.css");
    @font-face {{ font-family: x; src: url("{address}/c.woff") }} body {{ background: url("{address}/d.png"); font-family: x }}
    p::before {{ content: url("{address}/e.png") }}</style></head><body><p>x</p><img src="{address}/f.png"><object data="{address}/g.svg"></object>
    <embed src="{address}/h.svg"><a rel="attachment" href="{address}/i.txt">x</a><link rel="attachment" href="{address}/j.txt">
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink"><image l:href="{address}/k.png"/><use l:href="{address}/l.svg#a"/></svg>
    <img src="data:image/svg+xml;utf8,&lt;svg xmlns='http://www.w3.org/2000/svg'&gt;&lt;image href='{address}/m.png'/&gt;&lt;/svg&gt;"></body></html>"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["http", "file"])
def test_a_letter_reaches_neither_network_nor_files(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    for name in ("i.txt", "j.txt"):
        (secret / name).write_text("MARK-OF-A-SECRET")
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "link.txt").symlink_to(secret / "i.txt")
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.2)
        address = f"http://127.0.0.1:{door.getsockname()[1]}" if kind == "http" else f"file://{secret}"
        try:
            made: Any = render_letter(Template(_reaching(address), assets=assets), {})
        except TemplateFault:
            made = b""  # to say what is missing is right, too
        with pytest.raises(TimeoutError):
            door.accept()
    assert b"MARK-OF-A-SECRET" not in (made if isinstance(made, bytes) else repr(made).encode())
    assert b"EmbeddedFile" not in (made if isinstance(made, bytes) else b"")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% set x = (1).__class__ %}{{ x.__base__ }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../settings.py' %}",
        "{{ range(1000000000) | list }}",
        "{{ lipsum.__globals__ }}",
        "{{ 'a' | attr('__class__') }}",
    ],
)
def test_a_template_gets_no_further_than_its_row(source: str) -> None:
    with pytest.raises(TemplateFault):
        Template(source).html({})


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro a() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 'a' * 4000000000 }}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}",
    ],
)
async def test_a_template_without_end_ends(source: str) -> None:
    import asyncio

    from postoffice.workshop import ProcessWorkshop

    shop = ProcessWorkshop(children=1, seconds=8, megabytes=1500)
    began = time.monotonic()
    try:
        with pytest.raises(PostOfficeError):
            await shop.run(render_letter, Template(source), {})
    finally:
        await asyncio.to_thread(shop.close)
    assert time.monotonic() - began < 16
