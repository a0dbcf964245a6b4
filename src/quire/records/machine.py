"""The machine: its pages, and the lock between its threads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page of a process, and the frame behind it; ``None``: never written."""

    address: int
    frame: int | None
    text: str
    """What the page holds from its start, as text up to the first zero, cut where it is long."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A process's pages, in address order."""

    process: str
    page_bytes: int
    pages: tuple[PageRecord, ...]


class LockHappening(StrEnum):
    """What a thread does with the one lock."""

    TAKES = "takes"
    WAITS = "waits"
    ASKS = "asks"
    DROPS = "drops"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class LockEvent:
    """At this step, this thread did this."""

    step: int
    thread: str
    kind: LockHappening


@dataclass(frozen=True, slots=True)
class Turns:
    """Which thread ran each step, and what became of the lock."""

    threads: tuple[str, ...]
    """In the order in which they were started."""
    turns: tuple[str, ...]
    """The thread that ran each step; step 1 first."""
    events: tuple[LockEvent, ...]
    has_lock: bool
