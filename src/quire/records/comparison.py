"""Runs of one program, plainly and on quire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run of a program took, with the processes that it waited for. ``None``: it could not be seen."""

    wall_seconds: float
    cpu_seconds: float
    minor_faults: int
    major_faults: int
    rss_max_bytes: int | None
    """The most that was resident of one of these processes."""
    rss_bytes: int | None
    """At the program's end, before Python takes itself down."""
    pss_bytes: int | None
    stdout_sha256: str
    cgroup_bytes: int | None = None
    """At the program's end, of its whole control group: other processes' too."""
    held_bytes: int | None = None
    """At the program's end: in proportion, with what no page table has of what pools share, and the kernel's own."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, one after the other."""

    plain: Measurement
    quire: Measurement


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``quire compare`` tells: the same program plainly and on quire, in turn."""

    version: int
    quire_version: str
    python: str
    argv: tuple[str, ...]
    wall_seconds: float
    """From the first run to the last, with those that warm up."""
    pairs_planned: int
    """More than there are ``pairs`` where the comparison was ended early."""
    pairs: tuple[Pair, ...]
