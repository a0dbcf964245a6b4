"""Who writes without the interpreter lock loses nothing, while all around is meshed, all the time."""

from __future__ import annotations

import os
import sys
import sysconfig

import pytest

from compiling import compile_extension
from processes import Outcome, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

KINDS = [
    "plain", "tracked", "classlike", "numbers", "more", "overlapping", "subclass", "listlike", "memory",
    "object memory", "unpublished bytes", "scratch list", "shown bytes", "bytearray", "locking", "locked memory",
    "read buffer",
    *(["extra", "extra set"] if sys.version_info >= (3, 12) else []),
]  # fmt: skip
CODE = """
import bisect, random, sys, time
import quire
from quire import _core as core
import proving

class Python: __slots__ = ("one",)
class Sub(proving.Classlike): pass
proving.give_classes(Python, Sub)

def shared_pages():
    "Where pools share pages: where mappings of shared memory begin and end."
    with open("/proc/self/maps") as maps:
        pieces = [line.split()[0].split("-") for line in maps if " rw-s " in line]
    return [(int(start, 16), int(end, 16)) for start, end in pieces]
def shared_kinds():
    pieces = shared_pages()
    starts = [start for start, _ in pieces]
    found = set()
    for kind, address in proving.counters():
        index = bisect.bisect(starts, address) - 1
        if index >= 0 and address < pieces[index][1]: found.add(kind)
    return found
def whole(usual):
    return all(one == (number, str(number) * 3, [number / 7], {"a": b"bytes %d" % number}) for number, one in usual)

rng = random.Random(20261122)
held, usual = [], []
for number in range(60_000):
    if number % 1000 == 0:
        held += [proving.make(kind) for kind in KINDS]
    usual.append((number, (number, str(number) * 3, [number / 7], {"a": b"bytes %d" % number})))
usual = rng.sample(usual, 3000)
proving.begin()
found, meshed, until = set(), 0, time.monotonic() + SECONDS
while time.monotonic() < until or not meshed or (IS_LOSING and found != set(KINDS)):
    held += [proving.make(kind) for kind in KINDS]
    churn = [{rng.random(): [str(rng.random())]} for _ in range(20_000)]
    usual += [(number, (number, str(number) * 3, [number / 7], {"a": b"bytes %d" % number})) for number in range(500)]
    rng.shuffle(usual); del usual[3000:], churn
    time.sleep(0.1)
    meshed += core.mesh_pass()[2]
    found |= shared_kinds()
counted, lost = proving.end()
print(sorted(found), counted > COUNTED_MIN, lost == 0, lost >= proving.met() > 0, whole(usual), core.check())
"""

WITHOUT_PREDICATE = """
import proving
from quire.process import meshing
reviewed = meshing.reviewed_types
meshing.reviewed_types = lambda: [*reviewed(), (proving.Plain, "plain"), (proving.Tracked, "plain")]
"""


@pytest.fixture(scope="module")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("extensions")
    compile_extension("proving", folder)
    compile_extension("showing", folder)
    showing = str(folder / ("showing" + sysconfig.get_config_var("EXT_SUFFIX")))
    preloaded = [os.environ.get("LD_PRELOAD", ""), showing]  # a sanitizer's comes first
    return {"PYTHONPATH": str(folder), "LD_PRELOAD": ":".join(filter(None, preloaded))}


def meshed_all_the_time(code: str, environment: dict[str, str]) -> Outcome:
    return run_python(code, environment={"QUIRE": "1", "QUIRE_STRESS": "1"} | environment)


def test_no_block_that_others_write_is_meshed_and_no_write_is_lost(extensions: dict[str, str]) -> None:
    """Counters of extension objects and of their memory, locks in both, buffers that the system reads into: in use by
    threads that hold no lock, millions of times, between objects that are meshed."""
    settings = f"SECONDS, KINDS, IS_LOSING, COUNTED_MIN = 6, {KINDS}, False, 1_000_000\n"
    meshed_all_the_time(settings + CODE, extensions).expect("[] True True False True None\n")


@pytest.mark.parametrize("kind", KINDS)
def test_no_block_of_one_kind_alone_is_meshed(kind: str, extensions: dict[str, str]) -> None:
    """Above, blocks of several kinds lie in each pool, so that one which is known keeps another out that is not."""
    settings = f"SECONDS, KINDS, IS_LOSING, COUNTED_MIN = 1, {[kind]}, False, 0\n"
    meshed_all_the_time(settings + CODE, extensions).expect("[] True True False True None\n")


def test_without_the_predicate_writes_are_lost(extensions: dict[str, str]) -> None:
    """The tests above can fail: said to be written by nobody, its objects are meshed, and counts are lost; each time,
    for whoever shows a copy waits there until the writer has written."""
    settings = "SECONDS, KINDS, IS_LOSING, COUNTED_MIN = 1, ['plain', 'tracked'], True, 0\n"
    code = settings + WITHOUT_PREDICATE + CODE
    meshed_all_the_time(code, extensions).expect("['plain', 'tracked'] True False True True None\n")
