"""Measures what a process holds after a peak of memory, on quire and the others, and writes docs/after-a-peak.md.

    give_back.py run [--rounds N] [--allocators NAMES] [--cgroup FOLDER] [CASE ...]
    give_back.py report

It measures the Python that runs it, in which quire must be installed, and goes on where it was stopped: what was
measured stands in this Python's file (results.py). The page is its own, beside speed.py's: each of the two programs
writes a page whole, from what it measured itself, and neither needs the other to have run.

A case is KIND-PATTERN-SURVIVORS%-SIZEGB-PEAKS (giving_back/cases.py). --cgroup names an empty control group with
memory accounting, in which this user may put processes: what it is charged for is told beside.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from execution import Failed

RESULTS = Path(__file__).resolve().parent / "results"
DOCS = Path(__file__).resolve().parents[1] / "docs"
SECTION = "giving back"


def main() -> int:
    arguments = parse_arguments()
    try:
        arguments.command(arguments)
    except Failed as error:
        print(f"give_back.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what a process holds after a peak.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for what was measured")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the cases, each on every allocator")
    run.set_defaults(command=run_cases)
    run.add_argument("--rounds", type=int, default=1, help="how often, runs that were measured before included")
    run.add_argument("--allocators", default="all", help="named with commas between, or all")
    run.add_argument("--cgroup", type=Path, help="an empty control group to run them in")
    run.add_argument("cases", nargs="*", metavar="CASE", help="KIND-PATTERN-SURVIVORS%%-SIZEGB-PEAKS")

    report = commands.add_parser("report", help="write the page")
    report.set_defaults(command=run_report)
    report.add_argument("--docs", type=Path, default=DOCS, help="folder for the page and its plots")
    return parser.parse_args()


def run_cases(arguments: argparse.Namespace) -> None:
    import allocators
    import results
    from giving_back import cases, runs

    if arguments.cgroup and not (arguments.cgroup / "cgroup.procs").exists():
        raise Failed(f"{arguments.cgroup} is not a control group; make one with mkdir below /sys/fs/cgroup")
    order = runs.Order(
        cases.chosen(arguments.cases),
        allocators.chosen(arguments.allocators, allocators.GIVING_BACK),
        arguments.rounds,
        arguments.cgroup,
    )
    for name, found in runs.measure(order, results.read_this(arguments.results).get(SECTION, {})):
        results.write(arguments.results, SECTION, name, found)


def run_report(arguments: argparse.Namespace) -> None:
    import results
    from giving_back import page

    records = [record for record in results.read_all(arguments.results) if SECTION in record]
    if not records:
        raise Failed(f"nothing was measured yet in {arguments.results}; measure first: give_back.py run")
    page.write(records, arguments.docs)


if __name__ == "__main__":
    sys.exit(main())
