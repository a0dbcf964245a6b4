"""A test suite as pytest runs it: passes, failures, skips, output that is captured, files, fixtures that last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from work import ANSWERS, answer, digest

ROUNDS = 3


@pytest.fixture(scope="module")
def table() -> Iterator[dict[int, list[str]]]:
    table = {number: [str(number)] for number in range(50_000)}
    yield table
    assert len(table) == 50_000


@pytest.mark.parametrize("number", range(ANSWERS))
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_answers_do_not_change(number: int, round_: int, table: dict[int, list[str]]) -> None:
    print(answer(number)[:1000])
    assert digest(answer(number)) == digest(answer(number))
    assert table[number] == [str(number)]


@pytest.mark.parametrize("number", range(ANSWERS))
def test_answers_are_written(number: int, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(answer(number))
    assert (tmp_path / "answer").read_text() == answer(number)


@pytest.mark.parametrize("number", range(50))
def test_fails(number: int) -> None:
    assert {"answer": answer(number)} == {"answer": answer(number + 1)}


@pytest.mark.parametrize("number", range(50))
def test_is_skipped(number: int) -> None:
    pytest.skip(answer(number)[:20])
