"""What kinds there are: of requests, and of arenas."""

from __future__ import annotations

from enum import IntEnum


class Domain(IntEnum):
    """CPython's request kinds that quire serves; the third, raw, stays with libc."""

    OBJECT = 0
    MEM = 1


class ArenaKind(IntEnum):
    """What an arena is cut into: pools of small blocks, larger pools of larger blocks, or runs."""

    SMALL = 0
    LARGE = 1
    RUN = 2
