"""What ``quire compare`` says: what each side takes, how far runs lie apart, and what comes of it in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quire.records.comparison import Comparison, Measurement
from quire.report.paired import PAIRS_MIN, Ratio, Result, Verdict, result
from quire.report.units import MIB, count, mib, one_line, seconds, seconds_to_compare
from quire.report.view import Row, Table, View, name_and_numbers

_WIDE = 0.1
"""An interval of ratios this wide tells little."""
_START_SECONDS_MAX = 0.02
_START_BYTES_MAX = 2 * MIB
"""What quire's start can take at most; more than this is the program's."""
_RUNS_TO_TELL = 20


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that runs take: how it is called, where its number is, how it is written."""

    key: str
    label: str
    of: Callable[[Measurement], float | None]
    write: Callable[[float], str]


def _mebibytes(size_bytes: float) -> str:
    return f"{mib(round(size_bytes))} MiB"


def _count(value: float) -> str:
    return count(round(value))


WALL = Measure("wall_seconds", "wall-clock time", lambda m: m.wall_seconds, seconds_to_compare)
CPU = Measure("cpu_seconds", "processor time", lambda m: m.cpu_seconds, seconds_to_compare)
PEAK = Measure("rss_max_bytes", "peak memory", lambda m: m.rss_max_bytes, _mebibytes)
END = Measure("rss_bytes", "resident at the end", lambda m: m.rss_bytes, _mebibytes)
SHARE = Measure("pss_bytes", "in proportion (PSS)", lambda m: m.pss_bytes, _mebibytes)
HELD = Measure("held_bytes", "held at the end", lambda m: m.held_bytes, _mebibytes)
GROUP = Measure("cgroup_bytes", "charge of its group", lambda m: m.cgroup_bytes, _mebibytes)
FAULTS = Measure("minor_faults", "page faults", lambda m: m.minor_faults, _count)
MEASURES = (WALL, CPU, PEAK, END, SHARE, HELD, GROUP, FAULTS)


Results = dict[str, Result | None]


def compare_view(comparison: Comparison) -> View:
    """The whole screen, of one pair or more."""
    results = {measure.key: result(comparison, measure.of) for measure in MEASURES}
    return View(
        title=f"quire compare: {one_line(comparison.argv[1:])}",
        subtitle=f"Python {comparison.python}",
        facts=(_runs_sentence(comparison), _output_sentence(comparison)),
        tables=(_median_table(comparison, results), *_spread_tables(comparison, results)),
        notes=_notes(comparison, results),
        conclusion=_conclusion(comparison, results),
    )


# --- tables ---------------------------------------------------------------------------------------------------

_NOT_SEEN = "not seen"


def _median_table(comparison: Comparison, results: Results) -> Table:
    number = len(comparison.pairs)
    interval = "95 % interval" if number >= PAIRS_MIN else "lowest to highest"
    columns = name_and_numbers("plain", "on quire", "ratio", interval)
    shown = [measure for measure in MEASURES if measure not in (SHARE, HELD, GROUP) or results[measure.key]]
    rows = [_median_row(measure, results[measure.key]) for measure in shown]
    return Table(f"Medians of {_pairs(number)}", columns, tuple(rows))


def _median_row(measure: Measure, found: Result | None) -> Row:
    if found is None:
        return Row((measure.label, _NOT_SEEN, _NOT_SEEN, "", ""))
    medians = [measure.write(side.median) for side in found.sides]
    ratio = (f"{found.ratio.median:.2f}", _interval(found.ratio)) if found.ratio else ("", "")
    return Row((measure.label, *medians, *ratio))


def _spread_tables(comparison: Comparison, results: Results) -> list[Table]:
    """One, where there is more than one run to a side."""
    if len(comparison.pairs) == 1:
        return []
    rows = [_spread_row(measure, found) for measure in MEASURES if (found := results[measure.key])]
    return [Table("Lowest and highest run", name_and_numbers("plain", "on quire"), tuple(rows))]


def _spread_row(measure: Measure, found: Result) -> Row:
    return Row((measure.label, *(f"{measure.write(s.lowest)} to {measure.write(s.highest)}" for s in found.sides)))


def _interval(ratio: Ratio) -> str:
    return f"{ratio.low:.2f} to {ratio.high:.2f}"


def _pairs(number: int) -> str:
    return "1 pair" if number == 1 else f"{number} pairs"


# --- sentences ------------------------------------------------------------------------------------------------


def _runs_sentence(comparison: Comparison) -> str:
    done, planned = len(comparison.pairs), comparison.pairs_planned
    number = _pairs(done) if done == planned else f"Ended early: {done} of {_pairs(planned)}"
    return f"{number} of runs, plainly and on quire in turn, after a warm-up; {seconds(comparison.wall_seconds)}."


def _output_sentence(comparison: Comparison) -> str:
    return f"Every run ended with exit code 0; standard output {_output(comparison)}."


def _output(comparison: Comparison) -> str:
    plain = {pair.plain.stdout_sha256 for pair in comparison.pairs}
    if all(pair.plain.stdout_sha256 == pair.quire.stdout_sha256 for pair in comparison.pairs):
        return "was the same plainly and on quire"
    if len(plain) > 1:
        return "differed from run to run, plainly too"
    if len(comparison.pairs) == 1:
        return "differed between the two"
    return "DIFFERED on quire, and was always the same plainly: find out why before anything else"


def _notes(comparison: Comparison, results: Results) -> tuple[str, ...]:
    wall, cpu, peak, end = (results[measure.key] for measure in (WALL, CPU, PEAK, END))
    notes = {
        f"Fewer than {PAIRS_MIN} pairs give no 95 % interval; --runs {PAIRS_MIN} does.": (
            len(comparison.pairs) < PAIRS_MIN
        ),
        "The machine is busy with other things, or the program is uneven: times lie far apart. "
        "Come back when it is quiet, or take more --runs.": _is_wide(wall) or _is_wide(cpu),
        "What is not seen: the program ends by os._exit, becomes another program, or changes its user, its root or "
        "its limits, before it can be read.": peak is None or end is None,
        "Resident memory counts pages that other processes share in full, and what pools of quire's share again for "
        "each pool; PSS counts both in proportion. Held is PSS, pages that pools share and no page table has, page "
        "tables and mappings. The control group is charged for all its processes, not this one alone, and for what the "
        "kernel keeps of their files.": results[SHARE.key] is not None,
        "In a program so short or small, quire's own start shows. It is paid once; compare the usual work.": (
            _is_start(wall, _START_SECONDS_MAX) or _is_start(peak, _START_BYTES_MAX)
        ),
    }
    return tuple(text for text, applies in notes.items() if applies)


def _is_wide(found: Result | None) -> bool:
    return found is not None and found.ratio is not None and found.ratio.high - found.ratio.low > _WIDE


def _is_start(found: Result | None, start: float) -> bool:
    """Whether quire takes more, and not more than its start can be."""
    return found is not None and _verdict(found) is Verdict.MORE and found.quire.median - found.plain.median <= start


def _verdict(found: Result | None) -> Verdict | None:
    return found.ratio.verdict if found is not None and found.ratio is not None else None


# --- what comes of it -----------------------------------------------------------------------------------------

_TIME = {
    Verdict.LESS: "quire is faster, with {} of the time",
    Verdict.MORE: "quire is slower, with {} of the time",
    Verdict.SAME: "quire takes the same time",
    Verdict.UNCLEAR: "no difference in time can be told from noise",
}
_CPU = {
    Verdict.LESS: "quire takes less processor time, {}, and by the clock no difference can be told from noise",
    Verdict.MORE: "quire takes more processor time, {}, and by the clock no difference can be told from noise",
    Verdict.SAME: "quire takes the same processor time, and by the clock no difference can be told from noise",
}
_PEAK = {
    Verdict.LESS: "its peak is lower, {}",
    Verdict.MORE: "its peak is higher, {}",
    Verdict.SAME: "its peak is the same",
    Verdict.UNCLEAR: "no difference in its peak can be told from noise",
}
_END = {
    Verdict.LESS: "less is resident at the end, {}",
    Verdict.MORE: "more is resident at the end, {}",
    Verdict.SAME: "as much is resident at the end",
    Verdict.UNCLEAR: "at the end no difference can be told from noise",
}


def _conclusion(comparison: Comparison, results: Results) -> str:
    number = len(comparison.pairs)
    clauses = [
        _time_clause(results[WALL.key], results[CPU.key]),
        _clause(_PEAK, results[PEAK.key]),
        _clause(_END, results[END.key]),
    ]
    opening = "On this program " if number >= PAIRS_MIN else f"From {_pairs(number)} alone, too few to be sure: "
    return f"{opening}{'; '.join(filter(None, clauses))}.{_more_runs(number, results)}"


def _time_clause(wall: Result | None, cpu: Result | None) -> str:
    """By the clock; where that tells nothing and processor time does, by that."""
    if _verdict(wall) is Verdict.UNCLEAR and _verdict(cpu) in _CPU:
        return _clause(_CPU, cpu)
    return _clause(_TIME, wall)


def _clause(words: dict[Verdict, str], found: Result | None) -> str:
    if found is None or found.ratio is None:
        return ""
    return words[found.ratio.verdict].format(_ratio(found.ratio))


def _ratio(ratio: Ratio) -> str:
    """With its interval, where that is wider than what is printed."""
    printed = {f"{value:.2f}" for value in (ratio.low, ratio.median, ratio.high)}
    return f"{ratio.median:.2f} ({_interval(ratio)})" if len(printed) > 1 else f"{ratio.median:.2f}"


def _more_runs(number: int, results: Results) -> str:
    if not any(_verdict(results[measure.key]) is Verdict.UNCLEAR for measure in (WALL, PEAK, END)):
        return ""
    return f" More pairs may tell: --runs {max(2 * number, _RUNS_TO_TELL)}."
