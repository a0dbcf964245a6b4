"""quire view and quire report, as people call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages import shop
from quire.cli.main import main

pytest.importorskip("quire._core")


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    return str(shop().write(tmp_path / "heap.quire"))


def test_a_report_is_written_beside_its_snapshot(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Or where -o says; and one line says where."""
    assert main(["report", snapshot]) == 0
    out, err = capsys.readouterr()
    page = Path(snapshot).with_suffix(".html")
    assert out.startswith(f"{page}: ")
    assert err == ""
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["report", snapshot, snapshot, "-o", str(page.with_name("other.html"))]) == 0
    assert page.with_name("other.html").exists()


def test_a_report_without_references_or_core(tmp_path: Path) -> None:
    """Shows what there is."""
    path = shop().write(tmp_path / "heap.quire", has_edges=False)
    assert main(["report", str(path)]) == 0
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert 'id="data-types"' in page
    assert 'id="data-retained"' not in page


@pytest.mark.parametrize("command", ["view", "report"])
def test_each_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That begins with how it is called."""
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"quire {command} FILE")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["report"], "quire report takes FILE, or FILE FILE to compare"),
        (["report", "FILE", "FILE", "FILE"], "quire report takes FILE"),
        (["report", "FILE", "--outptu", "x"], "did you mean --output?"),
        (["report", "FILE", "-o"], "-o needs a value"),
        (["report", "FILE", "--timeout"], "--timeout without a value is not understood"),
        (["report", "FILE", "-o", "/nowhere/heap.html"], "cannot write /nowhere/heap.html"),
        (["report", "FILE", "-o", "FILE"], "would be written over"),
        (["report", "/nowhere"], "cannot read /nowhere"),
        (["report", __file__], "is no snapshot"),
        (["view"], "quire view takes FILE, FILE FILE or PID"),
        (["view", "FILE", "--port", "0"], "--port 0 is no port"),
        (["view", "FILE", "--port"], "--port without a value is no port"),
        (["view", "FILE", "--prot=1"], "did you mean --port?"),
        (["view", "FILE", "--timeout=never"], "--timeout never is not understood"),
        (["view", "/nowhere"], "cannot read /nowhere"),
        (["view", "999999999"], "there is no process 999999999"),
        (["view", "9" * 5000], "takes the number of a process"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    words: list[str], sentence: str, snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on standard output, and nothing half-written."""
    before = {path.name for path in tmp_path.iterdir()}
    assert main([snapshot if word == "FILE" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (out, err.count("\n")) == ("", 1)
    assert {path.name for path in tmp_path.iterdir()} == before
