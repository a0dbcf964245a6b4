"""The nouns of a snapshot's answers, as frozen dataclasses: what ``--json`` and ``--csv`` write and views draw.

Not among ``quire.records``: they are made and told here alone. Each answer has ``rows``, the biggest first, and sums
over all that there is.
"""

from __future__ import annotations

from dataclasses import dataclass

Count = int
"""Of objects or blocks."""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object."""

    address: int
    type: str
    size_bytes: int
    """With its tables."""


# --- types ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeRow:
    """All objects of a type, or of all types of a module (``type`` is then empty)."""

    module: str
    type: str
    count: Count
    size_bytes: int
    """With tables."""
    retained_bytes: int | None
    """What would be free without them, themselves counted. ``None``: not computed."""


@dataclass(frozen=True, slots=True)
class Types:
    """What the heap is made of. Sizes of the rows and of foreign blocks add up to ``size_bytes``."""

    objects: Count
    size_bytes: int
    foreign_blocks: Count
    """They belong to no object."""
    foreign_bytes: int
    rows: tuple[TypeRow, ...]
    modules: tuple[TypeRow, ...]


# --- where the memory is --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A part of what is resident."""

    part: str
    """``heap``: of quire's; ``beside``."""
    label: str
    meaning: str
    size_bytes: int
    """Below 0: what is counted in another row, and resident in none."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Every resident byte of the process. The rows add up to ``rss_bytes``."""

    rss_bytes: int
    pss_bytes: int | None
    """In proportion to how many processes share each page. ``None``: the system does not tell."""
    swap_bytes: int
    """Swapped out, beside what is resident."""
    held_bytes: int
    """Freed, and resident still, in quire's heap and in libc's."""
    rows: tuple[MemoryRow, ...]


# --- who refers to whom ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """An object at the other end of a reference, and how the reference holds."""

    address: int
    type: str
    size_bytes: int
    held: str
    """``attribute``, ``field``, ``index``, ``key``, ``value``, ``element``, ``type``, ``namespace``, ``other``."""
    where: str
    """In words: ``[3]``, ``.name``."""


@dataclass(frozen=True, slots=True)
class References:
    """Who refers to an object, or to whom it refers."""

    object: ObjectRow
    count: Count
    """Of references; ``rows`` may have fewer."""
    roots: tuple[str, ...]
    """Who holds the object from outside of all objects."""
    rows: tuple[ReferenceRow, ...]


@dataclass(frozen=True, slots=True)
class PathRow:
    """A way from a root to an object."""

    root: str
    """Its kind."""
    root_name: str
    """What holds the first object, in words: a module's name, a call."""
    length: Count
    """Of references on the way."""
    path: str
    """In words: ``app.cache._recent[3]['name']``."""
    addresses: tuple[int, ...]
    """Of the objects on the way, the last one included."""
    types: tuple[str, ...]
    """Theirs."""
    where: tuple[str, ...]
    """By what each but the last holds the next: ``[3]``, ``.name``; empty: its dictionary of attributes."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The shortest ways to an object, the shortest first. None: nothing but itself or garbage holds it."""

    object: ObjectRow
    rows: tuple[PathRow, ...]


# --- who frees what -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RetainedRow:
    """An object, and what would be free without it."""

    address: int
    type: str
    size_bytes: int
    retained_bytes: int
    dominated: Count
    """Objects that would be free, itself not counted."""
    path: str


@dataclass(frozen=True, slots=True)
class Retained:
    """A node of the tree of dominators: its children. Without an object, the roots together."""

    object: ObjectRow | None
    retained_bytes: int
    count: Count
    """Of children; ``rows`` may have fewer."""
    rows: tuple[RetainedRow, ...]


@dataclass(frozen=True, slots=True)
class CycleRow:
    """Objects of a type that only the collector can free."""

    type: str
    count: Count
    size_bytes: int
    in_cycles: Count
    """Of them; the others hang on cycles."""


@dataclass(frozen=True, slots=True)
class CycleStep:
    """An object of a cycle, and by what it holds the next one."""

    address: int
    type: str
    where: str


@dataclass(frozen=True, slots=True)
class Cycles:
    """What no root reaches."""

    objects: Count
    size_bytes: int
    cycles: Count
    """Groups of objects that reach each other."""
    rows: tuple[CycleRow, ...]
    shown: tuple[CycleStep, ...]
    """One cycle in full, of the largest group; the last step holds the first object."""


# --- what keeps memory from going back ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PinRow:
    """Survivors of one type that one place keeps."""

    type: str
    place: str
    """In words, with ``[*]`` for any index or key. Empty: the snapshot has no references."""
    blocks: Count
    live_bytes: int
    arenas: Count
    pinned_bytes: int
    """Their part of what their pools keep beside live blocks; blocks of a pool share it evenly."""


@dataclass(frozen=True, slots=True)
class ArenaRow:
    """An arena, and what is kept of it."""

    address: int
    pools: Count
    """With a live block, not sealed."""
    live_bytes: int
    resident_bytes: int
    pinned_bytes: int
    type: str
    """That pins the most of it."""
    place: str


@dataclass(frozen=True, slots=True)
class Pins:
    """What survivors keep from going back. The rows' ``pinned_bytes`` add up to the whole, and so do the arenas'."""

    pinned_bytes: int
    pools: Count
    sealed_pools: Count
    """Meshed: what they keep is shared already, and is not counted as pinned."""
    rows: tuple[PinRow, ...]
    arenas: tuple[ArenaRow, ...]


# --- two snapshots --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """What changed among the objects of one type in one place."""

    type: str
    place: str
    came: Count
    came_bytes: int
    went: Count
    went_bytes: int
    grew: Count
    """Objects that are in both, and changed their size."""
    grew_bytes: int
    """Below 0: they became smaller."""

    @property
    def change_bytes(self) -> int:
        return self.came_bytes - self.went_bytes + self.grew_bytes


@dataclass(frozen=True, slots=True)
class Differences:
    """From one snapshot to another. An object is the same if its address and its type are."""

    objects_before: Count
    objects_after: Count
    before_bytes: int
    after_bytes: int
    """Equal to ``before_bytes`` and all that came, less what went, and what grew."""
    rows: tuple[DifferenceRow, ...]
