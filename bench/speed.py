"""Measures what quire costs and saves, against CPython's own allocator and other ones, and writes docs/performance.md.

    speed.py instructions [WORKLOAD ...]     counted by callgrind, for CPython's own and quire
    speed.py report                          the page, from everything that was measured

Each command measures the Python that runs it, in which quire must be installed, and puts what it found into a file for
this Python (results.py). What is needed beside quire stands in requirements.txt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import catalogue
import instructions
import results
from execution import Failed


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
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder for what was measured")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("instructions", help="counted by callgrind")
    command.set_defaults(command=run_instructions)
    command.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()), help="keeps what was read of Python"
    )
    command.add_argument("--peers", action="store_true", help="the other allocators, too")
    command.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(names()))
    return parser.parse_args()


def names() -> list[str]:
    return [workload.name for workload in catalogue.WORKLOADS]


def run_instructions(arguments: argparse.Namespace) -> None:
    found = instructions.measure(catalogue.chosen(arguments.workloads), arguments.cache, arguments.peers)
    print(results.write(arguments.results, "instructions", found))


if __name__ == "__main__":
    sys.exit(main())
