"""Bad input to ``quire``: one line that says what is wrong and what to do, exit code 2, nothing run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from processes import Outcome, run

QUIRE = [sys.executable, "-m", "quire"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with programs that leave a mark when they run, and with things that cannot."""
    mark = f"open({str(tmp_path / 'mark')!r}, 'w')\n"
    files = {
        "script.py": mark,
        "module.py": mark,
        "empty/other.py": mark,
        "package/__init__.py": mark,
        "package/plain.py": mark,
        "package/inner/__init__.py": mark,
        "spaces/inside/plain.py": mark,
        "moving/__init__.py": "__path__.append('elsewhere')\n",
        "taken.json/inside": "",
        "old.json": "what was there",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def refused(folder: Path, arguments: list[str], environment: dict[str, str] | None = None) -> str:
    """The one line that quire says."""
    outcome = run([*QUIRE, *arguments], environment, cwd=folder)
    assert_refused(outcome)
    assert not (folder / "mark").exists()
    return outcome.stderr


def assert_refused(outcome: Outcome) -> None:
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("quire: ")
    assert outcome.stderr.count("\n") == 1
    assert outcome.stderr.endswith("\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is nothing to run"),
        (["-B"], "there is nothing to run"),
        (["--"], "no script after --"),
        (["missing.py"], "there is no script missing.py"),
        (["missing/script.py"], "there is no script missing/script.py"),
        (["new\nline\x1b.py"], "there is no script new line .py"),
        (["--guard", "10", "script.py"], "write --guard=10"),
        (["--guard", "all", "script.py"], "write --guard=all"),
        (["--guard=2147483648", "script.py"], "up to 2147483647"),
        (["module"], "quire run -m module"),
        (["empty"], "a folder without a __main__.py"),
        (["-m", "missing"], "there is no module missing"),
        (["-m", "module.py"], "quire run module.py"),
        (["-m", "package"], "no __main__"),
        (["-m", "package.inner"], "no __main__"),
        (["-m", "package.missing"], "there is no module package.missing"),
        (["-m", "package.plain.missing"], "there is no module"),
        (["-m", "spaces"], "no __main__"),
        (["-m", "spaces.inside.missing"], "there is no module"),
        (["-m", "spaces.inside"], "no __main__"),
        (["-m", ".module"], "there is no module"),
        (["-I", "-m", "module"], "there is no module module"),
        (["-P", "-m", "module"], "there is no module module"),
        (["-m", "sys"], "not written in Python"),
        (["-m"], "-m needs a value"),
        (["-c"], "-c needs a value"),
        (["-X"], "-X needs a value"),
        (["--unknown", "script.py"], "no option --unknown"),
        (["--quite", "script.py"], "did you mean --quiet?"),
        (["--quiet=1", "script.py"], "takes no value"),
        (["-Z", "script.py"], "an option -Z"),
        (["-BZ", "script.py"], "an option -Z"),
        (["-V"], "an option -V"),
        (["--json"], "--json needs a value"),
        (["--json=", "script.py"], "give its path"),
        (["--json", "-", "script.py"], "give its path"),
        (["--json", "nowhere/out.json", "script.py"], "cannot write nowhere/out.json"),
        (["--json", "taken.json", "script.py"], "it is a folder"),
        (["--json", "script.py/out.json", "script.py"], "cannot write"),
        (["--json", "/proc/self/out.json", "script.py"], "cannot write"),
        (["--json", "o" * 300, "script.py"], "cannot write"),
        (["--json", "script.py", "script.py"], "over the script script.py"),
        (["--snapshot"], "--snapshot needs a value"),
        (["--snapshot", "nowhere/heap.quire", "script.py"], "cannot write nowhere/heap.quire"),
        (["--snapshot", "/dev/null", "script.py"], "it is no file; give another path for the snapshot"),
        (["--snapshot", "script.py", "script.py"], "the snapshot would be written over the script script.py"),
        (["--snapshot", "a", "--snapshot-at", "much", "script.py"], "--snapshot-at=much is not a size"),
        (["--snapshot", "a", "--snapshot-on=KILL", "script.py"], "--snapshot-on=KILL is not understood"),
        (["--snapshot-at", "1G", "script.py"], "name it with --snapshot FILE"),
        (["--json", "empty/../script.py", "./script.py"], "over the script ./script.py"),
        (["--large-blocks=both", "script.py"], "it is quire or libc"),
        (["--large-blocks"], "needs a value"),
        ([""], "the script's name is empty"),
        (["-m", ""], "the module's name is empty"),
        (["-S", "script.py"], "leave -S out"),
        (["-BS", "script.py"], "leave -S out"),
        (["-X", "dev", "script.py"], "leave out -X dev"),
        (["-Xdev", "script.py"], "leave out -X dev"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_line_that_cannot_be(folder: Path, arguments: list[str], words: str) -> None:
    """What is missing, unknown or impossible in the words after ``quire run`` is told in a line."""
    assert words in refused(folder, ["run", *arguments])


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"QUIRE_REPROT": "1"}, "did you mean QUIRE_REPORT?"),
        ({"QUIRE_FOO": "1"}, "there are QUIRE_DISABLE,"),
        ({"QUIRE_READINGS": "1"}, "there are QUIRE_DISABLE,"),
        ({"QUIRE_": "1"}, "there are QUIRE_DISABLE,"),
        ({"QUIRE": "yes"}, "QUIRE=yes"),
        ({"QUIRE_REPORT": "x"}, "QUIRE_REPORT=x"),
        ({"QUIRE_LARGE_BLOCKS": "both"}, "QUIRE_LARGE_BLOCKS=both"),
        ({"QUIRE_RANGE": "big"}, "QUIRE_RANGE=big"),
        ({"QUIRE_RANGE": "1K"}, "QUIRE_RANGE=1K"),
        ({"QUIRE_RANGE": "-1G"}, "QUIRE_RANGE=-1G"),
        ({"QUIRE_RANGE": "9" * 5000}, "is not a size"),
        ({"QUIRE_SNAPSHOT": "nowhere/heap.quire"}, "cannot write nowhere/heap.quire"),
        ({"QUIRE_SNAPSHOT_ON": "SIGUSR1"}, "no file; name it"),
        ({"QUIRE_JSON": "nowhere/out.json"}, "cannot write nowhere/out.json"),
        ({"QUIRE_JSON": "-"}, "QUIRE_JSON writes a file; give its path"),
        ({"QUIRE_JSON": "script.py"}, "over the script script.py"),
        ({"PYTHONDEVMODE": "1"}, "PYTHONDEVMODE"),
        ({"PYTHONMALLOC": "debug"}, "PYTHONMALLOC=debug"),
        ({"PYTHONMALLOC": "pymalloc_debug"}, "PYTHONMALLOC=pymalloc_debug"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_an_environment_that_cannot_be(folder: Path, environment: dict[str, str], words: str) -> None:
    """So is a setting that is not understood, and a Python that is told to keep its debug allocator."""
    assert words in refused(folder, ["run", "script.py"], environment)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu", "script.py"], "did you mean run?"),
        (["script.py"], "quire run script.py"),
        (["--verbose"], "there is no command --verbose"),
        ([""], "there is no command without a name; there are run,"),
        (["show"], "takes one file"),
        (["show", "one", "two"], "takes one file"),
        (["show", "--all"], "takes one file"),
        (["show", "missing.json"], "No such file or directory; a report comes from quire run"),
        (["show", "taken.json"], "cannot read taken.json: Is a directory; a report comes from"),
        (["show", "script.py"], "not JSON; a report comes from quire run"),
        (["show", sys.executable], "no text at all; a report comes from quire run"),
        (["info", "more"], "takes no more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_that_cannot_be(folder: Path, arguments: list[str], words: str) -> None:
    """So is a command that is unknown, or has words too many or too few."""
    assert words in refused(folder, arguments)


def test_what_is_there_stays_when_something_else_is_wrong(folder: Path) -> None:
    """Checking that the report can be written leaves an older one as it is, and nothing beside it."""
    before = sorted(folder.iterdir())
    refused(folder, ["run", "--json", "old.json", "missing.py"])
    assert (folder / "old.json").read_text() == "what was there"
    assert sorted(folder.iterdir()) == before


def test_a_script_that_may_not_be_read(folder: Path) -> None:
    """A script without read permission is refused."""
    import os

    (folder / "script.py").chmod(0)
    if os.access(folder / "script.py", os.R_OK):
        pytest.skip("this user may read everything")
    assert "may not be read" in refused(folder, ["run", "script.py"])


def test_a_script_in_a_folder_that_may_not_be_looked_into(folder: Path) -> None:
    """Nobody knows whether it is there; the line names the permissions, as Python's own does."""
    import os

    hidden = folder / "taken.json"
    hidden.chmod(0)
    try:
        if os.access(hidden, os.X_OK):
            pytest.skip("this user may look everywhere")
        assert "may not be read; check its permissions" in refused(folder, ["run", "taken.json/script.py"])
    finally:
        hidden.chmod(0o700)


def test_a_package_that_alone_knows_its_modules_is_left_to_python(folder: Path) -> None:
    """Where a package changes its own path, only running it can tell; Python then says what is wrong."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    outcome = run([*QUIRE, "run", "--quiet", "-m", "moving.part"], cwd=folder)
    assert outcome.exit_code == 1
    assert "No module named moving.part" in outcome.stderr


def test_a_python_that_cannot_be_served_runs_nothing(folder: Path) -> None:
    """Where the installation itself fails, the program does not run either."""
    pytest.importorskip("quire._core", reason="the native core is not installed")
    limited = ["bash", "-c", 'ulimit -v 60000; exec "$@"', "bash", *QUIRE, "run", "script.py"]
    outcome = run(limited, {"QUIRE_RANGE": "1T"}, cwd=folder)
    assert_refused(outcome)
    assert not (folder / "mark").exists()
    assert "1048576 MiB of addresses" in outcome.stderr
