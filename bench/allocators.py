"""What serves a program's objects: CPython's own allocator, quire, and the peers.

All are chosen by the environment alone, so the command is the same for every one of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LIBRARY_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


@dataclass(frozen=True)
class Allocator:
    name: str
    title: str
    environment: dict[str, str] = field(default_factory=dict)
    library: str | None = None
    """Loaded before libc, from the first of the system's folders that has it; a pattern."""

    @property
    def path(self) -> Path | None:
        """Where its library is; ``None``: it has none, or the system has not."""
        return find_library(self.library) if self.library else None

    def full_environment(self) -> dict[str, str]:
        path = self.path
        return self.environment | ({"LD_PRELOAD": str(path)} if path else {})

    def setting(self) -> str:
        """How it is chosen, in the words of the environment."""
        words = [f"{name}={value}" for name, value in self.environment.items()]
        return f"`{' '.join([*words, f'LD_PRELOAD={self.library}'] if self.library else words)}`"

    def version(self) -> str:
        """The library's version, as its file's name tells it."""
        path = self.path
        return path.resolve().name if path else ""


OWN = Allocator("cpython", "CPython's own")
QUIRE = Allocator("quire", "quire", {"QUIRE": "1"})
PEERS = (
    Allocator("glibc", "glibc", {"PYTHONMALLOC": "malloc"}),
    Allocator("mimalloc", "mimalloc", {"PYTHONMALLOC": "malloc"}, "libmimalloc.so.*"),
    Allocator("jemalloc", "jemalloc", {"PYTHONMALLOC": "malloc"}, "libjemalloc.so.*"),
    Allocator("tcmalloc", "tcmalloc", {"PYTHONMALLOC": "malloc"}, "libtcmalloc_minimal.so.*"),
    Allocator("builtin", "CPython's mimalloc", {"PYTHONMALLOC": "mimalloc"}),
)
GUARDED = Allocator("guarded", "quire, guarded sampling", {"QUIRE": "1", "QUIRE_GUARD": "1"})
KEEPING = Allocator("keeping", "quire, nothing given back", {"QUIRE": "1", "QUIRE_GIVE_BACK": "off"})
ALL = (OWN, QUIRE, GUARDED, *PEERS)

# Each as it gives back most by itself. mimalloc's setting has other names in older versions. TRIM is the program's own
# (workloads/peaks.py): it calls malloc_trim, which only libc's allocator has.
GIVING_BACK = (
    OWN,
    QUIRE,
    Allocator("glibc", "glibc", {"PYTHONMALLOC": "malloc"}),
    Allocator("glibc-trim", "glibc, malloc_trim by hand", {"PYTHONMALLOC": "malloc", "TRIM": "1"}),
    Allocator(
        "mimalloc",
        "mimalloc, purge at once",
        {
            "PYTHONMALLOC": "malloc",
            "MIMALLOC_PURGE_DELAY": "0",
            "MIMALLOC_DECOMMIT_DELAY": "0",
            "MIMALLOC_SEGMENT_DECOMMIT_DELAY": "0",
        },
        "libmimalloc.so.*",
    ),
    Allocator(
        "jemalloc",
        "jemalloc, background thread",
        {"PYTHONMALLOC": "malloc", "MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"},
        "libjemalloc.so.*",
    ),
    Allocator(
        "tcmalloc",
        "tcmalloc, release at once",
        {"PYTHONMALLOC": "malloc", "TCMALLOC_AGGRESSIVE_DECOMMIT": "1", "TCMALLOC_RELEASE_RATE": "10"},
        "libtcmalloc_minimal.so.*",
    ),
    Allocator(
        "builtin", "CPython's mimalloc, purge at once", {"PYTHONMALLOC": "mimalloc", "MIMALLOC_PURGE_DELAY": "0"}
    ),
)


def available(catalogue: tuple[Allocator, ...] = ALL) -> list[Allocator]:
    """Those that this Python and this system have; CPython's own is the first."""
    return [each for each in catalogue if is_available(each)]


def chosen(names: str, catalogue: tuple[Allocator, ...] = ALL) -> list[Allocator]:
    """Those named, with commas between, or ``all``; CPython's own in any case."""
    known = {each.name for each in catalogue}
    wanted = known if names == "all" else {OWN.name, *names.split(",")}
    unknown = wanted - known
    if unknown:
        raise SystemExit(f"there is no allocator {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [each for each in available(catalogue) if each.name in wanted]


def is_available(allocator: Allocator) -> bool:
    if allocator.library is not None:
        return allocator.path is not None
    return allocator.environment.get("PYTHONMALLOC") != "mimalloc" or sys.version_info >= (3, 13)


def find_library(pattern: str) -> Path | None:
    return next(iter(sorted(_libraries(pattern))), None)


def _libraries(pattern: str) -> Iterator[Path]:
    for folder in LIBRARY_FOLDERS:
        for place in (Path(folder), Path(folder) / f"{os.uname().machine}-linux-gnu"):
            yield from place.glob(pattern)
