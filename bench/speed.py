"""Measures what quire costs and saves, against CPython's own allocator and other ones, and writes docs/performance.md.

    speed.py instructions [WORKLOAD ...]                 counted by callgrind
    speed.py runs [--rounds N] [WORKLOAD ...]            processor time, page faults and peak memory
    speed.py work [WORKLOAD ...]                         what giving back takes of a program that never rests
    speed.py start [--rounds N]                          what starting costs
    speed.py report                                      the page, from everything that was measured

All but the last measure the Python that runs them, in which quire must be installed, and put what they found into a
file for this Python (results.py). The report needs no quire. What else is needed stands in requirements.txt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from execution import Failed

RESULTS = Path(__file__).resolve().parent / "results"
DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> int:
    arguments = parse_arguments()
    try:
        arguments.command(arguments)
    except Failed as error:
        print(f"speed.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what quire costs and saves.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for what was measured")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    instructions = commands.add_parser("instructions", help="counted by callgrind")
    instructions.set_defaults(command=run_instructions)
    instructions.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()), help="keeps what was read")
    add_choices(instructions, "cpython,quire")

    runs = commands.add_parser("runs", help="processor time, page faults and peak memory")
    runs.set_defaults(command=run_runs)
    runs.add_argument("--rounds", type=int, default=5, help="join those that were measured of the same code")
    add_choices(runs, "all")

    work = commands.add_parser("work", help="what giving back takes of a program that never rests")
    work.set_defaults(command=run_work)
    work.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="own, suite, or some by name")

    start = commands.add_parser("start", help="what starting costs")
    start.set_defaults(command=run_start)
    start.add_argument("--rounds", type=int, default=100)

    report = commands.add_parser("report", help="write the page")
    report.set_defaults(command=run_report)
    report.add_argument("--docs", type=Path, default=DOCS, help="folder for the page and its plots")
    return parser.parse_args()


def add_choices(command: argparse.ArgumentParser, allocators: str) -> None:
    command.add_argument("--allocators", default=allocators, help="named with commas between, or all")
    command.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="own, suite, or some by name")


# Each command imports what it needs: pyelftools, quire and matplotlib are not everywhere.


def run_instructions(arguments: argparse.Namespace) -> None:
    import allocators
    import catalogue
    import instructions
    import results

    chosen = allocators.chosen(arguments.allocators)
    for name, found in instructions.measure(catalogue.chosen(arguments.workloads), chosen, arguments.cache):
        results.write(arguments.results, "instructions", name, found)


def run_runs(arguments: argparse.Namespace) -> None:
    import allocators
    import catalogue
    import results
    import runs

    chosen = allocators.chosen(arguments.allocators)
    for name, found in runs.measure(catalogue.chosen(arguments.workloads), chosen, arguments.rounds):
        results.add_rounds(arguments.results, "runs", name, found)


def run_work(arguments: argparse.Namespace) -> None:
    import at_work
    import catalogue
    import results

    for name, found in at_work.measure(catalogue.chosen(arguments.workloads)):
        results.write(arguments.results, "work", name, found)


def run_start(arguments: argparse.Namespace) -> None:
    import results
    import start_up

    for way, found in start_up.measure(arguments.rounds).items():
        results.write(arguments.results, "start", way, found)


def run_report(arguments: argparse.Namespace) -> None:
    import page
    import results

    records = results.read_all(arguments.results)
    if not records:
        raise Failed(f"nothing was measured yet, {arguments.results} is empty; measure first: speed.py runs")
    page.write(records, arguments.docs)


if __name__ == "__main__":
    sys.exit(main())
