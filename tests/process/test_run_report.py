"""What a program says of its memory when it ends, and that it says it without getting in the program's way."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from processes import run, run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

QUIRE_RUN = [sys.executable, "-m", "quire", "run"]
KEEP = "kept = [str(i) * 20 for i in range(300_000)]\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A place for a script, in a folder of its own."""
    return tmp_path / "script.py"


# --- what it says ---------------------------------------------------------------------------------------------


def test_the_screen_comes_last_on_standard_error(script: Path) -> None:
    """After everything that the program prints, even in its last moments, comes one screen."""
    script.write_text("import atexit, sys\natexit.register(print, 'bye')\nprint('out', end='')\n1 / 0")
    outcome = run(["bash", "-c", 'exec "$@" 2>&1', "bash", *QUIRE_RUN, str(script), "argument"])
    assert outcome.exit_code == 1
    traceback = outcome.stdout.index("ZeroDivisionError: division by zero\n")
    assert traceback < outcome.stdout.index("bye\n") < outcome.stdout.index("resident memory")
    assert "resident memory" in outcome.stdout


def test_the_screen_adds_up_and_fits(script: Path) -> None:
    """The rows as printed add up to the sums as printed, in 80 columns."""
    script.write_text(KEEP)
    stderr = run([*QUIRE_RUN, str(script)]).stderr
    assert max(map(len, stderr.splitlines())) <= 80
    rows, total = stderr.partition("quire's heap\n")[2].split("─\nresident memory")
    columns = [re.findall(r"(?<= )[\d,]+\.\d(?= |$)", line) for line in rows.splitlines()]
    sums = re.findall(r"[\d,]+\.\d", total.partition("\n")[0])
    for moment, printed in enumerate(sums):
        tenths = [
            int(line[-len(sums) :][moment].replace(",", "").replace(".", "")) for line in columns if len(line) == 2
        ]
        above = [int(line[0].replace(".", "")) for line in columns if len(line) == 1 and moment == 1]
        assert sum(tenths) + sum(above) == int(printed.replace(",", "").replace(".", ""))


def test_the_file_agrees_with_the_kernel(tmp_path: Path, script: Path) -> None:
    """The report's parts add up, and what it says of the process is what the process saw of itself."""
    from quire.export.run_report import from_json
    from quire.report.waterfall import waterfall

    script.write_text(
        KEEP + "import os, sys\n"
        "fields = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(os.getpid(), int(fields['VmRSS'].split()[0]) * 1024, int(fields['VmHWM'].split()[0]) * 1024)"
    )
    file = tmp_path / "out.json"
    outcome = run([*QUIRE_RUN, "--quiet", "--json", str(file), str(script), "argument"])
    outcome.expect()
    pid, rss_bytes, rss_max_bytes = map(int, outcome.stdout.split())
    report = from_json(file.read_text())
    assert report.pid == pid
    assert report.argv[1:] == (str(script), "argument")
    assert report.python == sys.version.split()[0]
    assert report.cpu_seconds > 0
    assert report.wall_seconds > 0
    assert rss_bytes * 0.9 < report.end.rss_bytes < rss_bytes * 1.4
    # The kernel counts resident pages on each processor apart, so its sum may be some hundred KiB less a little later.
    assert rss_max_bytes - 2**20 < report.rss_max_bytes < rss_max_bytes * 1.4
    assert sum(row.end_bytes for row in waterfall(report)) == report.end.rss_bytes
    assert sum(row.peak_bytes for row in waterfall(report)) == report.rss_max_bytes
    assert report.rss_max_bytes >= report.end.rss_bytes >= report.end.pss_bytes
    assert report.peak.rss_bytes * 1.25 >= report.end.rss_bytes  # else the end would be told as the peak
    assert report.statistics.live_bytes > 300_000 * 100


def test_the_peak_is_not_below_the_end(tmp_path: Path) -> None:
    """The kernel is asked before the last sample, which may be above what it said and above all other samples."""
    from quire.export.run_report import from_json

    run_python(
        f"""
        import dataclasses, quire
        from quire.export import ending
        from quire.process.sampling import PeakSampler
        stop = PeakSampler.stop
        def stop_below(self):
            end, peak, samples = stop(self)
            return end, dataclasses.replace(end, rss_bytes=end.rss_bytes - 8192), samples
        PeakSampler.stop = stop_below
        ending._rss_max_bytes = lambda: 4096
        quire.install(quire.Config(json={str(tmp_path / "report.json")!r}))
        """
    ).expect("")
    report = from_json((tmp_path / "report.json").read_text())
    assert report.peak.rss_bytes < report.end.rss_bytes == report.rss_max_bytes


def test_quire_show_shows_the_same(tmp_path: Path, script: Path) -> None:
    """A saved report is shown again, word for word."""
    script.write_text(KEEP)
    file = tmp_path / "out.json"
    screen = run([*QUIRE_RUN, "--json", str(file), str(script)]).stderr
    shown = run([sys.executable, "-m", "quire", "show", str(file)])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert screen == "\n" + shown.stdout


def test_a_program_may_ask_for_its_own_report(tmp_path: Path) -> None:
    """quire.install with a config that asks for it reports as quire run does."""
    file = tmp_path / "own.json"
    outcome = run_python(f"import quire; quire.install(quire.Config(report=True, json={str(file)!r}))")
    assert outcome.stderr.count("quire: ") == 1
    assert file.exists()
    outcome = run_python("import quire; quire.install(quire.Config(json='/nowhere/at/all'))")
    assert outcome.stderr.endswith("InvalidOption: " + outcome.stderr.rpartition("InvalidOption: ")[2])
    assert "cannot write /nowhere/at/all" in outcome.stderr


# --- where it is silent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending",
    [
        "if os.fork() == 0: sys.exit()",
        "if os.fork() == 0: os._exit(0)",
        "import multiprocessing as m; p = m.get_context('fork').Process(target=print); p.start(); p.join()",
        "subprocess.run([sys.executable, '-c', 'pass'])",
    ],
)
def test_a_child_says_nothing(script: Path, ending: str) -> None:
    """A fork that ends like a program, or a child process, leaves the report to its parent."""
    script.write_text(
        f"import os, subprocess, sys\n{ending}\nelse: os.wait()"
        if "if " in ending
        else f"import subprocess, sys\n{ending}"
    )
    outcome = run([*QUIRE_RUN, str(script)])
    assert outcome.exit_code == 0
    assert outcome.stderr.count("quire: ") == 1


def test_quiet_is_quiet() -> None:
    """With --quiet nothing is said."""
    run([*QUIRE_RUN, "--quiet", "-c", "print(1)"]).expect("1\n")


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.close(2)",
        "import os; os.close(2); os.open('other', os.O_WRONLY | os.O_CREAT)",
        "import os; os.dup2(os.open('other', os.O_WRONLY | os.O_CREAT), 2)",
    ],
)
def test_a_standard_error_that_was_put_elsewhere_is_left_alone(tmp_path: Path, code: str) -> None:
    """Where the program has closed or replaced standard error, nothing is written into what is there now."""
    outcome = run([*QUIRE_RUN, "-c", code], cwd=tmp_path)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "", "")
    if (tmp_path / "other").exists():
        assert (tmp_path / "other").read_text() == ""


def test_a_standard_error_that_only_python_sees_replaced_gets_the_screen() -> None:
    """A program that collects sys.stderr gets none of the screen into its collection."""
    code = "import io, sys; sys.stderr = sys.stdout = caught = io.StringIO()\nprint('x')"
    outcome = run([*QUIRE_RUN, "-c", code])
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "resident memory" in outcome.stderr


# --- where it must not get in the way -------------------------------------------------------------------------


def test_what_goes_wrong_is_one_line_and_no_exit_code(tmp_path: Path) -> None:
    """A file that cannot be written at the end is told in a line; the exit code stays the program's."""
    folder = tmp_path / "goes"
    folder.mkdir()
    code = f"import shutil, sys; shutil.rmtree({str(folder)!r}); sys.exit(5)"
    outcome = run([*QUIRE_RUN, "--quiet", "--json", str(folder / "out.json"), "-c", code])
    assert (outcome.exit_code, outcome.stdout) == (5, "")
    assert outcome.stderr == f"quire: cannot write {folder / 'out.json'}: No such file or directory\n"


def test_a_file_keeps_its_permissions_and_a_pipe_without_a_reader_is_told(tmp_path: Path) -> None:
    """What was there for its owner alone stays so; nobody waits for ever for a reader."""
    kept, pipe = tmp_path / "kept.json", tmp_path / "pipe"
    kept.touch(mode=0o600)
    run([*QUIRE_RUN, "--quiet", "--json", str(kept), "-c", "pass"]).expect("")
    assert (kept.stat().st_mode & 0o777, kept.stat().st_size > 0) == (0o600, True)
    os.mkfifo(pipe)
    outcome = run([*QUIRE_RUN, "--quiet", "--json", str(pipe), "-c", "pass"])
    assert (outcome.exit_code, outcome.stderr) == (0, f"quire: cannot write {pipe}: No such device or address\n")


def test_an_error_in_the_report_is_one_line() -> None:
    """Should the report itself fail, the program does not: one line, its own exit code."""
    code = "import sys, quire.process.core as c; c.core.statistics = None; sys.exit(6)"
    outcome = run([*QUIRE_RUN, "-c", code])
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (6, "", 1)
    assert outcome.stderr.startswith("quire: no report of the memory: TypeError: ")


def test_a_report_that_can_open_no_file_is_one_line() -> None:
    """A program that has given away its files has a line, not a traceback: what it takes to say so is there before."""
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); sys.exit(6)"
    outcome = run([*QUIRE_RUN, "-c", code])
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (6, "", 1)
    assert outcome.stderr.startswith(
        "quire: no report of the memory: /proc/self/mem cannot be read: Too many open files"
    )


SEEN = """
import os, sys
class Late:
    def __del__(self): os.write(1, b"late\\n")
late = Late()
import atexit
def see(frame, event, argument, write=os.write):
    write(1, f"{event} {frame.f_code.co_name}\\n".encode())
    return see
"""


@pytest.mark.parametrize(
    "hook",
    [
        "atexit.register(lambda: None); sys.settrace(see)",
        "atexit.register(lambda: None); sys.setprofile(see)",
        "sys.settrace(lambda *_: 1 / 0)",
    ],
)
def test_a_trace_function_does_not_see_the_report(tmp_path: Path, hook: str) -> None:
    """What traces or profiles the program to its end has as much to tell as plainly, and is in place again after."""
    program = f"{SEEN}{hook}"
    plain = run([sys.executable, "-c", program])
    outcome = run([*QUIRE_RUN, "--quiet", "--json", str(tmp_path / "report.json"), "-c", program])
    assert (outcome.exit_code, outcome.stdout) == (plain.exit_code, plain.stdout)
    assert re.sub("0x[0-9a-f]+", "", outcome.stderr) == re.sub("0x[0-9a-f]+", "", plain.stderr)
    assert (tmp_path / "report.json").exists()


def test_a_time_that_stands_still_is_the_programs_alone(tmp_path: Path) -> None:
    """What a program puts in the place of the clocks, as tests of time do, does not change what is reported."""
    file = tmp_path / "report.json"
    code = "import time; time.monotonic = time.process_time = lambda: 1e9"
    run([*QUIRE_RUN, "--quiet", "--json", str(file), "-c", code]).expect("")
    report = json.loads(file.read_text())
    assert 0 < report["wall_seconds"] < 1000
    assert 0 < report["cpu_seconds"] < 1000


def test_a_profiler_of_c_is_left_alone() -> None:
    """cProfile, still at work, has no function that could be put back; the program ends without a word."""
    run([*QUIRE_RUN, "--quiet", "--json", os.devnull, "-c", "import cProfile; cProfile.Profile().enable()"]).expect("")


def test_a_relative_path_is_from_where_the_program_began(tmp_path: Path) -> None:
    """The report's file lies where its path led at the start, wherever the program goes."""
    run([*QUIRE_RUN, "--quiet", "--json", "out.json", "-c", "import os; os.chdir('/')"], cwd=tmp_path).expect("")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_what_lies_beside_the_script_is_not_imported(script: Path) -> None:
    """Files beside the script that are named like modules of the library stay out of the report."""
    for name in ("json", "dataclasses", "enum", "struct", "bisect"):
        (script.parent / f"{name}.py").write_text(f"print('imported {name}')")
    script.write_text("print('ran')")
    outcome = run([*QUIRE_RUN, "--json", str(script.parent / "out"), str(script)])
    assert (outcome.exit_code, outcome.stdout) == (0, "ran\n")
    assert "resident memory" in outcome.stderr
    assert (script.parent / "out").exists()


def test_an_encoding_without_bars_gets_plain_ones() -> None:
    """Where standard error is ASCII, so is the screen, also with an argument that is not."""
    outcome = run([*QUIRE_RUN, "-c", "pass", "é"], {"PYTHONIOENCODING": "ascii", "NO_COLOR": ""})
    assert outcome.stderr.isascii()
    assert "###" in outcome.stderr


@pytest.mark.parametrize(
    ("environment", "has_colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_says_no(environment: dict[str, str], has_colours: bool) -> None:
    """Colours go to a terminal alone, and not where NO_COLOR or TERM=dumb ask for none."""
    screen = on_terminal([*QUIRE_RUN, "-c", "pass"], {"TERM": "xterm"} | environment)
    assert "resident memory" in screen
    assert ("\x1b[" in screen) == has_colours


def on_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("QUIRE", "PYTHON", "NO_COLOR"))}
    with subprocess.Popen(command, env=clean | environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    written += os.read(ours, 10_000)
                except OSError:
                    break
    os.close(ours)
    return written.decode()
