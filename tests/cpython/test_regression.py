"""Those of CPython's regression tests that strain memory most, on quire; the session ``cpython`` runs them all."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from comparison.campaign import Campaign, tell_differences
from comparison.execution import QUIRE
from comparison.verdict import read_allowed
from cpython.compare import ALLOWED, belongs, has_tests, list_tests, missing_tests, regression_test

pytest.importorskip("quire._core", reason="the native core is not installed")
pytestmark = pytest.mark.skipif(not has_tests(), reason=missing_tests())

STRAINING = """
    test_array test_bytes test_capi test_deque test_descr test_dict test_finalization test_fork1 test_gc
    test_generators test_interpreters test_json test_list test_memoryview test_set test_threading test_tracemalloc
    test_weakref
""".split()


@functools.cache
def all_tests() -> list[str]:
    return list_tests()


@pytest.mark.parametrize("name", STRAINING)
def test_what_passes_plainly_passes_on_quire(name: str, tmp_path: Path) -> None:
    """CPython's own tests of objects that come and go; what fails on quire is run again, and plainly."""
    files = [regression_test(test, tmp_path) for test in all_tests() if belongs(test, name)]
    if not files:
        pytest.skip(f"this Python comes without {name}")
    pairs = list(Campaign(read_allowed(ALLOWED, QUIRE), tmp_path, quick=True, jobs=1).compare_all(files))
    tell_differences(pairs)
    assert [pair.differing for pair in pairs if pair.differing] == []
