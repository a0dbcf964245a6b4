"""Where the memory of this process is, in a snapshot of it: the parts of one sample (sample.py), as ``snapshot.json``
has them.

Taken just after the walk, so that the walk sees nothing of it. What the walk has read in of pools that share pages is
let go first, or each would count its own.
"""

from __future__ import annotations

from quire.process.parts import FIELDS
from quire.process.sample import Sampler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Final

    from quire.process.parts import HeapResident, Parts

_HEAP_FIELDS: Final = ("live_bytes", "free_bytes", "empty_pool_bytes", "free_run_bytes", "metadata_bytes")
"""Of ``records.HeapResidency``, which is not imported here: it would become a part of what is looked at."""


def read_memory(core: ModuleType) -> dict[str, Any]:
    """The fields of a ``MemorySample`` but for its time, and ``rss_max_bytes``; quire need not serve the process.

    Raises:
        UnsupportedRuntime: the system does not show the process its own memory.
    """
    is_served = core.installed()
    if is_served:
        core.mesh_untouch(0)
    return _told(Sampler(core if is_served else _WithoutHeap(core)).measure())


def _told(parts: Parts) -> dict[str, Any]:
    return {
        "rss_bytes": parts.rss_bytes,
        "rss_max_bytes": parts.rss_max_bytes,
        "pss_bytes": parts.pss_bytes,
        "swap_bytes": parts.swap_bytes,
        "uncounted_bytes": parts.uncounted_bytes,
        "heap": dict(zip(_HEAP_FIELDS, parts.heap, strict=True)),
        **{field: parts.rows[field] for field in FIELDS},
    }


class _WithoutHeap:
    """The core as a sample asks it, in a process that no heap of quire's serves."""

    def __init__(self, core: ModuleType) -> None:
        self._core = core

    def residency(self) -> HeapResident:
        return 0, 0, 0, 0, 0

    def shared_bytes(self) -> int:
        return 0

    def regions(self) -> list[tuple[int, int]]:
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)
