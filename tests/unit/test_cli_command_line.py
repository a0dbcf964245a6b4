"""The words after ``quire run``: read as Python reads its own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.cli.command_line import parse
from quire.errors import InvalidOption

OURS = st.sampled_from(
    [
        ["--quiet"],
        ["--children"],
        ["--json", "f"],
        ["--json=f"],
        ["--large-blocks=libc"],
        ["--guard"],
        ["--guard=9"],
        ["--give-back=off"],
        ["--give-back", "purge"],
    ]
)
PYTHONS = st.sampled_from(
    [["-B"], ["-uO"], ["-W", "ignore"], ["-Wignore"], ["-X", "utf8"], ["-bXa=b"], ["--check-hash-based-pycs", "never"]]
)
TARGETS = st.sampled_from(
    [["-"], ["-m", "mod"], ["-mmod"], ["-Bmmod"], ["-c", "pass"], ["-cpass"], ["script.py"], ["--", "-x.py"]]
)
WORDS = st.lists(st.text(max_size=5) | st.sampled_from(["--quiet", "-c", "--json", "-"]), max_size=4)


@given(st.lists(st.tuples(st.booleans(), OURS, PYTHONS)), TARGETS, WORDS)
def test_python_gets_its_words_and_the_programs_unchanged(
    options: list[tuple[bool, list[str], list[str]]], target: list[str], rest: list[str]
) -> None:
    """Of all the words, only quire's own options before the program are taken out."""
    words = [word for is_ours, ours, pythons in options for word in (ours if is_ours else pythons)]
    pythons = [word for is_ours, _, pythons in options if not is_ours for word in pythons]
    line = parse([*words, *target, *rest])
    assert line.python_arguments == [*pythons, *target, *rest]
    assert line.is_quiet == (["--quiet"] in [ours for is_ours, ours, _ in options if is_ours])
    assert not line.wants_help


@pytest.mark.parametrize(
    ("words", "kind", "target"),
    [
        (["a.py", "-m"], "script", "a.py"),
        (["--", "-a.py"], "script", "-a.py"),
        (["-m", "m", "a.py"], "module", "m"),
        (["-Imm"], "module", "m"),
        (["-cm"], "command", "m"),
        (["-c", ""], "command", ""),
        (["-W", "-m", "a.py"], "script", "a.py"),
        (["-"], "input", "-"),
    ],
)
def test_what_is_run(words: list[str], kind: str, target: str) -> None:
    """The first word without a dash, -m, -c or - end the options, whatever follows."""
    line = parse(words)
    assert (line.kind, line.target) == (kind, target)


@pytest.mark.parametrize(("word", "guard"), [("--guard", 1), ("--guard=50", 50), ("--guard=all", "all"), ("-B", None)])
def test_a_rate_may_be_given(word: str, guard: object) -> None:
    """--guard takes no further word: what follows it is the program."""
    line = parse([word, "7"])
    assert (line.guard, line.target) == (guard, "7")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["-?"], ["--quiet", "-Bh", "a.py"]])
def test_help_needs_nothing_to_run(words: list[str]) -> None:
    """Help is help, wherever it stands before the program."""
    assert parse(words).wants_help


def test_help_behind_the_program_is_the_programs() -> None:
    """What stands behind the program is not looked at."""
    assert not parse(["a.py", "--help", "--unknown"]).wants_help


@given(st.lists(st.text(alphabet="-=cmXWSBhaj.", max_size=6), max_size=5))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """Whatever is typed, there is something to run, or help, or a clear refusal."""
    with suppress(InvalidOption):
        line = parse(words)
        assert line.wants_help or line.kind
