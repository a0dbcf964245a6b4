"""Who holds what, and by which name: planted objects of a program are found where it put them."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from processes import Outcome, run
from quire.export.snapshot_file import open_snapshot
from quire.report.edges import Graph
from quire.report.held import with_all_roots
from quire.report.named import meant_object
from quire.report.paths import way_words
from quire.report.reach import reach

pytest.importorskip("quire._core", reason="the native core is not installed")

PARTS = pytest.mark.parametrize("served", [True, False], ids=["served", "not served"])

PLANTED = """
import _thread, collections, ctypes, gc, sys, threading
import quire

class Keeper: pass
class Opened: pass
class Slots:
    __slots__ = ("left", "right")
class InGlobal: pass
class InProperty: pass
class InDeque: pass
class InType: pass
class InInstance: pass
class InDictionary: pass
class InSlot: pass
class InClosure: pass
class InLocal: pass
class InSuspended: pass
class InCoroutine: pass
class InC: pass
class InSubclass: pass
class AmongItems: pass
class UnderKey: pass
class AmongElements: pass
class InError: pass
class InOwnLocal: pass
class OwnList(list): pass
class OwnDict(dict):
    __slots__ = ("more",)
class OwnSet(set): pass
class OwnError(Exception): pass
class OwnLocal(__import__("threading").local): pass
class InCycle: pass
class OfAlpha: pass
class OfBeta: pass
class OnStack: pass
class OnStackOverC: pass
class InRunning: pass
class OfMain: pass
class OfMainDeeper: pass

gc.disable()
planted = InGlobal()
managed, queued = property(InProperty()), collections.deque([InDeque()])
Keeper.kept = InType()
keeper = Keeper(); keeper.item = InInstance()
opened = Opened(); opened.__dict__; opened.item = InDictionary(); opened.__dict__["more"] = 1
slots = Slots(); slots.right = InSlot()
def make_closure():
    held = InClosure()
    return lambda: held
closure = make_closure()
state = threading.local(); state.session = InLocal()
def suspended():
    mine = InSuspended()
    yield 1
    return mine
generator = suspended(); next(generator)
class Wait:
    def __await__(self): yield
async def later():
    mine = InCoroutine()
    await Wait()
coroutine = later(); coroutine.send(None)
many = OwnList([AmongItems()]); many.more = InSubclass()
keyed = OwnDict(key=UnderKey()); keyed.more = 1
elements = OwnSet([AmongElements()]); elements.more = 1
error = OwnError("text", 2); error.more = InError()
mine = OwnLocal(); mine.session = InOwnLocal()
held = InC(); ctypes.pythonapi.Py_IncRef(ctypes.py_object(held)); del held
cycle = InCycle(); cycle.itself = cycle; gc.collect(); del cycle  # a first snapshot collects the young

stop, over_c = threading.Event(), _thread.allocate_lock()
over_c.acquire()
def pair(one, other): return one
def alpha():
    mine = OfAlpha()
    pair(OnStack(), stop.wait())  # line of alpha
def produce():
    mine = InRunning()
    over_c.acquire()  # line of produce
    yield
def beta():
    mine = OfBeta()
    for one in produce():  # line of beta
        pass
def gamma():
    pair(OnStackOverC(), over_c.acquire())  # line of gamma
threads = [threading.Thread(target=one, name=one.__name__, daemon=True) for one in (alpha, beta, gamma)]
for one in threads: one.start()
import time
def names_of(ident):
    frame, names = sys._current_frames()[ident], []
    while frame: names.append(frame.f_code.co_name); frame = frame.f_back
    return names
while not all(one.name in names_of(one.ident) for one in threads) or "produce" not in names_of(threads[1].ident):
    time.sleep(0.01)
time.sleep(0.1)
def caller(path):
    mine = OfMain()
    sorted([1], key=lambda one: look(path))  # line of caller
def look(path):
    mine = OfMainDeeper()
    quire.snapshot(path, **OPTIONS)  # line of look
caller(sys.argv[1])
stop.set(); over_c.release()
"""


def take(tmp_path: Path, text: str, *, served: bool, options: str = "{}") -> Path:
    """Run the program, whose text stands in app.py, and have it write its snapshot."""
    program, file = tmp_path / "app.py", tmp_path / "heap.quire"
    program.write_text(text.replace("OPTIONS", options))
    command = [sys.executable, str(program), str(file)]
    outcome: Outcome = run(command, {"QUIRE": "1"} if served else {})
    outcome.expect("")
    return file


def line_of(name: str) -> int:
    lines = PLANTED.splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# line of {name}"))


@PARTS
def test_planted_objects_are_found_where_they_are(served: bool, tmp_path: Path) -> None:
    """By names of modules, types, instances, slots, cells, threads; in frames' variables, on their stacks; by C. What
    only refers to itself is in no path."""
    snapshot = with_all_roots(open_snapshot(str(take(tmp_path, PLANTED, served=served))))
    graph, found = Graph(snapshot), reach(snapshot)
    expected = {
        "InGlobal": "__main__.planted",
        "InProperty": "__main__.managed→__main__.InProperty",
        "InDeque": "__main__.queued→__main__.InDeque",
        "InType": "__main__.Keeper.kept",
        "InInstance": "__main__.keeper.item",
        "InDictionary": "__main__.opened.item",
        "InSlot": "__main__.slots.right",
        "InClosure": "__main__.closure.__closure__[0].cell_contents",
        "InLocal": "__main__.state.session",
        "InSuspended": "__main__.generator→__main__.InSuspended",
        "InCoroutine": "__main__.coroutine→__main__.InCoroutine",
        "InSubclass": "__main__.many.more",
        "AmongItems": "__main__.many[0]",
        "UnderKey": "__main__.keyed['key']",
        "AmongElements": "__main__.elements<element>",
        "InError": "__main__.error.more",
        "InOwnLocal": "__main__.mine.session",
        "InC": "C",
        "InCycle": "in no path from a root",
        "OfAlpha": f"alpha() at app.py:{line_of('alpha')} in alpha: mine",
        "OnStack": f"alpha() at app.py:{line_of('alpha')} in alpha",
        "OfBeta": f"beta() at app.py:{line_of('beta')} in beta: mine",
        "InRunning": f"produce() at app.py:{line_of('produce')} in beta: mine",
        "OnStackOverC": f"gamma() at app.py:{line_of('gamma')} in gamma",
        "OfMain": f"caller() at app.py:{line_of('caller')}: mine",
        "OfMainDeeper": f"look() at app.py:{line_of('look')}: mine",
    }
    assert {
        name: way_words(graph, found, meant_object(snapshot, f"{name}#1", lambda: graph)) for name in expected
    } == expected


def test_the_commands_tell_them(tmp_path: Path) -> None:
    """quire path, retained and cycles start from the same roots."""
    file = str(take(tmp_path, PLANTED, served=True))

    def asked(*words: str) -> str:
        outcome = run([sys.executable, "-m", "quire", *words, "--csv"])
        assert (outcome.exit_code, outcome.stderr) == (0, "")
        return outcome.stdout

    assert ",__main__.keeper.item," in asked("path", file, "InInstance#1")
    assert f",alpha() at app.py:{line_of('alpha')} in alpha: mine," in asked("path", file, "OfAlpha#1")
    assert "__main__.InCycle,1," in asked("cycles", file)
    for told in (asked("retained", file), asked("pins", file)):
        assert "__main__." in told
        assert "__main__.<name>" not in told
        assert "_ctypes.<name>" not in told


def test_values_of_a_cache_are_the_caches(tmp_path: Path) -> None:
    """Its entries have a reference each from its list of them, which its type does not show."""
    text = """
import functools, quire, sys
class Found: pass
@functools.lru_cache(maxsize=9)
def cached(number): return Found()
for number in range(5): cached(number)
quire.snapshot(sys.argv[1])
"""
    snapshot = with_all_roots(open_snapshot(str(take(tmp_path, text, served=True))))
    found = [index for index, each in enumerate(snapshot.types) if each.name in ("Found", "_lru_list_elem")]
    rows = np.flatnonzero(np.isin(snapshot.object_type, found))
    assert len(rows) >= 10
    assert not np.isin(rows, snapshot.root_object).any()


@PARTS
def test_no_frame_object_is_made_and_few_objects_are_held_by_c(served: bool, tmp_path: Path) -> None:
    """Frames are read where they are. Counts are explained by what is known, for nearly all objects."""
    text = "import quire, sys\ndef look():\n    quire.snapshot(sys.argv[1])\nlook()\n"
    plain = open_snapshot(str(take(tmp_path, text, served=served)))
    types = [each.words for each in plain.types]
    assert "frame" not in types or not (plain.object_type == types.index("frame")).any()
    snapshot = with_all_roots(plain)
    by_c = (snapshot.root_kind == 5).sum()
    assert by_c < snapshot.count / 20


@PARTS
def test_a_child_of_a_program_is_known_by_the_programs_names(served: bool, tmp_path: Path) -> None:
    """Static types, what the interpreter keeps, interned strings: each kind of root is there."""
    text = "import quire, sys\nquire.snapshot(sys.argv[1])\n"
    snapshot = open_snapshot(str(take(tmp_path, text, served=served)))
    names = {(root.kind, root.name) for root in snapshot.roots}
    assert {("module", "sys"), ("type", "int"), ("interpreter", "codecs"), ("interpreter", "sys")} <= names
    interned = snapshot.root_object[snapshot.root_kind == 3]
    strings = [index for index, each in enumerate(snapshot.types) if each.words == "str"]
    assert set(snapshot.object_type[interned].tolist()) <= set(strings)
    assert len(interned) > 100 or sys.version_info < (3, 12)


# --- secrets --------------------------------------------------------------------------------------------------

SECRETS = """
import quire, sys, threading
def of(text): return text[::-1]  # so that no constant has it
class Record: pass
class Local(threading.local):
    def __init__(self, **options): pass
record = Record(); record.plain_attribute = of("2retnuh_eulav")
record.__dict__[of("2retnuh_denretninu")] = 1
setattr(record, of("2retnuh ,reifitnedi on"), 1)
keys = {sys.intern(of("2retnuh_yek_denretni")): 1, of("2retnuh_yek"): 2}
nested = [{"inside": {of("2retnuh_detsen"): of("2retnuh_peed").encode()}}]
options = Local(config={sys.intern(of("2retnuh_noitpo")): 1})
wide = of("2retnuh_\\U0001f600\\u4e2d\\u00e9")
long = "l" * 200 + of("2retnuh_liat_")
long_bytes = bytes([66]) * 200 + of("2retnuh_dniheb_").encode()
half = of("2retnuh_flah_\\ud800")
quire.snapshot(sys.argv[1], **OPTIONS)
"""
VALUES = [
    "value_hunter2",
    "interned_key_hunter2",
    "key_hunter2",
    "nested_hunter2",
    "deep_hunter2",
    "uninterned_hunter2",
    "no identifier, hunter2",
    "option_hunter2",
    "é中😀_hunter2",
    "\ufffd_half_hunter2",
]


@PARTS
@pytest.mark.parametrize("options", ["{}", "{'references': False}"], ids=["with references", "without"])
def test_no_value_is_in_the_file(served: bool, options: str, tmp_path: Path) -> None:
    """Neither strings nor bytes, nor keys of ordinary dictionaries, though they are interned and look like names."""
    file = take(tmp_path, SECRETS, served=served, options=options)
    assert b"hunter2" not in file.read_bytes()
    snapshot = open_snapshot(str(file))
    assert not snapshot.has_values
    assert b"plain_attribute" in file.read_bytes()
    assert snapshot.has_edges == (len(snapshot.text_object) > 0)


@PARTS
@pytest.mark.parametrize("options", ["{'values': True}", "{'values': True, 'references': False}"])
def test_values_are_in_the_file_if_they_are_asked_for(served: bool, options: str, tmp_path: Path) -> None:
    """Of each string and bytes object the first 200 characters, and no more."""
    file = take(tmp_path, SECRETS, served=served, options=options)
    content = file.read_bytes()
    snapshot = open_snapshot(str(file))
    assert snapshot.has_values
    # what lies outside of the heap is not found without references, as for a program that quire does not serve
    if served or snapshot.has_edges:
        assert [value for value in VALUES if value.encode() not in content] == []
        assert b"l" * 200 in content
        assert b"B" * 200 in content
    assert b"_tail_hunter2" not in content
    assert b"_behind_hunter2" not in content


def test_keys_are_told_where_values_were_asked_for(tmp_path: Path) -> None:
    """A path says by which key; without values it says which string it is, not what it reads."""
    text = """
import quire, sys
class Found: pass
cache = {"to be " + str(1): Found()}
quire.snapshot(sys.argv[1], **OPTIONS)
"""
    told = []
    for options in ("{}", "{'values': True}"):
        snapshot = with_all_roots(open_snapshot(str(take(tmp_path, text, served=True, options=options))))
        graph = Graph(snapshot)
        row = meant_object(snapshot, "Found#1", partial(Graph, snapshot))
        told.append(way_words(graph, reach(snapshot), row))
        assert meant_object(snapshot, told[-1], partial(Graph, snapshot)) == row
    assert told[0].startswith("__main__.cache[str 0x")
    assert told[1] == "__main__.cache['to be 1']"


# --- no harm --------------------------------------------------------------------------------------------------


@PARTS
def test_threads_at_work_come_to_no_harm(served: bool, tmp_path: Path) -> None:
    """Deep calls, generators, exceptions and calls over C, at every point of which a snapshot is taken."""
    text = """
import os, quire, sys, threading
sys.setswitchinterval(1e-5)
stop, wrong = threading.Event(), []
def deep(n):
    kept = [n, "deep %d" % n]
    return kept[0] + deep(n - 1) if n else 0
def pieces(n):
    for i in range(n):
        got = yield [i]
def over_c(n):
    return max(range(n), key=lambda one: len(list(pieces(one))) + deep(5))
def failing(n):
    try:
        return failing(n - 1) if n else [][1]
    except IndexError as error:
        raise KeyError(n) from error
def work():
    while not stop.is_set():
        if deep(60) != 1830 or over_c(9) != 8: wrong.append("answer")
        try: failing(5)
        except KeyError: pass
threads = [threading.Thread(target=work) for _ in range(3)]
for one in threads: one.start()
for _ in range(15): quire.snapshot(sys.argv[1])
stop.set()
for one in threads: one.join()
if wrong: print(wrong)
"""
    snapshot = with_all_roots(open_snapshot(str(take(tmp_path, text, served=served))))
    assert {root.function for root in snapshot.roots} & {"deep", "over_c", "work", "pieces"}


def test_a_stack_that_is_very_deep_is_told_in_part(tmp_path: Path) -> None:
    """The file does not grow with it without bounds; what is deeper is held by something unseen."""
    text = """
import quire, sys
sys.setrecursionlimit(30000)
class Found: pass
def deep(n):
    mine = Found()
    if n: deep(n - 1)
    else: quire.snapshot(sys.argv[1])
deep(7000)
"""
    snapshot = with_all_roots(open_snapshot(str(take(tmp_path, text, served=True))))
    graph, found = Graph(snapshot), reach(snapshot)
    types = [each.words for each in snapshot.types]
    rows = (snapshot.object_type == types.index("__main__.Found")).nonzero()[0]
    told = [way_words(graph, found, int(row)) for row in rows]
    assert len(told) == 7001
    assert {each.partition(" ")[0] for each in told} == {"deep()", "C"}
    assert sum(each == "C" for each in told) > 1000
