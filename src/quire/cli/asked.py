"""What a command computes with: a snapshot, and what several answers rest on, each made when it is needed.

A number is that of a process, which is asked for a snapshot; a file with such a name is given as ``./4711``.
"""

from __future__ import annotations

from functools import cached_property

from quire.cli.progress import Progress
from quire.export.snapshot_file import open_snapshot
from quire.process.asking import Target
from quire.process.dominators import find_dominators
from quire.process.named import read_pid
from quire.process.taking import TIMEOUT_SECONDS, taken_for_now
from quire.report.edges import Graph
from quire.report.held import with_all_roots
from quire.report.named import meant_object
from quire.report.objects import require_edges
from quire.report.places import Places
from quire.report.reach import Reach, reach
from quire.report.retained import DominatorTree, dominator_tree
from quire.report.snapshot import Snapshot
from quire.report.units import count, seconds


class Asked:
    """A file that is asked, or a process; says on the terminal what takes time.

    Args:
        name: the path of a snapshot's file, or the number of a process that quire serves.
        progress: where to say it.
        command: its name, for messages.
        references: whether a process is asked for who refers to whom.
        timeout_seconds: how long to wait for a process.

    Raises:
        InvalidOption: the file cannot be read, or is no snapshot; the process cannot be asked.
        DamagedSnapshot: the file is damaged.
        ProgramFailed: the process did not answer.
    """

    def __init__(
        self,
        name: str,
        progress: Progress,
        command: str,
        *,
        references: bool = True,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self._progress = progress
        if name.isascii() and name.isdigit():
            self.snapshot = self._take(read_pid(name, command), references, timeout_seconds)
        else:
            self._tell("reading the file")
            self.snapshot = open_snapshot(name)

    def _take(self, pid: int, references: bool, timeout_seconds: float) -> Snapshot:
        self._tell("asking the process for a snapshot")
        with taken_for_now(Target(pid), references=references, timeout_seconds=timeout_seconds) as taken:
            stood = seconds(taken.pause_seconds)
            self._progress.say(f"quire: process {pid}: {count(taken.objects)} objects; it stood still for {stood}")
            return open_snapshot(taken.path)  # mapped: it stays when the file goes

    @cached_property
    def _held(self) -> Snapshot:
        """The snapshot with the roots that only counting finds.

        Raises:
            InvalidOption: it was taken without references.
        """
        require_edges(self.snapshot)
        self._tell("counting references")
        return with_all_roots(self.snapshot)

    @cached_property
    def graph(self) -> Graph:
        """The references.

        Raises:
            InvalidOption: the snapshot was taken without them.
        """
        held = self._held
        self._tell("reading references")
        return Graph(held)

    @cached_property
    def reach(self) -> Reach:
        held = self._held
        self._tell("searching from the roots")
        return reach(held)

    @cached_property
    def places(self) -> Places | None:
        """Where objects are kept; ``None``: the snapshot was taken without references."""
        if not self.snapshot.has_edges:
            return None
        graph, found = self.graph, self.reach
        self._tell("finding where objects are kept")
        return Places(graph, found)

    @cached_property
    def tree(self) -> DominatorTree:
        """Dominators.

        Raises:
            UnsupportedRuntime: the native core is missing.
            InvalidOption: the snapshot was taken without references.
        """
        held = self._held
        self._tell("finding dominators")
        return dominator_tree(held, find_dominators)

    def object(self, text: str) -> int:
        """The row of the object that is meant."""
        return meant_object(self.snapshot, text, lambda: self.graph)

    def _tell(self, text: str) -> None:
        self._progress.tell(f"{self.name}: {text}")
