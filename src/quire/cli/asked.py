"""What a command computes with: a snapshot, and what several answers rest on, each made when it is needed."""

from __future__ import annotations

from functools import cached_property

from quire.cli.progress import Progress
from quire.export.snapshot_file import open_snapshot
from quire.process.dominators import find_dominators
from quire.report.edges import Graph
from quire.report.held import with_all_roots
from quire.report.objects import find_object, require_edges
from quire.report.places import Places
from quire.report.reach import Reach, reach
from quire.report.retained import DominatorTree, dominator_tree
from quire.report.snapshot import Snapshot


class Asked:
    """A file that is asked; says on the terminal what takes time."""

    def __init__(self, path: str, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        self._tell("reading the file")
        self.snapshot = open_snapshot(path)

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
        return find_object(self.snapshot, text)

    def _tell(self, text: str) -> None:
        self._progress.tell(f"{self._path}: {text}")
