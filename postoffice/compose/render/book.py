"""A PDF of many letters, written as they come: memory holds no page, and each font, picture and repeated part is written once."""

import hashlib
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from postoffice.compose.render.engine import metadata, pdf, pdf_fonts, pydyf
from postoffice.compose.render.painting import Inks

#: pages under one node of the page tree
_NODE = 200


@dataclass(frozen=True, slots=True)
class Attached:
    """A file within the PDF. `relationship`: Data, Source, Alternative, Supplement or Unspecified (ISO 19005-3, annex E)."""

    name: str
    content: bytes
    mime: str = "application/octet-stream"
    description: str = ""
    relationship: str = "Unspecified"


class Book:
    """The writer. Numbers of objects are given out first (`reserve`), their bytes follow in any order (`put`)."""

    def __init__(self, target: BinaryIO, *, archival: bool = False, title: str = "", language: str = "") -> None:
        self._target = target
        self._place = 0
        self._offsets = array("Q", [0])
        self._digest = hashlib.md5(usedforsecurity=False)
        self.archival = archival
        self.title, self.language = title, language
        self.pages = 0
        self._waiting: list[Any] = []
        self._kids: list[int] = []
        self._nodes: list[tuple[int, int]] = []
        self._write(b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n")
        self.root = self.reserve()
        self._node = self.reserve()
        self.font_list = self.reserve()
        self.inks = self._inks()

    def _inks(self) -> Inks:
        lab = {"Range": pydyf.Array((-125, 125, -125, 125))}
        space = pydyf.Dictionary(
            {
                "lab-d50": pydyf.Array(("/Lab", pydyf.Dictionary({"WhitePoint": pydyf.Array(pdf.D50), **lab}))),
                "lab-d65": pydyf.Array(("/Lab", pydyf.Dictionary({"WhitePoint": pydyf.Array(pdf.D65), **lab}))),
            }
        )
        profiles: dict[str, Any] = {}
        if self.archival:
            with (pdf.files(pdf.__package__) / "sRGB2014.icc").open("rb") as file:
                profile = pdf.ColorProfile(file, "sRGB2014.icc", "relative-colorimetric", (["r"], ["g"], ["b"]))
            stream = pydyf.Stream([profile.content], pydyf.Dictionary({"N": 3}), compress=True)
            self.add_object(stream)
            profile.pdf_reference = stream.reference
            profiles["srgb"] = profile
            space["srgb"] = pydyf.Array(("/ICCBased", stream.reference))
        self.add_object(space)
        self.flush()
        return Inks(space, profiles, "srgb" if self.archival else None)

    # --- objects

    def reserve(self) -> int:
        """The number of an object to come."""
        self._offsets.append(0)
        return len(self._offsets) - 1

    def put(self, number: int, body: bytes) -> None:
        """Write the object of this number."""
        self._offsets[number] = self._place
        if body.endswith(b"\r\nendstream"):  # a reader may take this CR for part of the end of line
            body = body.removesuffix(b"\nendstream") + b"\r\nendstream"
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def put_stream(self, content: bytes, level: int = 6) -> int:
        """Write a stream; its number."""
        number = self.reserve()
        data = zlib.compress(content, level)
        self.put(number, b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(data), data))
        return number

    def add_object(self, thing: Any) -> None:
        """Take an object of pydyf, as pydyf.PDF does; it is written by the next `flush`, when its makers are done with it."""
        thing.number = self.reserve()
        self._waiting.append(thing)

    def flush(self) -> None:
        """Write what was added. Pictures keep their number only."""
        for thing in self._waiting:
            if self.archival and isinstance(thing, pydyf.Stream) and "Interpolate" in thing.extra:
                thing.extra["Interpolate"] = "false"  # ISO 19005-3, 6.2.8
            self.put(thing.number, thing.data)
            if isinstance(thing, pydyf.Stream):
                thing.stream = []
        self._waiting.clear()

    def discard(self) -> None:
        """Forget what was added since the last `flush`."""
        self._waiting.clear()

    def resources(self, resources: Any) -> int:
        """Write the resources of a letter's pages (pictures and patterns with them); their number."""
        for kind in ("ExtGState", "XObject", "Pattern", "Shading"):
            if not resources[kind]:
                del resources[kind]
        resources["Font"] = b"%d 0 R" % self.font_list
        pdf._use_references(self, resources, self.inks.images, self.inks.profiles)
        self.add_object(resources)
        self.flush()
        return int(resources.number)

    # --- pages

    def page(self, number: int, head: bytes, contents: Sequence[int], tail: bytes = b"") -> None:
        """Write a page. `head`: its boxes and resources; `tail`: its annotations."""
        body = b"<</Type/Page/Parent %d 0 R%b/Contents[%b]%b>>"
        self.put(number, body % (self._node, head, b" ".join(b"%d 0 R" % content for content in contents), tail))
        self._kids.append(number)
        self.pages += 1
        if len(self._kids) == _NODE:
            self._close_node()

    def _close_node(self) -> None:
        kids = b" ".join(b"%d 0 R" % kid for kid in self._kids)
        self.put(self._node, b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (self._top(), len(self._kids), kids))
        self._nodes.append((self._node, len(self._kids)))
        self._kids.clear()
        self._node = self.reserve()

    def _top(self) -> int:
        if not hasattr(self, "_top_number"):
            self._top_number = self.reserve()
        return self._top_number

    # --- the end

    def close(self, attached: Sequence[Attached] = ()) -> None:
        """Write fonts, tree of pages, metadata and cross-references. The target stays open."""
        options = {"hinting": False, "pdf_version": "1.7"}
        fonts = pdf_fonts.build_fonts_dictionary(self, self.inks.fonts, True, True, options)
        self.flush()
        self.put(self.font_list, fonts.data)
        self._close_node()
        self.put(self._node, b"null")
        kids = b" ".join(b"%d 0 R" % node for node, _ in self._nodes)
        self.put(self._top(), b"<</Type/Pages/Count %d/Kids[%b]>>" % (self.pages, kids))
        catalog = b"/Type/Catalog/Pages %d 0 R" % self._top()
        if self.language:
            catalog += b"/Lang " + pydyf.String(self.language).data
        catalog += self._files(attached)
        info = self._information()
        if self.archival:
            catalog += self._archive()
        self.put(self.root, b"<<%b>>" % catalog)
        self._references(info)

    def _information(self) -> int:
        number = self.reserve()
        title = b"/Title " + pydyf.String(self.title).data if self.title else b""
        self.put(number, b"<</Producer %b%b>>" % (pydyf.String(f"WeasyPrint {pdf.VERSION}").data, title))
        return number

    def _archive(self) -> bytes:
        """PDF/A-3b: output intent and XMP metadata (ISO 19005-3, 6.2.3 and 6.6)."""
        facts = metadata.DocumentMetadata(title=self.title or None)
        xmp = pydyf.Stream(
            [
                b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">',
                facts.generate_rdf_metadata("a", 3, "B"),
                b'</x:xmpmeta>\n<?xpacket end="r"?>',
            ],
            {"Type": "/Metadata", "Subtype": "/XML"},
        )
        self.add_object(xmp)
        self.flush()
        profile = self.inks.profiles["srgb"].pdf_reference
        intent = b"<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB2014.icc)/Info(sRGB2014.icc)/DestOutputProfile %b>>"
        return b"/Metadata %b/OutputIntents[%b]" % (xmp.reference, intent % profile)

    def _files(self, attached: Sequence[Attached]) -> bytes:
        if not attached:
            return b""
        names, numbers = b"", []
        for file in sorted(attached, key=lambda one: one.name):
            data = zlib.compress(file.content, 9)
            body, spec = self.reserve(), self.reserve()
            kind = b"/" + b"".join(
                bytes((char,)) if chr(char).isalnum() or char in b".-+" else b"#%02x" % char for char in file.mime.encode()
            )
            check = hashlib.md5(file.content, usedforsecurity=False).hexdigest().encode()
            params = b"<</CheckSum<%b>/Size %d/ModDate(D:20000101000000Z)>>" % (check, len(file.content))
            self.put(
                body,
                b"<</Type/EmbeddedFile/Subtype%b/Params%b/Filter/FlateDecode/Length %d>>stream\n%b\nendstream"
                % (kind, params, len(data), data),
            )
            name = pydyf.String(file.name).data
            self.put(
                spec,
                b"<</Type/Filespec/F %b/UF %b/Desc %b/AFRelationship/%b/EF<</F %d 0 R/UF %d 0 R>>>>"
                % (name, name, pydyf.String(file.description).data, file.relationship.encode(), body, body),
            )
            names += b"%b %d 0 R " % (name, spec)
            numbers.append(spec)
        listed = b" ".join(b"%d 0 R" % number for number in numbers)
        return b"/AF[%b]/Names<</EmbeddedFiles<</Names[%b]>>>>" % (listed, names)

    def _references(self, info: int) -> None:
        start = self._place
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % len(self._offsets))
        for first in range(1, len(self._offsets), 5_000):
            some = self._offsets[first : first + 5_000]
            self._write(b"".join(b"%010d 00000 n \n" % offset if offset else b"0000000000 65535 f \n" for offset in some))
        name = self._digest.hexdigest().encode()
        self._write(
            b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(self._offsets), self.root, info, name, name, start)
        )

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._digest.update(data)
        self._place += len(data)
