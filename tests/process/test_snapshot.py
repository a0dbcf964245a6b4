"""A snapshot against the truth: what CPython itself says of its objects while they stay as they are."""

from __future__ import annotations

import sys

import pytest

from processes import run_python
from seeds import often

pytest.importorskip("quire._core", reason="the native core is not installed")

SEED = 20261122
INSTALL = "import quire; quire.install(quire.Config(give_back='purge'))\n"
TAKE = f"""
import array, asyncio, collections, decimal, gc, json, os, random, sys
from quire.process.core import require_core
from quire.process.reviewed import reviewed_types
core = require_core()
rng = random.Random({SEED})
NONE = 2**32 - 1
TRACKED, SHOWN, LOOKS = range(3)
OBJECTS = dict(object_address="Q", object_type="I", object_bytes="Q", object_count="I", object_flags="B")
TABLES = dict(table_address="Q", table_bytes="Q", table_owner="I")
POOLS = dict.fromkeys("pool_bytes pool_block_bytes pool_live pool_resident_bytes".split(), "I")
LARGE = dict(large_address="Q", large_bytes="Q", large_resident_bytes="Q", large_flags="B")
RUN, HOLE, UNTOUCHED, MAPPING, KEPT = range(5)
EDGES = dict(edge_end="Q", edge_to="I", edges="Q", interned="I")
TEXTS = dict(text_object="I", text_end="Q", text_bytes="B")
COLUMNS = OBJECTS | TABLES | POOLS | LARGE | EDGES | TEXTS | dict(pool_address="Q", pool_flags="B", claims="Q")
def all_types():
    seen = {{}}
    todo = [object, type]
    while todo:
        for one in type.__subclasses__(todo.pop()):
            if one not in seen:
                seen[one] = None
                todo.append(one)
    return [object, *seen]
def column(file, code):
    found = array.array(code)
    found.frombytes(os.pread(file, os.fstat(file).st_size, 0))
    return found
class Snapshot:
    def __init__(self, references=False, values=False):
        names = [name for name in COLUMNS if references or name not in EDGES]
        files = {{name: os.memfd_create(name) for name in names}}
        gc.collect()
        facts = core.snapshot_take(all_types(), reviewed_types(), files, references, values)
        self.facts = facts
        self.types = [told[0] for told in facts["types"]]
        for name, file in files.items():
            setattr(self, name, column(file, COLUMNS[name]))
            os.close(file)
        self.rows = {{address: row for row, address in enumerate(self.object_address)}}
    def row(self, one):
        return self.rows.get(id(one))
    def type_of(self, row):
        return self.types[self.object_type[row]]
    def shown(self, row):
        return self.edge_to[self.edge_end[row - 1] if row else 0 : self.edge_end[row]]
    def how_known(self, one):
        return self.object_flags[self.row(one)] & 3
    def owned(self, one):
        row = self.row(one)
        return [self.table_bytes[i] for i, owner in enumerate(self.table_owner) if owner == row]
"""
KINDS = """
class Plain:
    def __init__(self, i): self.x = i + 1000; self.y = "y%d" % i
class Opened:
    def __init__(self, i): self.z = i + 1000; self.__dict__
class Slots:
    __slots__ = ("a", "b", "c")
    def __init__(self, i): self.a = i + 1000; self.c = [i]
class Items(list): pass
class Text(str): pass
class Number(int): pass
class Pair(tuple): __slots__ = ()
class Failed(Exception): pass
class Sized:
    def __sizeof__(self): return 10**9
MAKERS = [
    Plain, Opened, Slots, lambda i: Items([i]), lambda i: Text("t%d" % i), lambda i: Number(i), lambda i: Pair((i, i)),
    lambda i: Failed(i, "f"), lambda i: {"id": i, "at": {"x": i / 3}, "tags": ["t%d" % i]}, lambda i: (i, "u%d" % i),
    lambda i: {i, -i - 300, "s"}, lambda i: frozenset(range(i, i + 20)),
    lambda i: "é%d" % i, lambda i: b"b%d" % i,
    lambda i: bytearray(i), lambda i: collections.deque(range(i % 200)), lambda i: decimal.Decimal(i) / 7,
    lambda i: 10**30 + i, lambda i: collections.OrderedDict.fromkeys(range(i % 9)), lambda i: range(i, i + 5000),
    lambda i: i * 1j, lambda i: -i, lambda i: (lambda: i), lambda i: {}, lambda i: [None] * (i % 700),
    lambda i: dict.fromkeys(range(i % 100)),
    lambda i: (x for x in (i,)), lambda i: memoryview(b"m%d" % i),
    lambda i: type("C%d" % i, (Plain,), {}) if i < 9 else 0.5 + i,
]
made = [[make(i) for make in MAKERS] for i in range(400)]
rng.shuffle(made)
everything = [one for row in made for one in row]
"""
PARTS = pytest.mark.parametrize("served", [True, False], ids=["served", "not served"])
BOTH = pytest.mark.parametrize("references", [False, True], ids=["without references", "with references"])


def program(text: str, *, served: bool = True, references: bool = True) -> str:
    """A program that takes a snapshot, of a process that quire serves, or not."""
    print(f"seed {SEED}")
    return (INSTALL if served else "") + TAKE + f"REFERENCES = {references}\n" + KINDS + text


@PARTS
@BOTH
def test_tracked_objects_are_those_of_the_collector(served: bool, references: bool) -> None:
    """Each object that gc.get_objects() names has a row that says so, and there is no other such row but of the
    snapshot's own making."""
    code = """
Snapshot(REFERENCES)  # what is imported only when it is used is there now
gc.collect()  # which stops tracking some
held = gc.get_objects()
names = {id(one) for one in held}
snapshot = Snapshot(REFERENCES)
tracked = {address for address, flags in zip(snapshot.object_address, snapshot.object_flags) if flags & 3 == TRACKED}
missed = [one for one in held if gc.is_tracked(one) and id(one) not in tracked and one is not held]
print([f"{type(one)} {one!r:.200} {snapshot.row(one)}" for one in missed], len(tracked - names) < 1000)
print(list(snapshot.object_address) == sorted(snapshot.rows))
"""
    run_python(program(code, served=served, references=references)).expect("[] True\nTrue\n")


@PARTS
@BOTH
def test_types_and_sizes_are_the_objects_own(served: bool, references: bool) -> None:
    """sys.getsizeof() says the same of each object, unless its answer is a function of Python's, or has changed since,
    as of what the thread that gives back has. Without references, of each that lies in the heap, or is shown by one
    outside."""
    code = """
def is_lazy(one):  # an import of 3.15's, that becomes what is imported
    return type(one).__name__ == "lazy_import"
def reachable(seen, todo):
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen[id(one)] = one
            todo += [shown for shown in gc.get_referents(one) if shown is not namespace and not is_lazy(shown)]
    return list(seen.values())
Snapshot(REFERENCES)  # what is imported only when it is used is there now
namespace = globals()
regions = core.regions() if core.installed() else [(0, 2**64)]
def in_heap(one):
    return any(start <= id(one) < start + size for start, size in regions)
truth = [(one, type(one), sys.getsizeof(one)) for one in reachable({}, list(everything))]
snapshot = Snapshot(REFERENCES)
wrong = collections.Counter()
for one, kind, size in truth:
    row = snapshot.row(one)
    if row is None:
        wrong["missing", kind] += REFERENCES or in_heap(one)
    elif snapshot.type_of(row) is not kind:
        wrong["type", kind, snapshot.type_of(row)] += 1
    elif kind is dict and size > snapshot.object_bytes[row] and snapshot.how_known(one) == LOOKS:
        pass  # its table is one that CPython had kept since before quire was installed
    elif size != snapshot.object_bytes[row] and kind is not Sized and size == sys.getsizeof(one):
        wrong["size", kind, size, snapshot.object_bytes[row]] += 1
print((+wrong).most_common(9))
sized = Sized()
snapshot = Snapshot(REFERENCES)
print(snapshot.object_bytes[snapshot.row(sized)] < 100)
"""
    run_python(program(code, served=served, references=references)).expect("[]\nTrue\n")


@PARTS
def test_counts_are_those_of_the_objects(served: bool) -> None:
    """sys.getrefcount() says one more, for its own argument; what never dies has no count; what the snapshot itself
    holds is not counted."""
    code = """
snapshot = Snapshot(True)
wrong = []
for index in range(len(everything)):
    count = snapshot.object_count[snapshot.row(everything[index])]
    told = sys.getrefcount(everything[index]) - 1
    if isinstance(everything[index], type):
        told -= 2  # what was told of types has them since, and so has the list of them
    shared = everything[index] in range(-5, 257)  # by much else
    if count != told and not shared and not (count == NONE and told > 2**29):
        wrong.append((type(everything[index]), count, told))
print(wrong)
print(snapshot.object_count[snapshot.row(None)] == NONE or sys.version_info < (3, 12))
"""
    run_python(program(code, served=served)).expect("[]\nTrue\n")


@PARTS
def test_references_contain_what_the_collector_is_shown(served: bool) -> None:
    """gc.get_referents() of each object is among the rows that its references lead to; none leads nowhere but a place
    that is empty."""
    code = """
snapshot = Snapshot(True)
lost = collections.Counter()
for one in everything:
    to = set(snapshot.shown(snapshot.row(one)))
    if type(one) is Opened:  # what the dictionary shows lies in the instance
        to.update(snapshot.shown(snapshot.row(one.__dict__)))
    for shown in gc.get_referents(one):
        lost[type(one), type(shown)] += snapshot.row(shown) not in to
print(+lost)
print(len(snapshot.edge_to) == snapshot.edge_end[-1] == snapshot.facts["edges"])
"""
    run_python(program(code, served=served)).expect("Counter()\nTrue\n")


@PARTS
def test_the_order_of_references_tells_what_they_are(served: bool) -> None:
    """Keys and values by turns, items in their order; of an instance the type, its slots, its attributes by name."""
    code = """
plain, opened, slots, items = Plain(1), Opened(2), Slots(3), Items(["a", "b"])
document = {"key": plain, plain: "value"}
snapshot = Snapshot(True)
def rows_shown(one):
    return list(snapshot.shown(snapshot.row(one)))
def rows(*them):
    return [NONE if one is NONE else snapshot.row(one) for one in them]
print(rows_shown(document) == rows("key", plain, plain, "value"), rows_shown(("key", None)) == rows("key", None))
told = {one[0]: one[1:] for one in snapshot.facts["types"]}
print(told[Slots][2], rows_shown(slots) == rows(Slots, slots.a, NONE, slots.c))
flags = snapshot.object_flags[snapshot.row(plain)]
print(told[Plain][3], rows_shown(plain)[:3] == rows(Plain, plain.x, plain.y), flags >> 6)
print(rows_shown(items)[0] == snapshot.row(Items), rows_shown(items)[-2:] == rows("a", "b"))
print(rows_shown(opened)[-1] in rows(opened.__dict__, opened.z))
"""
    run_python(program(code, served=served)).expect(
        "True True\n['a', 'b', 'c'] True\n['x', 'y'] True 1\nTrue True\nTrue\n"
    )


@BOTH
def test_tables_belong_to_their_objects(references: bool) -> None:
    """The items of a list, the table of a dictionary and of a set, a deque's blocks: each has its owner, and nearly all
    blocks have one."""
    code = """
items, table, elements = [None] * 100, dict.fromkeys(range(1000)), set(range(1000))
long, large, buffer = collections.deque(range(1000)), [None] * 10**6, bytearray(300)
opened = Opened(1)
snapshot = Snapshot(REFERENCES)
print(*(snapshot.owned(one) for one in (items, large, elements)))
buffers = len(snapshot.owned(buffer)) + (sys.version_info > (3, 15))  # where it is an object
print(len(snapshot.owned(table)), len(snapshot.owned(long)) >= 15, buffers)
foreign = sum(owner == NONE for owner in snapshot.table_owner)
print(foreign < len(snapshot.table_owner) / 20, core.check())
"""
    expected = "[896] [8003584] [32768]\n1 True 1\nTrue None\n"
    outcome = run_python(program(code, references=references))
    lines = outcome.stdout.splitlines()
    assert lines[1:] == expected.splitlines()[1:], outcome
    assert lines[0].startswith("["), outcome
    assert "[]" not in lines[0], outcome


@BOTH
def test_pools_add_up(references: bool) -> None:
    """Blocks of pools are as many as rows that lie in them, of objects and of tables."""
    code = """
import bisect
snapshot = Snapshot(REFERENCES)
starts, live = list(snapshot.pool_address), [0] * len(snapshot.pool_address)
for addresses in (snapshot.object_address, snapshot.table_address):
    for address in addresses:
        index = bisect.bisect(starts, address) - 1
        if index >= 0 and address < starts[index] + snapshot.pool_bytes[index]:
            live[index] += 1
print(live == list(snapshot.pool_live), starts == sorted(starts), max(snapshot.pool_resident_bytes) <= 65536)
"""
    run_python(program(code, references=references)).expect("True True True\n")


@BOTH
def test_large_blocks_are_those_that_the_program_made(references: bool) -> None:
    """A run where its object is, a mapping where a list's table is, each of its size; what was freed serves nobody."""
    code = """
run, freed_run = bytes(100_000), bytes(120_000)
table, mapping, freed = [0] * 655_360, [0] * 393_216, bytearray(5 << 20)
freed_at = id(freed_run)
del freed_run, freed
snapshot = Snapshot(REFERENCES)
state = dict(zip(snapshot.large_address, snapshot.large_flags))
size = dict(zip(snapshot.large_address, snapshot.large_bytes))
def block_of(one):
    return next(address for address in state if address <= id(one) <= address + 64)
def table_of(one):
    (found,) = [place for place, owner in enumerate(snapshot.table_owner) if owner == snapshot.row(one)]
    return snapshot.table_address[found]
print(state[block_of(run)] == RUN, 100_000 < size[block_of(run)] < 100_000 + 2 * 4096)
for one, its_bytes in ((table, 5 << 20), (mapping, 3 << 20)):
    print(state[table_of(one)] == MAPPING, its_bytes <= size[table_of(one)] < its_bytes + 65536 * 2)
print(any(address <= freed_at < address + size[address] and state[address] == RUN for address in state))
print(snapshot.facts["large"] == len(state), 5 << 20 in size.values() and KEPT in state.values())
in_arenas = [address for address in snapshot.large_address if state[address] < MAPPING]
print(in_arenas == sorted(in_arenas))
ends = [0, *(address + size[address] for address in sorted(state))]
print(all(end <= address for end, address in zip(ends, sorted(state))))
arenas = [address & -2**21 for address in in_arenas]
print({sum(size[address] for address in in_arenas if address & -2**21 == each) for each in arenas} == {2**21 - 2**14})
"""
    run_python(program(code, references=references).replace("'purge'", "'off'")).expect(
        "True True\n" * 3 + "False\nTrue True\nTrue\nTrue\nTrue\n"
    )


def test_pools_and_large_blocks_are_what_the_heap_has_resident() -> None:
    """As far as heap.residency tells the same: its own tables, and slots that are no pool yet, are no rows."""
    code = """
kept = [bytes(100_000 + 4096 * i) for i in range(40)] + [bytearray(b"x") * (1 << 20) for _ in range(8)]
lazy = bytes(64 << 20)  # whose pages nobody touches
del kept[::3]
Snapshot(REFERENCES)  # what is imported only when it is used is there now
heap = sum(core.residency())
snapshot = Snapshot(REFERENCES)
large = sum(snapshot.large_resident_bytes)
told = sum(snapshot.pool_resident_bytes) + large
print(6 << 20 < large < 60 << 20, abs(told - heap) < heap // 10 + (1 << 20) or (told, heap))
"""
    run_python(program(code)).expect("True True\n")


@BOTH
def test_pools_that_share_pages_are_read_where_they_are(references: bool) -> None:
    """After a mesh the snapshot says of each survivor what it said before, by its own address."""
    code = """
gc.disable()
everything = made = None
kept = [one for one in [[Plain(i), (i, "t%d" % i), {"k%d" % i: [i]}] for i in range(60000)] if rng.random() < 0.03]
gc.collect()
first = Snapshot(REFERENCES)
quire.trim()
print(core.mesh_pass()[2] > 100)
again = Snapshot(REFERENCES)
def told(snapshot, one):
    row = snapshot.row(one)
    return snapshot.type_of(row), snapshot.object_bytes[row], snapshot.how_known(one)
lost = [one for row in kept for one in row if told(first, one) != told(again, one)]
print(lost[:3], any(flags & 4 for flags in again.pool_flags), core.check())
"""
    run_python(program(code, references=references).replace("'purge'", "'off'"), "-W", "ignore").expect(
        "True\n[] True None\n"
    )


@BOTH
def test_what_only_looks_like_an_object_does_no_harm(references: bool) -> None:
    """Buffers that imitate objects of every type, with any bytes behind, are followed nowhere; no row says more of them
    than that they look so, or they are what their owner says they are."""
    code = """
import struct
types = all_types()
def imitation(size):
    words = [rng.choice([0, 1, 1, 2, 0xFFFFFFFF, rng.randrange(2**64)]) for _ in range(size // 8)]
    at = rng.choice([0, 2, 4])
    for place in (at, at + 4) if at + 5 < len(words) else ():
        words[place], words[place + 1] = rng.choice([1, 2, 7]), id(rng.choice(types))
    return struct.pack("<%dQ" % len(words), *words)
owned = [bytearray(imitation(rng.randrange(32, 2000, 8))) for _ in range(2000)]
inside = [imitation(rng.randrange(48, 500, 8)) for _ in range(3000)]
arrays = [array.array("Q", imitation(rng.randrange(32, 500, 8))) for _ in range(2000)]
named = [[None, int], [int, str], [str, 3], [5, dict]] * 50
snapshot = Snapshot(REFERENCES)
addresses = {one.buffer_info()[0] + before for one in arrays for before in (0, 16, 32)}
rows = [snapshot.rows[address] for address in addresses if address in snapshot.rows]
certain = [row for row in rows if snapshot.object_flags[row] & 3 != LOOKS]
print(certain, all(snapshot.row(one) is not None for one in [*inside, *owned, *arrays, *named]), core.check())
"""
    run_python(program(code, references=references)).expect("[] True None\n")


@PARTS
def test_a_file_that_refuses_is_told_and_nothing_is_left(served: bool) -> None:
    """Whichever column's file is full, closed, or not to be written: OSError says so; the next snapshot is whole."""
    code = """
def free():
    return len(os.listdir("/proc/self/fd"))
before, mapped = free(), None
EMPTY = ["interned"] if sys.version_info < (3, 12) else []  # nothing is written to it
for name in COLUMNS:
    for wrong in (lambda: os.open("/dev/full", os.O_RDWR), lambda: os.open("/dev/null", os.O_RDONLY)):
        files = {one: os.memfd_create(one) for one in COLUMNS}
        os.close(files[name]); files[name] = wrong()
        try:
            core.snapshot_take(all_types(), reviewed_types(), files, True, True)
        except OSError as error:
            pass
        else:
            is_written = "quire" in INSTALLED or name.split("_")[0] not in ("pool", "large")
            if is_written and name not in EMPTY: print("not told", name)
        for file in files.values(): os.close(file)
print(free() == before, Snapshot(True).facts["objects"] > 10000, gc.isenabled())
for wrong in ({"nothing": 1}, {"edges": "a"}):
    try: core.snapshot_take(all_types(), reviewed_types(), wrong, False, False)
    except (ValueError, TypeError) as error: print(type(error).__name__)
""".replace("INSTALLED", "'quire'" if served else "''")
    run_python(program(code, served=served)).expect("True True True\nValueError\nTypeError\n")


def test_nothing_is_left_in_the_process() -> None:
    """Also where the last type fills what types are kept in."""
    code = """
import ctypes
class Malloc(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    _fields_ = [(name, ctypes.c_size_t) for name in names]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Malloc
def used():
    told = libc.mallinfo2()
    return told.uordblks + told.hblkhd
def take():
    types = all_types()
    files = {one: os.memfd_create(one) for one in COLUMNS}
    told = core.snapshot_take(types, reviewed_types(), files, True, True)
    for file in files.values(): os.close(file)
    return len(told["types"])
made = []
while missing := -take() % 256: made += [type("Made", (), {}) for _ in range(missing)]
before = used()
for _ in range(4): take()
print(used() - before < 1 << 20)
"""
    run_python(program(code)).expect("True\n")


def test_a_process_without_memory_is_told_so() -> None:
    """Wherever the system refuses memory, MemoryError says so, or the snapshot is whole; the process goes on."""
    code = """
import resource
def size():
    return int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
files = {one: os.memfd_create(one) for one in COLUMNS}
types, reviewed = all_types(), reviewed_types()
core.snapshot_take(list(types), reviewed, files, True, True)
told = collections.Counter()
for more in range(0, 12 << 20, 192 << 10):
    resource.setrlimit(resource.RLIMIT_AS, (size() + more, resource.RLIM_INFINITY))
    for file in files.values(): os.ftruncate(file, 0); os.lseek(file, 0, 0)
    try: core.snapshot_take(list(types), reviewed, files, True, True)
    except (MemoryError, OSError) as error: told["refused"] += 1
    else: told["taken"] += 1
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(told["refused"] > 10, told["taken"] > 0, core.check())
"""
    run_python(program(code)).expect("True True None\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no interpreters with locks of their own")
def test_a_heap_that_interpreters_share_can_be_read() -> None:
    """With the heap's mutex held nothing of Python's is allocated; what the other interpreter has is not shown."""
    code = """
import _interpreters
number = _interpreters.create()
print(core.shared())
for references in (False, True):
    print(Snapshot(references).facts["objects"] > 10000)
_interpreters.destroy(number)
""".replace("_interpreters", "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    run_python(program(code)).expect("True\nTrue\nTrue\n")


@PARTS
def test_a_size_is_asked_for_when_the_walk_is_over(served: bool, extensions: dict[str, str]) -> None:
    """An extension's __sizeof__ that lets go of the lock lets other threads change what the walk has left behind."""
    code = """
import sizing, threading
many = [sizing.Sized() for _ in range(300)]
stop = threading.Event()
def churn():
    while not stop.is_set():
        kept = [Plain(i) for i in range(1000)]
        kept += [{str(i): (i, [i])} for i in range(1000)]
threads = [threading.Thread(target=churn) for _ in range(2)]
sys.setswitchinterval(1e-5)
for one in threads: one.start()
for _ in range(3):
    snapshot = Snapshot(True)
    print({snapshot.object_bytes[snapshot.row(one)] - sys.getsizeof(one) for one in many})
    counts = [snapshot.object_count[snapshot.row(one)] for one in many]
    print({counts[i] - sys.getrefcount(many[i]) + 1 for i in range(len(many))})
stop.set()
for one in threads: one.join()
print(core.check() if core.installed() else None)
"""
    expected = "{0}\n{0}\n" * 3 + "None\n"
    run_python(program(code, served=served), environment=extensions).expect(expected)


@PARTS
def test_threads_of_c_may_begin_meanwhile(served: bool, extensions: dict[str, str]) -> None:
    """Such a thread stands in Python's list before it has the lock, and before all that a thread has."""
    code = """
import sizing
sizing.begin_threads()
print({len(Snapshot(True).object_address) > 10000 for _ in range(TIMES)})
sizing.end_threads()
""".replace("TIMES", str(often(20, 200)))
    run_python(program(code, served=served), environment=extensions).expect("{True}\n")


def test_what_a_pass_holds_is_not_counted() -> None:
    """While blocks are proven for meshing quire holds references to bytes, and to containers it is in the middle of."""
    code = """
import threading
held = [b"bytes %d" % i for i in range(5000)]
print(core.proof_begin(reviewed_types()))
while core.proof_step(1) == "goes on" and core.proof_counts()[1] < 2000: pass
print(core.proof_counts()[1] >= 2000)
snapshot = Snapshot(True)
print({snapshot.object_count[snapshot.row(one)] for one in held})
core.proof_end()
print({sys.getrefcount(held[i]) - 1 for i in range(len(held))})
"""
    run_python(program(code)).expect("None\nTrue\n{1}\n{1}\n")


def test_no_block_is_taken_for_what_does_not_fit_it() -> None:
    """Numbers that look like the head of a string, or a number, whose length is anything."""
    code = """
import ctypes
def words_of(one, count):
    return list((ctypes.c_uint64 * count).from_address(id(one)))
forged, kept = collections.Counter(), []
for model, words in (("\U0001f600x", 7), ("éx", 7), ("ab", 7), (10**30, 4), (b"ab", 4)):
    for length in (2**61, 2**62 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 4, 2**64 - 1):
        head = words_of(model, words)
        kept += [array.array("Q", [1, head[1], length, *head[3:], 0, 0]) for _ in range(20)]
snapshot = Snapshot(True, True)
told = dict(zip(snapshot.object_address, snapshot.object_bytes))
ends = [0, *snapshot.text_end]
texts = {row: end - start for row, start, end in zip(snapshot.text_object, ends, ends[1:])}
for one in kept:
    address, items = one.buffer_info()
    if address in snapshot.rows:
        forged["too large"] += told[address] > items * 8 + 16
        forged["read beyond"] += texts.get(snapshot.rows[address], 0) > items * 8
print((+forged).most_common())
"""
    run_python(program(code)).expect("[]\n")


def test_threads_go_on_while_a_snapshot_is_settled() -> None:
    """Threads that allocate and free meanwhile do no harm; a second snapshot at the same time is refused."""
    code = """
import threading
stop = threading.Event()
def churn():
    kept = []
    while not stop.is_set():
        kept.append([Plain(i) for i in range(100)])
        del kept[: len(kept) // 2]
threads = [threading.Thread(target=churn) for _ in range(3)]
for one in threads: one.start()
refused = 0
def second():
    global refused
    while not stop.is_set():
        try: Snapshot(False)
        except RuntimeError as error: refused += 1
other = threading.Thread(target=second); other.start()
taken = 0
for _ in range(TIMES):
    try: Snapshot(True); taken += 1
    except RuntimeError as error: refused += 1
stop.set()
for one in [*threads, other]: one.join()
print(taken > 0, core.check())
""".replace("TIMES", str(often(4, 12)))
    run_python(program(code)).expect("True None\n")
