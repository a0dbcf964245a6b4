"""Where another process's resident memory is, and what its Python keeps: one look from outside, while it runs.

The same sources as a sample of the process's own (sample.py), but for two, which only the process itself can ask: what
is in quire's heap, and libc's totals, in place of which its chunks are walked. Nothing stops the process, so what one
source has seen may be gone for the next. What then does not fit together is counted as unexplained; where it is more
than a hundredth, the look is taken again.
"""

from __future__ import annotations

import time

from quire.errors import UnsupportedRuntime
from quire.process import parts as rows
from quire.process.arena_occupancy import Occupancy
from quire.process.charge import field_bytes, read_cgroup_bytes, text_of
from quire.process.claims import share_out
from quire.process.cpython_runtime import Runtime, find_runtime
from quire.process.libc import LibcShare
from quire.process.libc_chunks import LibcUse
from quire.process.named import command_of
from quire.process.other_memory import OtherMemory
from quire.process.owners import Owners, row_by_name, ruler
from quire.process.permission import contents_refused, ended
from quire.process.pooling import savings_within
from quire.process.quire_regions import quire_regions
from quire.process.recognise import Findings
from quire.process.smaps import parse_maps, parse_smaps, parse_status
from quire.process.version import __version__
from quire.records.outside import ArenaOccupancy, OutsideSample, WhyReport
from quire.records.statistics import Charge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from quire.process.libc import LibcStatistics
    from quire.process.smaps import SystemMapping

_SHARED: Final = "shared memory"
_ATTEMPTS: Final = 4
_DISTURBED_DIVISOR: Final = 100
_MUSL: Final = b"ld-musl"
_NO_CHUNKS: Final = (0, 0, 0, 0)
"""musl has none that could be known."""


def look_at(pid: int, version: int) -> WhyReport:
    """Look at the process.

    Args:
        version: of the report's format.

    Raises:
        InvalidOption: it ended, or may not be looked at.
    """
    began = time.monotonic()
    with OtherMemory(pid) as memory:
        try:
            return _look(pid, memory, version, began)
        except UnsupportedRuntime:
            if memory.has_ended():
                raise ended(pid) from None
            raise


def _look(pid: int, memory: OtherMemory, version: int, began: float) -> WhyReport:
    mappings = list(parse_maps(memory.text("maps")))
    runtime = find_runtime(memory, mappings)
    if not memory.has_contents and runtime.reason is None:
        runtime.reason = contents_refused(pid)
    told = Told(runtime, mappings)
    look = _least_disturbed(memory, told)
    charge = _charge(pid, look, len(mappings))
    return WhyReport(
        version=version,
        quire_version=__version__,
        pid=pid,
        argv=command_of(pid),
        python=runtime.version,
        reason=runtime.reason,
        interpreters=runtime.interpreters,
        threads=len(runtime.thread_idents),
        is_on_quire=bool(told.regions()),
        memory=look.sample(),
        charge=charge,
        arenas=_occupancy(look.occupancy, charge),
        wall_seconds=time.monotonic() - began,
    )


class Told:
    """What is known of the process before its memory is looked at."""

    __slots__ = ("_regions", "_runtime", "libc_statistics")

    def __init__(self, runtime: Runtime, mappings: Sequence[SystemMapping]) -> None:
        self._runtime = runtime
        self._regions = quire_regions(mappings)
        has_musl = any(_MUSL in mapping.name for mapping in mappings)
        self.libc_statistics: LibcStatistics | None = _NO_CHUNKS if has_musl else None

    def findings(self) -> Findings | None:
        """Where no CPython is known, its arenas are not looked for."""
        return Findings() if self._runtime.reason is None else None

    def regions(self) -> list[tuple[int, int]]:
        return self._regions

    def frame_chunks(self) -> list[tuple[int, int]]:
        return self._runtime.frame_chunks

    def thread_idents(self) -> list[int]:
        return self._runtime.thread_idents


def _least_disturbed(memory: OtherMemory, told: Told) -> _Look:
    """Of a few looks the one that explains most."""
    findings = told.findings()
    best = _Look(memory, told, findings)
    for _ in range(_ATTEMPTS - 1):
        if best.rows[rows.UNEXPLAINED] <= best.rss_bytes // _DISTURBED_DIVISOR:
            break
        again = _Look(memory, told, findings)
        if again.rows[rows.UNEXPLAINED] < best.rows[rows.UNEXPLAINED]:
            best = again
    return best


class _Look:
    """One look: resident bytes by row, which add up."""

    __slots__ = ("_memory", "occupancy", "page_table_bytes", "pss_bytes", "rows", "rss_bytes", "swap_bytes")

    def __init__(self, memory: OtherMemory, told: Told, findings: Findings | None) -> None:
        memory.forget()
        self._memory = memory
        self.rows = dict.fromkeys((*rows.SOURCES, *rows.FIELDS, _SHARED), 0)
        self.pss_bytes = 0
        status = memory.status()
        rss_bytes, _rss_max_bytes, self.swap_bytes = parse_status(status)
        self.page_table_bytes = field_bytes(status, b"VmPTE:")
        owners = Owners(told, memory, parse_smaps(memory.text("smaps")), told.libc_statistics, findings)
        self._share_out(owners)
        self._settle_libc(owners)
        self.occupancy = self._occupancy(owners)
        found_bytes = sum(self.rows.values()) + self.occupancy.resident_bytes
        self.rss_bytes = max(min(rss_bytes, parse_status(memory.status())[0]), found_bytes)
        self.rows[rows.UNEXPLAINED] += self.rss_bytes - found_bytes

    def _share_out(self, owners: Owners) -> None:
        for mapping in owners.mappings:
            self.pss_bytes += mapping.pss_bytes
            if mapping.rss_bytes:
                left_over = _SHARED if mapping.is_shared_memory else row_by_name(mapping)
                for row, size_bytes in share_out(mapping, owners.claims, left_over, ruler(mapping, self._memory)):
                    self.rows[row] += size_bytes

    def _settle_libc(self, owners: Owners) -> None:
        """Split libc's memory as its chunks are; where they could not be walked, it is unexplained."""
        use = LibcUse(self._memory.read_front)
        for mapping in owners.mappings:
            if mapping.name == b"[heap]":
                use.add_heap(mapping.start, mapping.end)
        for start, end, row in owners.claims.inside(0, 1 << 64):
            if row == rows.LIBC_HEAPS:
                use.add_threads_heaps(start, end)
        heap_bytes, chunk_bytes = self.rows.pop(rows.LIBC_HEAPS), self.rows.pop(rows.LIBC_CHUNKS)
        statistics = (owners.heap_found_bytes, use.live_bytes, use.free_bytes, owners.chunk_found_bytes)
        share = LibcShare(statistics, heap_bytes, chunk_bytes, owners.heap_found_bytes, owners.chunk_found_bytes)
        self.rows[rows.LIBC_LIVE] += share.live_bytes
        self.rows[rows.LIBC_HELD] += share.held_bytes
        self.rows[rows.UNEXPLAINED] += share.other_bytes

    def _occupancy(self, owners: Owners) -> Occupancy:
        """Look into the arenas, and hold what is found against what is resident of them."""
        occupancy = Occupancy()
        for start, end, row in owners.claims.inside(0, 1 << 64):
            if row == rows.ARENAS:
                occupancy.add_arenas(start, end, self._memory)
        self.rows[rows.UNEXPLAINED] += occupancy.settle(self.rows.pop(rows.ARENAS))
        return occupancy

    def sample(self) -> OutsideSample:
        return OutsideSample(
            rss_bytes=self.rss_bytes,
            pss_bytes=min(self.pss_bytes, self.rss_bytes),
            swap_bytes=self.swap_bytes,
            quire_heap_bytes=self.rows[rows.HEAP],
            arena_live_bytes=self.occupancy.live_bytes,
            arena_free_bytes=self.occupancy.free_bytes,
            arena_empty_bytes=self.occupancy.empty_pool_bytes,
            arena_rest_bytes=self.occupancy.rest_bytes,
            frame_bytes=self.rows[rows.FRAMES],
            libc_live_bytes=self.rows[rows.LIBC_LIVE],
            libc_held_bytes=self.rows[rows.LIBC_HELD],
            thread_stack_bytes=self.rows[rows.STACKS],
            mapped_file_bytes=self.rows[rows.FILES],
            shared_memory_bytes=self.rows[_SHARED],
            other_anonymous_bytes=self.rows[rows.OTHER],
            unexplained_bytes=self.rows[rows.UNEXPLAINED],
        )


# --- beside the parts -----------------------------------------------------------------------------------------


def _charge(pid: int, look: _Look, mappings: int) -> Charge:
    return Charge(
        rss_bytes=look.rss_bytes,
        pss_bytes=min(look.pss_bytes, look.rss_bytes),
        cgroup_bytes=read_cgroup_bytes(str(pid)),
        mappings=mappings,
        mappings_max=_mappings_max(),
        page_table_bytes=look.page_table_bytes,
    )


def _mappings_max() -> int | None:
    try:
        return int(text_of("/proc/sys/vm/max_map_count"))
    except (OSError, ValueError):
        return None


def _occupancy(occupancy: Occupancy, charge: Charge) -> ArenaOccupancy:
    saved_bytes = savings_within(occupancy.savings, charge.mappings or 0, charge.mappings_max)
    used_bytes = occupancy.live_bytes + occupancy.free_bytes + occupancy.rest_bytes
    return ArenaOccupancy(
        arenas=occupancy.arenas,
        sparse_arenas=occupancy.sparse_arenas,
        pools_full=occupancy.pools_full,
        pools_used=occupancy.pools_used,
        pools_empty=occupancy.pools_empty,
        pools_unknown=occupancy.pools_unknown,
        blocks=occupancy.blocks,
        live_blocks=occupancy.live_blocks,
        quire_bytes=max(used_bytes - saved_bytes, 0),
    )
