"""The native core. Only ``quire.process`` imports it; its tuples get names in ``quire.process.decode``."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, final

@final
class Heap:
    """A heap of its own. What takes an address raises LookupError(is_free) unless a live block begins there."""

    def __new__(cls, range_bytes: int, /) -> Heap: ...
    def allocate(self, size_bytes: int, domain: int = 0, /) -> int: ...
    def allocate_zeroed(self, count: int, size_bytes: int, domain: int = 0, /) -> int: ...
    def reallocate(self, address: int, size_bytes: int, domain: int = 0, /) -> int: ...
    def free(self, address: int, /) -> None: ...
    def size_of(self, address: int, /) -> int: ...
    def sweep(
        self, cursor: int, slots_max: int, deadline_ns: int, reserve_bytes: int, live_percent_max: int, /
    ) -> tuple[Any, ...]: ...
    def check(self) -> str | None: ...
    def statistics(self) -> tuple[Any, ...]: ...
    def state(self) -> tuple[Any, ...]: ...
    def residency(self) -> tuple[int, int, int, int, int]: ...
    def range(self) -> tuple[int, int]: ...
    def mesh_begin(self, live_percent_max: int, pools_max: int, only_at_rest: bool, /) -> None:
        """MemoryError if the system refuses, OSError (EBUSY, EINVAL, ENOTSUP) if there can be no such pass."""

    def mesh_step(self, parts_max: int, deadline_ns: int = 0, /) -> int: ...
    def mesh_settle(self, piece_bytes: int, extents_max: int, mappings_max: int, /) -> None: ...
    def mesh_abandon(self, parts_max: int, deadline_ns: int = 0, /) -> bool: ...
    def mesh_pass(self) -> tuple[int, int, int, int, int, int, int, bool, int]: ...
    def mesh_renew(self, parts_max: int, deadline_ns: int = 0, /) -> bool: ...
    def mesh_untouch(self, parts_max: int, deadline_ns: int = 0, /) -> bool: ...
    def mesh_way_home(self, page: int, /) -> int: ...
    def proofs_begin(self) -> None:
        """Nothing is proven; where proofs were begun and not ended, what is proven stays."""

    def proofs_add(self, address: int, /) -> None: ...
    def proofs_end(self) -> None: ...

def install(range_bytes: int, large_to_previous: bool, guard_interval: int = 0, /) -> None:
    """Serve the process; RuntimeError(reason) if it cannot be served, MemoryError if the range is not to be had."""

def installed() -> bool: ...
def shared() -> bool:
    """Whether every use of the heap takes a mutex, for other interpreters than the main one exist or have existed."""

def refusal() -> str | None:
    """Why the process cannot be served now, as one word; None if it can. Changes nothing."""

def watch(
    limit_bytes: int, signal_number: int, late_limit_bytes: int = sys.maxsize, due_seconds: float = 0.0, /
) -> None:
    """Have Python handle the signal once, soon after the heap has obtained more than the limit; or, once the monotonic
    clock stands at what is due, more than the late limit. Signal 0 ends the watch."""

def statistics() -> tuple[Any, ...]: ...
def guard_statistics() -> tuple[int, ...] | None:
    """Of guarded sampling; None where there is none."""

def check() -> str | None: ...
def residency() -> tuple[int, int, int, int, int]:
    """Resident bytes of the heap: live, free, in empty pools, in holes between runs, metadata."""

def resident_bytes(address: int, size_bytes: int, /) -> int:
    """Resident bytes of the whole pages that the piece touches."""

def regions() -> list[tuple[int, int]]:
    """Address and size of everything that the heap has mapped."""

def frame_chunks() -> list[tuple[int, int]]:
    """Address and size of every chunk of every thread's Python call stack."""

def thread_idents() -> list[int]:
    """The pthread_t of every Python thread."""

def libc_statistics() -> tuple[int, int, int, int] | None:
    """mallinfo2's arena, uordblks, fordblks and hblkhd; None where libc has no mallinfo2."""

def open_own(name: str, /) -> int:
    """A descriptor of the file of /proc/self, open to read. There is no audit event: the program's hooks do not run."""

def own_threads() -> list[int]:
    """The numbers of the process's threads, without an audit event either."""

def helper_begin(tick: Callable[[], float | None], notice_bytes: int, /) -> None:
    """From now on a thread of C calls the function, from when so many bytes have come to rest until it returns None."""

def helper_end() -> None:
    """There is no thread any more, and none is started; a pass that was under way is given up."""

def helper_is_alive() -> bool: ...
def helper_refusal() -> int:
    """Why no thread could be started last, as an errno value; EPERM: by a new filter of system calls; 0: one could."""

def purge_refusal() -> int:
    """With which errno value the system refused last to take pages back; 0: it never did."""

def take_rest() -> bool:
    """Whether so many bytes have come to rest since this was asked last."""

def before_fork() -> None:
    """Joins the thread, and holds it off until one of the next two is called."""

def after_fork_in_parent() -> None: ...
def after_fork_in_child() -> None: ...
def call_apart(function: Callable[[], object], /) -> bool:
    """In a thread of its own; whether there is one: not while another such function runs."""

def wait_for_teller() -> bool:
    """Until that thread has ended; half a second at most. Whether it has."""

def held_bytes() -> int:
    """Touched, in mappings, and kept; without a walk."""

def sweep(
    cursor: int,
    slots_max: int,
    deadline_ns: int,
    reserve_bytes: int,
    live_percent_max: int,
    only_notes: bool = False,
    /,
) -> tuple[int, int, int, int, int, int, int, bool]: ...
def trim_libc(free_bytes_min: int, /) -> tuple[int, int, float] | None:
    """Free bytes afterwards, bytes given back, seconds. None: fewer are free, or libc cannot."""

def trim_libc_soon(free_bytes_min: int, free_bytes_max: int, /) -> None:
    """By the helper thread, when this tick is over, without the interpreter lock; unless more are free."""

def trimmed_libc() -> tuple[int, int, float] | None:
    """What came of the last one, once."""

def proof_begin(reviewed: Iterable[tuple[type, str]], only_candidates: bool = False, /) -> str | None:
    """Begin a pass that proves blocks, with these types reviewed, each with its layout; why there can be none, or None.
    RuntimeError if one is under way."""

def proof_prepare() -> str | None:
    """Find the collector's lists, which may run a collection: why they cannot be used, or None."""

def proof_step(deadline_ns: int, /) -> str:
    """Go on until then, 0: to the end. "done", "goes on", "waits" while the collector is at work, or "void": end it."""

def proof_counts() -> tuple[int, int, int, int]:
    """Of the pass: owners passed, references held to bytes, bytes that may not be proven, and how many objects were
    looked at, at most, between two looks at the clock."""

def proof_has(address: int, /) -> bool:
    """Whether the block that has the address in it is proven."""

def proof_release(deadline_ns: int, /) -> bool:
    """Let go of what the pass holds and knows, until then; whether nothing is left."""

def renew_free_list(items: int, /) -> int:
    """How many tuples of so many items have gone from CPython's free list to the heap."""

def proof_end() -> None: ...
def mappings() -> tuple[int, int]:
    """How many the process may have, and has; two zeros: that cannot be read."""

def count_mappings_soon() -> None:
    """By the helper thread, when this tick is over, without the interpreter lock."""

def counted_mappings() -> tuple[int, int] | None:
    """What came of it, once; None: nothing yet, or a fork has cut it short."""

def counted_bytes() -> int | None:
    """Resident of files and shared memory, a page once for each mapping that has touched it."""

def shared_bytes() -> int:
    """What pools share, as far as it has memory."""

def mesh_mappings() -> int:
    """How many those are."""

def mesh_refusal() -> str | None:
    """Why there can be no pass now, or None."""

def mesh_begin(live_percent_max: int, only_at_rest: bool, /) -> str | int | None:
    """Begin a pass over the heap that serves the process; why there can be none, an errno value of the system's, or
    None."""

def mesh_step(deadline_ns: int, /) -> tuple[int, int]:
    """The phase it is then in, and the bytes that went back."""

def mesh_settle(piece_bytes: int, extents_max: int, mappings_max: int, /) -> None: ...
def mesh_abandon(deadline_ns: int, /) -> bool: ...
def mesh_pass() -> tuple[int, int, int, int, int, int, int, bool, int]: ...
def mesh_renew(deadline_ns: int, /) -> bool:
    """Whether all spent pools have been looked at, or the system refuses."""

def mesh_untouch(deadline_ns: int, /) -> bool: ...
def findings(reviewed: Iterable[tuple[type, str]], /) -> tuple[list[type], bytes, bytes] | str:
    """A whole pass at once: types; address, index of type and kind of each finding; live_blocks. Or why there is
    none."""

def live_blocks() -> bytes:
    """Address and size of every live block, run and mapping, 16 bytes each."""

_Buffer: TypeAlias = bytes | bytearray | memoryview

def dominators(
    edge_end: _Buffer, edge_to: _Buffer, roots: _Buffer, dominator: _Buffer, place: _Buffer, below: _Buffer, /
) -> None:
    """core/observe/dominators.h: fill the last three, as long as the objects; ValueError if columns do not fit."""

def snapshot_take(
    types: list[type],
    reviewed: Iterable[tuple[type, str]],
    columns: dict[str, int],
    references: bool,
    values: bool,
    /,
) -> dict[str, Any]:
    """Write a snapshot's columns to files, empty ones that can be read, by their descriptors: little-endian numbers,
    without a header; docs/design/snapshot.md tells what they mean. A column that is not given is not written. Two more
    are scratch: whoever wants `table_owner` gives `claims`, and whoever wants `edge_to` gives `edges`. `interned`: rows
    of strings that are interned for good. With references, names are in the `text_` columns; with values, all texts.

    Objects of the given types are recognised by their looks; types that the collector tracks are known anyway. The list
    is empty afterwards, for it would hold them. The lock is held for `pause_seconds`, then let go while rows of owners
    and of what is referred to are found.

    Tells how many rows there are: `objects`, `tables`, `edges`, `pools`, `large`. `types`, in the order of the column
    `object_type`: (type, what shows its objects' references: "traverse", "layout", "scan" or "nothing", whether they
    have attributes, names of slots, names of inline attributes; None: it is no identifier, or, of both, the type is no
    Python class). `type_rows`: the row of each. With references, `frames`, innermost first, thread by thread: (the
    thread as threading.get_ident() says, function, file, line); and `roots`: (address of the object, number of the
    frame that holds it or -1, the thread or 0, name of the variable or of what holds it, whether the object's count
    counts it, whether it is a word on the frame's stack that may be left from before, whether it is the frame's
    function, code or dictionary).

    OSError: a file refuses. MemoryError: the system does. RuntimeError: why there can be no snapshot now. What is in
    the files then means nothing.
    """
