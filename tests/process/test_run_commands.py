"""The commands themselves: what they say, where they can say it, and that they work without the native core."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import quire
from processes import run
from quire.export.run_report import to_json
from reports import after_a_peak

QUIRE = [sys.executable, "-m", "quire"]
COMMANDS = ["run", "show", "compare", "why", "model", "info"]


def say(*arguments: str, environment: dict[str, str] | None = None) -> str:
    outcome = run([*QUIRE, *arguments], environment)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    return outcome.stdout


@pytest.fixture
def report_file(tmp_path: Path) -> str:
    path = tmp_path / "report.json"
    path.write_text(to_json(after_a_peak()))
    return str(path)


# --- help -----------------------------------------------------------------------------------------------------


def test_help_names_every_command() -> None:
    """quire alone, with --help, -h or help says which commands there are; each has help of its own, in 80 columns."""
    texts = {say(*words) for words in ([], ["--help"], ["-h"], ["help"])}
    assert len(texts) == 1
    (text,) = texts
    for command in COMMANDS:
        assert f"quire {command}" in text
        own = say(command, "--help")
        assert own.startswith(f"quire {command}")
        assert max(map(len, (text + own).splitlines())) <= 80


def test_every_option_and_setting_is_told() -> None:
    """The help of a command that runs programs names each of its options, and quire info each setting."""
    from quire.cli.command_line import OPTIONS
    from quire.process.settings import SETTINGS

    for command, options in OPTIONS.items():
        assert [option for option in options if option not in say(command, "--help")] == []
    text = say("run", "--help")
    assert [setting for setting in SETTINGS if setting not in text + say("info")] == []


def test_the_version_is_the_packages() -> None:
    """--version and -V print it."""
    assert say("--version") == say("-V") == f"quire {quire.__version__}\n"


# --- what they say --------------------------------------------------------------------------------------------


def test_info_says_what_is_in_force() -> None:
    """quire info shows the settings as they are read, and the machine's figures."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    text = say("info", environment={"QUIRE_RANGE": "1T", "QUIRE_LARGE_BLOCKS": "libc", "QUIRE_JSON": "/tmp/x"})
    assert "This Python can be served." in text
    assert "1 TiB" in text
    assert f"{os.sysconf('SC_PAGE_SIZE') // 1024} KiB" in text
    assert Path("/proc/sys/vm/max_map_count").read_text().strip() in text
    assert "found" in text
    assert "serves this very process" in say("info", environment={"QUIRE": "1"})
    guarded = say("info", environment={"QUIRE": "1", "QUIRE_GUARD": "all"})
    assert "16,384 slots in use" in guarded
    assert "serve each Python process" in guarded  # the glosses still fit


def test_info_says_why_a_python_cannot_be_served() -> None:
    """quire info tells the reason and the remedy, and is no failure."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    assert "cannot be served: a debug allocator is active" in say("info", environment={"PYTHONMALLOC": "debug"})


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="quire is where this Python has its packages")
def test_info_says_that_the_start_up_file_is_not_read() -> None:
    """Where quire is found by PYTHONPATH alone a program can install it, and quire run cannot."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    base = sys._base_executable  # type: ignore[attr-defined]  # has no public name
    outcome = run([base, "-m", "quire", "info"], {"PYTHONPATH": sysconfig.get_path("platlib")})
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    words = " ".join(outcome.stdout.split())
    assert "can be served by quire.install(), but not by quire run or QUIRE=1" in words


@pytest.mark.parametrize("environment", [{}, {"QUIRE": "1"}], ids=["to be", "served"])
def test_info_says_that_a_limit_makes_the_range_smaller(environment: dict[str, str]) -> None:
    """Of 2 GB of addresses the heap gets a quarter, in whole powers of two; without a limit nothing is said of it."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    text = say_limited(2_000_000, environment)
    assert "QUIRE_RANGE         256 MiB, by default" in text
    assert "RLIMIT_AS leaves the heap 256 MiB of addresses, not " in text
    assert "This Python can be served" in text
    for ample in (say("info", environment=environment), say_limited(2_000_000, {"QUIRE_RANGE": "64M"} | environment)):
        assert "leaves the heap" not in ample


@pytest.mark.parametrize(
    ("limit_kib", "environment", "words"),
    [
        (60_000, {}, "64 MiB of addresses; allow"),
        (2_000_000, {"QUIRE_RANGE": "64G"}, "65536 MiB of addresses; give less"),
    ],
)
def test_info_says_that_a_limit_leaves_too_little(limit_kib: int, environment: dict[str, str], words: str) -> None:
    """The words of the refusal to come."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    assert f"cannot be served: the system does not reserve {words}" in say_limited(limit_kib, environment)


def say_limited(limit_kib: int, environment: dict[str, str]) -> str:
    outcome = run(["bash", "-c", f'ulimit -v {limit_kib}; exec "$@"', "bash", *QUIRE, "info"], environment)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    return " ".join(outcome.stdout.split("\n"))


def test_show_fits_a_terminal_of_80_columns(report_file: str) -> None:
    """A saved report is shown in the width there is, with all its rows."""
    text = say("show", report_file, environment={"COLUMNS": "80"})
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    for words in ("live blocks", "unexplained", "resident memory", "buffers of 64 B", "Given back"):
        assert words in text
    assert "…" not in text


def test_show_on_a_screen_without_bars(report_file: str) -> None:
    """As the report itself, it then has plain ones."""
    text = say("show", report_file, environment={"PYTHONIOENCODING": "ascii"})
    assert "###" in text
    assert text.isascii()


# --- where they cannot ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["info"], ["rnu"], ["run", "--help"], ["run", "missing.py"], ["show"]])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_failure(words: list[str], closed: str) -> None:
    """What cannot be said is not said; the exit code is the same, and nothing goes to the wrong stream."""
    expected = run([*QUIRE, *words])
    outcome = run(["bash", "-c", f'exec "$@" {closed}', "bash", *QUIRE, *words])
    assert outcome.exit_code == expected.exit_code
    assert outcome.stdout in ("", expected.stdout)
    assert outcome.stderr in ("", expected.stderr)


@pytest.mark.parametrize("words", [["info"], ["--help"], ["rnu"], ["run", "missing.py"]], ids=" ".join)
def test_full_streams_have_the_exit_code_of_an_error(words: list[str]) -> None:
    """What cannot be said is not said, and nothing else is."""
    run(["bash", "-c", 'exec "$@" >/dev/full 2>/dev/full', "bash", *QUIRE, *words]).expect("", exit_code=2)


def test_what_the_system_refuses_is_one_line_without_standard_output_too() -> None:
    """Here it lets nobody write a file, and so quire compare finds no folder for its own."""
    outcome = run(["bash", "-c", 'ulimit -f 0; exec "$@" >&-', "bash", *QUIRE, "compare", "-c", ""])
    assert (outcome.exit_code, outcome.stderr.count("\n")) == (2, 1)
    assert outcome.stderr.startswith("quire: the system refuses: No usable temporary directory")


def test_a_reader_that_goes_away_is_no_failure(report_file: str) -> None:
    """quire show FILE | head ends quietly."""
    for words in (["show", report_file], ["--help"]):
        command = ["bash", "-c", '"$@" | true; echo "${PIPESTATUS[0]}"', "bash", *QUIRE, *words]
        run(command).expect("0\n")


def test_an_interrupt_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl-C in a command that looks is exit code 130, and no more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*QUIRE, "show", str(pipe)], stderr=subprocess.PIPE) as process:
        writer = os.open(pipe, os.O_WRONLY)  # returns when the command has opened its end
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        os.close(writer)
    assert (process.returncode, stderr) == (130, b"")


# --- without the native core ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coreless(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has quire, but not its native core."""
    root = tmp_path_factory.mktemp("coreless")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(root)}))
    source = Path(quire.__file__).parent
    shutil.copytree(source, packages / "quire", ignore=shutil.ignore_patterns("_core*.so", "__pycache__"))
    shutil.copy(source.parent / "quire.pth", packages)
    for library in ("rich", "pygments", "markdown_it", "mdurl"):
        (packages / library).symlink_to(Path(sysconfig.get_path("purelib")) / library)
    return str(root / "bin/python")


def test_without_the_core_everything_imports_and_the_model_works(coreless: str) -> None:
    """The package, its commands and the model are there; installing says why it cannot, and what to do."""
    code = """if True:
        import quire, quire.cli.main, quire.cli.run, quire.cli.info, quire.cli.show, quire.model, quire.boot
        allocator = quire.model.Allocator(quire.model.QUIRE)
        allocator.allocate(100)
        print(quire.installed(), allocator.statistics().live_bytes)
        for refused in (quire.install, quire.stats, quire.Heap):
            try:
                refused()
            except quire.UnsupportedRuntime as error:
                print("native core" in str(error), "reinstall" in str(error))
    """
    run([coreless, "-c", code]).expect("False 112\n" + "True True\n" * 3)


def test_without_the_core_nothing_runs_by_mistake(coreless: str) -> None:
    """quire run refuses in a line; QUIRE=1 runs the program after one; quire info says why."""
    outcome = run([coreless, "-m", "quire", "run", "-c", "print('ran')"])
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert outcome.stderr.startswith("quire: quire's native core is missing")
    outcome = run([coreless, "-c", "print('ran')"], {"QUIRE": "1"})
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (0, "ran\n", 1)
    outcome = run([coreless, "-m", "quire", "info"])
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "cannot be served" in outcome.stdout
    run([coreless, "-m", "quire", "--version"]).expect()


def test_without_the_start_up_file_quire_run_says_so(coreless: str, tmp_path: Path) -> None:
    """Where Python would not read quire.pth, the program would run plainly unnoticed; quire run refuses instead."""
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(Path(coreless).parents[1])}))
    (packages / "quire.pth").rename(tmp_path / "quire.pth")
    try:
        outcome = run([coreless, "-m", "quire", "run", "-c", "print('ran')"])
    finally:
        (tmp_path / "quire.pth").rename(packages / "quire.pth")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert "quire.pth" in outcome.stderr
