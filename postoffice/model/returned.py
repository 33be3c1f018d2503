"""Paper that came back: why, and how we learned of it."""

from enum import StrEnum


class Reason(StrEnum):
    """What the post wrote on the envelope, or told. Words of the French post (Maileva's codes) in brackets."""

    UNKNOWN = "unknown"  #: unknown at the address, or moved (N02, NPAI)
    ADDRESS = "address"  #: the address is incomplete or cannot be reached (N07)
    REFUSED = "refused"  #: the recipient would not take it (N05)
    UNCLAIMED = "unclaimed"  #: waited at the post office in vain (N03)
    DECEASED = "deceased"  #: the recipient has died
    OTHER = "other"  #: no reason is told (N10, PND), or another one


class Way(StrEnum):
    """How a returned letter was recognised."""

    CODE = "code"  #: its code, by camera or scanner at the station
    SCAN = "scan"  #: its code, on a scanned page
    ADDRESS = "address"  #: its address as read, confirmed by a person
    TYPED = "typed"  #: found by what a person typed
    HOUSE = "house"  #: told by the print house
