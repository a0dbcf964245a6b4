"""The report as a file: what is written is read again, and what is not a report is refused in a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InvalidOption
from quire.export.files import write_whole
from quire.export.run_report import from_json, to_json
from quire.process.whole_file import whole_file
from quire.process.writable import check_writable
from quire.records.process import RunReport
from reports import after_a_peak, reports

DOCUMENT: dict[str, Any] = json.loads(to_json(after_a_peak()))


@given(reports())
def test_what_is_written_is_read_again(report: RunReport) -> None:
    """Every report comes back equal."""
    assert from_json(to_json(report)) == report


def test_the_format_is_as_documented() -> None:
    """The document names itself and its version, and every field in it is in the documentation."""
    assert (DOCUMENT["format"], DOCUMENT["version"]) == ("quire.run", 1)
    assert DOCUMENT["statistics"]["classes"][0]["domain"] == "object"
    assert [arena["kind"] for arena in DOCUMENT["statistics"]["arenas"]] == ["small", "large", "run"]
    text = (Path(__file__).parents[2] / "docs/run-report.md").read_text(encoding="utf-8")
    names = {*DOCUMENT, *DOCUMENT["end"], *DOCUMENT["statistics"], *DOCUMENT["statistics"]["classes"][0]}
    names |= {f"heap.{name}" for name in DOCUMENT["end"]["heap"]} | {*DOCUMENT["statistics"]["guard"]}
    assert [name for name in sorted(names - {"domain", "heap"}) if f"`{name}`" not in text] == []


def test_a_report_from_before_a_field_came_is_read() -> None:
    """What an earlier quire did not write has the value that it has where there is nothing to tell."""
    statistics = {name: value for name, value in DOCUMENT["statistics"].items() if name != "guard"}
    assert from_json(json.dumps(DOCUMENT | {"statistics": statistics})) == after_a_peak()


def test_a_field_more_is_ignored() -> None:
    """A later quire may add a field without a new version."""
    assert from_json(json.dumps(DOCUMENT | {"later": 1})) == after_a_peak()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a report"),
        ("3", "not a report"),
        ('{"format": "other"}', "not a report"),
        (json.dumps(DOCUMENT | {"version": 2}), "newer quire"),
        (json.dumps(DOCUMENT | {"version": 0}), "its version is no number"),
        (json.dumps(DOCUMENT | {"version": True}), "its version is no number"),
        (json.dumps(DOCUMENT | {"pid": "1"}), "report.pid is not of type int"),
        (json.dumps(DOCUMENT | {"pid": True}), "report.pid is not of type int"),
        (json.dumps(DOCUMENT | {"wall_seconds": "1"}), "report.wall_seconds is not of type float"),
        (json.dumps(DOCUMENT | {"wall_seconds": float("nan")}), "not JSON"),
        (json.dumps(DOCUMENT | {"rss_max_bytes": -1}), "report.rss_max_bytes is below 0"),
        (json.dumps(DOCUMENT | {"wall_seconds": -0.5}), "report.wall_seconds is below 0"),
        (json.dumps(DOCUMENT | {"rss_max_bytes": 10**400}), "report.rss_max_bytes is too large"),
        (json.dumps(DOCUMENT | {"wall_seconds": 10**400}), "report.wall_seconds is too large"),
        (json.dumps(DOCUMENT | {"wall_seconds": 0}).replace('"wall_seconds": 0', '"wall_seconds": 1e999'), "too large"),
        (json.dumps(DOCUMENT | {"argv": "x"}), "report.argv is not a list"),
        (json.dumps(DOCUMENT | {"argv": [1]}), "report.argv[0] is not of type str"),
        (json.dumps(DOCUMENT | {"end": []}), "report.end is not an object"),
        (json.dumps({k: v for k, v in DOCUMENT.items() if k != "peak"}), "report has no peak"),
        (to_json(after_a_peak()).replace('"mem"', '"memory"'), "is not one of object, mem"),
        (to_json(after_a_peak())[:-3], "not JSON"),
    ],
    ids=lambda value: value if len(value) < 50 else "",
)
def test_what_is_not_a_report_is_refused(text: str, words: str) -> None:
    """A damaged, foreign or newer document is refused, and the message says which and where."""
    with pytest.raises(InvalidOption) as caught:
        from_json(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.data())
def test_a_damaged_document_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever is put in place of one value, there is a report or a clear refusal, and nothing else."""
    document = json.loads(json.dumps(DOCUMENT))
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(st.none() | st.booleans() | st.integers() | st.text() | st.just([]) | st.just({}))
    with suppress(InvalidOption):
        assert isinstance(from_json(json.dumps(document)), RunReport)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """A file is replaced at once, through a link too, and nothing is left beside it when that fails."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    target.write_text("old")
    write_whole(str(link), "new")
    assert target.read_text() == "new"
    assert link.is_symlink()
    with pytest.raises(UnicodeEncodeError):
        write_whole(str(target), "\ud800")
    assert target.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """What is no regular file is not replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(str(pipe), "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_pipe_that_somebody_waits_at_is_written_to(tmp_path: Path) -> None:
    """It is opened once: who reads would take a second opening for the end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        while True:
            with suppress(OSError):  # until somebody reads
                write_whole(str(pipe), "text")
                break
        assert reader.communicate(timeout=60) == (b"text", None)


def test_where_standard_output_goes_what_is_there_stays(tmp_path: Path) -> None:
    """Redirected into a file, which has a name of its own."""
    target = tmp_path / "all.txt"
    code = "from quire.export.files import write_whole; print('said', flush=True); write_whole('/dev/stdout', 'text')"
    with target.open("wb") as output:
        subprocess.run([sys.executable, "-c", code], stdout=output, check=True)
    assert target.read_text() == "said\ntext"


def test_what_is_left_of_one_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container every process may have the same number, and two may write to one path at once."""
    target = str(tmp_path / "target")
    with whole_file(target) as first:
        check_writable(target)
        with whole_file(target) as second:
            os.write(second, b"second")
            os.close(second)
        os.write(first, b"first")
        os.close(first)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target").read_text() == "first"
