"""Libraries that are loaded when they are first used: 25 MB together, and most processes never need most of them.

    from postoffice.later import pikepdf               # typed ones, named here
    subset: Any = Later("fontTools.subset")             # one that bears no types

The web process receives jobs and shows pages: what opens documents runs in the workshop's children, what speaks to a print house in
the worker. A stand-in takes the library's place; the first attribute asked of it loads the library, in whatever thread asks.
Where one is named in annotations, `from __future__ import annotations` keeps them from being asked for at once.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncssh
    import dns.asyncresolver as dns_asyncresolver
    import dns.exception as dns_exception
    import dns.resolver as dns_resolver
    import fido2.server as fido2_server
    import fido2.utils as fido2_utils
    import fido2.webauthn as webauthn
    import miniopy_async.api as miniopy_api
    import miniopy_async.error as miniopy_error
    import pikepdf
    import zxingcpp

__all__ = [
    "Later",
    "asyncssh",
    "dns_asyncresolver",
    "dns_exception",
    "dns_resolver",
    "fido2_server",
    "fido2_utils",
    "miniopy_api",
    "miniopy_error",
    "pikepdf",
    "webauthn",
    "zxingcpp",
]

#: the name here, and the module that it stands for
_MODULES = {
    "asyncssh": "asyncssh",
    "dns_asyncresolver": "dns.asyncresolver",
    "dns_exception": "dns.exception",
    "dns_resolver": "dns.resolver",
    "fido2_server": "fido2.server",
    "fido2_utils": "fido2.utils",
    "webauthn": "fido2.webauthn",
    "miniopy_api": "miniopy_async.api",
    "miniopy_error": "miniopy_async.error",
    "pikepdf": "pikepdf",
    "zxingcpp": "zxingcpp",
}


class Later(ModuleType):
    """Stands for a module (its whole name) that is not loaded yet. As with `from module import name`, an attribute is taken once."""

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__[name] = getattr(import_module(self.__name__), name)
        return found


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return Later(_MODULES[name])
