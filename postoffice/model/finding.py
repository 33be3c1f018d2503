"""What a check found in a document: always with its page, its place and the offending text."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

Box = tuple[float, float, float, float]
"""x, y, width, height in millimetres from the top left corner of the page as it is seen."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  #: the item is held until a person settles it
    WARNING = "warning"  #: can be sent, somebody should look
    INFO = "info"  #: worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `page` counts from 1 within the whole document; None when the document as a whole is meant."""

    code: str  #: stable kebab-case word, translated by the catalogue of findings
    severity: Severity
    page: int | None = None
    box_mm: Box | None = None
    text: str = ""  #: the offending text as it stands there
    help: str = ""  #: what to do, in English; pages translate by code

    def as_dict(self) -> dict[str, Any]:
        """JSON shape of `postoffice read` and of the REST API."""
        shape = asdict(self)
        shape["severity"] = self.severity.value
        shape["box_mm"] = [round(side, 1) for side in self.box_mm] if self.box_mm else None
        return shape

    @staticmethod
    def from_dict(shape: dict[str, Any]) -> "Finding":
        """The inverse of `as_dict`."""
        box = shape.get("box_mm")
        return Finding(
            code=shape["code"],
            severity=Severity(shape["severity"]),
            page=shape.get("page"),
            box_mm=(box[0], box[1], box[2], box[3]) if box else None,
            text=shape.get("text", ""),
            help=shape.get("help", ""),
        )
