"""What WeasyPrint says while it works: characters that no font has. Its words go nowhere else, they may quote a letter."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("weasyprint")
_NO_GLYPH = ".notdef glyph"


class Watch(logging.Handler):
    """Collects `missing` characters until it is emptied."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missing: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        if isinstance(record.msg, str) and record.msg.startswith(_NO_GLYPH) and isinstance(record.args, tuple) and record.args:
            self.missing.add(str(record.args[0]))

    @contextmanager
    def apart(self) -> Iterator[set[str]]:
        """The characters missed within the body; afterwards they also count for the whole."""
        before, apart = self.missing, set[str]()
        self.missing = apart
        try:
            yield apart
        finally:
            before |= apart
            self.missing = before

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear WeasyPrint, alone."""
        level, propagate = _LOGGER.level, _LOGGER.propagate
        _LOGGER.setLevel(logging.WARNING)
        _LOGGER.propagate = False
        _LOGGER.addHandler(self)
        try:
            yield
        finally:
            _LOGGER.removeHandler(self)
            _LOGGER.propagate = propagate
            _LOGGER.setLevel(level)
