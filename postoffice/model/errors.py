"""What can go wrong, as a closed set. A failure carries a code, the facts, and what to do; pages put it in the reader's language."""

from datetime import timedelta


class PostOfficeError(Exception):
    """A failure that we expect and can explain.

    `code` is a stable kebab-case word (catalogues translate by it); `message` says in English what failed and where,
    `help` what to do next; `facts` are values for the translated sentence. None of the three may hold personal data.
    """

    status = 400  #: the HTTP status that a door answers with

    def __init__(self, code: str, message: str, *, help: str = "", **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:  # survives the way back from a worker process
        return (_rebuild, (type(self), self.code, self.message, self.help, self.facts))


def _rebuild(kind: type[PostOfficeError], code: str, message: str, help: str, facts: dict[str, object]) -> PostOfficeError:
    return kind(code, message, help=help, **facts)


class Unreadable(PostOfficeError):
    """The submitted bytes cannot be read as a document (encrypted, truncated, empty, of an unknown kind)."""

    status = 422


class TooLarge(PostOfficeError):
    """More bytes, pages or items than this printer or organisation may send at once."""

    status = 413


class NotAllowed(PostOfficeError):
    """The caller is known but has no right to do this."""

    status = 403


class NotFound(PostOfficeError):
    """There is nothing by this name for this caller (existence elsewhere is not told)."""

    status = 404


class Conflict(PostOfficeError):
    """The thing is no longer in a state that allows this (already sent, already cancelled)."""

    status = 409


class OptionConflict(PostOfficeError):
    """A carrier cannot make what these options ask for, of this letter; known before anything is sent."""

    status = 422


class OutOfRoom(PostOfficeError):
    """The disk or a quota is full; nothing was stored."""

    status = 507


class Unavailable(PostOfficeError):
    """A server that the office leans on does not answer; the same will do later."""

    status = 503


class TimedOut(PostOfficeError):
    """A piece of work took longer, or more memory, than it may."""

    status = 422


class CarrierError(Exception):
    """Base of the four answers that a carrier gives instead of a receipt. `reason` reaches the item's timeline."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason  #: a sentence in English, no secret in it
        self.code = code  #: the provider's own code, kept as it is


class TryLater(CarrierError):
    """Nothing was handed over, the same piece with the same key may go again after `after` (None: by our own back-off)."""

    def __init__(self, reason: str, *, code: str = "", after: timedelta | None = None) -> None:
        super().__init__(reason, code=code)
        self.after = after


class Refused(CarrierError):
    """Nothing was handed over and never will be. `address_dead`: the address itself is to blame and stays so."""

    def __init__(self, reason: str, *, code: str = "", address_dead: bool = False) -> None:
        super().__init__(reason, code=code)
        self.address_dead = address_dead


class AlreadySent(CarrierError):
    """The carrier knows this key: it has the piece. Counts as success; `reference` is the carrier's name for it."""

    def __init__(self, reason: str, *, reference: str = "") -> None:
        super().__init__(reason)
        self.reference = reference


class InDoubt(CarrierError):
    """The line broke after the last byte: the carrier may have the piece or not. Only carriers without keys raise it."""


class Forged(CarrierError):
    """A knock at the webhook door whose signature is missing or wrong."""
