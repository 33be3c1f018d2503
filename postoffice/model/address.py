"""A recipient's postal address as read in a window or as corrected by a person."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Lines in the order they are printed, first line first; the country line, if any, is the last one.

    `postcode`, `town` and `country` (ISO 3166-1 alpha-2) are what the reader made of the lines; empty when it could not. `fitted`: the
    lines as the post's norm wants them, empty where those printed are so already.
    """

    lines: tuple[str, ...]
    postcode: str = ""
    town: str = ""
    country: str = ""
    fitted: tuple[str, ...] = ()

    @property
    def for_post(self) -> tuple[str, ...]:
        """The lines for an address sheet or a print house: within the norm's limits."""
        return self.fitted or self.lines

    @property
    def name(self) -> str:
        """The first line: whom the letter is for, in one glance."""
        return self.lines[0] if self.lines else ""

    def with_lines(self, lines: tuple[str, ...]) -> "PostalAddress":
        """The same reading with other lines; postcode and town must be read again by the caller."""
        return replace(self, lines=lines, postcode="", town="", country="", fitted=())

    def as_dict(self) -> dict[str, Any]:
        """JSON shape kept in the database."""
        shape: dict[str, Any] = {"lines": list(self.lines), "postcode": self.postcode, "town": self.town, "country": self.country}
        return shape | ({"fitted": list(self.fitted)} if self.fitted else {})

    @staticmethod
    def from_dict(shape: dict[str, Any] | None) -> "PostalAddress | None":
        """The inverse of `as_dict`; None for None."""
        if shape is None:
            return None
        fitted = tuple(shape.get("fitted", ()))
        return PostalAddress(tuple(shape["lines"]), shape.get("postcode", ""), shape.get("town", ""), shape.get("country", ""), fitted)
