"""Sheets, envelopes and weight."""

import pytest

from postoffice.compose.sheets import Bundle, bundle
from postoffice.model.mailing import Envelope


@pytest.mark.parametrize(
    ("pages", "how", "expected"),
    [
        (3, {"duplex": False}, Bundle(3, 3, Envelope.DL, 20, True)),  # three sheets fit 20 g
        (3, {"duplex": False, "gsm": 90}, Bundle(3, 3, Envelope.DL, 22, True)),
        (5, {"duplex": False, "gsm": 100}, Bundle(5, 5, Envelope.C4, 49, True)),  # thicker paper takes more room
        (8, {"duplex": False, "envelope": Envelope.C5}, Bundle(8, 8, Envelope.C5, 48, True)),
        (11, {"duplex": False, "envelope": Envelope.C5}, Bundle(11, 11, Envelope.C5, 63, False)),
        (2, {"duplex": True, "address_sheet": True}, Bundle(2, 3, Envelope.DL, 15, True)),
        (3, {"duplex": True, "inserts": (1, 2)}, Bundle(4, 6, Envelope.DL, 25, True)),  # an insert begins on its own sheet
    ],
)
def test_what_goes_into_one_envelope(pages: int, how: dict[str, object], expected: Bundle) -> None:
    assert bundle(pages, **how) == expected  # type: ignore[arg-type]
