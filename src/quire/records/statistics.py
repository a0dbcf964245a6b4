"""A heap in numbers, and what was given back."""

from __future__ import annotations

from dataclasses import dataclass

from quire.records.kinds import ArenaKind, Domain

MAPPING_BYTES = 245
"""What the kernel keeps for a mapping: measured, Linux 6.18."""


@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """What one size class of one domain holds. Pools count blocks by state; empty pools belong to no class."""

    domain: Domain
    size_class: int
    block_bytes: int
    pools_used: int
    pools_full: int
    blocks_allocated: int
    blocks_free: int
    blocks_untouched: int

    @property
    def allocated_bytes(self) -> int:
        return self.blocks_allocated * self.block_bytes

    @property
    def free_bytes(self) -> int:
        return self.blocks_free * self.block_bytes


@dataclass(frozen=True, slots=True)
class ArenaStatistics:
    """What the arenas of one kind hold. ``units`` are pools, or pages of runs."""

    kind: ArenaKind
    arenas: int
    units_in_use: int
    units_free: int
    units_untouched: int
    unit_bytes: int


@dataclass(frozen=True, slots=True)
class GuardStatistics:
    """Guarded sampling in numbers; all 0 where there is none."""

    interval: int = 0
    """Requests to a sampled one, on average."""
    slots: int = 0
    slots_allocated: int = 0
    slots_freed: int = 0
    """Closed since their block was freed; the one freed longest ago is used next."""
    slots_lost: int = 0
    """Never used again: the system did not take their pages back."""
    live_bytes: int = 0
    """In guarded blocks, as requested."""
    sampled: int = 0
    skipped: int = 0
    """Sampled requests that were passed over, because few slots or none were free; they were served as any other."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Bytes that went back to the system, by kind, and the processor time that it took. Arenas that became empty, and
    were given back whole by whoever freed the last block, are not among them."""

    empty_pool_bytes: int = 0
    hole_bytes: int = 0
    """Between runs."""
    kept_bytes: int = 0
    """Of mappings that were freed or became shorter."""
    page_bytes: int = 0
    """Pages without a live block of pools that have some."""
    mesh_bytes: int = 0
    """Of sparse pools that came to share pages; without those that they share."""
    libc_bytes: int = 0
    """Of libc's heap: by how much resident memory fell when it was told to give back."""
    steps: int = 0
    step_seconds_median: float = 0.0
    step_seconds_high: float = 0.0
    """The 99.9th percentile; like the median in processor time, to a tenth of a millisecond."""
    step_seconds_max: float = 0.0
    """The longest step, in processor time."""
    cpu_seconds: float = 0.0
    """In all: of the steps; by itself, also what the helper takes to load what it runs, and to wake."""

    @property
    def total_bytes(self) -> int:
        swept_bytes = self.empty_pool_bytes + self.hole_bytes + self.kept_bytes + self.page_bytes
        return swept_bytes + self.mesh_bytes + self.libc_bytes


@dataclass(frozen=True, slots=True)
class GivingBack:
    """How a process gives memory back, beside whole arenas."""

    mode: str = "off"
    """``all``, ``purge`` or ``off``, as the config says."""
    by_itself: GivenBack = GivenBack()
    by_trim: GivenBack = GivenBack()
    """What ``quire.trim()`` gave back; its steps are longer."""
    seconds_ago: float | None = None
    """When something went back last."""
    is_at_work: bool = False
    """The helper thread exists: there may be something to give back."""
    missing: tuple[str, ...] = ()
    """What is not given back, and why; a sentence each."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What the system says a process takes, counted in three ways. ``None``: it does not tell."""

    rss_bytes: int
    """Resident pages (``VmRSS``): those that other processes share in full, those that pools share again for each pool
    that has touched them."""
    pss_bytes: int | None
    """Those in proportion to how many share each."""
    cgroup_bytes: int | None
    """What the process's control group is charged: all its processes, and files that the kernel keeps for them."""
    mappings: int | None
    mappings_max: int | None
    """How many a process may have (``vm.max_map_count``)."""
    uncounted_bytes: int | None = None
    """Pages that pools share and no page table has at the moment. They are memory, and the control group is charged for
    them, but neither ``rss_bytes`` nor ``pss_bytes`` has them."""
    page_table_bytes: int | None = None

    @property
    def kernel_bytes(self) -> int:
        """What the kernel needs to know where the pages are: page tables, and what it keeps for each mapping."""
        return (self.page_table_bytes or 0) + (self.mappings or 0) * MAPPING_BYTES

    @property
    def held_bytes(self) -> int | None:
        """All that goes back when the process ends: each page once."""
        return None if self.pss_bytes is None else self.pss_bytes + (self.uncounted_bytes or 0) + self.kernel_bytes


@dataclass(frozen=True, slots=True)
class HeapStatistics:
    """A heap in numbers, consistent at one moment.

    Live bytes are those in allocated blocks, runs and mappings, counted at the size of the block, run or
    mapping, not of the request; a guarded block has the size of the request.
    """

    classes: tuple[ClassStatistics, ...]
    arenas: tuple[ArenaStatistics, ...]
    runs_allocated: int
    run_bytes: int
    mappings: int
    mapping_bytes: int
    arena_bytes: int
    """Committed: obtained from the system and not given back, whether touched or not."""
    arena_bytes_max: int
    mapping_bytes_max: int
    arenas_obtained: int
    arenas_given_back: int
    mapping_bytes_given_back: int
    kept_mapping_bytes: int = 0
    """Pages of mappings that were freed or became shorter, which wait for a request."""
    touched_bytes: int = 0
    """Of arenas: in pools that were ever cut, and in runs that were ever handed out, without what was purged since."""
    extents: int = 0
    shared_bytes: int = 0
    """Of extents, as far as they have memory."""
    sealed_pools: int = 0
    """Pools that show extents, and have a live block."""
    spent_pools: int = 0
    """Pools that show extents still, and have none."""
    mesh_mappings: int = 0
    """About how many mappings the kernel has more for them."""
    guard: GuardStatistics = GuardStatistics()
    giving_back: GivingBack = GivingBack()
    charge: Charge | None = None
    """Of the process that the heap serves; ``None``: it serves none."""

    @property
    def live_bytes(self) -> int:
        pooled_bytes = sum(c.allocated_bytes for c in self.classes)
        return pooled_bytes + self.run_bytes + self.mapping_bytes + self.guard.live_bytes

    @property
    def blocks_allocated(self) -> int:
        pooled = sum(c.blocks_allocated for c in self.classes)
        return pooled + self.runs_allocated + self.mappings + self.guard.slots_allocated


@dataclass(frozen=True, slots=True)
class Swept:
    """What one step of a sweep gave back, by kind, and where the next begins."""

    cursor: int
    """Of the next step; 0: the sweep is done."""
    empty_pool_bytes: int
    hole_bytes: int
    kept_bytes: int
    page_bytes: int
    """In pages without a live block, of pools in use."""
    young_bytes: int
    """At rest, but not for long: the next sweep gives it back, unless it is used before."""
    young_pools: int
    """In use, with few live blocks, and not at rest since the sweep before."""
    is_refused: bool
    """The system did not take pages back, and the step ended there."""
