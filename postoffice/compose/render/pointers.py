"""Pango's objects by address, held so that an address keeps its meaning."""

from importlib import import_module
from typing import Any

cffi: Any = import_module("cffi")
_weasyprint: Any = import_module("weasyprint.text.ffi")
_ffi = cffi.FFI()
_ffi.cdef("void *g_object_ref(void *object); void g_object_unref(void *object);")
_gobject: Any = _weasyprint._dlopen(_ffi, "libgobject-2.0-0", "gobject-2.0-0", "gobject-2.0", "libgobject-2.0.so.0")


def address_of(thing: Any) -> int:
    """The address of a GObject."""
    return int(_weasyprint.ffi.cast("uintptr_t", thing))


def held(thing: Any) -> Any:
    """A reference to a GObject: it lives at least as long as this value."""
    return _ffi.gc(_gobject.g_object_ref(_ffi.cast("void *", address_of(thing))), _gobject.g_object_unref)
