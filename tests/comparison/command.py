"""What the comparisons' commands have in common: their arguments, and a campaign from its start to its table."""

from __future__ import annotations

import argparse
import hashlib
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from comparison.campaign import Campaign, Pair, tell_differences
from comparison.execution import QUIRE, STRESS, TestFile
from comparison.table import show_table
from comparison.verdict import read_allowed


@dataclass(frozen=True)
class Order:
    """What a command was asked for; ``Campaign`` says what the words mean."""

    names: list[str]
    work: Path
    quick: bool
    jobs: int
    mode: str


@contextmanager
def parse_order(description: str, name: str) -> Iterator[Order]:
    """The command line's; without a folder, one that lasts as long as the order."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, help="folder that keeps results; none are kept if not given")
    parser.add_argument("--quick", action="store_true", help="run plainly only the files that fail on quire")
    parser.add_argument("--jobs", type=int, default=2, help="how many files to run at once")
    parser.add_argument("--stress", action="store_true", help="have quire mesh all it can, all the time")
    parser.add_argument("names", nargs="*", metavar=name, help="what to run; all if none is named")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        yield Order(given.names, work, given.quick, given.jobs, STRESS if given.stress else QUIRE)


def run_campaign(title: str, files: list[TestFile], allowed: Path, order: Order) -> bool:
    """Compare, tell, and say whether nothing differs that may not; under stress, something must have been meshed."""
    folder = order.work / this_python() / title
    campaign = Campaign(read_allowed(allowed, order.mode), folder, order.quick, order.jobs, order.mode)
    pairs = list(campaign.compare_all(files))
    tell_differences(pairs)
    print(show_table(f"{title} on CPython {platform.python_version()}", pairs), flush=True)
    return not any(pair.differing for pair in pairs) and (order.mode != STRESS or tell_meshed(pairs))


def tell_meshed(pairs: list[Pair]) -> bool:
    """Whether any file lived long enough for a pass: if none did, the stress has shown nothing."""
    meshed = sum(pair.quire.meshed_pools > 0 for pair in pairs)
    print(f"pools were meshed at the end of {meshed:,} of {len(pairs):,} files", flush=True)
    return meshed > 0


def this_python() -> str:
    """The version, and what tells one build of it from another."""
    build = hashlib.sha256(f"{sys.version} {sys.prefix}".encode()).hexdigest()
    return f"{platform.python_version()}-{build[:8]}"
