"""A recipient's postal address as read in a window or as corrected by a person."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Lines in the order they are printed, first line first; the country line, if any, is the last one.

    `postcode`, `town` and `country` (ISO 3166-1 alpha-2) are what the reader made of the lines; empty when it could not.
    """

    lines: tuple[str, ...]
    postcode: str = ""
    town: str = ""
    country: str = ""

    @property
    def name(self) -> str:
        """The first line: whom the letter is for, in one glance."""
        return self.lines[0] if self.lines else ""

    def with_lines(self, lines: tuple[str, ...]) -> "PostalAddress":
        """The same reading with other lines; postcode and town must be read again by the caller."""
        return replace(self, lines=lines, postcode="", town="", country="")

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database."""
        return {"lines": list(self.lines), "postcode": self.postcode, "town": self.town, "country": self.country}

    @staticmethod
    def from_dict(shape: dict[str, Any] | None) -> "PostalAddress | None":
        """The inverse of `as_dict`; None for None."""
        if shape is None:
            return None
        return PostalAddress(tuple(shape["lines"]), shape.get("postcode", ""), shape.get("town", ""), shape.get("country", ""))
