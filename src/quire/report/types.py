"""What the heap is made of: objects by type and by module."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quire.report.answers import TypeRow, Types
from quire.report.retained import DominatorTree, retained_by_group, retained_sizes
from quire.report.sizes import foreign_blocks, sizes_with_tables
from quire.report.snapshot import U8, Snapshot


def types(snapshot: Snapshot, tree: DominatorTree | None) -> Types:
    """All types and all modules, the largest first; retained sizes with a tree of dominators only."""
    sizes = sizes_with_tables(snapshot)
    blocks, foreign_bytes = foreign_blocks(snapshot)
    retained = None if tree is None else retained_sizes(tree, sizes)
    names = [(each.module, each.name) for each in snapshot.types]
    modules = [(module, "") for module, _ in names]
    return Types(
        objects=snapshot.count,
        size_bytes=int(sizes.sum()) + foreign_bytes,
        foreign_blocks=blocks,
        foreign_bytes=foreign_bytes,
        rows=_rows(snapshot, sizes, names, tree, retained),
        modules=_rows(snapshot, sizes, modules, tree, retained),
    )


def _rows(
    snapshot: Snapshot,
    sizes: U8,
    names: list[tuple[str, str]],
    tree: DominatorTree | None,
    retained: U8 | None,
) -> tuple[TypeRow, ...]:
    """A row for each name that some type's row has; types of one name are one."""
    distinct = sorted(set(names))
    number = {name: index for index, name in enumerate(distinct)}
    group = np.array([number[name] for name in names], np.intp)[snapshot.object_type]
    rows = _sums(distinct, group, sizes)
    if tree is not None and retained is not None:
        totals = retained_by_group(tree, retained, group, len(distinct))
        rows = [replace(row, retained_bytes=int(totals[index])) for index, row in enumerate(rows)]
    return tuple(sorted((row for row in rows if row.count), key=lambda row: -row.size_bytes))


def _sums(names: list[tuple[str, str]], group: NDArray[np.intp], sizes: U8) -> list[TypeRow]:
    counts = np.bincount(group, minlength=len(names)).tolist()
    totals = np.bincount(group, sizes, minlength=len(names)).tolist()
    each = zip(names, counts, totals, strict=True)
    return [TypeRow(module, name, count, int(total), None) for (module, name), count, total in each]
