"""Where this process's resident memory is: one sample, whose parts add up (see parts.py).

The kernel says what is mapped and resident. quire's own regions, Python's frames, threads' stacks, libc's heap and
CPython's arenas are looked up in it, each from its own source, and every mapping's bytes are shared out to them:

    what                                       how it is found
    quire's heap                               its own account
    Python frames                              the interpreter's chunks
    thread stacks                              the threads' records and pointers; the main one by name
    libc's heap                                by name, by alignment, by chunks' headers; live and held by mallinfo2
    CPython's arenas                           by the headers of their pools
    files; libraries' data; the kernel's own   by name; zero-initialised data behind a library by the library's headers
    other anonymous                            shared memory, and whatever else no file is behind

A sample is taken in the middle of other people's programs: nothing costly is imported, and the records are made
afterwards. It takes memory itself, so the totals are read first: they are the program's.
"""

from __future__ import annotations

import gc

from quire.process import parts as rows
from quire.process.charge import field_bytes
from quire.process.claims import share_out
from quire.process.own_memory import OwnMemory
from quire.process.owners import Owners, row_by_name, ruler
from quire.process.parts import (
    Parts,
    settle_heap,
    settle_libc,
    settle_proportional,
    settle_shared,
    settle_shared_quickly,
    settle_total,
)
from quire.process.recognise import Findings
from quire.process.smaps import parse_maps, parse_smaps, parse_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final, Protocol

    from quire.process.claims import Claims
    from quire.process.libc import LibcStatistics
    from quire.process.parts import HeapResident
    from quire.process.smaps import SystemMapping
    from quire.records.process import MemorySample

    class Core(Protocol):
        """What a sample asks of ``quire._core``."""

        def residency(self) -> HeapResident: ...
        def shared_bytes(self) -> int: ...
        def regions(self) -> list[tuple[int, int]]: ...
        def resident_bytes(self, address: int, size_bytes: int, /) -> int: ...
        def frame_chunks(self) -> list[tuple[int, int]]: ...
        def thread_idents(self) -> list[int]: ...
        def libc_statistics(self) -> LibcStatistics | None: ...


_ATTEMPTS: Final = 4
_DISTURBED_DIVISOR: Final = 100
_QUICK_BYTES_MAX: Final = 16 * 1024**3
_QUICK_EXCESS_DIVISOR: Final = 64
_QUICK_EXCESS_BYTES_MIN: Final = 4 * 1024**2


def take_sample(core: Core, seconds: float = 0.0) -> MemorySample:
    """Where this process's memory is now.

    Args:
        core: ``quire._core``, installed.
        seconds: how long quire has been installed.

    Raises:
        UnsupportedRuntime: the system does not show the process its own memory.
    """
    return make_sample(Sampler(core).measure(), seconds)


class Sampler:
    """Takes samples of this process as plain numbers, and remembers from one to the next what need not be tried again.

    Args:
        core: ``quire._core``, installed.
    """

    __slots__ = ("_core", "_findings", "_is_quick_wrong")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._findings = Findings()
        self._is_quick_wrong = False

    def measure(self) -> Parts:
        """Where the memory is now.

        Raises:
            UnsupportedRuntime: the system does not show the process its own memory.
        """
        return least_disturbed(self._measure_all)

    def _measure_all(self) -> Parts:
        with OwnMemory(self._core.resident_bytes) as memory:
            moment = _Moment(self._core, memory)
            account = parse_smaps(memory.text("smaps"))
            owners = Owners(self._core, memory, account, moment.libc_statistics, self._findings)
            parts = Parts(moment.heap)
            mapped_bytes = others_bytes = others_shared_bytes = 0
            for mapping in owners.mappings:
                if owners.is_of_extents(mapping):
                    mapped_bytes += mapping.rss_bytes
                else:
                    others_bytes += mapping.rss_bytes - mapping.pss_bytes
                    others_shared_bytes += mapping.pss_bytes if mapping.is_shared_memory else 0
                if mapping.rss_bytes:
                    resident_bytes = ruler(mapping, memory)
                    parts.add(share_out(mapping, owners.claims, row_by_name(mapping), resident_bytes))
            moment.end(memory)
            once_bytes = _shared_memory_bytes(memory, moment.shared_bytes) - others_shared_bytes
        settle_shared(parts, moment.shared_bytes, mapped_bytes, once_bytes)
        _settle(parts, moment, owners)
        settle_proportional(parts, others_bytes + parts.rows[rows.AGAIN])
        return parts

    def measure_quickly(self) -> Parts:
        """The same but for the proportional size, at an eighth of the cost where most memory is the heap's.

        The kernel's account of resident memory walks through all of it. Here the heap's own account stands for its
        regions, and only the rest is looked at. That counts zeroes that were only ever read, and takes long where
        very much is mapped; where it is so, the kernel's account is read after all, now and later.
        """
        return least_disturbed(self._measure_quickly_once)

    def _measure_quickly_once(self) -> Parts:
        if not self._is_quick_wrong:
            quick = self._measure_pieces()
            if quick is not None:
                return quick
            self._is_quick_wrong = True
        return self._measure_all()

    def _measure_pieces(self) -> Parts | None:
        with OwnMemory(self._core.resident_bytes) as memory:
            moment = _Moment(self._core, memory)
            account = parse_maps(memory.text("maps"))
            owners = Owners(self._core, memory, account, moment.libc_statistics, self._findings)
            pieces = list(_pieces_to_measure(owners.mappings, owners.claims))
            if sum(end - start for _mapping, start, end, _row in pieces) > _QUICK_BYTES_MAX:
                return None
            parts = Parts(moment.heap)
            parts.add([(rows.HEAP, sum(moment.heap))])
            parts.add((row, ruler(mapping, memory)(start, end)) for mapping, start, end, row in pieces)
            moment.end(memory)
        _settle(parts, moment, owners)
        shown_bytes = sum(mapping.size_bytes for mapping in owners.mappings if owners.is_of_extents(mapping))
        settle_shared_quickly(parts, moment.shared_bytes, shown_bytes)
        excess_bytes = parts.rss_bytes - moment.rss_bytes
        allowed_bytes = max(moment.rss_bytes // _QUICK_EXCESS_DIVISOR, _QUICK_EXCESS_BYTES_MIN)
        return parts if excess_bytes <= allowed_bytes else None


def _shared_memory_bytes(memory: OwnMemory, shared_bytes: int) -> int:
    """What page tables have of shared memory, each page once. The kernel rounds each mapping, often to nothing.

    Where it does not tell (before 5.4), as much as pools share.
    """
    if shared_bytes == 0:
        return 0
    try:
        return field_bytes(b"".join(memory.text("smaps_rollup")), b"Pss_Shmem:")
    except ValueError:
        return shared_bytes


def least_disturbed(measure: Callable[[], Parts]) -> Parts:
    """Of a few attempts the one that explains most.

    The sources are asked one after the other. Threads that run without the interpreter lock, in a C library, may take
    and give back memory in between; what one source has seen and another has not is then unexplained. The collector
    would do the same, and make resident whatever it reads.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        first = best = measure()
        for _ in range(_ATTEMPTS - 1):
            if best.rows[rows.UNEXPLAINED] <= best.rss_bytes // _DISTURBED_DIVISOR:
                break
            again = measure()
            if again.rows[rows.UNEXPLAINED] < best.rows[rows.UNEXPLAINED]:
                best = again
    finally:
        if was_enabled:
            gc.enable()
    best.rss_max_bytes = max(first.rss_max_bytes, best.rss_bytes)  # the later ones have what the first took itself
    return best


def make_sample(parts: Parts, seconds: float) -> MemorySample:
    """The record. What records need is imported only here: it is a part of the memory that a sample tells of."""
    from quire.records.process import HeapResidency, MemorySample

    return MemorySample(
        seconds=seconds,
        rss_bytes=parts.rss_bytes,
        pss_bytes=parts.pss_bytes,
        swap_bytes=parts.swap_bytes,
        uncounted_bytes=parts.uncounted_bytes,
        heap=HeapResidency(*parts.heap),
        **{field: parts.rows[field] for field in rows.FIELDS},
    )


# --- what the system and the libraries say --------------------------------------------------------------------


class _Moment:
    """The totals, read within moments, before the sample takes memory to work with."""

    __slots__ = ("heap", "libc_statistics", "rss_bytes", "rss_max_bytes", "shared_bytes", "swap_bytes")

    def __init__(self, core: Core, memory: OwnMemory) -> None:
        status = memory.status()
        self.heap = core.residency()
        self.shared_bytes = core.shared_bytes()
        self.libc_statistics = core.libc_statistics()
        self.rss_bytes, self.rss_max_bytes, self.swap_bytes = parse_status(status)

    def end(self, memory: OwnMemory) -> None:
        """Everything is measured. What threads without the interpreter lock gave back meanwhile is not there any more.

        What they took is counted where it was found.
        """
        self.rss_bytes = min(self.rss_bytes, parse_status(memory.status())[0])


# --- how much of it is resident -------------------------------------------------------------------------------


def _pieces_to_measure(
    mappings: Sequence[SystemMapping], claims: Claims
) -> Iterator[tuple[SystemMapping, int, int, str]]:
    """All pieces that can be resident but the heap's."""
    for mapping in mappings:
        if not mapping.is_closed:
            for start, end, row in claims.divide(mapping.start, mapping.end, row_by_name(mapping)):
                if row != rows.HEAP:
                    yield mapping, start, end, row


def _settle(parts: Parts, moment: _Moment, owners: Owners) -> None:
    """Make the parts add up."""
    parts.swap_bytes = moment.swap_bytes
    settle_libc(parts, moment.libc_statistics, owners.heap_found_bytes, owners.chunk_found_bytes)
    settle_heap(parts, moment.rss_bytes)
    settle_total(parts, moment.rss_bytes, moment.rss_max_bytes)
