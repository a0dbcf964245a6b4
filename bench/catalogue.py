"""The workloads, and how large each is: our own, and those of pyperformance that allocate most.

rounds          about a second, for time and memory: what comes and goes on a machine meets what is compared then
rounds_counted  about a tenth of a second, which is some ten seconds under callgrind
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "workloads"


@dataclass(frozen=True)
class Workload:
    """One program. What it says is the same on every allocator."""

    name: str
    title: str
    rounds: int
    rounds_counted: int

    def arguments(self, rounds: int) -> list[str]:
        """What follows ``python`` on the command line."""
        return [str(FOLDER / f"{self.name}.py"), str(rounds)]

    def result(self, output: str) -> str:
        """The part of its output that must not differ."""
        return output


@dataclass(frozen=True)
class SuiteWorkload(Workload):
    """One of pyperformance's benchmarks, in one process with a fixed number of loops. It says how long it took."""

    options: tuple[str, ...] = ()

    def arguments(self, rounds: int) -> list[str]:
        script = suite_folder() / f"bm_{self.title.split()[0]}" / "run_benchmark.py"
        return [str(script), *self.options, "--worker", f"--loops={rounds}", "--warmups=0", "--values=1"]

    def result(self, output: str) -> str:
        return ""


def suite_folder() -> Path:
    found = importlib.util.find_spec("pyperformance")
    if found is None or found.origin is None:
        raise SystemExit("pyperformance is not installed; pip install -r bench/requirements.txt")
    return Path(found.origin).parent / "data-files" / "benchmarks"


OWN_WORKLOADS = (
    Workload("documents", "documents in JSON", 7, 3),
    Workload("tables", "dictionaries and sorting", 3, 1),
    Workload("syntax", "syntax trees", 9, 3),
    Workload("objects", "object graph", 10, 1),
    Workload("slots", "object graph with slots", 2, 1),
    Workload("text", "text and CSV", 7, 2),
    Workload("tasks", "generators and asyncio", 8, 2),
    Workload("pickles", "pickle and deep copies", 4, 1),
    Workload("rows", "rows of SQLite", 10, 15),
    Workload("solver", "constraint solver", 267, 50),
    Workload("growth", "large lists that grow", 13, 3),
    Workload("arithmetic", "numbers", 33, 8),
    Workload("cache", "cache with survivors", 27, 6),
    Workload("buffers", "byte buffers of varying sizes", 33, 6),
)

# Those in which CPython's own allocator takes some per cent of the instructions; not those that compute in place
# (nbody, fannkuch, scimark, spectral_norm), start other programs, or need a network.
SUITE_WORKLOADS = (
    SuiteWorkload("pp-async", "async_tree", 1, 1, ("none",)),
    SuiteWorkload("pp-chaos", "chaos", 7, 1),
    SuiteWorkload("pp-deepcopy", "deepcopy", 1000, 600),
    SuiteWorkload("pp-deltablue", "deltablue", 100, 15),
    SuiteWorkload("pp-float", "float", 4, 1),
    SuiteWorkload("pp-genshi", "genshi", 4, 1),
    SuiteWorkload("pp-go", "go", 3, 1),
    SuiteWorkload("pp-hexiom", "hexiom", 50, 10),
    SuiteWorkload("pp-html5lib", "html5lib", 5, 1),
    SuiteWorkload("pp-dumps", "json_dumps", 20, 4),
    SuiteWorkload("pp-loads", "json_loads", 1667, 300),
    SuiteWorkload("pp-pickle", "pickle in Python", 100, 60, ("--pure-python", "pickle")),
    SuiteWorkload("pp-unpickle", "pickle in Python, loads", 100, 20, ("--pure-python", "unpickle")),
    SuiteWorkload("pp-pyflate", "pyflate", 1, 1),
    SuiteWorkload("pp-raytrace", "raytrace", 1, 1),
    SuiteWorkload("pp-regex", "regex_compile", 3, 1),
    SuiteWorkload("pp-sqlalchemy", "sqlalchemy_declarative", 1, 1),
    SuiteWorkload("pp-sqlglot", "sqlglot_v2", 100, 20, ("parse",)),
    SuiteWorkload("pp-telco", "telco", 67, 10),
    SuiteWorkload("pp-tomli", "tomli_loads", 1, 1),
    SuiteWorkload("pp-xml", "xml_etree", 8, 2, ("--etree-module=xml.etree.ElementTree", "process")),
)

WORKLOADS = (*OWN_WORKLOADS, *SUITE_WORKLOADS)


def chosen(names: list[str]) -> list[Workload]:
    """Those named; all if none is. ``own`` and ``suite`` name all of a kind."""
    by_name: dict[str, tuple[Workload, ...]] = {workload.name: (workload,) for workload in WORKLOADS}
    by_name |= {"own": OWN_WORKLOADS, "suite": SUITE_WORKLOADS}
    unknown = set(names).difference(by_name)
    if unknown:
        raise SystemExit(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    return [workload for name in names or ["own", "suite"] for workload in by_name[name]]
