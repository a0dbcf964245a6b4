"""Measures what a snapshot of a heap costs, and what asking it takes, beside other tools; writes docs/snapshot-cost.md.

    snapshot.py run [--rounds N] [--ways NAMES] [OBJECTS ...]    the pause, the memory
    snapshot.py ask [--rounds N] [OBJECTS ...]                   the commands that read the file
    snapshot.py report

The first two measure the Python that runs them, in which quire must be installed, and put what they found into a file
for this Python (results.py).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from execution import Failed

RESULTS = Path(__file__).resolve().parent / "results"
DOCS = Path(__file__).resolve().parents[1] / "docs"
COUNTS = [1_000_000, 2_000_000, 5_000_000, 10_000_000]
TAKEN = "snapshots"
ASKED = "answers"


def main() -> int:
    arguments = parse_arguments()
    try:
        arguments.command(arguments)
    except Failed as error:
        print(f"snapshot.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what a snapshot costs.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for what was measured")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="the pause, the memory")
    run.set_defaults(command=run_ways)
    run.add_argument("--ways", default="all", help="named with commas between, or all")

    ask = commands.add_parser("ask", help="the commands that read the file")
    ask.set_defaults(command=run_questions)
    for each in (run, ask):
        each.add_argument("--rounds", type=int, default=3)
        each.add_argument("counts", nargs="*", type=int, metavar="OBJECTS", default=COUNTS)

    report = commands.add_parser("report", help="write the page")
    report.set_defaults(command=run_report)
    report.add_argument("--docs", type=Path, default=DOCS, help="folder for the page")
    return parser.parse_args()


def run_ways(arguments: argparse.Namespace) -> None:
    import results
    from snapshots import runs

    ways = list(runs.WAYS) if arguments.ways == "all" else arguments.ways.split(",")
    unknown = [way for way in ways if way not in runs.WAYS]
    if unknown:
        raise Failed(f"there is no way {unknown[0]}; there are {', '.join(runs.WAYS)}")
    for name, found in runs.measure(arguments.counts, ways, arguments.rounds):
        results.write(arguments.results, TAKEN, name, found)


def run_questions(arguments: argparse.Namespace) -> None:
    import results
    from snapshots import runs

    for name, found in runs.ask(arguments.counts, arguments.rounds):
        results.write(arguments.results, ASKED, name, found)


def run_report(arguments: argparse.Namespace) -> None:
    import results
    from snapshots import page

    records = [record for record in results.read_all(arguments.results) if TAKEN in record]
    if not records:
        raise Failed(f"nothing was measured yet in {arguments.results}; measure first: snapshot.py run")
    page.write(records, arguments.docs)


if __name__ == "__main__":
    sys.exit(main())
