"""Serving the running process: how many addresses to reserve, and what to say where it cannot be.

The heap itself is ``quire._core``; what decides is here. Read at every start of a served Python, so it imports
nothing that costs time, errors not before there is one.
"""

import os
import sys

from quire.process.core import core, require_core
from quire.process.serving import begin
from quire.process.settings import RANGE_BYTES_MIN, Config, is_disabled, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Final

    from quire.errors import OutOfMemory, QuireError

_DEFAULT_RANGE_BYTES_MIN: "Final" = 64 * 1024**3
_DEFAULT_RANGE_BYTES_MAX: "Final" = 16 * 1024**4
_reserved_bytes = 0
"""Of the heap that serves this process."""
_ADDRESS_LIMIT: "Final" = b"Max address space"
_SOFT_LIMIT: "Final" = 3
"""Which word of that line it is."""


def install(config: Config | None = None) -> Config | None:
    """Serve this process from quire's heap, from now until it ends.

    Returns:
        What it was installed with; ``None`` where nothing was done: quire serves already, or is switched off.

    Raises:
        UnsupportedRuntime, AllocatorInUse, InvalidOption, OutOfMemory: nothing has changed.
    """
    if is_disabled(os.environ):
        return None
    if config is None:
        config = read_config(os.environ)
    elif not isinstance(config, Config):
        from quire.errors import InvalidOption

        raise InvalidOption(f"{config!r} is no quire.Config; write quire.install(quire.Config(guard=100)), for example")
    if config.json is not None:
        from quire.process.writable import check_writable

        check_writable(config.json)
    if config.snapshot is not None:
        from quire.process.writable import check_replaceable

        check_replaceable(config.snapshot)
    _check_allocator_stays()
    loaded = require_core()
    if not serve(loaded, config):
        return None
    begin(loaded, config.give_back)
    if config.guard and loaded.guard_statistics() is None:
        _say_not_guarded()
    return config


def installed() -> bool:
    """Whether quire's heap serves this process."""
    return core is not None and core.installed()


def why_not(config: Config) -> "QuireError | None":
    """Why this process cannot be served, as the error that ``install`` would raise; ``None`` if it can."""
    from quire.errors import OutOfMemory, UnsupportedRuntime

    try:
        found = require_core()
        reason = None if found.installed() else found.refusal()
        if reason is not None:
            return _refused(reason)
        reserved_bytes(config)
    except (UnsupportedRuntime, OutOfMemory) as error:
        return error
    return None


def _check_allocator_stays() -> None:
    """A program that embeds Python may start it anew; PYTHONMALLOC then replaces us, and our blocks live on."""
    python = getattr(sys, "_base_executable", "")
    if "PYTHONMALLOC" in os.environ and os.path.realpath(python) != os.path.realpath("/proc/self/exe"):
        from quire.errors import AllocatorInUse

        raise AllocatorInUse("PYTHONMALLOC would replace quire if this program started Python anew; unset it")


def serve(core: "ModuleType", config: Config) -> bool:
    """Install the heap of the given core; whether it was done now, not before."""
    global _reserved_bytes
    if core.installed():
        return False
    leaves_large = config.large_blocks == "libc"
    try:
        _reserved_bytes = _reserve(lambda size: core.install(size, leaves_large, config.guard_interval), config)
    except RuntimeError as error:
        if core.installed():  # by another thread, in between
            return False
        raise _refused(str(error)) from None
    return True


# --- how many addresses ---------------------------------------------------------------------------------------


def default_range_bytes(physical_bytes: int, left_bytes: int | None) -> int:
    """How many addresses to reserve when nobody says.

    Addresses cost nothing until they are used, so there are about four times as many as memory; where the process
    is limited in them (``RLIMIT_AS``), a quarter of what is left, but 64 MiB at least, so that mappings of libraries,
    stacks and files still find room. A power of two.

    Args:
        physical_bytes: the machine's memory.
        left_bytes: how much more the process may map; ``None`` without a limit.
    """
    wanted = _power_of_two(4 * physical_bytes)
    wanted = min(max(wanted, _DEFAULT_RANGE_BYTES_MIN), _DEFAULT_RANGE_BYTES_MAX)
    if left_bytes is not None:
        wanted = min(wanted, _power_of_two(max(left_bytes // 4, 1)))
    return max(wanted, RANGE_BYTES_MIN)


def reserved_bytes(config: Config) -> int:
    """How many addresses the heap has that serves this process, or would have: they are taken, and given back.

    Raises:
        UnsupportedRuntime, OutOfMemory: there would be no such heap.
    """
    return _reserved_bytes or _reserve(require_core().Heap, config)


def reserved_without_limit() -> int:
    """How many addresses this process would reserve when nobody says, were it not limited in them."""
    return default_range_bytes(_physical_bytes(), None)


def _power_of_two(size_bytes: int) -> int:
    """The largest power of two that is not above the size."""
    return 1 << (size_bytes.bit_length() - 1)


def _physical_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def address_limit_bytes() -> int | None:
    """How much the process may map (``RLIMIT_AS``); ``None`` without a limit.

    Read from the kernel's text: the program may have a module of its own that is called resource.
    """
    limits = _read("/proc/self/limits")
    limit = limits[limits.index(_ADDRESS_LIMIT) :].split(maxsplit=_SOFT_LIMIT + 1)[_SOFT_LIMIT]
    return None if limit == b"unlimited" else int(limit)


def _read(path: str) -> bytes:
    """A short file of the kernel's, which it gives in one piece."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 64 * 1024)
    finally:
        os.close(descriptor)


def _left_bytes() -> int | None:
    """How much more the process may map; ``None`` without a limit, or where /proc is not there to tell."""
    try:
        limit_bytes = address_limit_bytes()
    except OSError:
        return None
    if limit_bytes is None:
        return None
    mapped_bytes = int(_read("/proc/self/statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return max(limit_bytes - mapped_bytes, 0)


def _reserve(take: "Callable[[int], object]", config: Config) -> int:
    """Take the addresses asked for, or as many as the system gives; how many they are."""
    if config.range_bytes is not None:
        return _reserve_exactly(take, config.range_bytes, "give less in QUIRE_RANGE, or allow more (ulimit -v)")
    left_bytes = _left_bytes()
    if left_bytes is not None and RANGE_BYTES_MIN <= left_bytes < 2 * RANGE_BYTES_MIN:
        raise _starved(left_bytes)
    range_bytes = default_range_bytes(_physical_bytes(), left_bytes)
    while range_bytes > RANGE_BYTES_MIN:
        try:
            take(range_bytes)
            return range_bytes
        except MemoryError:
            range_bytes //= 2
    return _reserve_exactly(take, RANGE_BYTES_MIN, "allow the process more (ulimit -v)")


def _reserve_exactly(take: "Callable[[int], object]", range_bytes: int, remedy: str) -> int:
    try:
        take(range_bytes)
    except MemoryError:
        from quire.errors import OutOfMemory

        raise OutOfMemory(f"the system does not reserve {range_bytes // 1024**2} MiB of addresses; {remedy}") from None
    return range_bytes


def _starved(left_bytes: int) -> "OutOfMemory":
    """Serving would take addresses that the program has plainly: it might fail, for them, where it did not before."""
    from quire.errors import OutOfMemory

    least, left = RANGE_BYTES_MIN // 1024**2, left_bytes // 1024**2
    return OutOfMemory(
        f"{least} MiB of addresses, the least that quire reserves, are more than half of the {left} MiB that the "
        f"process may still map; allow it more (ulimit -v), or set QUIRE_RANGE={least}M to have it all the same"
    )


# --- what to say ----------------------------------------------------------------------------------------------


def _say_not_guarded() -> None:
    """One line on standard error, as what is found at a guarded block is told there, too."""
    if sys.stderr is not None:
        print("quire: the system has no memory for guarded blocks; the program runs without them", file=sys.stderr)


def _refused(reason: str) -> "QuireError":
    """The error for the core's word, with the remedy."""
    from quire.errors import AllocatorInUse, UnsupportedRuntime

    if reason == "debug":
        return AllocatorInUse("a debug allocator is active; run without -X dev, PYTHONDEVMODE and PYTHONMALLOC=debug")
    if reason == "hooked":
        return AllocatorInUse(
            "tracemalloc or another memory hook is active; install quire first, or stop the hook before"
        )
    if reason == "free-threaded":
        return UnsupportedRuntime(
            "a free-threaded Python cannot be served, its collector walks its own heap; use a build with the lock"
        )
    if reason == "sub-interpreter":
        return UnsupportedRuntime("a sub-interpreter cannot be served; install quire in the main interpreter")
    return UnsupportedRuntime(
        f"this Python cannot be served ({reason}); use CPython 3.11 to 3.15 as python.org, distributions or uv build it"
    )
