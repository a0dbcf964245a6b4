"""The start before the program: what QUIRE=1 in the environment does to a process and to its children."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

import quire
from processes import run, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

SERVED = "import quire; print(quire.installed())"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:], '-c', {code!r}], check=True)"
QUIRE_RUN = [sys.executable, "-m", "quire", "run"]


def test_quire_1_serves_a_process_and_says_nothing() -> None:
    """QUIRE=1 alone: served, no report, no word."""
    run_python(SERVED, environment={"QUIRE": "1"}).expect("True\n")


@pytest.mark.parametrize("value", ["0", ""])
def test_quire_0_is_off(value: str) -> None:
    """QUIRE=0 and an empty QUIRE ask for nothing, and other settings are then not looked at."""
    run_python(SERVED, environment={"QUIRE": value, "QUIRE_NOTHING": "x"}).expect("False\n")


def test_disable_wins_over_everything() -> None:
    """With QUIRE_DISABLE=1 nothing serves: not QUIRE, not quire.install(), not quire run, and no error stops it."""
    off = {"QUIRE_DISABLE": "yes", "QUIRE": "1", "QUIRE_REPORT": "1", "QUIRE_RANGE": "nonsense"}
    run_python("import quire; quire.install(); print(quire.installed())", environment=off).expect("False\n")
    outcome = run([*QUIRE_RUN, "-c", SERVED], {"QUIRE_DISABLE": "1", "QUIRE_RANGE": "nonsense"})
    assert (outcome.exit_code, outcome.stdout) == (0, "False\n")
    assert outcome.stderr == "quire: QUIRE_DISABLE=1 is set; the program runs without quire\n"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"QUIRE": "on"}, "QUIRE=on"),
        ({"QUIRE_LARGE_BLOCKS": "x"}, "QUIRE_LARGE_BLOCKS=x"),
        ({"QUIRE_RANGE": "12"}, "QUIRE_RANGE=12"),
        ({"QUIRE_RAGNE": "64G"}, "did you mean QUIRE_RANGE?"),
        ({"QUIRE_JSON": "/nowhere/at/all"}, "cannot write /nowhere/at/all"),
        ({"QUIRE_RUN": "1"}, "QUIRE_RUN is quire's own"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_understood_ends_the_process(setting: dict[str, str], words: str) -> None:
    """One line, exit code 2, and the program does not run."""
    outcome = run_python("print('ran')", environment={"QUIRE": "1"} | setting)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert outcome.stderr.startswith("quire: ")
    assert words in outcome.stderr


def test_what_bears_a_modules_name_beside_the_program_does_no_harm(tmp_path: Path) -> None:
    """A program's own resource.py is not run; its own quire.py hides quire, which takes one line, told once."""
    (tmp_path / "resource.py").write_text("raise SystemExit('run by quire')")
    beside = {"QUIRE": "1", "PYTHONPATH": str(tmp_path)}
    run_python(SERVED, environment=beside).expect("True\n")
    (tmp_path / "quire.py").write_text("")
    outcome = run_python("print('ran')", environment=beside)
    assert (outcome.exit_code, outcome.stdout) == (0, "ran\n")
    assert outcome.stderr == (
        f"quire: another module stands before quire on sys.path, {tmp_path / 'quire.py'}; the program runs without\n"
    )


@pytest.mark.parametrize("foreign", ["quire.py", "quire/__init__.py"])
def test_the_command_names_another_module_of_its_name(tmp_path: Path, foreign: str) -> None:
    """One line says which and what to do; in the current folder, not on a script's path, it does not matter."""
    path = tmp_path / foreign
    path.parent.mkdir(exist_ok=True)
    path.touch()
    command = str(Path(sysconfig.get_path("scripts")) / "quire")
    outcome = run([command, "--version"], {"PYTHONPATH": str(tmp_path)})
    remedy = "rename it, or take its folder out of PYTHONPATH"
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr == f"quire: another module stands before quire on sys.path, {path}; {remedy}\n"
    run([command, "--version"], cwd=tmp_path).expect(f"quire {quire.__version__}\n")


def test_where_it_cannot_serve_it_says_why_once_and_the_program_runs() -> None:
    """A process over a debug allocator runs plainly after one line; its children run plainly without a word."""
    code = CHILD.format(code=SERVED) + "\n" + SERVED
    outcome = run_python(code, environment={"QUIRE": "1", "PYTHONMALLOC": "debug"})
    assert (outcome.exit_code, outcome.stdout) == (0, "False\nFalse\n")
    assert outcome.stderr.startswith("quire: a debug allocator is active")
    assert outcome.stderr.endswith("; the program runs without quire\n")
    assert outcome.stderr.count("\n") == 1


def test_a_closed_standard_error_is_no_reason_to_fail() -> None:
    """What cannot be said is not said, and the program runs."""
    command = ["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-c", "print('ran')"]
    for setting in ({"PYTHONMALLOC": "debug"}, {"QUIRE_REPORT": "1"}, {}):
        run(command, {"QUIRE": "1"} | setting).expect("ran\n")


def test_children_of_a_served_process_are_served() -> None:
    """QUIRE=1 reaches a child, and a child started from a fork; a child without the environment runs plainly."""
    code = (
        CHILD.format(code=SERVED)
        + """
import os
sys.stdout.flush()
if os.fork() == 0:
    subprocess.run([sys.executable, "-c", "import quire; print(quire.installed())"])
    os._exit(0)
os.wait()
subprocess.run([sys.executable, "-c", "import quire; print(quire.installed())"], env={})
"""
    )
    run_python(code, environment={"QUIRE": "1"}).expect("True\nTrue\nFalse\n")


def test_quire_run_serves_children_only_where_asked(tmp_path: Path) -> None:
    """Without --children a child runs plainly; with it, it is served as its parent is, and leaves the reports to it."""
    code = CHILD.format(code=SERVED)
    assert run([*QUIRE_RUN, "--quiet", "-c", code]).stdout == "False\n"
    told = "import quire, os; quire.installed() and print(sorted(k for k in os.environ if k.startswith('QUIRE')))"
    outcome = run([*QUIRE_RUN, "--children", "--large-blocks=libc", "-c", CHILD.format(code=told)])
    assert outcome.stdout == "['QUIRE', 'QUIRE_FAMILY', 'QUIRE_LARGE_BLOCKS']\n"
    assert outcome.stderr.count("quire: ") == 1


def test_quire_run_where_all_are_served_speaks_once() -> None:
    """With QUIRE=1 in the environment as well, the program that was asked for reports, and nobody else."""
    environment = {"QUIRE": "1", "QUIRE_REPORT": "1"}
    outcome = run([*QUIRE_RUN, "-c", CHILD.format(code=SERVED)], environment)
    assert (outcome.stdout, outcome.stderr.count("quire: ")) == ("True\n", 1)
    outcome = run([*QUIRE_RUN, "--quiet", "-c", CHILD.format(code=SERVED)], environment)
    assert (outcome.stdout, outcome.stderr) == ("True\n", "")


def test_a_service_reports_once_for_all_its_processes(tmp_path: Path) -> None:
    """With QUIRE_REPORT and QUIRE_JSON, the first process of a family reports; children and forks do not."""
    from quire.export.run_report import from_json

    file = tmp_path / "report.json"
    code = CHILD.format(code="pass") + "\nimport os; os.fork() and os.wait(); print(os.getpid())"
    outcome = run_python(code, environment={"QUIRE": "1", "QUIRE_REPORT": "1", "QUIRE_JSON": str(file)})
    assert outcome.stderr.count("quire: ") == 1
    assert str(from_json(file.read_text()).pid) in outcome.stdout.split()


def test_a_program_that_starts_itself_over_reports_still() -> None:
    """A service that replaces itself by exec is the same process: served, and heard at its end."""
    code = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import quire; print(quire.installed())'])"
    outcome = run_python(code, environment={"QUIRE": "1", "QUIRE_REPORT": "1"})
    assert (outcome.stdout, outcome.stderr.count("quire: ")) == ("True\n", 1)


@pytest.mark.parametrize(
    ("options", "environment", "frames"),
    [(["-X", "tracemalloc"], {}, 1), (["-X", "tracemalloc=5"], {}, 5), ([], {"PYTHONTRACEMALLOC": "3"}, 3)],
    ids=["-X", "-X=5", "variable"],
)
def test_tracemalloc_traces_over_quire(options: list[str], environment: dict[str, str], frames: int) -> None:
    """Asked for at the start, tracemalloc is on in a served process, and may stop without harm."""
    code = """
import sys, tracemalloc, quire, os
print(quire.installed(), tracemalloc.is_tracing(), tracemalloc.get_traceback_limit())
print(sys._xoptions, os.environ.get("PYTHONTRACEMALLOC"))
kept = [str(i) for i in range(10_000)]
print(tracemalloc.get_traced_memory()[0] > 400_000)
tracemalloc.stop()
before = quire.stats().blocks_allocated
kept += [str(i) for i in range(10_000)]
print(quire.stats().blocks_allocated - before > 9_000)
"""
    plain = run(
        [sys.executable, *options, "-c", "import sys, os; print(sys._xoptions, os.environ.get('PYTHONTRACEMALLOC'))"],
        environment,
    )
    expected = f"True True {frames}\n{plain.stdout}True\nTrue\n"
    run([*QUIRE_RUN, "--quiet", *options, "-c", code], environment).expect(expected)
    run([sys.executable, *options, "-c", code], {"QUIRE": "1"} | environment).expect(expected)


def test_a_python_started_again_is_served_still() -> None:
    """A program that embeds Python may end and start it: on 3.11 tracemalloc, once unloaded, cannot be imported."""
    code = """
    import os, sys
    class Unloaded:
        def find_spec(self, name, path=None, target=None):
            if name == "_tracemalloc":
                raise RuntimeError("the tracemalloc module has been unloaded")
    sys.modules.pop("_tracemalloc", None)
    sys.meta_path.insert(0, Unloaded())
    os.environ["QUIRE"] = "1"
    import quire.boot, quire
    print(quire.installed())
    """
    run_python(code).expect("True\n")


def test_a_sub_interpreter_in_a_family_says_nothing() -> None:
    """A sub-interpreter reads the start-up file again; it changes nothing, and is heard of neither way."""
    code = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, "print('inside', flush=True)")
interpreters.destroy(one)
"""
    outcome = run_python(code, environment={"QUIRE": "1", "QUIRE_REPORT": "1"})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("quire: ")) == (0, "inside\n", 1)
    outcome = run_python(code, environment={"QUIRE": "1", "PYTHONMALLOC": "debug"})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("quire: ")) == (0, "inside\n", 1)


def test_the_start_imports_nothing_costly() -> None:
    """A served process that has not ended has none of the slow modules that its report will need."""
    slow = "{'dataclasses', 'enum', 're', 'json', 'typing', 'inspect', 'pathlib', 'subprocess', 'rich', 'argparse'}"
    code = f"import sys; print(sorted({slow} & set(sys.modules)))"
    plain = run_python(code)
    run_python(code, environment={"QUIRE": "1"}).expect(plain.stdout)
    assert run([*QUIRE_RUN, "--quiet", "-c", code]).stdout == plain.stdout
