"""``quire.install``: what it refuses, what it is switched off by, and what it leaves as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compiling import compile_extension
from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

TRY = """
import quire
try:
    quire.install()
except quire.QuireError as error:
    print(type(error).__name__)
    assert "\\n" not in str(error) and len(str(error)) > 20
print(quire.installed())
kept = [[i] * 5 for i in range(10_000)]
"""


def test_a_second_install_changes_nothing() -> None:
    """Installing twice is one install."""
    run_python(
        """
        import quire
        quire.install(); kept = [str(i) for i in range(1000)]; before = quire.stats().blocks_allocated
        quire.install()
        print(quire.installed(), quire.stats().blocks_allocated >= before)
        """
    ).expect("True True\n")


def test_stats_before_the_install_is_a_clear_error() -> None:
    """Asking a process that is not served for its heap's numbers names the remedy."""
    run_python(
        """
        import quire
        try:
            quire.stats()
        except quire.QuireError as error:
            print("quire.install()" in str(error))
        """
    ).expect("True\n")


@pytest.mark.parametrize(
    "setting", [{"PYTHONMALLOC": "debug"}, {"PYTHONMALLOC": "malloc_debug"}, {"PYTHONDEVMODE": "1"}]
)
def test_a_debug_allocator_is_refused(setting: dict[str, str]) -> None:
    """Over a debug allocator quire does not install; the program goes on as it was."""
    run_python(TRY, environment=setting).expect("AllocatorInUse\nFalse\n")


@pytest.mark.parametrize("setting", ["malloc", "pymalloc"])
def test_any_allocator_of_cpythons_is_replaced(setting: str) -> None:
    """Over PYTHONMALLOC=malloc or pymalloc quire installs."""
    run_python(TRY, environment={"PYTHONMALLOC": setting}).expect("True\n")


def test_tracemalloc_before_is_refused_and_goes_on() -> None:
    """With tracemalloc running quire does not install, and tracemalloc counts on."""
    run_python(
        "import tracemalloc; tracemalloc.start()" + TRY + "print(tracemalloc.get_traced_memory()[0] > 500_000)"
    ).expect("AllocatorInUse\nFalse\nTrue\n")


FOREIGN_HOOK = """
import ctypes
class Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "malloc", "calloc", "realloc", "free")]
raw, mem = Allocator(), Allocator()
ctypes.pythonapi.PyMem_GetAllocator(0, ctypes.byref(raw))
ctypes.pythonapi.PyMem_GetAllocator({domain}, ctypes.byref(mem))
mem.calloc = raw.calloc
ctypes.pythonapi.PyMem_SetAllocator({domain}, ctypes.byref(mem))
"""


@pytest.mark.parametrize("domain", [1, 2], ids=["mem", "object"])
def test_another_hook_is_refused(domain: int) -> None:
    """Where somebody has replaced a function of either domain, quire does not install over it."""
    run_python(FOREIGN_HOOK.replace("{domain}", str(domain)) + TRY).expect("AllocatorInUse\nFalse\n")


def test_a_sub_interpreter_is_refused() -> None:
    """quire serves the main interpreter; asked from another one, it says so."""
    outcome = run_python(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        code = '''if True:
            import quire
            try:
                quire.install()
            except quire.UnsupportedRuntime as error:
                print(type(error).__name__, flush=True)
            '''
        one = interpreters.create()
        interpreters.run_string(one, code)
        """
    )
    assert outcome.stdout == "UnsupportedRuntime\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="one lock for all interpreters: no fork handlers are needed")
def test_without_fork_handlers_there_is_no_heap(tmp_path: Path) -> None:
    """A heap that may come to be shared must be held while a thread forks; where the system refuses that, all stays."""
    compile_extension("refusing", tmp_path)
    (library,) = tmp_path.iterdir()
    run_python(TRY, environment={"LD_PRELOAD": str(library)}).expect("OutOfMemory\nFalse\n")


def test_threads_that_install_at_once_make_one_install() -> None:
    """Whichever thread comes first installs; the others find it done."""
    run_python(
        """
        import quire, threading
        start, errors = threading.Barrier(8), []
        def install():
            start.wait()
            try:
                quire.install()
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=install) for _ in range(8)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(errors, quire.installed())
        """
    ).expect("[] True\n")


def test_disabled_means_not_installed() -> None:
    """With QUIRE_DISABLE=1 the install does nothing, and says nothing."""
    run_python(TRY, environment={"QUIRE_DISABLE": "1"}).expect("False\n")


def test_large_blocks_can_be_left_to_libc() -> None:
    """With large_blocks="libc" only requests up to 512 bytes come from the heap, also after growing and shrinking."""
    run_python(
        """
        import quire
        quire.install(quire.Config(large_blocks="libc"))
        lists = [[0] * n for n in range(0, 3000, 7)]
        for one in lists:
            one.extend(range(500)); del one[3:]; one.extend(range(40))
        stats = quire.stats()
        large = sum(c.blocks_allocated for c in stats.classes if c.block_bytes > 512)
        print(large, stats.runs_allocated, stats.mappings, stats.live_bytes > 10_000)
        """
    ).expect("0 0 0 True\n")


def test_a_range_too_small_is_stepped_aside_from() -> None:
    """When the range is used up, requests go to the allocator that was there before: no MemoryError, nothing lost."""
    run_python(
        """
        import quire
        quire.install(quire.Config(range_bytes=64 << 20))
        kept = [[i] * 20 for i in range(600_000)]
        stats = quire.stats()
        print(stats.arena_bytes <= 64 << 20, sum(map(len, kept)))
        del kept[::2]
        from quire.process.core import require_core
        print(require_core().check())
        """
    ).expect("True 12000000\nNone\n")


def test_the_words_for_every_refusal_name_a_remedy() -> None:
    """Each reason that the core can give has words of its own in Python."""
    run_python(
        """
        from quire.process import install
        for reason in ("free-threaded", "sub-interpreter", "unknown-allocator", "hooked", "debug"):
            print(type(install._refused(reason)).__name__)
        """
    ).expect("UnsupportedRuntime\nUnsupportedRuntime\nUnsupportedRuntime\nAllocatorInUse\nAllocatorInUse\n")
