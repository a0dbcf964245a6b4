"""The workloads, and how large each is: our own, and those of pyperformance that allocate most.

rounds          about one or two seconds, for time and memory
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
    Workload("documents", "documents in JSON", 20, 3),
    Workload("tables", "dictionaries and sorting", 10, 1),
    Workload("syntax", "syntax trees", 28, 3),
    Workload("objects", "object graph", 30, 1),
    Workload("slots", "object graph with slots", 6, 1),
    Workload("text", "text and CSV", 20, 2),
    Workload("tasks", "generators and asyncio", 24, 2),
    Workload("pickles", "pickle and deep copies", 12, 1),
    Workload("rows", "rows of SQLite", 30, 15),
    Workload("solver", "constraint solver", 800, 50),
    Workload("growth", "large lists that grow", 40, 3),
    Workload("arithmetic", "numbers", 100, 8),
    Workload("cache", "cache with survivors", 80, 6),
    Workload("buffers", "byte buffers of varying sizes", 100, 6),
)

# Those in which CPython's own allocator takes some per cent of the instructions; not those that compute in place
# (nbody, fannkuch, scimark, spectral_norm), start other programs, or need a network.
SUITE_WORKLOADS = (
    SuiteWorkload("pp-async", "async_tree", 2, 1, ("none",)),
    SuiteWorkload("pp-chaos", "chaos", 20, 1),
    SuiteWorkload("pp-deepcopy", "deepcopy", 3000, 600),
    SuiteWorkload("pp-deltablue", "deltablue", 300, 15),
    SuiteWorkload("pp-float", "float", 12, 1),
    SuiteWorkload("pp-genshi", "genshi", 12, 1),
    SuiteWorkload("pp-go", "go", 10, 1),
    SuiteWorkload("pp-hexiom", "hexiom", 150, 10),
    SuiteWorkload("pp-html5lib", "html5lib", 15, 1),
    SuiteWorkload("pp-dumps", "json_dumps", 60, 4),
    SuiteWorkload("pp-loads", "json_loads", 5000, 300),
    SuiteWorkload("pp-pickle", "pickle in Python", 300, 60, ("--pure-python", "pickle")),
    SuiteWorkload("pp-unpickle", "pickle in Python, loads", 300, 20, ("--pure-python", "unpickle")),
    SuiteWorkload("pp-pyflate", "pyflate", 3, 1),
    SuiteWorkload("pp-raytrace", "raytrace", 4, 1),
    SuiteWorkload("pp-regex", "regex_compile", 8, 1),
    SuiteWorkload("pp-sqlalchemy", "sqlalchemy_declarative", 3, 1),
    SuiteWorkload("pp-sqlglot", "sqlglot_v2", 300, 20, ("parse",)),
    SuiteWorkload("pp-telco", "telco", 200, 10),
    SuiteWorkload("pp-tomli", "tomli_loads", 2, 1),
    SuiteWorkload("pp-xml", "xml_etree", 25, 2, ("--etree-module=xml.etree.ElementTree", "process")),
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
