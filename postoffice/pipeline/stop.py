"""A polite end: a worker that is asked to stop finishes the chunk in hand and gives the rest back."""


class StopAsked(Exception):
    """Raised between chunks when the worker is asked to stop."""


class Stop:
    """Whether this worker was asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """From now on steps end at their next safe point."""
        self.asked = True

    def check(self) -> None:
        """StopAsked at a safe point where somebody asked."""
        if self.asked:
            raise StopAsked
