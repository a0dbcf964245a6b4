"""``quire compare``: what it runs and how, what it measures, and how it ends."""

from __future__ import annotations

import os
import platform
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import run
from quire.cli.compare import pairs_in_a_minute
from quire.export.comparison import from_json
from quire.records.comparison import Comparison, Measurement

pytest.importorskip("quire._core", reason="the native core is not installed")

QUIRE = [sys.executable, "-m", "quire"]
COMPARE = [*QUIRE, "compare"]
MIB = 1024**2
TELL = "import os, quire, sys; side = 'quire' if quire.installed() else 'plain'\n"
"""How a program tells on which side it is."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs, and leaves what it wants to be known."""
    return tmp_path


def compare(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Comparison:
    """A comparison that goes well, as it stands in its file."""
    file = folder / "comparison.json"
    outcome = run([*COMPARE, "--json", str(file), *arguments], environment, cwd=folder, stdin=subprocess.DEVNULL)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    return from_json(file.read_text())


def refused(*arguments: str, **options: object) -> str:
    """What is said where there is nothing to compare."""
    outcome = run([*COMPARE, *arguments], **options)  # type: ignore[arg-type]
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("quire: ")
    return outcome.stderr.removeprefix("quire: ")


# --- what is run ----------------------------------------------------------------------------------------------


def test_both_sides_run_in_turn(folder: Path) -> None:
    """One pair to warm up, then as many as asked for; which side goes first alternates."""
    code = TELL + "open('order', 'a').write(side + ' ')"
    comparison = compare(folder, "--runs", "3", "-c", code)
    assert (folder / "order").read_text().split() == ["plain", "quire"] * 2 + ["quire", "plain"] + ["plain", "quire"]
    assert (len(comparison.pairs), comparison.pairs_planned) == (3, 3)


@pytest.mark.parametrize("kind", ["script", "module", "command"])
def test_a_program_gets_its_arguments(folder: Path, kind: str) -> None:
    """A script, a module and a command see their own arguments and Python's options, the same on both sides."""
    code = TELL + "print(sys.argv[1:], sys.flags.optimize, sys.path[0])\nopen(side, 'w').write(str(sys.argv[1:]))"
    (folder / "program.py").write_text(code)
    target = {"script": ["program.py"], "module": ["-m", "program"], "command": ["-c", code]}[kind]
    comparison = compare(folder, "--runs=1", "-O", *target, "--runs", "x y", "-c")
    assert (folder / "plain").read_text() == (folder / "quire").read_text() == "['--runs', 'x y', '-c']"
    assert comparison.pairs[0].plain.stdout_sha256 == comparison.pairs[0].quire.stdout_sha256
    assert comparison.argv == (sys.executable, "-O", *target, "--runs", "x y", "-c")


def test_the_environments_differ_by_one_variable(folder: Path) -> None:
    """Both sides have what the user has and one order of sets; nothing else of quire's is to be seen."""
    code = TELL + "open(side, 'w').write('\\n'.join(sorted(f'{k}={v}' for k, v in os.environ.items())))"
    compare(folder, "--runs=1", "-c", code, environment={"MINE": "1", "QUIRE_REPORT": "1"})
    plain, quire = (set((folder / side).read_text().split("\n")) for side in ("plain", "quire"))
    assert plain - quire == {"QUIRE_DISABLE=1"}
    assert quire - plain == set()
    assert {"MINE=1", "PYTHONHASHSEED=0"} <= quire
    assert not any(word.startswith(("QUIRE_RUN", "QUIRE_READING")) for word in plain | quire)


def test_a_run_on_quire_makes_no_report(folder: Path) -> None:
    """Sampling and drawing would cost time on one side alone, whatever the environment asks for."""
    code = TELL + "open(side, 'w').write(str('quire.process.sampling' in sys.modules))"
    compare(folder, "--runs=1", "-c", code, environment={"QUIRE_REPORT": "1", "QUIRE_JSON": str(folder / "other")})
    assert (folder / "quire").read_text() == "False"
    assert not (folder / "other").exists()


def test_plain_is_plain_whatever_is_asked_for(folder: Path) -> None:
    """With QUIRE=1 in the environment, or quire.install() in the program, a plain run is plain all the same."""
    code = "import quire; quire.install()\n" + TELL + "open(side, 'a').write('x')"
    compare(folder, "--runs=1", "-c", code, environment={"QUIRE": "1"})
    assert (folder / "plain").read_text() == (folder / "quire").read_text() == "xx"


@pytest.mark.parametrize(("options", "sides"), [([], ["plain"]), (["--children"], ["plain", "quire"])])
def test_children_are_served_where_asked(folder: Path, options: list[str], sides: list[str]) -> None:
    """--children is quire run's; without it a served program's children run plainly."""
    child = TELL + "open(side, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    compare(folder, "--runs=1", *options, "-c", code)
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".json") == sides


@pytest.mark.parametrize(("text", "expected"), [("line\n", "line\n"), (None, "")])
def test_standard_input_is_a_file_or_empty(folder: Path, text: str | None, expected: str) -> None:
    """Each run reads a given file from its start; a pipe is not waited for."""
    code = TELL + "open(side, 'a').write(sys.stdin.read() + '.')"
    (folder / "input").write_text(text or "")
    reader, writer = os.pipe()
    try:
        given = os.open(folder / "input", os.O_RDONLY) if text else os.dup(reader)
        outcome = run([*COMPARE, "--runs=1", "-c", code], cwd=folder, stdin=given)
        os.close(given)
    finally:
        os.close(reader)
        os.close(writer)
    assert outcome.exit_code == 0
    assert (folder / "plain").read_text() == (folder / "quire").read_text() == f"{expected}." * 2


@pytest.mark.parametrize(
    ("pair_seconds", "pairs"), [(0.01, 20), (3.0, 20), (5.0, 12), (9.0, 6), (59.0, 6), (61.0, 3), (1e5, 3)]
)
def test_how_many_pairs_when_nobody_says(pair_seconds: float, pairs: int) -> None:
    """About a minute's worth, but six at least, which an interval needs, and few where each takes minutes."""
    assert pairs_in_a_minute(pair_seconds) == pairs


# --- what is measured -----------------------------------------------------------------------------------------


def test_memory_is_the_programs_own(folder: Path) -> None:
    """The peak and the end are those of the program, however large the process is that compares."""
    code = "peak = b'x' * (100 << 20); del peak; kept = b'x' * (30 << 20)"
    pair = compare(folder, "--runs=1", "-c", code).pairs[0]
    for measured in (pair.plain, pair.quire):
        assert 100 * MIB < (measured.rss_max_bytes or 0) < 125 * MIB
        assert 30 * MIB < (measured.rss_bytes or 0) < 55 * MIB
        assert 0 < (measured.pss_bytes or 0) <= (measured.rss_bytes or 0)
    small = compare(folder, "--runs=1", "-c", "pass").pairs[0]
    for measured in (small.plain, small.quire):
        assert 0 < (measured.rss_bytes or 0) <= (measured.rss_max_bytes or 0) < 18 * MIB


def test_a_child_that_was_waited_for_counts(folder: Path) -> None:
    """The largest process is the peak, and a child's processor time and page faults are the program's."""
    child = "import time\nlarge = b'x' * (150 << 20)\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    pair = compare(folder, "--runs=1", "-c", code).pairs[0]
    for measured in (pair.plain, pair.quire):
        assert (measured.rss_max_bytes or 0) > 150 * MIB > (measured.rss_bytes or 0)
        assert measured.cpu_seconds >= 0.3
        assert measured.minor_faults > 150 * MIB // (2 * MIB)  # as few as these, where pages are huge
    assert pair.plain.wall_seconds >= 0.3


def test_waiting_takes_time_by_the_clock_alone(folder: Path) -> None:
    """A program that sleeps takes wall-clock time, and no processor time for it."""
    pair = compare(folder, "--runs=1", "-c", "import time; time.sleep(1.5)").pairs[0]
    for measured in (pair.plain, pair.quire):
        assert measured.wall_seconds >= 1.5 > measured.cpu_seconds


@pytest.mark.parametrize(
    "ending", ["os._exit(0)", "os.execv(sys.executable, [sys.executable, '-c', 'pass'])"], ids=["_exit", "execv"]
)
def test_a_program_that_cannot_be_read_at_its_end_is_measured_all_the_same(folder: Path, ending: str) -> None:
    """Where the reading is missing, its numbers are not made up, and the others are there."""
    for measured in sides(compare(folder, "--runs=1", "-c", f"import os, sys; {ending}")):
        assert (measured.rss_bytes, measured.pss_bytes) == (None, None)
        assert measured.cpu_seconds > 0
    assert "not seen" in run([*QUIRE, "show", str(folder / "comparison.json")]).stdout


def sides(comparison: Comparison) -> list[Measurement]:
    return [measured for pair in comparison.pairs for measured in (pair.plain, pair.quire)]


def test_a_fork_leaves_the_reading_to_its_parent(folder: Path) -> None:
    """A fork that ends like a program, and before its parent, writes no reading."""
    code = "import os, sys\nif os.fork() == 0: large = b'x' * (99 << 20); sys.exit()\nos.wait()"
    fork_alone = "import os\nif os.fork(): os.wait(); os._exit(0)"
    assert all((measured.rss_bytes or 0) < 90 * MIB for measured in sides(compare(folder, "--runs=1", "-c", code)))
    assert [measured.rss_bytes for measured in sides(compare(folder, "--runs=1", "-c", fork_alone))] == [None, None]


# --- what is said ---------------------------------------------------------------------------------------------


def test_what_the_program_prints_is_not_shown(folder: Path) -> None:
    """Neither stream of the program is; the screen has the numbers and ends with the conclusion, in 80 columns."""
    outcome = run([*COMPARE, "--runs=2", "-c", "import sys; print('NOISE'); print('NOISE', file=sys.stderr)"])
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    text, lines = outcome.stdout, outcome.stdout.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert lines[0].endswith(f" Python {platform.python_version()}")  # the command gives way
    assert "NOISE" not in text.split("\n", 1)[1]
    assert "standard output was the same plainly and on quire" in " ".join(text.split())
    for label in ("wall-clock time", "processor time", "peak memory", "resident at the end", "page faults"):
        assert text.count(f"\n{label}  ") == 2
    assert "\n\nFrom 2 pairs alone" in text


def test_an_output_that_differs_on_quire_is_told() -> None:
    """Whatever the numbers are, a program that says something else on quire is not to be overlooked."""
    outcome = run([*COMPARE, "--runs=2", "-c", TELL + "print(side)"])
    assert outcome.exit_code == 0
    assert "standard output DIFFERED on quire" in " ".join(outcome.stdout.split())


def test_sets_have_one_order_on_both_sides() -> None:
    """A program that prints a set says the same in every run."""
    outcome = run([*COMPARE, "--runs=2", "-c", "print({str(i) for i in range(50)})"])
    assert "standard output was the same" in " ".join(outcome.stdout.split())


def test_a_file_that_cannot_be_written_after_all_does_not_take_the_screen() -> None:
    """What was measured is shown, and then said why it is nowhere else."""
    outcome = run([*COMPARE, "--runs=1", "--json", "/dev/full", "-c", "1"])
    assert (outcome.exit_code, outcome.stderr.count("\n")) == (2, 1)
    assert "resident at the end" in outcome.stdout
    assert outcome.stderr.startswith("quire: cannot write /dev/full: No space left on device; ")


def test_quire_show_shows_the_same(folder: Path) -> None:
    """A saved comparison is shown again, line for line."""
    file = folder / "out.json"
    first = run([*COMPARE, "--runs=1", "--json", str(file), "-c", "pass"]).stdout
    run([*QUIRE, "show", str(file)]).expect(first)


# --- where there is nothing to compare ------------------------------------------------------------------------


def test_a_program_that_fails_plainly_ends_it(folder: Path) -> None:
    """Its exit code and its last words are told; it is not run on quire."""
    code = TELL + "open(side, 'w'); print('y\\033' * 9000, 'end', file=sys.stderr); {}['lost']"
    words = refused("-c", code, cwd=folder)
    assert words.startswith("plainly the program ended with exit code 1, and its last words were:\n  ")
    assert words.endswith("KeyError: 'lost'\n")
    assert "\033" not in words
    assert len(words) < 2000
    assert not (folder / "quire").exists()


def test_a_program_that_fails_on_quire_alone_ends_it() -> None:
    """A difference in exit codes is told as what it is."""
    words = refused("-c", TELL + "sys.exit(7 * (side == 'quire'))")
    assert words == "on quire the program ended with exit code 7 (plainly with 0), without a word\n"


def test_a_signal_is_told_by_its_name() -> None:
    """A program that crashes on quire says so by its signal, of whatever kind."""
    words = refused("-c", TELL + "side == 'quire' and os.kill(os.getpid(), 11)")
    assert words.startswith("on quire the program ended by signal 11, Segmentation fault (plainly with 0)")
    assert "signal 40" in refused("-c", "import os; os.kill(os.getpid(), 40)")


def test_what_has_been_measured_before_a_failure_is_shown(folder: Path) -> None:
    """A program that fails later on leaves the pairs there were, on the screen and in the file."""
    code = "import os, sys\nopen('runs', 'a').write('x')\nsys.exit(os.path.getsize('runs') > 7)"
    outcome = run([*COMPARE, "--runs=5", "--json", "out.json", "-c", code], cwd=folder)
    assert outcome.exit_code == 2
    assert "Ended early: 2 of 5 pairs of runs" in outcome.stdout
    assert "with exit code 1" in outcome.stderr
    assert len(from_json((folder / "out.json").read_text()).pairs) == 2


def test_a_program_that_reads_is_told_how_to_be_fed() -> None:
    """Where the empty standard input was the reason, the way to give it one is told."""
    assert "quire compare SCRIPT < FILE" in refused("-c", "input()", stdin=subprocess.DEVNULL)


def test_a_run_that_takes_too_long_is_stopped(folder: Path) -> None:
    """--timeout ends it, with all the processes it started, and says so."""
    child = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(300)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    words = refused("--timeout", "5", "-c", code, cwd=folder)
    assert words.startswith("plainly the program took longer than 5 s and was stopped")
    expect_gone(int((folder / "pid").read_text()))


def expect_gone(pid: int) -> None:
    """The process ends soon, if it has not yet."""
    for _ in range(600):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} is still there")


def test_a_python_that_cannot_be_served_says_why() -> None:
    """The served process's own reason, as one line of quire's."""
    limited = ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "bash", *COMPARE, "-c", "pass"]
    outcome = run(limited, {"QUIRE_RANGE": "1T"})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert outcome.stderr.startswith("quire: the system does not reserve 1048576 MiB of addresses")


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ([], {}, "there is nothing to run"),
        (["-"], {}, "put it into a file"),
        (["missing.py"], {}, "there is no script missing.py"),
        (["json"], {}, "quire compare -m json"),
        (["--quiet", "-c", "pass"], {}, "quire compare has no option --quiet"),
        (["--rnus=2", "-c", "pass"], {}, "did you mean --runs?"),
        (["--runs"], {}, "--runs needs a value"),
        (["--runs=0", "-c", "pass"], {}, "--runs=0 is not a number from 1 to 1000"),
        (["--runs=1001", "-c", "pass"], {}, "from 1 to 1000"),
        (["--runs=few", "-c", "pass"], {}, "from 1 to 1000"),
        (["--timeout=0", "-c", "pass"], {}, "not a number of seconds above 0"),
        (["--timeout=nan", "-c", "pass"], {}, "not a number of seconds above 0"),
        (["--timeout=inf", "-c", "pass"], {}, "not a number of seconds above 0"),
        (["--timeout=soon", "-c", "pass"], {}, "not a number of seconds above 0"),
        (["--json=/nowhere/at/all", "-c", "pass"], {}, "cannot write /nowhere/at/all"),
        (["-X", "dev", "-c", "pass"], {}, "leave out -X dev"),
        (["-c", "pass"], {"QUIRE_DISABLE": "1"}, "QUIRE_DISABLE is set"),
        (["-c", "pass"], {"QUIRE_REPROT": "1"}, "did you mean QUIRE_REPORT?"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(arguments: list[str], environment: dict[str, str], words: str) -> None:
    """What is missing, unknown or impossible is told before anything runs."""
    text = refused(*arguments, environment=environment)
    assert words in text
    assert text.count("\n") == 1


# --- ended by hand --------------------------------------------------------------------------------------------

FOUR_RUNS_THEN_FOR_EVER = """
import os, time
with open('runs', 'a') as file:
    file.write('x')
if os.path.getsize('runs') > 4:
    open('pid', 'w').write(str(os.getpid()))
    try:
        time.sleep(300)
    finally:
        open('tidied', 'w')
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_shows_what_has_been_measured(folder: Path, number: int) -> None:
    """Ctrl-C ends the run under way as Ctrl-C would, and the comparison with the pairs there are."""
    handle = f"import os, signal, sys; signal.signal({number:d}, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", handle, *COMPARE, "--runs=9", "-c", FOUR_RUNS_THEN_FOR_EVER]  # under nohup, too
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pid = wait_for_pid(folder)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert "Ended early: 1 of 9 pairs of runs" in stdout
    expect_gone(pid)
    assert (folder / "tidied").exists()


def wait_for_pid(folder: Path) -> int:
    """Of the run that does not end."""
    for _ in range(600):
        if (folder / "pid").exists() and (text := (folder / "pid").read_text()):
            return int(text)
        time.sleep(0.1)
    pytest.fail("the last run has not begun")


def test_an_interrupt_before_the_first_pair_says_nothing(folder: Path) -> None:
    """There is nothing to show yet, and no traceback."""
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(300)"
    with subprocess.Popen(
        [*COMPARE, "-c", code], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_for_pid(folder)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 130


def test_progress_is_for_terminals(folder: Path) -> None:
    """On a terminal a line says what runs, and is gone when the screen comes; it never gets into what is redirected."""
    progress, stdout = compare_on_terminal({"TERM": "xterm"})
    for words in ("warm-up, plainly", "warm-up, on quire", "pair 1 of 2, plainly", "pair 2 of 2, on quire", " left"):
        assert words in progress
        assert words not in stdout
    assert progress.endswith("\x1b[2K")
    assert stdout.startswith("quire compare: -c pass")


def test_a_terminal_that_cannot_take_a_line_back_gets_none() -> None:
    """TERM=dumb: the screen alone."""
    progress, stdout = compare_on_terminal({"TERM": "dumb"})
    assert progress == ""
    assert stdout.startswith("quire compare: -c pass")


@pytest.mark.parametrize("columns", ["0", "1", "20", "-5", "abc"])
def test_odd_columns_are_no_failure(columns: str) -> None:
    """What COLUMNS says matters to the progress alone, and changes nothing else."""
    progress, stdout = compare_on_terminal({"TERM": "xterm", "COLUMNS": columns})
    assert "Traceback" not in progress
    assert stdout.startswith("quire compare: -c pass")


def compare_on_terminal(environment: dict[str, str]) -> tuple[str, str]:
    """What a terminal gets of the progress, and what standard output has."""
    controller, terminal = pty.openpty()
    command = [*COMPARE, "--runs=2", "-c", "pass"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=terminal, env=os.environ | environment, text=True
    ) as process:
        os.close(terminal)
        progress = read_terminal(controller)
        stdout = process.communicate(timeout=60)[0]
    os.close(controller)
    return progress, stdout


def read_terminal(controller: int) -> str:
    """All that is written to a terminal until its last writer closes it."""
    text = b""
    while select.select([controller], [], [], 60)[0]:
        try:
            chunk = os.read(controller, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        text += chunk
    return text.decode()
