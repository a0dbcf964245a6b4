"""What the page tells of one Python, computed from its record (results.py).

Every ratio is of CPython's own allocator: below 1 is better.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import allocators
from intervals import Interval, difference_of_rounds, geometric_mean, ratio_of_rounds, ratios_of_rounds
from results import BESIDE

OWN = allocators.OWN.name
QUIRE = allocators.QUIRE.name
GUARDED = allocators.GUARDED.name
PLAIN = "python"
SERVED = "QUIRE=1 python"
START = "start"


@dataclass(frozen=True)
class Figures:
    record: dict[str, Any]

    @property
    def python(self) -> str:
        return str(self.record["python"]["version"])

    @property
    def is_shared(self) -> bool:
        return bool(self.record["python"]["is_shared"])

    # --- runs ---

    @property
    def runs(self) -> dict[str, Any]:
        return dict(self.record.get("runs", {}))

    def allocators(self) -> list[str]:
        """Those that every workload was run on, in the order that they were given; CPython's own is the first."""
        lists = [list(found) for found in self.runs.values()]
        return [name for name in lists[0] if all(name in each for each in lists)] if lists else []

    def ratio(self, workload: str, allocator: str, field: str) -> Interval:
        found = self.runs[workload][allocator]
        return ratio_of_rounds(found[field], found[BESIDE][field])

    def mean(self, allocator: str, field: str) -> Interval:
        """The geometric mean over the workloads."""
        return geometric_mean([beside(found[allocator], field) for found in self.runs.values()])

    def mean_of_guarded(self, field: str) -> Interval:
        """Guarded sampling against quire without it, each by its ratio to CPython's own."""
        return geometric_mean(
            [
                ratios_of_rounds(beside(found[GUARDED], field), beside(found[QUIRE], field))
                for found in self.runs.values()
            ]
        )

    # --- peak memory ---

    def own_peak_bytes(self, workload: str) -> float:
        return statistics.median(self.runs[workload][OWN]["peak_bytes"])

    def fixed_bytes(self) -> float:
        """By how much quire raises the peak of a program that does nothing."""
        start = self.record["start"]
        return difference_of_rounds(start[SERVED]["peak_bytes"], start[PLAIN]["peak_bytes"]).middle

    def peak_beyond_fixed(self, workload: str) -> float:
        """quire's peak without the fixed cost."""
        found = self.runs[workload]
        peak_bytes = statistics.median(found[QUIRE]["peak_bytes"])
        return (peak_bytes - self.fixed_bytes()) / self.own_peak_bytes(workload)

    # --- start ---

    def start_ms(self, way: str) -> Interval:
        """Elapsed, beyond plain python's."""
        start = self.record["start"]
        found = difference_of_rounds(start[way]["wall_seconds"], start[PLAIN]["wall_seconds"])
        return Interval(*(1000 * seconds for seconds in (found.middle, found.low, found.high)))

    # --- instructions ---

    @property
    def counted(self) -> dict[str, Any]:
        """By workload, without the start."""
        return {name: found for name, found in self.record.get("instructions", {}).items() if name != START}

    def allocation_share(self, workload: str) -> float:
        """Of CPython's own allocator."""
        own = self.counted[workload][OWN]
        return float(own["allocation"] / own["total"])

    def instructions(self, workload: str, field: str, allocator: str = QUIRE) -> float:
        """Ratio of ``total`` or ``allocation``, of the whole process."""
        found = self.counted[workload]
        return float(found[allocator][field] / found[OWN][field])

    def instructions_after_start(self, workload: str, field: str, allocator: str = QUIRE) -> float:
        """The same without what an empty program takes on either allocator."""
        found, start = self.counted[workload], self.record["instructions"][START]
        quire, own = (found[each][field] - start[each][field] for each in (allocator, OWN))
        return float(quire / own)


def beside(found: dict[str, Any], field: str) -> list[float]:
    """By round, the ratio to CPython's own at the same time."""
    return ratios_of_rounds(found[field], found[BESIDE][field])
