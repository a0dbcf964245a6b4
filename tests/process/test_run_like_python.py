"""``quire run`` runs a program as plain Python does: each test runs one both ways and compares all that can be seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from processes import Outcome, run

pytest.importorskip("quire._core", reason="the native core is not installed")

PYTHON = [sys.executable]
QUIRE_RUN = [sys.executable, "-m", "quire", "run", "--quiet"]

# A program that quire serves handles one real-time signal more, which asks it for a snapshot (docs/snapshot.md).
TELL = """
ASKING = 63
import json, os, signal, sys
facts = dict(
    argv=sys.argv, orig_argv=sys.orig_argv, flags=repr(sys.flags), warnoptions=sys.warnoptions, path=sys.path,
    xoptions=sys._xoptions, name=__name__, file=globals().get("__file__"), executable=sys.executable, cwd=os.getcwd(),
    environ=dict(os.environ), prefix=sys.prefix, encodings=[f.encoding + f.errors for f in (sys.stdin, sys.stdout)],
    filesystem=sys.getfilesystemencoding(), limit=sys.getrecursionlimit(), open=os.listdir("/proc/self/fd"),
    ignored=[s for s in range(1, 32) if signal.getsignal(s) == signal.SIG_IGN],
    masks=[line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))],
    caught=int(open("/proc/self/status").read().split("SigCgt:")[1].split()[0], 16) & ~(1 << (ASKING - 1)),
    umask=os.umask(0),
)
print(json.dumps(facts, indent=1, sort_keys=True))
"""


def both(arguments: list[str], **options: object) -> tuple[Outcome, Outcome]:
    """How plain Python and ``quire run`` end with the same arguments."""
    return run(PYTHON + arguments, **options), run(QUIRE_RUN + arguments, **options)  # type: ignore[arg-type]


def expect_same(arguments: list[str], **options: object) -> Outcome:
    plain, served = both(arguments, **options)
    assert served == plain
    return served


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Writes a script, and gives its path."""

    def write(text: str, name: str = "script.py") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


# --- how it is started ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-u"],
        ["-O", "-B"],
        ["-OO"],
        ["-E"],
        ["-I"],
        ["-s", "-P"],
        ["-W", "ignore"],
        ["-Wdefault", "-Werror::UserWarning"],
        ["-X", "utf8"],
        ["-Xutf8=0", "-X", "faulthandler"],
        ["-X", "mine=1", "-Xint_max_str_digits=700"],
        ["-bbq"],
        ["-vx"],
        ["--check-hash-based-pycs", "never"],
        ["--"],
    ],
    ids=" ".join,
)
def test_a_script_sees_what_it_sees_under_plain_python(script: Callable[[str], str], options: list[str]) -> None:
    """Arguments, flags, paths, streams, environment, descriptors and signals are the same, whatever the options."""
    plain, served = both([*options, script("#\n" + TELL), "one", "-x", "--json", "", "two words"])
    assert (served.exit_code, served.stdout) == (plain.exit_code, plain.stdout)
    assert served.stdout


@pytest.mark.parametrize("options", [[], ["-I"], ["-Wignore"]], ids=" ".join)
def test_a_command_sees_what_it_sees_under_plain_python(options: list[str]) -> None:
    """The same for -c, alone and clustered with other letters."""
    expect_same([*options, "-c", TELL, "-c", "--quiet"])
    expect_same([*options, "-uc" + TELL, "argument"])


def test_a_module_sees_what_it_sees_under_plain_python(script: Callable[[str], str], tmp_path: Path) -> None:
    """The same for -m, with the module found in the current folder, clustered or not."""
    script(TELL, "told.py")
    expect_same(["-m", "told", "-m", "x"], cwd=tmp_path)
    expect_same(["-Bmtold", "x"], cwd=tmp_path)


def test_standard_input_sees_what_it_sees_under_plain_python() -> None:
    """The same for a program that comes on standard input."""
    expect_same(["-", "one", "--two"], input=TELL)


def test_a_folder_and_an_archive_run(tmp_path: Path, script: Callable[[str], str]) -> None:
    """A folder with a __main__.py runs, and so does a zip archive of one."""
    script(TELL, "__main__.py")
    expect_same([str(tmp_path), "argument"])
    with zipfile.ZipFile(tmp_path / "program", "w") as archive:
        archive.writestr("__main__.py", TELL)
    expect_same([str(tmp_path / "program"), "argument"])


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": ""},
        {"LC_CTYPE": "C.UTF-8", "LC_ALL": ""},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONUTF8": "1"},
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONPATH": "/nowhere:/tmp"},
        {"PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "3"},
    ],
    ids=str,
)
def test_the_environment_works_as_under_plain_python(script: Callable[[str], str], environment: dict[str, str]) -> None:
    """Locales and Python's own variables have the same effect, and reach the program unchanged."""
    expect_same([script(TELL)], environment=environment)


def test_options_of_quire_may_stand_among_pythons(script: Callable[[str], str], tmp_path: Path) -> None:
    """quire's options are taken out wherever they stand before the program, and nowhere behind."""
    path = script(TELL)
    json = str(tmp_path / "out.json")
    plain = run([*PYTHON, "-B", "-Wignore", path, "--json", "x"])
    served = run([*QUIRE_RUN, "-B", "--json", json, "-Wignore", "--large-blocks=libc", path, "--json", "x"])
    assert without_caught_signals(served) == without_caught_signals(plain)


def without_caught_signals(outcome: Outcome) -> Outcome:
    """A process that will report handles another real-time signal: by it the heap tells of its growth."""
    lines = outcome.stdout.splitlines()
    return replace(outcome, stdout="\n".join(line for line in lines if '"caught"' not in line))


@pytest.mark.parametrize("options", [[], ["-I"], ["-E", "-s"], ["-P"], ["-OO", "-B"], ["-X", "utf8"]], ids=" ".join)
def test_it_is_served_whatever_the_options(options: list[str]) -> None:
    """No option that quire run takes keeps quire from being installed."""
    assert run([*QUIRE_RUN, *options, "-c", "import quire; print(quire.installed())"]).stdout == "True\n"


# --- how it ends ----------------------------------------------------------------------------------------------

ENDINGS = {
    "nothing": "",
    "code": "import sys; sys.exit(3)",
    "text": "raise SystemExit('a last word')",
    "exception": "def f(n): return 1 / n\nprint('before')\nf(0)",
    "chain": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('é\\n\\udcff') from e",
    "group": "raise ExceptionGroup('several', [ValueError(1), TypeError('2')])",
    "syntax": "x = (1,\n",
    "recursion": "def f(): f()\ntry:\n    f()\nexcept RecursionError as e:\n    print(e)",
    "interrupt": "raise KeyboardInterrupt",
    "at once": "import os; print('lost', end=''); os._exit(7)",
    "SIGTERM": "import os; os.kill(os.getpid(), 15)",
    "SIGKILL": "import os; os.kill(os.getpid(), 9)",
    "SIGSEGV": "import os; os.kill(os.getpid(), 11)",
    "abort": "import os; os.abort()",
    "thread": "import threading; t = threading.Thread(target=lambda: 1 / 0, name='T'); t.start(); t.join()",
    "atexit": "import atexit; atexit.register(print, 'bye'); atexit.register(int, 'x')",
    "closed": "import sys; sys.stdout.close(); sys.stderr.close()",
    "warning": "import warnings; warnings.warn('careful')",
    "stderr": "import sys; sys.stderr.write('no line end'); print('out')",
    "exec": "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])",
    "many digits": "int('1' * 5000)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_as_under_plain_python(script: Callable[[str], str], ending: str) -> None:
    """Exit code, signal, output and traceback are the same to the byte."""
    expect_same([script(ENDINGS[ending])])
    if ending != "syntax":
        expect_same(["-c", ENDINGS[ending]])


def test_a_signal_from_outside_arrives_as_under_plain_python(script: Callable[[str], str]) -> None:
    """SIGINT and SIGTERM reach the program itself, its handlers and its exit code."""
    path = script("import signal, sys\nprint('ready', flush=True)\nsignal.pause()")
    handled = script(
        "import signal, sys\nsignal.signal(15, lambda *a: sys.exit(42))\nprint('ready', flush=True)\nsignal.pause()",
        "handled.py",
    )
    for number, program in ((signal.SIGINT, path), (signal.SIGTERM, path), (signal.SIGTERM, handled)):
        assert signalled([*QUIRE_RUN, program], number) == signalled([*PYTHON, program], number)


def signalled(command: list[str], number: int) -> tuple[int, str]:
    """How a program that says it is ready ends after a signal."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QUIRE", "PYTHON"))}
    with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        wait_until_asleep(process.pid)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def wait_until_asleep(pid: int) -> None:
    """A signal is to find the program in its wait, and not still on the line before."""
    while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "S":
        time.sleep(0.001)


def test_output_to_nobody_ends_as_under_plain_python(script: Callable[[str], str]) -> None:
    """A reader that goes away is a broken pipe to the program, with the same exit code."""
    path = script("for i in range(100_000): print(i)")

    def piped(command: list[str]) -> tuple[int, bytes]:
        with subprocess.Popen(command, stdout=-1, stderr=-1) as process:
            assert process.stdout is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr is not None
            return process.wait(60), process.stderr.read()

    assert piped([*QUIRE_RUN, path]) == piped([*PYTHON, path])


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["screen", "file"])
def test_an_interrupt_ends_a_program_that_reports_as_plainly(
    script: Callable[[str], str], tmp_path: Path, options: list[str]
) -> None:
    """Ctrl-C that nobody catches: the report is told, and the process dies of SIGINT as under plain Python."""
    path = script("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n[None for _ in range(10**6)]\n")
    options = [*options, str(tmp_path / "out.json")] if options else options
    served = run([sys.executable, "-m", "quire", "run", *options, path])
    assert served.exit_code == run([*PYTHON, path]).exit_code == -signal.SIGINT
    assert "KeyboardInterrupt" in served.stderr
    assert "resident" in served.stderr
