"""A heap of one's own: the native memory manager, with the model's interface."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from quire.errors import DoubleFree, InvalidSize, NotABlock, OutOfMemory
from quire.process.core import require_core
from quire.process.decode import decode_state, decode_statistics
from quire.records.heap import HeapState, MeshPass, MeshPhase
from quire.records.kinds import Domain
from quire.records.statistics import HeapStatistics, Swept

if TYPE_CHECKING:
    from quire._core import Heap as CoreHeap
    from quire.model.mesh import MeshOptions, MeshPlaces

_GIB = 1024**3


class Heap:
    """A native heap apart from the process's own: ``quire.model.Allocator`` in C, placement for placement.

    What is freed or resized is checked first, so that no mistake breaks the heap. The memory is the caller's: the
    addresses are plain integers, and nothing is read or written there.

    Args:
        range_bytes: how many addresses to reserve; arenas come from there. Memory is taken only as it is used.

    Raises:
        UnsupportedRuntime: the native core is not installed.
        OutOfMemory: the system does not give that many addresses.
        ValueError: ``range_bytes`` is not positive.
    """

    def __init__(self, range_bytes: int = 64 * _GIB, *, core: type[CoreHeap] | None = None) -> None:
        kind = core or require_core().Heap
        try:
            self._heap = kind(range_bytes)
        except MemoryError:
            raise OutOfMemory(f"the system does not reserve {range_bytes} bytes of addresses") from None

    def allocate(self, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Serve a request of ``size_bytes`` (0 counts as 1); returns its address.

        Raises:
            InvalidSize: the size is negative, or no whole number.
            OutOfMemory: the system refuses or the range is used up; nothing has changed.
        """
        _check_size(size_bytes)
        try:
            return self._heap.allocate(size_bytes, domain)
        except MemoryError:
            _refuse(size_bytes)

    def allocate_zeroed(self, count: int, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Serve a request for ``count`` items of ``size_bytes``, all bytes zero; returns its address.

        Raises:
            InvalidSize: the count or the size is negative, or no whole number.
            OutOfMemory: the system refuses or the range is used up; nothing has changed.
        """
        _check_size(count)
        _check_size(size_bytes)
        try:
            return self._heap.allocate_zeroed(count, size_bytes, domain)
        except MemoryError:
            _refuse(count * size_bytes)

    def reallocate(self, address: int, size_bytes: int, domain: Domain = Domain.OBJECT) -> int:
        """Resize what is at ``address``, in place where it can be; returns the address, which may be new.

        Raises:
            NotABlock, DoubleFree: the address is not the start of an allocated block.
            InvalidSize: the size is negative, or no whole number.
            OutOfMemory: there is no room to grow; nothing has changed. Shrinking never fails.
        """
        _check_size(size_bytes)
        try:
            return self._heap.reallocate(address, size_bytes, domain)
        except LookupError as error:
            _misused(address, error)
        except MemoryError:
            _refuse(size_bytes)

    def free(self, address: int) -> None:
        """Take a block, run or mapping back.

        Raises:
            NotABlock: the address is not the start of an allocated block.
            DoubleFree: the block is free already.
        """
        try:
            self._heap.free(address)
        except LookupError as error:
            _misused(address, error)

    def size_of(self, address: int) -> int:
        """How many bytes the allocated block, run or mapping at ``address`` has.

        Raises:
            NotABlock, DoubleFree: the address is not the start of one.
        """
        try:
            return self._heap.size_of(address)
        except LookupError as error:
            _misused(address, error)

    def sweep(
        self,
        cursor: int = 0,
        *,
        slots_max: int = sys.maxsize,
        deadline_ns: int = 0,
        reserve_bytes: int = 0,
        live_percent_max: int = 0,
    ) -> Swept:
        """Do a step of a sweep: what rested through the whole sweep before goes back to the system.

        Args:
            cursor: where the step before ended; 0 begins a sweep.
            slots_max: so many parts of 16 KiB are looked at, at most.
            deadline_ns: the step ends when the monotonic clock stands there; 0: it may take any time.
            reserve_bytes: of what rests, so much stays.
            live_percent_max: of pools at rest in which so many of the blocks live, at most, pages without a live block
                go as well; 0: of none.

        Raises:
            InvalidOption: an argument is negative, or not that many in a hundred.
        """
        limits = (cursor, slots_max, deadline_ns, reserve_bytes, live_percent_max)
        from quire.model.purge import check_sweep

        check_sweep(*limits)
        return Swept(*self._heap.sweep(*(min(limit, sys.maxsize) for limit in limits)))

    # --- meshing ---

    def mesh_begin(self, options: MeshOptions) -> None:
        """Begin a pass of meshing: sparse pools will be candidates, from which blocks are only freed.

        Raises:
            OutOfMemory: the system refuses; nothing has changed.
            RuntimeError: a pass is under way, or the system's pages are larger than pools.
        """
        try:
            self._heap.mesh_begin(options.live_percent_max, options.pools_max, options.only_at_rest)
        except MemoryError:
            raise OutOfMemory("the system has no memory for a pass of meshing") from None
        except OSError as error:
            _refuse_pass(error)
        self._heap.proofs_end()

    def mesh_step(self, parts_max: int, deadline_ns: int = 0) -> MeshPhase:
        """Do some of the pass's work: so many pools, and until the deadline, if it is not 0.

        Returns:
            Which phase it is then. While blocks are being proven there is no work, ``mesh_settle`` ends that.
        """
        phase = MeshPhase(self._heap.mesh_step(parts_max, deadline_ns))
        if phase is MeshPhase.IDLE:
            self._heap.proofs_end()
        return phase

    def prove(self, addresses: Iterable[int]) -> None:
        """The blocks at these addresses may be copied: nobody writes to them while a step is done.

        Raises:
            NotABlock, DoubleFree: an address is not the start of an allocated block.
            OutOfMemory: the system has no memory to note it.
        """
        try:
            self._heap.proofs_begin()
            for address in addresses:
                self._heap.proofs_add(address)
        except LookupError as error:
            _misused(address, error)
        except MemoryError:
            raise OutOfMemory("the system has no memory for proofs") from None

    def mesh_settle(self, places: MeshPlaces) -> None:
        """No more blocks will be proven: what has an unproven one goes back to its class, the rest to places.

        Raises:
            ValueError: pieces are smaller than pages.
        """
        try:
            self._heap.mesh_settle(places.piece_bytes, places.extents_max, places.mappings_max)
        except OSError:
            raise ValueError("pieces are smaller than pages") from None

    def mesh_abandon(self, parts_max: int = sys.maxsize, deadline_ns: int = 0) -> bool:
        """So many candidates go back to their classes; also where no pass is under way.

        Returns:
            Whether all are back, and the pass is over.
        """
        is_over = self._heap.mesh_abandon(parts_max, deadline_ns)
        if is_over:
            self._heap.proofs_end()
        return is_over

    def mesh_pass(self) -> MeshPass:
        """What has come of the pass that is under way, or of the last one."""
        return MeshPass(*self._heap.mesh_pass())

    def mesh_renew(self, parts_max: int, deadline_ns: int = 0) -> bool:
        """Give at most so many sealed pools that have become empty pages of their own again.

        Whether it is over: all have been looked at, or the system refuses.
        """
        return self._heap.mesh_renew(parts_max, deadline_ns)

    def mesh_untouch(self, parts_max: int, deadline_ns: int = 0) -> bool:
        """Take what shows extents out of the page table, so that resident size says what is used.

        Returns:
            Whether it is done.
        """
        return self._heap.mesh_untouch(parts_max, deadline_ns)

    # --- views ---

    def check(self) -> str | None:
        """The first invariant that does not hold, as a sentence; ``None`` if all do. Walks everything."""
        return self._heap.check()

    def statistics(self) -> HeapStatistics:
        """The heap in numbers."""
        return decode_statistics(self._heap.statistics())

    def state(self) -> HeapState:
        """The heap's whole structure, as records."""
        return decode_state(self._heap.state())

    @property
    def range(self) -> tuple[int, int]:
        """The address and the size in bytes of the reserved range."""
        return self._heap.range()


def _check_size(size_bytes: int) -> None:
    if not isinstance(size_bytes, int):
        raise InvalidSize(f"a request of {size_bytes!r} bytes; ask for a whole number of them")
    if size_bytes < 0:
        raise InvalidSize(f"a request of {size_bytes} bytes; ask for 0 or more")


def _refuse_pass(error: OSError) -> NoReturn:
    match error.errno:
        case errno.EBUSY:
            raise RuntimeError("a pass is under way") from None
        case _:
            raise RuntimeError("the system's pages are larger than pools") from None


def _refuse(size_bytes: int) -> NoReturn:
    raise OutOfMemory(f"{size_bytes} bytes cannot be had") from None


def _misused(address: int, error: LookupError) -> NoReturn:
    (is_free,) = error.args
    if is_free:
        raise DoubleFree(f"the block at {address:#x} is free already") from None
    raise NotABlock(f"{address:#x} is not the start of an allocated block") from None
