"""What a block is: what is proven, what must never be, and that neither depends on what the program does meanwhile."""

from __future__ import annotations

import sys

import pytest

from processes import IMITATE_VERSION, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SEED = 20261122
PROVE = f"""
import quire; quire.install(quire.Config(give_back="purge"))  # no pass but ours
import gc, random, struct, sys
from quire.process.clocks import deadline_ns
from quire.process.core import require_core
from quire.process.reviewed import reviewed_types
core = require_core()
PAST = 1  # a deadline: each step is as short as can be
rng = random.Random({SEED})
drained = [(i / 7, [i], {{i: i}}, (i,), (i, i), (i, i, i)) for i in range(1000)]  # CPython's free lists, from before
def prove(between=lambda: None, seconds=0.0005, types=()):
    reason = core.proof_begin([*reviewed_types(), *types])
    assert reason is None, reason
    state = "goes on"
    while state == "goes on":
        state = core.proof_step(deadline_ns(seconds))
        between()
    assert state == "done", state
def is_proven(one):
    return core.proof_has(id(one))
RANGE, RANGE_BYTES = max(core.regions(), key=lambda region: region[1])
def missed(items):  # an item may lie where CPython put another before quire came, and that one ended late
    items = list(items)
    served = [(at, one) for at, one in enumerate(items) if 0 <= id(one) - RANGE < RANGE_BYTES]
    assert len(served) > 0.9 * len(items), (len(served), len(items))
    return [at for at, one in served if not is_proven(one)]
def end():
    core.proof_end(); assert core.check() is None, core.check()
def addresses(live):
    return {{address for address, _ in struct.iter_unpack("QQ", live)}}
"""

# --- where the collector's lists are ---------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["", "gc.set_threshold(5, 6, 7)", "gc.freeze()", "gc.disable()"])
def test_the_collectors_lists_are_found_however_a_program_has_set_it(before: str) -> None:
    """Before quire comes. Where it is as CPython leaves it, its own functions are not asked."""
    code = f"import gc; {before}\n{PROVE}\nprove(); print(is_proven(drained[7]) or gc.get_freeze_count() > 0); end()"
    run_python(code).expect("True\n")


# --- what is proven -------------------------------------------------------------------------------------------

KINDS = """
import asyncio, ast, collections, contextvars, dataclasses, datetime, decimal, enum, fractions, functools, itertools
import operator, os, pathlib, re, time, types, typing, unicodedata, uuid, weakref
@dataclasses.dataclass
class Data:
    number: int; text: str; items: list
@dataclasses.dataclass(slots=True)
class Slotted:
    number: int; text: str
class Plain:
    def __init__(self, number): self.number = number; self.text = "text %d" % number
class Wide:
    def __init__(self, number): self.__dict__.update({"a%d" % i: number * i for i in range(40)})
class Listed(list): pass
class Bare(dict): __slots__ = ("more",)
class Text(str): __slots__ = ()
class Number(int): pass
class Weak: __slots__ = ("one", "__weakref__")
class Base(typing.Generic[typing.TypeVar("T")]): pass
Pair = collections.namedtuple("Pair", "one other")
class Wrong(Exception): pass
def generate(number):
    held = [number]
    while True: yield held
def speak(number):
    text = "said %d" % number
    while True: yield len(text)
def speaking(number):
    one = speak(number); next(one); return one
def begun(number):
    one = generate(number); next(one); return one
def raised(number):
    try: raise Wrong(number, "text %d" % number)
    except Wrong as error: return error
@functools.lru_cache(maxsize=100_000)
def cached(number): return ("cached", number)
loop = asyncio.new_event_loop()
shared = {str(i): i for i in range(50)}
MAKERS = {
    "tuple": lambda i: (i, "t%d" % i), "nested": lambda i: ((i,), ((i, ("n%d" % i,)),)),
    "list": lambda i: [i, "l%d" % i], "dict": lambda i: {"k%d" % i: i}, "numbered": lambda i: {i + 1000: i},
    "document": lambda i: {"id": i, "tags": ["a%d" % i], "at": {"x": i / 3}}, "set": lambda i: {i, "s%d" % i},
    "large set": lambda i: set(range(i, i + 9)), "frozenset": lambda i: frozenset([i + 1000]),
    "large list": lambda i: list(range(i, i + 200)), "str": lambda i: "text %d" % i,
    "utf-8": lambda i: utf_8("é%d" % i),
    "bytes": lambda i: b"bytes %d" % i, "int": lambda i: 10**20 + i, "float": lambda i: i / 7,
    "complex": lambda i: i * 1j,
    "data": lambda i: Data(i, "d%d" % i, [i]), "slotted": lambda i: Slotted(i, "d%d" % i), "plain": Plain, "wide": Wide,
    "materialised": lambda i: vars(Plain(i)), "listed": lambda i: Listed([i]), "bare": lambda i: Bare(a=i),
    "text": lambda i: Text("x%d" % i), "number": lambda i: Number(i + 1000), "weak": lambda i: weak(i),
    "generic": lambda i: Base(), "pair": lambda i: Pair(i, "p%d" % i), "exception": raised,
    "closure": lambda i: lambda: i,
    "generator": begun, "speaker": speaking, "coroutine": lambda i: asyncio.sleep(i, loop),
    "bound": lambda i: Data(i, "", None).__eq__,
    "partial": lambda i: functools.partial(int, i), "future": lambda i: loop.create_future(),
    "deque": lambda i: collections.deque([i]), "long deque": lambda i: collections.deque(range(i, i + 200)),
    "ordered": lambda i: collections.OrderedDict.fromkeys(range(i, i + 9)),
    "counter": lambda i: collections.Counter("a%d" % i),
    "defaultdict": lambda i: collections.defaultdict(list, {i: [i]}), "decimal": lambda i: decimal.Decimal(i) / 7,
    "long decimal": lambda i: decimal.Decimal("1" * 200) + i, "date": lambda i: datetime.date.fromordinal(i + 1),
    "datetime": lambda i: datetime.datetime.fromtimestamp(i, datetime.timezone(datetime.timedelta(0, i % 60))),
    "timedelta": lambda i: datetime.timedelta(i), "fraction": lambda i: fractions.Fraction(i, 7),
    "uuid": lambda i: uuid.uuid4(),
    "path": lambda i: pathlib.PurePosixPath("/a/%d" % i), "namespace": lambda i: types.SimpleNamespace(a=i),
    "proxy": lambda i: types.MappingProxyType({"a": i}), "view": lambda i: {i: 1}.items(),
    "iterator": lambda i: iter([i]),
    "range": lambda i: range(i + 1000, i + 5000), "slice": lambda i: slice(i, i + 1),
    "chain": lambda i: itertools.chain([i]),
    "islice": lambda i: itertools.islice([i], i), "getter": lambda i: operator.attrgetter("a%d" % i),
    "property": lambda i: property(begun), "struct_time": lambda i: time.gmtime(i),
    "context": lambda i: contextvars.copy_context(),
    "class": lambda i: type("C%d" % i, (Plain,), {"a": i, "__doc__": "doc %d" % i}),
    "code": lambda i: compile("x = %d, 'y'" % i, "f", "exec"),
    "pattern": lambda i: re.compile("a%d" % i), "match": lambda i: re.match("a", "a%d" % i), "cached": cached,
    "cycle": lambda i: cycle(), "weakref": lambda i: (lambda one: (one, weakref.ref(one)))(Plain(i)),
    "flags": lambda i: os.stat("/dev/null"),
}
def utf_8(text):
    try: unicodedata.lookup(text)  # gives it a table of its own
    except KeyError: return text
def weak(number):
    one = Weak(); one.one = (number,); return one
def cycle():
    one = []; one.append(one); return one
"""


def test_usual_objects_are_proven_with_their_tables_and_children() -> None:
    """Of each kind of usual object 90 % and more of all blocks are proven; what is not is in CPython's free lists."""
    code = (
        PROVE
        + KINDS
        + """
gc.disable()
kept, low = [], []
for kind, make in MAKERS.items():
    make(0); kept.clear(); gc.collect(); many = 1000
    before = core.live_blocks()
    kept.extend([make(i) for i in range(many)])
    after = core.live_blocks()
    prove()
    made = addresses(after) - addresses(before)
    share = sum(map(core.proof_has, made)) / len(made)
    del made; end()
    if share < 0.9: low.append((kind, round(share, 3)))
print(low)
"""
    )
    run_python(code, "-W", "ignore").expect("[]\n")


def test_what_was_proven_is_proven_again_when_its_pool_shares_pages() -> None:
    """Owners and their tables are read elsewhere then; what they refer to is found all the same, of each kind."""
    code = (
        PROVE.replace("purge", "off")
        + KINDS
        + """
gc.disable()
kept, looks = [], [core.live_blocks()]  # bytes, which lie in no pool
for make in MAKERS.values():
    kept.append([make(i) for i in range(1500)][::20])
    looks.append(core.live_blocks())
def proven_of_each():
    for before, after in zip(looks, looks[1:]):
        yield [block for block in addresses(after) - addresses(before) if core.proof_has(block)]
prove(); first = [struct.pack("%dQ" % len(blocks), *blocks) for blocks in proven_of_each()]; end()
quire.trim()
print(core.mesh_pass()[2] > 300)
live = core.live_blocks()
prove(); again = [set(blocks) for blocks in proven_of_each()]; end()
still = addresses(live)
lost = [len({block for block, in struct.iter_unpack("Q", one)} & still - two) for one, two in zip(first, again)]
print({kind: count for kind, count in zip(MAKERS, lost) if count > 2})
"""
    )
    run_python(code, "-W", "ignore").expect("True\n{}\n")


UNREVIEWED = """
import array, ctypes, hashlib, io, mmap, queue, random, xml.etree.ElementTree as tree, zlib
MAKERS = {
    "bytearray": lambda: bytearray(b"a" * 40), "array": lambda: array.array("i", [1]),
    "view": lambda: memoryview(b"a" * 40),
    "BytesIO": lambda: io.BytesIO(b"a" * 40), "StringIO": lambda: io.StringIO("a"), "ctypes": lambda: ctypes.c_int(1),
    "buffer": lambda: (ctypes.c_char * 40)(), "hash": lambda: hashlib.sha256(b"a"), "queue": queue.SimpleQueue,
    "mmap": lambda: mmap.mmap(-1, 4096), "compress": zlib.compressobj, "random": random.Random,
    "reader": lambda: io.BufferedReader(io.BytesIO()), "element": lambda: tree.Element("a"),
    "bytes subclass": type("Sub", (bytes,), {}),
}
"""


def test_a_class_is_read_by_what_it_is_not_by_its_name() -> None:
    """Classes that are called as types are whose objects are read by their layout, and objects of those types."""
    code = (
        PROVE
        + """
import datetime
zone = datetime.timezone(datetime.timedelta(hours=3), "there" + str(len(sys.argv)))
kept = [datetime.datetime(2026, 1, 2, tzinfo=zone)]
classes = [type("datetime." + name, (datetime.timedelta,), {"__slots__": ()}) for name in ("timezone", "datetime")]
kept += [one(days) for one in classes for days in range(10)]
prove(); print(is_proven(zone), is_proven(kept[0]), all(map(is_proven, kept[1:]))); end()
"""
    )
    run_python(code).expect("True True True\n")


def test_objects_that_others_write_are_never_proven() -> None:
    """Of types that hand buffers out or work without the lock no object is proven, nor the buffer of one."""
    code = (
        PROVE
        + UNREVIEWED
        + """
kept = {kind: [make() for _ in range(20)] for kind, make in MAKERS.items()}
prove()
print([kind for kind, made in kept.items() for one in made if is_proven(one)])
addresses = [ctypes.addressof((ctypes.c_char * 40).from_buffer(one)) for one in kept["bytearray"]]
print(sum(map(core.proof_has, addresses)))
end()
"""
    )
    run_python(code).expect("[]\n0\n")


# --- who writes without the lock ------------------------------------------------------------------------------

WRITERS = """
import proving
class Python: __slots__ = ("one",)
class Sub(proving.Classlike): pass
proving.give_classes(Python, Sub)
KINDS = ["plain", "tracked", "classlike", "numbers", "more", "overlapping", "subclass", "listlike", "memory",
         "object memory", "unpublished bytes", "scratch list", "shown bytes", "bytearray", "locking", "locked memory",
         "read buffer"]
if sys.version_info >= (3, 12): KINDS += ["extra", "extra set"]
kept, usual = [], []
for round in range(40):
    for kind in KINDS:
        kept.append({"held": proving.make(kind)})
        usual.append((round, str(round) * 5, [round / 7], {"a": b"bytes %d" % round}))
counters = proving.counters()
assert len(counters) == 40 * len(KINDS)
"""


def test_blocks_that_threads_write_without_the_lock_are_not_proven(extensions: dict[str, str]) -> None:
    """Objects of extensions, also of types that look like classes, their memory, small buffers: in pass after pass,
    with the program at work in between, none of their blocks is proven, what stands around them is, and no count is
    lost."""
    code = (
        PROVE
        + WRITERS
        + """
found, around = set(), []
churn = []
def work():
    churn.append([{rng.random(): [str(rng.random())]} for _ in range(50)])
    if len(churn) > 20: del churn[::2]
    gc.collect(rng.randrange(3))
proving.begin()
for _ in range(15):
    prove(work)
    found |= {kind for kind, address in counters if core.proof_has(address)}
    around.append(sum(is_proven(one[1]) and is_proven(one[2]) and is_proven(one[3]["a"]) for one in usual) / len(usual))
    end()
counted, lost = proving.end()
print(sorted(found), min(around) == 1.0, counted > 100_000, lost)
"""
    )
    run_python(code, environment=extensions).expect("[] True True 0\n")


def test_without_the_predicate_they_would_be(extensions: dict[str, str]) -> None:
    """The test above can fail: with the extensions' own types said to be reviewed, their blocks are proven."""
    code = (
        PROVE
        + WRITERS
        + """
prove(types=[(proving.Plain, "plain"), (proving.Tracked, "plain")])
print(sorted({kind for kind, address in counters if core.proof_has(address)}))
end()
"""
    )
    run_python(code, environment=extensions).expect("['plain', 'tracked']\n")


# --- bytes: the one kind that can change sides ----------------------------------------------------------------

SCRATCH = """
import bz2, lzma, threading, zlib
sys.setswitchinterval(1e-4)
packer = zlib.compressobj(9, zlib.DEFLATED, -15); tail = packer.compress(b"zyxw" * 25 + b"1") + packer.flush()
data = b"\\x00\\x00\\x00\\xff\\xff" * 30_000_000 + tail  # 150 MB of empty blocks: it is long within
results = []
thread = threading.Thread(target=lambda: results.append(zlib.decompressobj(-15).decompress(data, 100)))
def scratch():
    return [one for one in gc.get_objects() if type(one) is list and one is not results and len(one) == 1
            and type(one[0]) is bytes and len(one[0]) == 100]
"""


def test_bytes_that_a_library_fills_in_a_list_of_its_own_are_not_proven() -> None:
    """zlib holds the bytes it fills without the lock in a list that the collector knows (not in 3.15): not proven
    while it does, and proven once the program has them."""
    code = (
        PROVE
        + SCRATCH
        + """
thread.start(); seen = []
while thread.is_alive():
    prove()
    still = thread.is_alive()
    seen += [core.proof_has(id(one[0])) for one in scratch() if still]
    end()
prove(); print(any(seen), len(seen) > 0 or sys.version_info >= (3, 15), is_proven(results[0])); end()
"""
    )
    run_python(code).expect("False True True\n")


BYTES = """
import ctypes, io
def buffer_address(stream):
    view = stream.getbuffer()
    return ctypes.addressof(ctypes.c_char.from_buffer(view)), view
def data_address(held):
    return id(held[0]) + bytes.__basicsize__ - 1
"""


def test_what_is_proven_is_copied_before_it_is_written() -> None:
    """Without a pass BytesIO writes into the bytes that it was given; of proven ones it makes a copy, until the pass
    drops its reference."""
    code = (
        PROVE
        + BYTES
        + """
def is_written_in_place(held):
    expected = data_address(held)
    return buffer_address(io.BytesIO(held.pop()))[0] == expected
one, other, third = [[bytes(range(40, 90 + i))] for i in range(3)]
kept = {"one": one, "other": other, "third": third}
print(is_written_in_place(one))
prove(); print(is_proven(other[0]), core.proof_counts()[1] > 0, is_written_in_place(other))
while not core.proof_release(deadline_ns(0.001)): pass
print(core.proof_counts()[1], is_written_in_place(third)); end()
"""
    )
    run_python(code).expect("True\nTrue True False\n0 True\n")


def test_bytes_that_an_unreviewed_owner_shows_are_not_proven() -> None:
    """From 3.12 on BytesIO shows the bytes it writes into; somebody may have taken a reference there."""
    code = (
        PROVE
        + BYTES
        + """
stream = io.BytesIO(); stream.write(b"z" * 50); address, view = buffer_address(stream)
taken = tuple(one for one in gc.get_referents(stream) if type(one) is bytes)
kept = {"taken": taken}
prove(); print(any(map(is_proven, taken)), len(taken) == (sys.version_info >= (3, 12))); end(); view.release()
"""
    )
    run_python(code).expect("False True\n")


def test_a_list_that_comes_before_who_refers_to_it() -> None:
    """Bytes in a list are proven wherever in the collector's lists it stands to its referrer: before, behind, or both
    in reach of an untracked tuple."""
    code = (
        PROVE
        + """
before = [b"before %d" % len(sys.argv)]; holder = {"list": before}
late = {}; behind = [b"behind %d" % len(sys.argv)]; late["list"] = behind
own = [b"own %d" % len(sys.argv)]; own.append(own)
inner = (b"inner %d" % len(sys.argv),); outer = [inner]
def check():
    prove(); print(is_proven(before[0]), is_proven(behind[0]), is_proven(own[0]), is_proven(inner[0])); end()
check(); gc.collect(); check(); gc.freeze(); check()
"""
    )
    run_python(code).expect("True True True True\n" * 3)


# --- while the program goes on --------------------------------------------------------------------------------

CHANGES = {
    "nothing": "pass",
    "young": "gc.collect(0)",
    "old": "gc.collect(2)",
    "any": "gc.collect(rng.randrange(3))",
    "freeze": "gc.freeze() if rng.random() < 0.5 else gc.unfreeze()",
    "churn": "churn.append([[i] for i in range(300)]); del churn[:rng.randrange(3)]",
    "all": "churn.append([[i] for i in range(300)]); del churn[:rng.randrange(3)]; gc.collect(rng.randrange(3)); "
    "gc.freeze() if rng.random() < 0.2 else gc.unfreeze()",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_pass_misses_nothing_that_lives_through_it(change: str) -> None:
    """Whatever the collector does to its lists between steps, and whatever comes and goes: what was there at the
    beginning and lives at the end is proven, and the marker is gone."""
    code = (
        PROVE
        + f"""
churn = []
def work():
    {CHANGES[change]}
def parts(of):
    one, two, three = of
    return one, two["a"][0], three[0], three[1][0], three[1][1]
kept = [([i], {{"a": [str(i)]}}, (i / 7, (str(i), b"%d bytes" % i))) for i in range(6000)]
for round in range(3):
    rng.shuffle(kept)
    prove(work, 0.0002)
    print([missed(part)[:5] for part in zip(*map(parts, kept))]); end()
    gc.unfreeze(); print([one for one in gc.get_objects() if type(one).__name__ == "Marker"])
"""
    )
    run_python(code).expect("[[], [], [], [], []]\n[]\n" * 3)


def test_large_and_deep_containers_are_gone_through_in_steps() -> None:
    """A list, a tuple, a dictionary, a set, a deque and an ordered dictionary of very many items, and a graph of
    tuples with 2 ** 60 ways through it, take many steps, and all of them is proven."""
    code = (
        PROVE
        + """
import collections
many = 60_000
made = {
    "list": [i + 0.5 for i in range(many)], "tuple": tuple([i + 0.25 for i in range(many)]),
    "dict": {i + 0.125: None for i in range(many)}, "set": {i + 0.75 for i in range(many)},
    "deque": collections.deque([i + 0.3 for i in range(many)]),
    "ordered": collections.OrderedDict.fromkeys([i + 0.4 for i in range(many)]),
    "frozenset": (frozenset([i + 0.6 for i in range(many)]),),
    "nested": ((tuple([i + 0.7 for i in range(many)]), 1), 2),
}
deep = graph = (0.5, str(many))
for _ in range(60): graph = (graph, graph)
for _ in range(200_000): deep = (deep,)
gc.collect()
steps = 0
def count():
    global steps
    steps += 1
prove(count, 0)
print(steps > 1000, is_proven(graph), is_proven(graph[0][1]), is_proven(deep))
print([kind for kind, one in made.items() if kind not in ("frozenset", "nested") and missed(one)])
print(missed(made["frozenset"][0]), missed(made["nested"][0][0]))
while len(deep) == 1: deep = deep[0]
print(is_proven(deep[1])); end()
"""
    )
    run_python(code).expect("True True True True\n[]\n[] []\nTrue\n")


BOUNDED = {
    "cache": "functools.lru_cache(maxsize=many)(lambda i: (i / 7, str(i)))",
    "unbounded cache": "functools.lru_cache(maxsize=None)(lambda i: (i / 7, str(i)))",
    "dictionary that was emptied": "emptied(dict.fromkeys(range(10 * many)))",
    "deque": "collections.deque(range(10 * many))",
    "tuples in tuples": "nested()",
    "subclass": "type('Listed', (list,), {})(range(many))",
    "element": "element()",
}


@pytest.mark.parametrize("kind", BOUNDED)
def test_between_two_looks_at_the_clock_little_is_looked_at(kind: str) -> None:
    """However much one object holds or shows: counted, a step can end after a few thousand objects."""
    code = (
        PROVE
        + f"""
import collections, functools, xml.etree.ElementTree as tree
many = 50_000
def emptied(one):
    for key in range(10 * many - 1): del one[key]
    return one
def nested():
    "None of which the collector tracks: it looks at them from the innermost on, for an older list has each."
    held = []; gc.collect(); gc.disable()
    one = (0.5,)
    for _ in range(many): one = (one,); held.append(one)
    gc.collect(0); assert not gc.is_tracked(one)
    return [one]
def element():
    one = tree.Element("a"); one.extend([tree.Element("b") for _ in range(many)])
    return one
kept = {BOUNDED[kind]}
for i in range(many if "cache" in {kind!r} else 0): kept(i)
prove(seconds=-1)
print(core.proof_counts()[3] < 1200)
while not core.proof_release(PAST): pass
print(core.proof_counts()[3] < 1200); end()
"""
    )
    run_python(code).expect("True\nTrue\n")


def test_what_a_large_cache_holds_is_proven() -> None:
    """Keys, results and entries, although the cache's own traverse function is not called to its end; and attributes of
    a large list of a class of its own."""
    code = (
        PROVE
        + """
import functools
@functools.lru_cache(maxsize=100_000)
def cached(number): return (number / 7, "result %d" % number)
class Listed(list): pass
many = 20_000
for i in range(many): cached(i / 3)
cached.note = [str(rng.random())]
listed = Listed([i / 9 for i in range(many)]); listed.note = [str(rng.random())]
gc.collect()
made = [id(cached(i / 3)[place]) for i in range(many) for place in (0, 1)] + [id(cached(i / 3)) for i in range(many)]
made += [id(one) for one in listed]
entries = [id(entry) for one in gc.get_referents(cached) if type(one) is dict for entry in one.values()]
prove()
print(all(map(core.proof_has, made)), len(entries) >= many, sum(map(core.proof_has, entries)) >= many)
print(is_proven(cached.note[0]), is_proven(listed.note[0])); end()
"""
    )
    run_python(code).expect("True True True\nTrue True\n")


def test_of_a_very_long_deque_the_middle_may_be_left_out() -> None:
    """What is far from both ends is not looked for again when the program has run; in one step all is found."""
    code = (
        PROVE
        + """
import collections
many = 700_000
made = collections.deque([i + 0.5 for i in range(many)])
prove(seconds=-1)
print(all(is_proven(made[place]) for place in (0, 1000, -1000, -1)), is_proven(made[many // 2])); end()
assert core.proof_begin(reviewed_types()) is None; print(core.proof_step(0), missed(made)); end()
"""
    )
    run_python(code).expect("True False\ndone []\n")


def test_an_unknown_owner_that_shows_very_much_has_no_bytes_proven() -> None:
    """It might show bytes that it writes into, beyond what is looked at: those proven before are taken back. One that
    is known to write into nothing may show as much as it likes."""
    code = (
        PROVE
        + """
import xml.etree.ElementTree as tree
kept = {"one": b"bytes %d" % len(drained), "two": str(rng.random())}
known = reviewed_types()
unknown = [(one, layout) for one, layout in known if layout != "holder"]
assert len(unknown) < len(known)
def tell(types):
    assert core.proof_begin(types) is None
    while core.proof_step(deadline_ns(0.0002)) == "goes on": pass
    print(is_proven(kept["one"]), is_proven(kept["two"]), core.proof_counts()[1] > 0); end()
root = tree.Element("a"); root.extend([tree.Element("b") for _ in range(3000)])
tell(unknown)
root.extend([tree.Element("b") for _ in range(3000)])
tell(unknown); tell(known)
"""
    )
    run_python(code).expect("True True True\nFalse True False\nTrue True True\n")


def test_what_a_pass_knows_goes_in_steps() -> None:
    """References to 5000 bytes objects, and the marks of a heap of 150 MiB: each step lets go of a few."""
    code = (
        PROVE
        + """
kept = [(b"bytes %d" % i, str(i) * 20, [i]) for i in range(500_000)]
kept = kept[::100]; assert core.held_bytes() > 150 << 20
prove()
held = core.proof_counts()[1]; steps = after = 0
while not core.proof_release(PAST):
    steps += 1; after += core.proof_counts()[1] == 0
print(held >= 5000, steps > held // 100, after > 0, core.proof_counts()[1]); end()
"""
    )
    run_python(code).expect("True True True 0\n")


def test_what_is_in_the_middle_may_go() -> None:
    """Containers that are freed, emptied, grown or given to others while the pass stands in the middle of them do no
    harm; what is in them does not end in the thread that makes the pass."""
    code = (
        PROVE
        + """
import threading
ended = set()
class Ending:
    __slots__ = ()
    def __del__(self): ended.add(threading.current_thread().name)
def fresh(kind):
    items = [Ending() for _ in range(3000)]
    if kind == 0: return items
    if kind == 1: return (tuple(items),)
    if kind == 2: return {i: one for i, one in enumerate(items)}
    if kind == 3: return [(tuple(items), (tuple(items),))]
    return {"inner": {"inner": set(items)}}
held = [fresh(kind % 5) for kind in range(20)]
gc.collect()
turn = threading.Semaphore(0); done = threading.Semaphore(0)
def step_in_a_thread():
    reason = core.proof_begin(reviewed_types()); assert reason is None, reason
    while core.proof_step(PAST) == "goes on":
        turn.release(); done.acquire()
    turn.release(); finished.append(True)
finished = []
thread = threading.Thread(target=step_in_a_thread, name="helper"); thread.start()
turns = 0
while not finished:
    turn.acquire(); turns += 1
    if turns > 1500:
        done.release(); continue
    place = rng.randrange(len(held)); kind = rng.randrange(4)
    if kind == 0: held[place] = fresh(rng.randrange(5))
    elif kind == 1 and type(held[place]) in (list, dict): held[place].clear()
    elif kind == 2 and type(held[place]) is list: held[place].extend(range(500))
    if rng.random() < 0.01: gc.collect(rng.randrange(3))
    done.release()
thread.join(); end()
held.clear(); gc.collect(); print(turns > 500, ended)
"""
    )
    run_python(code).expect("True {'MainThread'}\n")


def test_the_last_reference_to_what_is_in_the_middle_goes_in_the_main_thread() -> None:
    """A list with bytes, gone over once more when its referrer is met, is held between two steps. If the program drops
    it then, what is in it ends in the main thread, although another makes the pass."""
    code = (
        PROVE
        + """
import threading
ended = []
class Ending:
    __slots__ = ()
    def __del__(self): ended.append(threading.current_thread().name)
def made():
    gc.disable()  # the list stays before who refers to it
    inner = [b"%d bytes" % len(drained), *[Ending() for _ in range(3000)]]
    return {"inner": inner}
prove(); end()  # the first pass makes a collection, which would put it behind
holder = made(); before = sys.getrefcount(holder["inner"])
def begin():
    assert core.proof_begin(reviewed_types()) is None
    while sys.getrefcount(holder["inner"]) == before: assert core.proof_step(PAST) == "goes on"
def finish():
    while core.proof_step(PAST) == "goes on": pass
def in_helper(call):
    thread = threading.Thread(target=call, name="helper"); thread.start(); thread.join()
in_helper(begin)
holder.clear(); print(len(ended))
in_helper(finish); end(); print(len(ended), set(ended))
"""
    )
    run_python(code).expect("0\n3000 {'MainThread'}\n")


# --- where there is no pass -----------------------------------------------------------------------------------


def test_within_a_collection_nothing_is_done() -> None:
    """A step in a callback of the collector's waits, and a pass does not begin there."""
    code = (
        PROVE
        + """
said = []
def callback(phase, info):
    said.append(core.proof_step(deadline_ns(0.001)) if under_way else core.proof_begin([]))
gc.callbacks.append(callback)
under_way = False; gc.collect(); print(said); said.clear()
gc.callbacks.clear(); prove(); end(); gc.callbacks.append(callback)
gc.collect(); print(said); said.clear()
assert core.proof_begin(reviewed_types()) is None; under_way = True; gc.collect(); print(said); end()
"""
    )
    first = "whether the collector is at work cannot be seen"
    run_python(code).expect(
        f"['{first}', '{first}']\n['the collector is at work', 'the collector is at work']\n['waits', 'waits']\n"
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters")
def test_other_interpreters_end_it() -> None:
    """A pass under way is void when another interpreter comes to be, and none begins afterwards."""
    low = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = (
        PROVE
        + f"""
import {low} as low
assert core.proof_begin(reviewed_types()) is None
print(core.proof_step(PAST)); low.destroy(low.create())
print(core.proof_step(PAST)); end(); print(core.proof_begin(reviewed_types()))
"""
    )
    run_python(code).expect("goes on\nvoid\nother interpreters share the heap\n")


def test_a_fork_and_an_end_in_the_middle_of_a_pass() -> None:
    """A forked child ends its parent's pass and makes one of its own; the parent goes on; a process that ends in the
    middle of one ends as ever."""
    code = (
        PROVE
        + """
import os
kept = [[str(i), b"%d bytes" % i] for i in range(3000)]
assert core.proof_begin(reviewed_types()) is None; core.proof_step(PAST)
pid = os.fork()
if pid == 0:
    end(); prove(); os._exit(7 if is_proven(kept[5][1]) and core.check() is None else 1)
while core.proof_step(deadline_ns(0.0005)) == "goes on": pass
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), is_proven(kept[5][1])); end()
assert core.proof_begin(reviewed_types()) is None; core.proof_step(PAST)
marker = [one for one in gc.get_objects() if type(one).__name__ == "Marker"]; print(len(marker))
"""
    )
    run_python(code).expect("7 True\n1\n")


def test_a_version_whose_objects_nobody_has_looked_through_is_refused() -> None:
    """What is known of CPython's private layouts ends with 3.15; in a later one others may have the same sizes."""
    code = f"{PROVE}{IMITATE_VERSION}imitate_version(0x031000F0); print(core.proof_begin(reviewed_types()))"
    run_python(code).expect("this version of CPython is newer than what is known of its objects\n")


def test_what_is_asked_wrongly_is_refused() -> None:
    """Each mistake raises, and leaves no pass behind; what is asked outside of a pass has a plain answer."""
    code = (
        PROVE
        + """
def tell(call, *arguments):
    try: print(call(*arguments))
    except Exception as error: print(f"{type(error).__name__}: {error}")
tell(core.proof_step, PAST); tell(core.proof_has, id(rng)); tell(core.proof_release, 0); tell(core.proof_end)
tell(core.proof_begin, 5); tell(core.proof_begin, [5]); tell(core.proof_begin, [(int, "no")])
tell(core.proof_step, "x"); tell(core.proof_step, 0.5); tell(core.proof_has, "x")
prove(); tell(core.proof_begin, []); tell(core.findings, []); end()
"""
    )
    run_python(code).expect(
        """\
        void
        False
        True
        None
        TypeError: 'int' object is not iterable
        TypeError: the reviewed types are given as pairs: a type, and its layout
        ValueError: no such layout: no
        TypeError: an integer is required
        TypeError: an integer is required
        TypeError: an integer is required
        RuntimeError: a pass is under way
        RuntimeError: a pass is under way
        """
    )
