"""The nouns of quire, as frozen dataclasses.

The same records describe the model, a recorded run and a live process, so one picture serves all three.
Sizes are in bytes and end in ``_bytes``; addresses are integers; an index, a count and a size are three things.
This file imports nothing of quire's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

MAPPING_BYTES = 245
"""What the kernel keeps for a mapping: measured, Linux 6.18."""


class Domain(IntEnum):
    """CPython's request kinds that quire serves; the third, raw, stays with libc."""

    OBJECT = 0
    MEM = 1


class ArenaKind(IntEnum):
    """What an arena is cut into: pools of small blocks, larger pools of larger blocks, or runs."""

    SMALL = 0
    LARGE = 1
    RUN = 2


class PoolState(StrEnum):
    """USED: some blocks free. FULL: none free. EMPTY: none allocated."""

    USED = "used"
    FULL = "full"
    EMPTY = "empty"


class BlockState(StrEnum):
    """UNTOUCHED: never handed out, or not since its pool began anew. FREE: handed back. ALLOCATED: holds data."""

    UNTOUCHED = "untouched"
    FREE = "free"
    ALLOCATED = "allocated"


# --- a heap, whole --------------------------------------------------------------------------------------------


class PoolRole(StrEnum):
    """What meshing has to do with a pool.

    CANDIDATE: of a pass; blocks are only freed from it. SEALED: it shows pages of extents; blocks are only freed from
    it. SPENT: the same, empty; it waits for pages of its own. ORDINARY: none of these.
    """

    ORDINARY = "ordinary"
    CANDIDATE = "candidate"
    SEALED = "sealed"
    SPENT = "spent"


PAGE_OWN, PAGE_NONE = -1, -2
"""What a page of a sealed pool shows that shows no extent: one of its own; nothing, there is no memory behind it."""


@dataclass(frozen=True, slots=True)
class Pool:
    """An aligned part of an arena whose blocks are all of one size class.

    ``allocated + len(free_list) + untouched == capacity`` holds always.
    """

    address: int
    size_bytes: int
    domain: Domain
    size_class: int
    block_bytes: int
    first_block_offset: int
    capacity: int
    allocated: int
    untouched: int
    free_list: tuple[int, ...]
    """Indexes of the free blocks, the next to be handed out first. Of a sealed pool: freed since it was sealed."""
    away: tuple[int, ...] = ()
    """Indexes of the untouched blocks that touch a page which went back to the system, and of a sealed pool of all that
    were not live when it was; the other untouched blocks are the pool's last."""
    role: PoolRole = PoolRole.ORDINARY
    shown: tuple[int, ...] = ()
    """Of a sealed or spent pool, each page: which page of the extents it shows, numbered through all of them; or
    ``PAGE_OWN``, ``PAGE_NONE``."""

    @property
    def carved(self) -> int:
        """Blocks before this index were cut off at some time."""
        return self.capacity - self.untouched + len(self.away)

    @property
    def state(self) -> PoolState:
        if self.allocated == 0:
            return PoolState.EMPTY
        return PoolState.FULL if self.allocated == self.capacity else PoolState.USED


@dataclass(frozen=True, slots=True)
class Run:
    """Several pages that serve one larger request, or a hole between such runs (FREE or UNTOUCHED)."""

    address: int
    size_bytes: int
    state: BlockState


@dataclass(frozen=True, slots=True)
class Arena:
    """An aligned part of the range, obtained from the system as a whole.

    ``pools`` holds every pool that was ever cut, in address order; ``free_pools`` the addresses of those that
    are empty and may serve any size class, the next to be taken first. ``runs`` is for arenas of kind RUN.
    """

    index: int
    address: int
    size_bytes: int
    kind: ArenaKind
    pools: tuple[Pool, ...] = ()
    free_pools: tuple[int, ...] = ()
    untouched_pools: int = 0
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A request above the largest run, served by a mapping of its own."""

    address: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Shared physical pages that sealed pools show."""

    number: int
    shown: tuple[int, ...]
    """Of each page that was ever shown: by how many pages of pools; -1: it went back."""
    taken: int
    """How many pieces of 16 bytes blocks have that were live when their pool was sealed."""


@dataclass(frozen=True, slots=True)
class HeapState:
    """Everything there is to know of a heap's structure, at one moment."""

    geometry: str
    arenas: tuple[Arena, ...]
    available: tuple[tuple[int, ...], ...]
    """For each arena kind, the indexes of the arenas that can serve another pool or run, the fullest first."""
    used_pools: dict[tuple[Domain, int], tuple[int, ...]]
    """For each domain and size class, the addresses of the pools that serve it, the next to be asked first."""
    mappings: tuple[Mapping, ...]
    candidates: dict[tuple[Domain, int], tuple[int, ...]] = field(default_factory=dict)
    """As ``used_pools``: those of a pass of meshing."""
    extents: tuple[Extent, ...] = ()


class MeshPhase(IntEnum):
    """Where a pass of meshing is. IDLE: there is none. PROVING: it waits for who proves blocks."""

    IDLE = 0
    COUNTING = 1
    CHOOSING = 2
    PROVING = 3
    SETTLING = 4
    MATCHING = 5


@dataclass(frozen=True, slots=True)
class MeshPass:
    """What came of a pass, in pools. ``candidates == foreign + meshed + left + taken_back`` holds at its end."""

    candidates: int = 0
    foreign: int = 0
    """A live block was not proven."""
    meshed: int = 0
    left: int = 0
    """Too many mappings, the system refused, or the pass was abandoned."""
    taken_back: int = 0
    """By requests; or empty, meanwhile."""
    live_blocks: int = 0
    """Of the candidates, when they were chosen."""
    foreign_blocks: int = 0
    is_out_of_mappings: bool = False
    refusal: int = 0
    """The error number of what the system refused."""


# --- a heap, in numbers ---------------------------------------------------------------------------------------


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


# --- giving back ----------------------------------------------------------------------------------------------


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


# --- objects --------------------------------------------------------------------------------------------------


class Area(StrEnum):
    """What a process's memory is used for.

    OBJECT: the objects themselves. TABLE: what objects own beside themselves, such as a list's items and a
    dictionary's keys. INTERPRETER: the interpreter's own, such as frames and the objects made once at its start.
    """

    OBJECT = "object"
    TABLE = "table"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True)
class UsedBlock:
    """A piece of memory in use, and what for. ``what`` is the object's type, or the table's name."""

    address: int
    size_bytes: int
    area: Area
    what: str


class Content(StrEnum):
    """OBJECT: a Python object. TABLE: a table or buffer of one. FOREIGN: nothing that is known to be either."""

    OBJECT = "object"
    TABLE = "table"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class LiveBlock:
    """A live block, run or mapping of a process's heap, and what is in it."""

    address: int
    size_bytes: int
    content: Content
    type: str | None
    """Of the object, or of the owner of the table; ``None``: foreign."""
    is_reviewed: bool
    """Whether the object's type is known to have nobody write in its block without the interpreter lock."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object at one moment."""

    address: int
    type: str
    count: int | None
    """How many references there are; ``None``: immortal, not counted."""
    size_bytes: int
    """Of the object with all its headers, without its tables."""
    value: str
    """As Python would write it, cut where it is long."""
    references: tuple[int, ...]
    """The addresses of the objects it refers to, in the order in which the collector visits them."""
    tables: tuple[UsedBlock, ...]
    generation: int | None
    """The collector's generation that it stands in; ``None``: the collector does not track it."""
    name: str = ""
    """What whoever shows it calls it, if anything."""


class Happening(StrEnum):
    """What can happen to an object, in the order of a life."""

    MADE = "made"
    REUSED = "reused"
    """Made from a dead one that a free list had kept."""
    FINALIZED = "finalized"
    RESURRECTED = "resurrected"
    CLEARED = "cleared"
    """A weak reference whose target is gone."""
    POSTPONED = "postponed"
    """Its count is zero, but deallocations nest too deep: it waits in the trashcan."""
    KEPT = "kept"
    """Dead; its memory stays with a free list for the next of its type."""
    FREED = "freed"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """Something that happened to an object."""

    happening: Happening
    address: int
    type: str


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """One of the object-specific allocators, at one moment."""

    name: str
    policy: str
    """One of: preallocation, sharing, caching, segmentation."""
    held: int
    """How many objects or blocks it holds now."""
    held_max: int | None
    """How many it may hold; ``None``: any number."""
    hits: int
    """Requests that it served without asking the heap."""


@dataclass(frozen=True, slots=True)
class CollectedObject:
    """An object that a collection looked at: its count, and how many references come from outside of those."""

    address: int
    type: str
    count: int
    outside: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection did. Addresses are in the order in which things happened."""

    generation: int
    examined: tuple[CollectedObject, ...]
    unreachable: tuple[int, ...]
    weakrefs_cleared: tuple[int, ...]
    callbacks_called: tuple[int, ...]
    """The weak references whose callbacks were called."""
    finalized: tuple[int, ...]
    resurrected: tuple[int, ...]
    """Unreachable before the finalizers ran, reachable after."""
    freed: tuple[int, ...]


# --- programs -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstructionRecord:
    """One instruction of a code object: what the compiler made of a piece of a line."""

    offset_bytes: int
    line: int | None
    name: str
    argument: str
    """As ``dis`` writes it; empty where there is none."""


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """What the compiler knows of a function, a class's body or a module before it runs."""

    name: str
    first_line: int
    arguments: int
    variables: tuple[str, ...]
    """Local variables, arguments first, then cells; each gets a word in the frame."""
    stack_words: int
    """How many values the evaluation stack holds at most."""
    frame_bytes: int
    """What a call takes of the call stack: known before the first one."""
    constants: tuple[str, ...]
    instructions: tuple[InstructionRecord, ...]
    inner: tuple[CodeRecord, ...]
    """The code objects among its constants."""


@dataclass(frozen=True, slots=True)
class PycRecord:
    """The parts of a ``.pyc`` file."""

    magic: int
    """Changes whenever the instructions do."""
    flags: int
    source_seconds: int
    """When the source was changed last, as a time stamp."""
    source_bytes: int
    size_bytes: int
    code: CodeRecord


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A name and the object it stands for."""

    name: str
    address: int
    type: str
    value: str
    count: int | None
    """How many references there are to the object; ``None``: immortal, not counted."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A call that has not returned yet: its piece of the call stack, and what its names stand for."""

    function: str
    line: int | None
    address: int
    size_bytes: int
    names: tuple[NameRecord, ...]
    stack: tuple[NameRecord, ...]
    """The objects on the evaluation stack, the top last; they have no names."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """A program between two instructions."""

    step: int
    """How many instructions were done."""
    next: InstructionRecord | None
    """What is done next; ``None`` when the program is over."""
    frames: tuple[FrameRecord, ...]
    """The module's first, the one that runs last."""
    names: tuple[NameRecord, ...]
    """The module's names."""
    output: tuple[str, ...]
    """The lines it has printed."""


# --- the machine and its threads ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page of a process, and the frame behind it; ``None``: never written."""

    address: int
    frame: int | None
    text: str
    """What the page holds from its start, as text up to the first zero, cut where it is long."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A process's pages, in address order."""

    process: str
    page_bytes: int
    pages: tuple[PageRecord, ...]


class LockHappening(StrEnum):
    """What a thread does with the one lock."""

    TAKES = "takes"
    WAITS = "waits"
    ASKS = "asks"
    DROPS = "drops"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class LockEvent:
    """At this step, this thread did this."""

    step: int
    thread: str
    kind: LockHappening


@dataclass(frozen=True, slots=True)
class Turns:
    """Which thread ran each step, and what became of the lock."""

    threads: tuple[str, ...]
    """In the order in which they were started."""
    turns: tuple[str, ...]
    """The thread that ran each step; step 1 first."""
    events: tuple[LockEvent, ...]
    has_lock: bool


# --- a process ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeapResidency:
    """Resident bytes of a served process's heap, page by page, split by what the pages hold.

    The five parts add up to every resident byte of the range and of the heap's own mappings.
    """

    live_bytes: int
    """Allocated blocks, runs and mappings, as far as their pages are resident."""
    free_bytes: int
    """The rest of resident pages in pools that have live blocks."""
    empty_pool_bytes: int
    """Resident pages of pools without a live block."""
    free_run_bytes: int
    """Resident pages of holes between runs, and of mappings kept after they were freed."""
    metadata_bytes: int
    """Arena headers and the heap's own tables."""


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One row of the waterfall: what it is, and how many resident bytes at each of the two moments."""

    label: str
    gloss: str
    end_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Where a process's resident memory was at one moment; the parts add up to ``rss_bytes``.

    Taken from the kernel's accounts (``/proc/self/smaps``), the heap's own walk, CPython's structures and libc's
    statistics. ``unexplained_bytes`` is what none of them accounts for.
    """

    seconds: float
    """Since quire was installed."""
    rss_bytes: int
    pss_bytes: int | None
    """In proportion to how many processes share each page. ``None``: a quick sample, as those of the peak are."""
    swap_bytes: int
    heap: HeapResidency
    cpython_arena_bytes: int
    """CPython's own arenas, from before the install or for what quire does not serve."""
    frame_bytes: int
    """Chunks of the Python call stacks."""
    libc_live_bytes: int
    libc_held_bytes: int
    thread_stack_bytes: int
    mapped_file_bytes: int
    other_anonymous_bytes: int
    unexplained_bytes: int
    counted_again_bytes: int = 0
    """Pages that pools of the heap share: the system counts one for each pool that has touched it, ``heap`` once."""
    uncounted_bytes: int = 0
    """Those of them that nobody has touched since long: ``heap`` has them, the system counts none. To be taken off."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What ``quire run`` tells at a program's end."""

    version: int
    quire_version: str
    python: str
    argv: tuple[str, ...]
    pid: int
    wall_seconds: float
    cpu_seconds: float
    rss_max_bytes: int
    """``VmHWM``: the highest the kernel saw."""
    end: MemorySample
    peak: MemorySample
    """The highest sample of those taken while the program ran; the last one where it stands well above them."""
    samples: int
    statistics: HeapStatistics


# --- a look from outside --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArenaOccupancy:
    """How full CPython's arenas are, all of them together, by the headers of their pools.

    A pool without a live block counts with the blocks that it last held.
    """

    arenas: int
    sparse_arenas: int
    """Of them, those of whose blocks fewer than one in a hundred is live."""
    pools_full: int
    pools_used: int
    """Some blocks live, some free or untouched."""
    pools_empty: int
    pools_unknown: int
    """Resident, but nothing in them fits together: they changed meanwhile, or are no pools."""
    blocks: int
    live_blocks: int
    quire_bytes: int
    """What the pools with live blocks would need on quire, at rest: an estimate from how many of their blocks live."""


@dataclass(frozen=True, slots=True)
class OutsideSample:
    """Where another process's resident memory was, as far as it can be told from outside; the parts add up to
    ``rss_bytes``."""

    rss_bytes: int
    pss_bytes: int
    """In proportion to how many processes share each page."""
    swap_bytes: int
    quire_heap_bytes: int
    """Where the process runs on quire: all of its heap."""
    arena_live_bytes: int
    arena_free_bytes: int
    """Free blocks, in pools that hold live ones."""
    arena_empty_bytes: int
    """Pools without a live block."""
    arena_rest_bytes: int
    """Headers of pools, and what is left behind their last block."""
    frame_bytes: int
    libc_live_bytes: int
    libc_held_bytes: int
    thread_stack_bytes: int
    mapped_file_bytes: int
    shared_memory_bytes: int
    other_anonymous_bytes: int
    unknown_bytes: int
    """What did not fit together: the process runs while it is looked at."""

    @property
    def arena_bytes(self) -> int:
        return self.arena_live_bytes + self.arena_free_bytes + self.arena_empty_bytes + self.arena_rest_bytes


@dataclass(frozen=True, slots=True)
class WhyReport:
    """What ``quire why`` tells of a process."""

    version: int
    quire_version: str
    pid: int
    argv: tuple[str, ...]
    python: str | None
    """The version of its CPython. ``None``: it has none, or one that does not show it."""
    reason: str | None
    """Why only the kernel's accounts are told. ``None``: the interpreter's structures are told, too."""
    interpreters: int
    threads: int
    """Python's; those of C alone are not counted."""
    is_on_quire: bool
    memory: OutsideSample
    charge: Charge
    arenas: ArenaOccupancy
    wall_seconds: float
    """How long the look took."""


# --- a comparison ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A snapshot of a process, as a file."""

    path: str
    file_bytes: int
    objects: int
    references: int | None
    """From object to object; ``None``: it was taken without them."""
    pause_seconds: float
    """How long the process stood still."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run of a program took, with the processes that it waited for. ``None``: it could not be seen."""

    wall_seconds: float
    cpu_seconds: float
    minor_faults: int
    major_faults: int
    rss_max_bytes: int | None
    """The most that was resident of one of these processes."""
    rss_bytes: int | None
    """At the program's end, before Python takes itself down."""
    pss_bytes: int | None
    stdout_sha256: str
    cgroup_bytes: int | None = None
    """At the program's end, of its whole control group: other processes' too."""
    held_bytes: int | None = None
    """At the program's end: in proportion, with what no page table has of what pools share, and the kernel's own."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, one after the other."""

    plain: Measurement
    quire: Measurement


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``quire compare`` tells: the same program plainly and on quire, in turn."""

    version: int
    quire_version: str
    python: str
    argv: tuple[str, ...]
    wall_seconds: float
    """From the first run to the last, with those that warm up."""
    pairs_planned: int
    """More than there are ``pairs`` where the comparison was ended early."""
    pairs: tuple[Pair, ...]


# --- a chapter ------------------------------------------------------------------------------------------------


class Language(StrEnum):
    """What chapters are told in."""

    EN = "en"
    KO = "ko"


@dataclass(frozen=True, slots=True)
class Both:
    """One text in both languages."""

    en: str
    ko: str

    def told_in(self, language: Language) -> str:
        return self.en if language is Language.EN else self.ko


Cell = str | int | Both


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: numbers stand to the right, words to the left."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Text as it is, line by line."""

    lines: tuple[str | Both, ...]


Record = (
    HeapState
    | Arena
    | Pool
    | HeapStatistics
    | UsedBlock
    | ObjectRecord
    | ObjectEvent
    | CacheRecord
    | Collection
    | CodeRecord
    | PycRecord
    | NameRecord
    | FrameRecord
    | ProgramState
    | PageTable
    | Turns
    | Rows
    | Lines
)
Shown = Record | tuple[Record, ...]
"""What a step shows: a record, or several that belong into one picture, such as objects that refer to each other."""


class ProseKind(StrEnum):
    """SAMPLE is code to read that is not run here."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of a chapter's text: Markdown within the line, values filled in."""

    kind: ProseKind
    text: str
    mark: str = ""
    """Of an item: ``-`` or its number."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Something that a step shows, and what the chapter says of it."""

    caption: str
    kinds: tuple[str, ...]
    """What each of the records is, by its class's name."""
    what: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class StepTold:
    """A step of a chapter: its code as the reader sees it, and what it showed when it ran."""

    name: str
    code: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ChapterTold:
    """A chapter in one language."""

    name: str
    language: Language
    title: str
    pieces: tuple[Prose | StepTold, ...]
