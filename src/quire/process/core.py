"""The native core, if it is there; this package is the only importer of ``quire._core``.

The core is missing where it was not built: no C compiler at install time, or a platform or Python that it does
not serve. Everything but serving a process and private heaps works without it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

missing_because = ""
try:
    from quire import _core as _loaded
except ImportError as error:
    core: "ModuleType | None" = None
    missing_because = str(error)
else:
    core = _loaded


def require_core() -> "ModuleType":
    """The native core.

    Raises:
        UnsupportedRuntime: it is not installed, or does not load; the message says why and what to do.
    """
    if core is None:
        from quire.errors import UnsupportedRuntime

        raise UnsupportedRuntime(_why_missing())
    return core


def _why_missing() -> str:
    import sys

    if sys.implementation.name != "cpython":
        return f"quire serves CPython, and this is {sys.implementation.name}; run the program on CPython 3.11 to 3.15"
    if sys.platform != "linux":
        return f"quire serves processes on Linux, and this is {sys.platform}; the model works here, the heap does not"
    if not getattr(sys, "_is_gil_enabled", lambda: True)() or "t" in getattr(sys, "abiflags", ""):
        return (
            "quire cannot serve a free-threaded Python, whose collector walks its own heap; use a build with the lock"
        )
    if "subinterpreter" in missing_because:
        return "a sub-interpreter cannot be served; install quire in the main interpreter"
    return (
        f"quire's native core is missing ({missing_because}); install a C compiler and Python's headers, then reinstall"
    )
