"""The one place that imports pdfium. It bears no type hints, and must only be used by one thread of a process at a time."""

import contextlib
import ctypes
from typing import Any, TypeAlias

from postoffice.later import Later

pypdfium2: Any = Later("pypdfium2")
pdfium: Any = Later("pypdfium2.raw")  #: the C functions (headers fpdfview.h, fpdf_text.h, fpdf_edit.h)

Document: TypeAlias = Any  #: an open pypdfium2.PdfDocument
Page: TypeAlias = Any  #: an open pypdfium2.PdfPage


def give_back() -> None:
    """Return freed memory to the system: the index of 10,000 pages alone takes 30 MB (glibc; elsewhere nothing)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
