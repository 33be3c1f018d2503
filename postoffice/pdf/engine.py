"""The one place that imports pdfium. It bears no type hints, and must only be used by one thread of a process at a time."""

from importlib import import_module
from typing import Any, TypeAlias

pypdfium2: Any = import_module("pypdfium2")
pdfium: Any = import_module("pypdfium2.raw")  #: the C functions (headers fpdfview.h, fpdf_text.h, fpdf_edit.h)

Document: TypeAlias = Any  #: an open pypdfium2.PdfDocument
Page: TypeAlias = Any  #: an open pypdfium2.PdfPage
