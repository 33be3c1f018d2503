"""Answers: status, message, what was not supported, and the groups that were asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from postoffice.intake.ipp.attributes import short
from postoffice.intake.ipp.codec import encode_attribute, encode_head
from postoffice.intake.ipp.values import Attribute, IppError, attribute
from postoffice.intake.ipp.words import Status, Tag

_LANGUAGE = {
    language: encode_attribute(attribute("attributes-charset", Tag.CHARSET, "utf-8"))
    + encode_attribute(attribute("attributes-natural-language", Tag.LANGUAGE, language))
    for language in ("en", "fr")
}


@dataclass(slots=True)
class Reply:
    """An answer before it is bound to a request's version and id. `groups` hold encoded attributes behind their delimiter."""

    status: Status = Status.OK
    message: str = ""
    ignored: Iterable[Attribute] = ()
    groups: list[tuple[int, bytes]] = field(default_factory=list)

    def encode(self, version: tuple[int, int], request_id: int, language: str) -> bytes:
        """The bytes of the response."""
        parts = [encode_head(spoken(version), self.status, request_id), bytes([Tag.OPERATION]), _LANGUAGE[language]]
        if self.message:
            parts.append(encode_attribute(attribute("status-message", Tag.TEXT, short(self.message, 255))))
        unsupported = _encodable(self.ignored)
        if unsupported:
            parts += [bytes([Tag.UNSUPPORTED_GROUP]), unsupported]
        for tag, data in self.groups:
            parts += [bytes([tag]), data]
        parts.append(bytes([Tag.END]))
        return b"".join(parts)


def _encodable(attributes: Iterable[Attribute]) -> bytes:
    """What a client sent, told back. A text in a code page of its own can outgrow IPP's lengths in UTF-8: that one is left out."""
    parts = []
    for one in attributes:
        try:
            parts.append(encode_attribute(one))
        except IppError:
            parts.append(encode_attribute(attribute(one.name, Tag.UNSUPPORTED)))
    return b"".join(parts)


def spoken(version: tuple[int, int]) -> tuple[int, int]:
    """The version to answer in: the client's own where we speak it, else the nearest (RFC 8011 section 4.1.8)."""
    if version[0] in (1, 2):
        return version
    return (1, 1) if version[0] < 1 else (2, 0)


def answer_status(ignored: Iterable[Attribute]) -> Status:
    """Whether everything was taken as it was asked."""
    return Status.OK_IGNORED if tuple(ignored) else Status.OK
