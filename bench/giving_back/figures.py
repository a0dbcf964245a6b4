"""What the page tells of one Python, computed from its record (results.py).

Every share is of the first peak's height, and both are less the floor: what the process held before.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from figures import OWN, QUIRE
from giving_back.cases import Case, read_case
from intervals import Interval, ratio_of_rounds

MIB = 1024**2
SHARE_SECONDS = 10
"""Of rest, over which the processor's time is told."""

Run = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Of the runs under one limit of mappings."""

    record: dict[str, Any]
    mappings_max: int

    @property
    def python(self) -> str:
        return str(self.record["python"]["version"])

    def cases(self) -> list[Case]:
        return [read_case(name) for name in self.record["giving back"] if self.allocators(read_case(name))]

    def allocators(self, case: Case) -> list[str]:
        found = self.record["giving back"].get(case.name, {})
        return [name for name in found if self.runs(case, name)]

    def runs(self, case: Case, allocator: str) -> list[Run]:
        found = self.record["giving back"].get(case.name, {}).get(allocator, [])
        return [run for run in found if run["mappings_max"] == self.mappings_max]

    # --- memory ---

    def held(self, case: Case, allocator: str, moment: int, field: str = "held_bytes") -> float:
        """The share that is held so many seconds after the last peak; the median of the runs."""
        return statistics.median(share(run, last(run, moment)[field], field) for run in self.runs(case, allocator))

    def live(self, case: Case) -> float | None:
        """What nobody could give back: quire's live bytes at the end, as such a share. ``None``: not measured."""
        shares = []
        for run in self.runs(case, QUIRE):
            floor, end = (run["statistics"][stage]["live_bytes"] for stage in ("floor", "end"))
            shares.append((end - floor) / height(run, "held_bytes"))
        return statistics.median(shares) if shares else None

    def rss_to_held(self, case: Case, allocator: str) -> float:
        """Plain RSS, in bytes and less the floor, to what is held: after rest."""
        ratios = []
        for run in self.runs(case, allocator):
            after, floor = last(run, case.settled_seconds), run["floor"]
            ratios.append((after["rss_bytes"] - floor["rss_bytes"]) / (after["held_bytes"] - floor["held_bytes"]))
        return statistics.median(ratios)

    def height_mib(self, case: Case, allocator: str) -> float:
        return statistics.median(height(run, "held_bytes") for run in self.runs(case, allocator)) / MIB

    def most(self, field: str, allocator: str = QUIRE) -> int:
        """Its largest value after any peak of any case."""
        runs = [run for case in self.cases() for run in self.runs(case, allocator)]
        return max(
            (after[field] for run in runs for peak in run["peaks"] for after in peak["after"].values()), default=0
        )

    # --- time ---

    def later_peak(self, case: Case, allocator: str, number: int, field: str = "cpu_seconds") -> Interval:
        """How long it took to make, to the first one of the same run."""
        runs = self.runs(case, allocator)
        return ratio_of_rounds([run["peaks"][number][field] for run in runs], [run["peaks"][0][field] for run in runs])

    def first_peak(self, case: Case, allocator: str, field: str = "cpu_seconds") -> Interval | None:
        """How long it took to make, to CPython's own, of rounds that both have."""
        both = list(zip(self.runs(case, allocator), self.runs(case, OWN), strict=False))
        if not both:
            return None
        return ratio_of_rounds(*([run["peaks"][0][field] for run in runs] for runs in zip(*both, strict=True)))

    def share_at_rest(self, case: Case, allocator: str) -> float:
        """Of a processor, in the seconds after a peak; the program itself does nothing then. The largest."""
        key = str(SHARE_SECONDS)
        return max(
            (peak["after"][key]["cpu_seconds"] - peak["after"]["0"]["cpu_seconds"]) / SHARE_SECONDS
            for run in self.runs(case, allocator)
            for peak in run["peaks"]
        )

    def steps(self) -> list[tuple[Case, dict[str, Any]]]:
        """What is known of the steps that quire took by itself, of each run in which it took any."""
        return [
            (case, given)
            for case in self.cases()
            for run in self.runs(case, QUIRE)
            if (given := run["statistics"]["end"].get("giving_back", {}).get("by_itself")) and given["steps"]
        ]

    def fork_nearest(self, pools: int) -> tuple[Run, int] | None:
        """Of quire's runs: what a fork took with so many meshed pools, or the fewest above; with the most, where none
        has as many. ``None``: nothing was measured."""
        runs = [run for case in self.cases() for run in self.runs(case, QUIRE) if "fork" in run]
        counts = {run["statistics"]["end"]["sealed_pools"]: run["fork"] for run in runs}
        if not counts:
            return None
        found = min((count for count in counts if count >= pools), default=max(counts))
        return counts[found], found

    def cpu_seconds_after(self, case: Case, allocator: str, moment: int) -> float:
        """What the process has taken since its last peak, in which the program itself does nothing; the median."""
        return statistics.median(
            last(run, moment)["cpu_seconds"] - last(run, 0)["cpu_seconds"] for run in self.runs(case, allocator)
        )


def last(run: Run, moment: int | None = None) -> dict[str, Any]:
    """What was seen so long after the last peak; the last of all if not told."""
    after = run["peaks"][-1]["after"]
    return dict(after[str(moment)] if moment is not None else list(after.values())[-1])


def height(run: Run, field: str) -> int:
    return int(run["peaks"][0]["at_peak"][field] - run["floor"][field])


def share(run: Run, value: float, field: str) -> float:
    return (value - float(run["floor"][field])) / height(run, field)


def every_limit(record: dict[str, Any]) -> list[Figures]:
    """One for each limit of mappings that was measured, the lowest first."""
    runs = [run for by_name in record["giving back"].values() for found in by_name.values() for run in found]
    return [Figures(record, limit) for limit in sorted({run["mappings_max"] for run in runs})]
