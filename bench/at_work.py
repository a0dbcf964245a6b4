"""What giving back takes of a program that never rests.

The workloads work from their first moment to their last, here for some seconds, since nothing is old enough to go back
within the first. In a run of each quire tells what its helper has taken; another, with nothing given back, tells which
page faults are those of memory that went back and was needed again. Not by callgrind: a program is fifty times slower
under it and its clock is not, so there its memory rests as it never does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import execution
from allocators import KEEPING, QUIRE
from catalogue import Workload

TIMES_LONGER = 6


def measure(workloads: list[Workload]) -> Iterator[tuple[str, dict[str, Any]]]:
    """By workload: processor seconds in all and of the helper; page faults, and those with nothing given back."""
    for workload in workloads:
        found = look_at(workload)
        print(
            f"{workload.name:14} {found['helper_seconds'] / found['cpu_seconds']:7.2%} of {found['cpu_seconds']:.1f} s"
        )
        yield workload.name, found


def look_at(workload: Workload) -> dict[str, Any]:
    command = [sys.executable, *workload.arguments(TIMES_LONGER * workload.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        told = execution.run(command, QUIRE.full_environment() | {"QUIRE_JSON": str(report)})
        given = json.loads(report.read_text())["statistics"]["giving_back"]["by_itself"]
    giving, keeping = (execution.run(command, each.full_environment()) for each in (QUIRE, KEEPING))
    return {
        "cpu_seconds": told.cpu_seconds,
        "helper_seconds": given["cpu_seconds"],
        "steps": given["steps"],
        "faults": giving.faults,
        "faults_keeping": keeping.faults,
    }
