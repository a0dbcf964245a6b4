"""Those of CPython's regression tests that strain memory most, on quire; the session ``cpython`` runs them all."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from comparison.campaign import Campaign, Pair, tell_differences
from comparison.execution import QUIRE, STRESS
from comparison.verdict import read_allowed
from cpython.compare import ALLOWED, belongs, has_tests, list_tests, missing_tests, regression_test

pytest.importorskip("quire._core", reason="the native core is not installed")
pytestmark = pytest.mark.skipif(not has_tests(), reason=missing_tests())

STRAINING = """
    test_array test_bytes test_capi test_deque test_descr test_dict test_finalization test_fork1 test_gc
    test_generators test_interpreters test_json test_list test_memoryview test_set test_threading test_tracemalloc
    test_weakref
""".split()
STRESSED = "test_array test_dict test_gc test_generators test_list test_memoryview test_set test_weakref".split()


@functools.cache
def all_tests() -> list[str]:
    return list_tests()


@pytest.mark.parametrize("name", STRAINING)
def test_what_passes_plainly_passes_on_quire(name: str, tmp_path: Path) -> None:
    """CPython's own tests of objects that come and go; what fails on quire is run again, and plainly."""
    pairs = compare(name, tmp_path, QUIRE)
    assert [pair.differing for pair in pairs if pair.differing] == []


@pytest.mark.parametrize("name", STRESSED)
def test_what_passes_plainly_passes_while_all_is_meshed(name: str, tmp_path: Path) -> None:
    """The short ones of them, under stress: no pool is spared, and a pass follows the other."""
    pairs = compare(name, tmp_path, STRESS)
    assert [pair.differing for pair in pairs if pair.differing] == []
    assert all(pair.quire.meshed_pools for pair in pairs)


def compare(name: str, folder: Path, mode: str) -> list[Pair]:
    files = [regression_test(test, folder) for test in all_tests() if belongs(test, name)]
    if not files:
        pytest.skip(f"this Python comes without {name}")
    pairs = list(Campaign(read_allowed(ALLOWED, mode), folder, quick=True, jobs=1, mode=mode).compare_all(files))
    tell_differences(pairs)
    return pairs
