"""What continuous integration runs: ``nox -s tests``, ``nox -s lint``, ``nox -s types``."""

import shutil
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")

nox.options.sessions = ["tests", "lint", "types"]

TYPESCRIPT = "typescript@7.0.2"

# What runs under the sanitizers. An address space that is limited has no room for what they need beside the heap; what
# a child is to die of they catch; of libc's heap, and of memory that is locked, they have their own idea; and what the
# process holds beside the heap, for each byte of it, does not go back.
ASAN_LEAVES_OUT = (
    "not limit and not memory_error and not errno_stays and not past_the_handlers and not crash_in_it"
    " and not libcs_heap and not locked_memory and not gives_its_memory_back_by_itself"
)
ASAN_PROCESS_TESTS = """
    serving meshing proof helper forks meshed_forks few_mappings writers giving_back objects snapshot snapshot_roots
    """.split()
# Steps do so little there that the program undoes it between them; threads at work leave the others no time.
ASAN_TOO_SLOW = [
    "--deselect", "tests/process/test_proof.py::test_a_pass_misses_nothing_that_lives_through_it[all]",
    "--deselect", "tests/process/test_snapshot_roots.py::test_threads_at_work_come_to_no_harm",
]  # fmt: skip
ASAN_TESTS = [
    "tests/model", "tests/fuzz", *(f"tests/process/test_{name}.py" for name in ASAN_PROCESS_TESTS),
    *ASAN_TOO_SLOW, "-k", ASAN_LEAVES_OUT,
]  # fmt: skip
ASAN_CPYTHON_TESTS = """
    test_list test_dict test_set test_tuple test_bytes test_unicode test_long test_gc test_weakref test_generators
    test_coroutines test_pickle test_json test_re test_struct test_array test_memoryview test_deque test_finalization
    test_asyncgen test_copy test_class test_descr test_exceptions test_threading test_ctypes test_capi
    """.split()
VALGRIND_TESTS = ["tests/model/test_failures.py", "tests/model/test_native.py", "-k", "random or zeroed or resizing"]
VALGRIND_CPYTHON_TESTS = (
    "test_list test_tuple test_struct test_class test_dictviews test_weakset test_generators".split()
)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; what follows ``--`` goes to pytest.

    One build serves them all: quire._core as users get it, and beside it quire._core_fake, the same heap with
    assertions over a system that fails on demand. Three run at once: much of their time is waiting for memory to rest.
    """
    install(session, "test")
    find_browser(session)
    session.run("pytest", "-n", "3", "--dist", "worksteal", *session.posargs)


@nox.session
def thorough(session: nox.Session) -> None:
    """The same tests, of which the random ones try more (half an hour)."""
    session.env["QUIRE_TESTS_THOROUGH"] = "1"
    tests(session)


@nox.session
def programs(session: nox.Session) -> None:
    """Run programs of the kind people run, plainly and on quire. What follows ``--`` names some of them."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".", "-r", "tests/programs/requirements.txt")
    session.run("python", "tests/programs/run.py", "--work", session.create_tmp(), *session.posargs)


@nox.session
def giving_back(session: nox.Session) -> None:
    """Measure what a process holds after a peak of memory, and write docs/after-a-peak.md: hours, or what is missing.

    What follows ``--`` names cases.
    """
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install("-r", "bench/requirements.txt", ".")
    for command in (["run", *session.posargs], ["report"]):
        session.run("python", "bench/give_back.py", *command)


@nox.session
def speed(session: nox.Session) -> None:
    """Measure instructions, processor time, memory and start-up, and write docs/performance.md: hours. Needs valgrind.

    Built with symbols, for callgrind. What follows ``--`` names workloads.
    """
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.env["CFLAGS"] = "-g"
    session.install("-r", "bench/requirements.txt", "--config-settings=install.strip=false", ".")
    chosen = session.posargs
    for command in (["instructions", *chosen], ["runs", *chosen], ["work", *chosen], ["start"], ["report"]):
        session.run("python", "bench/speed.py", *command)


@nox.session(python="3.13")
def docs(session: nox.Session) -> None:
    """Write docs/model from the chapters of quire.model."""
    session.install(".")
    session.run("python", "docs/model/write.py")


@nox.session
def services(session: nox.Session) -> None:
    """Run gunicorn, uvicorn, Celery and pytest under load, plainly and on quire. What follows ``--`` names some."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".", "-r", "tests/services/requirements.txt")
    session.run("python", "tests/services/run.py", *session.posargs)


@nox.session
def devtools(session: nox.Session) -> None:
    """Read what ``quire export`` writes for Chrome's developer tools with memlab's parser. Needs node and npm."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".[snapshots]")
    folder = Path(session.create_tmp())
    shutil.copy("tests/devtools/package.json", folder)
    session.run(
        "npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", external=True
    )  # fmt: skip
    session.run("python", "tests/devtools/run.py", str(folder))


@nox.session
def soak(session: nox.Session) -> None:
    """Run a server for an hour with peaks and rests: its memory must go back each time. ``-- --minutes 5``: shorter."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".", "-r", "tests/services/requirements.txt")
    session.run("python", "tests/services/soak.py", *session.posargs)


@nox.session
def cpython(session: nox.Session) -> None:
    """Run CPython's own regression tests, plainly and on quire. What follows ``--`` names some of them."""
    compare(session)


@nox.session
def packages(session: nox.Session) -> None:
    """Run the test suites of five packages with C extensions, likewise."""
    session.install("-r", "tests/packages/requirements.txt")
    compare(session)


@nox.session
def sanitizers(session: nox.Session) -> None:
    """Run the heap, and some of CPython's own tests on it, under the address and undefined-behaviour sanitizers, then
    under valgrind. Arguments go to the first run of pytest in each."""
    library = session.run("cc", "-print-file-name=libasan.so", external=True, silent=True).strip()
    if "/" not in library:
        session.error("the address sanitizer is missing; install gcc and its libasan")
    if shutil.which("valgrind") is None:
        session.error("valgrind is missing; install it, with its headers")
    asan = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1"}
    memcheck = ["valgrind", "--quiet", "--error-exitcode=1"]
    served = ["python", "-m", "test", "-q"]
    is_served = ["python", "-c", "import quire; assert quire.installed()"]  # or all would run plainly, and pass

    install(session, "test", "QUIRE_ASAN", "QUIRE_UBSAN")
    has_tests = "import importlib.util as u; print(u.find_spec('test') and u.find_spec('test.libregrtest') and 'yes')"
    if "yes" not in session.run("python", "-c", has_tests, silent=True):
        session.error("CPython's own tests are missing; install them (Debian: libpython3-testsuite)")
    session.run("pytest", *(session.posargs or ASAN_TESTS), env=asan | {"SANITIZER": "asan"})
    session.run(*is_served, env=asan | {"QUIRE": "1"})
    session.run(*served, *ASAN_CPYTHON_TESTS, env=asan | {"QUIRE": "1"})

    install(session, "test", "QUIRE_VALGRIND")
    session.run("pytest", "tests/model/test_marks.py", env={"SANITIZER": "valgrind"})
    session.run(*memcheck, "python", "-m", "pytest", *(session.posargs or VALGRIND_TESTS), external=True)
    session.run(*memcheck, "--undef-value-errors=no", *is_served, env={"QUIRE": "1"}, external=True)
    # Not whether bytes are defined: CPython itself computes with some that are not, and throws the result away.
    session.run(
        *memcheck, "--undef-value-errors=no", *served, *VALGRIND_CPYTHON_TESTS, env={"QUIRE": "1"}, external=True
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for requests and refusals that break the heap, for so many seconds (60): ``nox -s fuzz -- 3600``.

    What is found worth keeping joins a corpus below this session's temporary folder; what breaks the heap is written
    beside it, and belongs in tests/fuzz/corpus with the repair.
    """
    if shutil.which("clang") is None:
        session.error("clang is missing; install it, with its runtime libraries (Debian: clang libclang-rt-14-dev)")
    (seconds,) = session.posargs or ["60"]
    core, work = Path("core").resolve(), Path(session.create_tmp())
    flags = ["-std=c17", "-D_GNU_SOURCE", "-DQUIRE_ASSERTS=1", f"-I{core}", "-O2", "-g", "-Wall", "-Wextra"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    clang = ["clang", *flags]
    session.run(*clang, "-c", f"{core}/os/fake.c", "-o", f"{work}/fake.o", external=True)  # is not what is explored
    sources = [*core.glob("base/*.c"), *core.glob("heap/*.c"), *core.glob("observe/*.c"), "tests/fuzz/heap_fuzzer.c"]
    target = work / "heap_fuzzer"
    session.run(*clang, "-fsanitize=fuzzer", *map(str, sources), f"{work}/fake.o", "-o", f"{target}", external=True)
    (work / "corpus").mkdir(exist_ok=True)
    session.run(
        f"{target}", f"-max_total_time={seconds}", "-max_len=2049", f"-artifact_prefix={work}/",
        f"{work}/corpus", "tests/fuzz/corpus", external=True,
    )  # fmt: skip


@nox.session
def view(session: nox.Session) -> None:
    """Measure how smooth the page is with five million objects, in headless Chromium (10 minutes)."""
    install(session, "test")
    find_browser(session)
    session.run("python", "bench/view.py", "--work", session.create_tmp(), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check form and spelling; with npm also the types of the page's modules."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    if shutil.which("npm") is None:
        session.warn("npm is missing: the types of src/quire/web/page/*.js are not checked; install Node.js")
        return
    folder = session.create_tmp()
    session.run("npm", "install", "--silent", "--no-save", "--prefix", folder, TYPESCRIPT, external=True)
    session.run(f"{folder}/node_modules/.bin/tsc", "--project", "src/quire/web/page/jsconfig.json", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's types, and the stub of quire._core against the built module."""
    install(session, "types")
    session.run("mypy")
    session.run("python", "-m", "mypy.stubtest", "quire._core")


def find_browser(session: nox.Session) -> None:
    """Chromium for the page's tests: the system's, or Playwright's. Where neither can be had, they say so and are left
    out; with QUIRE_REQUIRE_BROWSER=1 in the environment they fail."""
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        session.run("playwright", "install", "--with-deps", "chromium", success_codes=range(256))


def compare(session: nox.Session) -> None:
    """Run the comparison that the session is named for; plain results are kept in nox's cache."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(".")
    work = session.cache_dir.resolve() / "comparison"
    with session.chdir("tests"):
        session.run("python", "-m", f"{session.name}.compare", "--work", str(work), *session.posargs)


def install(session: nox.Session, group: str, *switches: str) -> None:
    """Install the package, its test build with further switches, and a dependency group. No core is an error here."""
    session.env["QUIRE_REQUIRE_CORE"] = "1"
    session.install(*nox.project.dependency_groups(PROJECT, group))
    session.install(*(f"--config-settings=cmake.define.{switch}=ON" for switch in ("QUIRE_TESTS", *switches)), ".")
