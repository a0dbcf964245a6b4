"""The commands that ask a snapshot, as people and programs call them."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from heaps import Heap, some_memory
from quire.cli.main import main
from quire.export.answers import answer_csv
from quire.report.answer_views import answer_view
from quire.report.answers import DifferenceRow, Differences, PinRow, Pins, TypeRow, Types
from quire.report.cells import cells, cut_within
from quire.report.plain import Style, draw

ARENA = 64 << 21
FILES = {"diff": 2}
OBJECTS = ("path", "referrers", "referents")
COMMANDS = ("waterfall", "types", "pins", "path", "referrers", "referents", "retained", "cycles", "diff")


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    """A cache of three records, one to a pool, and garbage."""
    heap = Heap()
    records = [heap.instance("logging.LogRecord", address=ARENA + number * 16384 + 64) for number in range(3)]
    for number in range(3):
        heap.pool(ARENA + number * 16384, live=1, resident_bytes=16384)
    heap.module("app", cache=heap.instance("app.Cache", _recent=heap.list(*records)))
    garbage = heap.list()
    garbage.references.append(garbage)
    heap.memory = some_memory()
    return str(heap.write(tmp_path / "heap.quire"))


def words_of(command: str, snapshot: str) -> list[str]:
    return [command, *[snapshot] * FILES.get(command, 1), *["LogRecord#2"] * (command in OBJECTS)]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_answers_on_the_screen(command: str, snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was asked at the top, within a line of 80 characters."""
    if command in ("types", "retained"):
        pytest.importorskip("quire._core")
    assert main(words_of(command, snapshot)) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"quire {command}: ")
    assert max(map(cells, out.splitlines())) <= 80
    assert err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_answers_programs(command: str, snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON with its format's name, and CSV with as many rows, a field of the same value for each that is plain."""
    if command in ("types", "retained"):
        pytest.importorskip("quire._core")
    assert main([*words_of(command, snapshot), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["version"]) == (f"quire.{command}", 1)
    assert main([*words_of(command, snapshot), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == len(document["rows"])
    for row, record in zip(rows, document["rows"], strict=True):
        assert row.keys() == record.keys()
        assert all(row[name] == str(value) for name, value in record.items() if isinstance(value, (str, int)))


def test_pins_are_named_on_the_screen(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence that says who keeps what."""
    main(["pins", snapshot])
    out = " ".join(capsys.readouterr().out.split())
    assert "lies beside 3 blocks of logging.LogRecord, kept by app.cache._recent[*]." in out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That begins with how it is called."""
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"quire {command} FILE|PID")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["types"], "quire types takes FILE|PID; see quire types --help"),
        (["types", "FILE", "more"], "quire types takes FILE|PID;"),
        (["diff", "FILE"], "quire diff takes FILE|PID FILE|PID;"),
        (["path", "FILE"], "quire path takes FILE|PID OBJECT;"),
        (["path", "FILE", "0xhello"], "0xhello is no address"),
        (["path", "FILE", "0x1"], "no object begins at 0x1;"),
        (["path", "FILE", "LogRecord#4"], "there is no LogRecord#4; there are 3"),
        (["path", "FILE", "LogRecord#0"], "LogRecord#0 names no object"),
        (["path", "FILE", "LogRecord#"], "LogRecord# names no object"),
        (["path", "FILE", "Nothing"], "no type is called Nothing, and no path leads there; write a type"),
        (["types", "FILE", "--jsn"], "quire types has no option --jsn; did you mean --json?"),
        (["types", "FILE", "--json=out"], "--json takes no value"),
        (["types", "FILE", "--json", "--csv"], "give --json or --csv, not both"),
        (["types", "FILE", "--rows"], "--rows without a value is no number of rows"),
        (["types", "FILE", "--rows=0"], "--rows 0 is no number of rows"),
        (["types", "FILE", "--timeout"], "--timeout without a value is not understood"),
        (["types", "/nowhere"], "cannot read /nowhere: No such file or directory"),
        (["types", __file__], "is no snapshot"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    words: list[str], sentence: str, snapshot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing on standard output."""
    assert main([snapshot if word == "FILE" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)


def test_a_snapshot_without_references(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Types and pins are told as far as they go; what needs references says so."""
    heap = Heap()
    heap.object("bytes", address=ARENA + 64)
    heap.pool(ARENA, live=1, resident_bytes=4096)
    path = tmp_path / "heap.quire"
    heap.write(path, has_edges=False)
    assert main(["types", str(path)]) == main(["pins", str(path)]) == 0
    assert "What they retain is not known" in capsys.readouterr().out
    for words in (["cycles"], ["retained"], ["path", "bytes"], ["referrers", "bytes"]):
        assert main([words[0], str(path), *words[1:]]) == 2
        assert "without references" in capsys.readouterr().err


def test_without_the_core_dominators_are_not_to_be_had(
    snapshot: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says why; types leaves a column out."""
    monkeypatch.setattr("quire.process.core.core", None)
    monkeypatch.setattr("quire.cli.types.core", None)
    assert main(["retained", snapshot]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["types", snapshot]) == 0
    assert "native core" in capsys.readouterr().out


def test_without_numpy_one_line_says_what_to_install(
    snapshot: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For every command that needs it."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    for command in COMMANDS:
        assert main(words_of(command, snapshot)) == 2
        assert capsys.readouterr().err == f"quire: quire {command} needs NumPy; pip install 'quire[snapshots]'\n"


def test_a_snapshot_that_does_not_tell_memory_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the process could not see its own."""
    path = str(Heap().write(tmp_path / "heap.quire"))
    assert main(["waterfall", path]) == 2
    assert "does not tell where memory was: its file says nothing of it" in capsys.readouterr().err


def test_printed_parts_of_memory_add_up(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To what is resident, as printed."""
    main(["waterfall", snapshot])
    out = capsys.readouterr().out
    assert "36.0 MiB resident, 33.0 MiB in proportion (PSS); freed but held 5.0 MiB." in out
    numbers = [float(found) for found in re.findall(r" (\d+\.\d) ?(?:[█▏▎▍▌▋▊▉ ]|$)", out.partition("heap\n")[2], re.M)]
    assert numbers[-1] == 36.0
    assert abs(sum(numbers[:-1]) - 36.0) < 0.01


# --- views ----------------------------------------------------------------------------------------------------

LONG = "package.of.a.program." + "module_with_a_long_name." * 6 + "Thing"
PLACE = "app." + "attribute_with_a_long_name." * 8 + "last[*]"
ANSWERS: list[Any] = [
    Types(9, 1 << 40, 3, 512, (TypeRow(LONG, "Thing", 9, 1 << 40, None),) * 30, (TypeRow(LONG, "", 9, 1 << 40, 1),)),
    Pins(1 << 40, 10**6, 9, (PinRow(LONG, PLACE, 10**6, 1 << 40, 10**5, 1 << 40),) * 30, ()),
    Differences(1, 2, 1 << 40, 1 << 41, (DifferenceRow(LONG, PLACE, 10**6, 1, 10**6, 2, 10**6, -(1 << 40)),) * 30),
]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_views_fit_the_line(answer: Any, width: int) -> None:
    """However long names are: their beginnings and their ends are shown."""
    lines = draw(answer_view(answer, "title", "subtitle", 20), Style(width=width)).splitlines()
    assert max(map(cells, lines)) <= width
    assert any("…" in line for line in lines)


@pytest.mark.parametrize("width", [1, 2, 5, 10])
def test_a_text_is_cut_in_its_middle(width: int) -> None:
    """To the cells there are, wide letters and all."""
    for text in ("app.cache._recent[3]", "풀의 이름은 길다 아주 길다"):
        assert cells(cut_within(text, width)) <= width
    assert cut_within("app.cache._recent[3]", 13) == "app.ca…ent[3]"
    assert cut_within("short", 5) == "short"


def test_csv_without_rows_has_its_fields() -> None:
    """So that whoever reads it finds the columns there."""
    assert answer_csv(Pins(0, 0, 0, (), ())) == "type,place,blocks,live_bytes,arenas,pinned_bytes\n"
