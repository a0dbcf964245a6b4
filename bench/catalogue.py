"""The workloads, and how large each is.

rounds          about one or two seconds, for time and memory
rounds_counted  about a third of a second, which is half a minute under callgrind
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "workloads"


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    rounds: int
    rounds_counted: int

    def arguments(self, rounds: int) -> list[str]:
        return [str(FOLDER / f"{self.name}.py"), str(rounds)]


WORKLOADS = (
    Workload("documents", "documents in JSON", 20, 3),
    Workload("tables", "dictionaries and sorting", 10, 2),
    Workload("syntax", "syntax trees", 28, 7),
    Workload("objects", "object graph", 30, 3),
    Workload("slots", "object graph with slots", 6, 1),
    Workload("text", "text and CSV", 20, 5),
    Workload("tasks", "generators and asyncio", 24, 6),
    Workload("pickles", "pickle and deep copies", 12, 2),
    Workload("rows", "rows of SQLite", 30, 6),
    Workload("solver", "constraint solver", 800, 150),
    Workload("growth", "large lists that grow", 40, 8),
    Workload("arithmetic", "numbers", 100, 20),
    Workload("cache", "cache with survivors", 80, 15),
)


def chosen(names: list[str]) -> list[Workload]:
    """Those named; all if none is."""
    by_name = {workload.name: workload for workload in WORKLOADS}
    return [by_name[name] for name in names] if names else list(WORKLOADS)
