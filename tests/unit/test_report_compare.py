"""What quire compare says: sentences and tables from given measurements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparisons import comparison, comparisons, measurement
from quire.errors import InvalidOption
from quire.export.comparison import from_json, to_json
from quire.records.comparison import Comparison, Measurement
from quire.report.cells import cells
from quire.report.compare_view import compare_view
from quire.report.plain import Style, draw

PLAIN = measurement()
UNEVEN = (1.8, 2.2, 2.0, 2.3, 1.9, 2.1)


def screen(runs: Comparison) -> str:
    """The screen as one line of words."""
    return " ".join(draw(compare_view(runs), Style(width=200)).split())


def conclusion(plain: Measurement, quire: Measurement, number: int = 6) -> str:
    return compare_view(comparison([plain] * number, [quire] * number)).conclusion


# --- what comes of it -----------------------------------------------------------------------------------------


def test_the_screen_as_text() -> None:
    """The whole of it, with numbers by hand."""
    plain = [measurement(2.0, 1.0), *[measurement(2.0, 1.5)] * 5]
    quire = [measurement(1.5, 0.9, 110, 20), *[measurement(1.8, 1.5, 110, 20)] * 5]
    assert draw(compare_view(comparison(plain, quire)), Style(width=80)) == (
        "quire compare: work.py --size 3 4                                  Python 3.13.0\n"
        "6 pairs of runs, plainly and on quire in turn, after a warm-up; 42.3 s.\n"
        "Every run ended with exit code 0; standard output was the same plainly and on\n"
        "quire.\n"
        "\n"
        "Medians of 6 pairs       plain   on quire  ratio  95 % interval\n"
        "wall-clock time        2.000 s    1.800 s   0.90   0.75 to 0.90\n"
        "processor time         1.500 s    1.500 s   1.00   0.90 to 1.00\n"
        "peak memory          100.0 MiB  110.0 MiB   1.10   1.10 to 1.10\n"
        "resident at the end   50.0 MiB   20.0 MiB   0.40   0.40 to 0.40\n"
        "in proportion (PSS)   50.0 MiB   20.0 MiB   0.40   0.40 to 0.40\n"
        "page faults              1,000      1,000   1.00   1.00 to 1.00\n"
        "\n"
        "Lowest and highest run                plain                on quire\n"
        "wall-clock time          2.000 s to 2.000 s      1.500 s to 1.800 s\n"
        "processor time           1.000 s to 1.500 s      0.900 s to 1.500 s\n"
        "peak memory          100.0 MiB to 100.0 MiB  110.0 MiB to 110.0 MiB\n"
        "resident at the end    50.0 MiB to 50.0 MiB    20.0 MiB to 20.0 MiB\n"
        "in proportion (PSS)    50.0 MiB to 50.0 MiB    20.0 MiB to 20.0 MiB\n"
        "page faults                  1,000 to 1,000          1,000 to 1,000\n"
        "\n"
        "The machine is busy with other things, or the program is uneven: times lie far\n"
        "apart. Come back when it is quiet, or take more --runs.\n"
        "Resident memory counts pages that other processes share in full, and what pools\n"
        "of quire's share again for each pool; PSS counts both in proportion. Held is\n"
        "PSS, pages that pools share and no page table has, page tables and mappings. The\n"
        "control group is charged for all its processes, not this one alone, and for what\n"
        "the kernel keeps of their files.\n"
        "\n"
        "On this program quire is faster, with 0.90 (0.75 to 0.90) of the time; its peak\n"
        "is higher, 1.10; less is resident at the end, 0.40.\n"
    )


@pytest.mark.parametrize(
    ("quire", "words"),
    [
        (measurement(1.5, 1.5), "quire is faster, with 0.75 of the time"),
        (measurement(3.0, 0.5), "quire is slower, with 1.50 of the time"),
        (measurement(2.01), "quire takes the same time"),
        (measurement(peak=90), "its peak is lower, 0.90;"),
        (measurement(peak=120), "its peak is higher, 1.20;"),
        (measurement(peak=100.5), "its peak is the same;"),
        (measurement(end=10), "less is resident at the end, 0.20."),
        (measurement(end=60), "more is resident at the end, 1.20."),
        (measurement(end=50), "as much is resident at the end."),
    ],
)
def test_the_conclusion_says_who_is_ahead(quire: Measurement, words: str) -> None:
    """Where quire wins, where it loses and where nothing differs, in words."""
    text = conclusion(PLAIN, quire)
    assert text.startswith("On this program ")
    assert words in text
    assert "--runs" not in text


def test_noise_is_called_noise() -> None:
    """Where the interval is on both sides of 1, nothing is claimed, and more pairs are asked for."""
    runs = comparison([PLAIN] * 6, [measurement(wall, wall / 2) for wall in UNEVEN])
    text = compare_view(runs).conclusion
    assert text.startswith("On this program no difference in time can be told from noise; its peak is the same")
    assert text.endswith(" More pairs may tell: --runs 20.")
    assert "times lie far apart" in screen(runs)
    assert compare_view(
        comparison([PLAIN] * 15, [measurement(w) for w in UNEVEN * 2 + UNEVEN[:3]])
    ).conclusion.endswith("--runs 30.")


def test_processor_time_speaks_where_the_clock_is_too_noisy() -> None:
    """An uneven clock beside even processor time: the latter is told, as what it is."""
    text = compare_view(comparison([PLAIN] * 6, [measurement(wall, 0.9) for wall in UNEVEN])).conclusion
    assert "quire takes less processor time, 0.90, and by the clock no difference can be told from noise;" in text


def test_few_pairs_are_not_enough() -> None:
    """Below six pairs there is no interval; the lowest and the highest stand there, and the conclusion says so."""
    text = screen(comparison([PLAIN] * 5, [measurement(1.0, 1.0)] * 5))
    assert "From 5 pairs alone, too few to be sure: quire is faster" in text
    assert "Fewer than 6 pairs give no 95 % interval; --runs 6 does." in text
    assert "95 % interval " not in text.replace("no 95 % interval;", "")
    assert "Fewer than" not in screen(comparison([PLAIN] * 6, [PLAIN] * 6))


def test_one_pair_has_no_spread() -> None:
    """A comparison that was ended after its first pair shows what there is, and how many there would have been."""
    text = screen(comparison([PLAIN], [PLAIN], planned=10))
    assert "Ended early: 1 of 10 pairs" in text
    assert "Lowest and highest run" not in text


def test_what_was_not_seen_is_said() -> None:
    """Without a reading at the end, the rows say so, a note says why, and the conclusion leaves it out."""
    unseen = Measurement(2.0, 1.0, 1000, 0, None, None, None, "a")
    text = screen(comparison([unseen] * 6, [unseen] * 6))
    assert text.count("not seen not seen") == 2
    assert "os._exit" in text
    assert text.endswith("On this program quire takes the same time.")


def test_a_small_program_shows_the_start() -> None:
    """Where quire takes more, and no more than a start can, the start is named; not where it is more, or less."""
    words = "quire's own start shows"
    assert words in screen(comparison([measurement(0.1)] * 6, [measurement(0.11)] * 6))
    assert words in screen(comparison([measurement(peak=10)] * 6, [measurement(peak=11)] * 6))
    assert words not in screen(comparison([measurement(0.1)] * 6, [measurement(0.15)] * 6))
    assert words not in screen(comparison([measurement(peak=10)] * 6, [measurement(peak=14)] * 6))
    assert words not in screen(comparison([measurement(0.1, peak=10)] * 6, [measurement(0.09, peak=9)] * 6))


@pytest.mark.parametrize(
    ("plain", "quire", "words"),
    [
        ("aaa", "aaa", "was the same plainly and on quire"),
        ("abc", "abc", "was the same plainly and on quire"),
        ("aaa", "aba", "DIFFERED on quire, and was always the same plainly"),
        ("aaa", "bbb", "DIFFERED on quire, and was always the same plainly"),
        ("aab", "aba", "differed from run to run, plainly too"),
        ("a", "b", "differed between the two"),
    ],
)
def test_outputs_are_held_against_each_other(plain: str, quire: str, words: str) -> None:
    """An output that differs on quire alone is told from one that is never the same."""
    outputs = [[measurement(out=out) for out in side] for side in (plain, quire)]
    assert f"standard output {words}" in screen(comparison(*outputs))


# --- whatever is measured -------------------------------------------------------------------------------------


@given(comparisons(), st.integers(80, 200))
def test_the_screen_fits_its_width(runs: Comparison, width: int) -> None:
    """No line is longer than the terminal, whatever the numbers, and nothing of it steers the terminal."""
    text = draw(compare_view(runs), Style(width=width))
    assert max(map(cells, text.splitlines())) <= width
    assert all(character.isprintable() for character in text.replace("\n", ""))


@given(comparisons())
def test_what_is_written_is_read_again(runs: Comparison) -> None:
    """Every comparison comes back equal from its file, unseen numbers too."""
    assert from_json(to_json(runs)) == runs


# --- the file -------------------------------------------------------------------------------------------------


def test_the_format_is_as_documented() -> None:
    """The document names itself and its version, and every field in it is in the documentation."""
    document = json.loads(to_json(comparison([PLAIN] * 6, [measurement(1.5)] * 6)))
    assert (document["format"], document["version"]) == ("quire.compare", 1)
    assert document["results"]["wall_seconds"] == {
        "plain": {"median": 2.0, "lowest": 2.0, "highest": 2.0},
        "quire": {"median": 1.5, "lowest": 1.5, "highest": 1.5},
        "ratio": {"median": 0.75, "low": 0.75, "high": 0.75},
    }
    text = (Path(__file__).parents[2] / "docs/comparison.md").read_text(encoding="utf-8")
    names = {*document, *document["pairs"][0], *document["pairs"][0]["plain"], *document["results"]["wall_seconds"]}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "quire.run"}, "not a report of quire compare"),
        ({"version": 2}, "newer quire"),
        ({"pairs": [{"plain": None, "quire": None}]}, "report.pairs[0].plain is not an object"),
        ({"pairs": 3}, "report.pairs is not a list"),
    ],
)
def test_what_is_no_comparison_is_refused(change: dict[str, object], words: str) -> None:
    """A damaged, foreign or newer document is refused, and the message says which and where."""
    document = json.loads(to_json(comparison([PLAIN], [PLAIN]))) | change
    with pytest.raises(InvalidOption) as caught:
        from_json(json.dumps(document))
    assert words in str(caught.value)


def test_a_number_that_was_not_seen_is_null_and_nothing_else() -> None:
    """A size may be null; a word in its place is damage."""
    document = json.loads(to_json(comparison([PLAIN], [PLAIN])))
    document["pairs"][0]["plain"]["rss_bytes"] = None
    assert from_json(json.dumps(document)).pairs[0].plain.rss_bytes is None
    document["pairs"][0]["plain"]["rss_bytes"] = "much"
    with pytest.raises(InvalidOption, match="rss_bytes is not of type int"):
        from_json(json.dumps(document))
