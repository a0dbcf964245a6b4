"""A heap: its arenas, their pools, the pools' blocks, and the lists that say which is next.

arena 0  256 KiB  0x1000000000  64 pools: ▣ used 1, · untouched 63
[▣···························································]
  pool 0  84 blocks of 48 bytes: ■ allocated 2, □ free 1, · untouched 81
  [■□■·······················································]
  free blocks, next first: 1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from quire.records.chapter import Both, Language
from quire.records.heap import Arena, BlockState, HeapState, Pool, PoolState, Run
from quire.records.kinds import ArenaKind
from quire.report.cells import pieces
from quire.report.pictures import words
from quire.report.units import size

POOLS_MAX = 6
"""How many pools are drawn block by block."""
ROWS_MAX = 6
"""How many lines of blocks, or of pools."""
LISTED_MAX = 12
RUNS_MAX = 6

_POOL_MARKS = {PoolState.FULL: "■", PoolState.USED: "▣", PoolState.EMPTY: "□"}
_BLOCK_MARKS = {BlockState.ALLOCATED: "■", BlockState.FREE: "□", BlockState.UNTOUCHED: "·"}
_UNTOUCHED = "·"


def draw_heap(state: HeapState, language: Language, width: int) -> Iterator[str]:
    """The whole heap: arenas with their pools, mappings, then the lists."""
    names = _PoolNames(state.arenas)
    drawn = POOLS_MAX
    for arena in state.arenas:
        yield from _arena(arena, language, width)
        pools = [pool for pool in arena.pools if pool.allocated or pool.free_list][:drawn]
        drawn -= len(pools)
        for pool in pools:
            yield from _indented(_pool(pool, names.of(pool.address), language, width - 2))
        label = words.FREE_POOLS.told_in(language)
        yield from _indented(_list(label, map(names.of, arena.free_pools), width - 2))
    hidden = sum(bool(pool.allocated or pool.free_list) for arena in state.arenas for pool in arena.pools) - POOLS_MAX
    if hidden > 0:
        yield words.MORE.told_in(language).format(count=hidden) + f" ({words.POOL.told_in(language)})"
    for mapping in state.mappings:
        yield f"{words.MAPPING.told_in(language)}  {size(mapping.size_bytes)}  {words.address(mapping.address)}"
    if not state.arenas and not state.mappings:
        yield words.EMPTY_HEAP.told_in(language)
    yield from _lists(state, names, language, width)


def draw_arena(arena: Arena, language: Language, width: int) -> Iterator[str]:
    """One arena with its pools, without the heap's lists."""
    yield from draw_heap(HeapState("", (arena,), (), {}, ()), language, width)


def draw_pool(pool: Pool, language: Language, width: int) -> Iterator[str]:
    """One pool, block by block."""
    yield from _pool(pool, words.address(pool.address), language, width)


# --- parts ----------------------------------------------------------------------------------------------------


class _PoolNames:
    """Short names for pools: their place in the arena, and the arena's number where there are several."""

    def __init__(self, arenas: Sequence[Arena]) -> None:
        self._names = {
            pool.address: f"{arena.index}.{place}" if len(arenas) > 1 else f"{place}"
            for arena in arenas
            for place, pool in enumerate(arena.pools)
        }

    def of(self, address: int) -> str:
        return self._names.get(address) or words.address(address)


def _arena(arena: Arena, language: Language, width: int) -> Iterator[str]:
    head = f"{words.ARENA.told_in(language)} {arena.index}  {size(arena.size_bytes)}  {words.address(arena.address)}"
    if arena.kind is ArenaKind.RUN:
        yield head
        yield from _runs(arena.runs, language, width)
        return
    marks = "".join(_POOL_MARKS[pool.state] for pool in arena.pools) + _UNTOUCHED * arena.untouched_pools
    meanings = {_POOL_MARKS[state]: word for state, word in words.POOL_STATES.items()}
    meanings[_UNTOUCHED] = words.UNTOUCHED_POOLS
    total = words.POOLS_IN.told_in(language).format(count=len(marks))
    yield from pieces([head, f"{total}: {_counted(marks, meanings, language)}"], width, "  ")
    yield from _box(marks, width)


def _pool(pool: Pool, name: str, language: Language, width: int) -> Iterator[str]:
    marks = "".join(_BLOCK_MARKS[state] for state in _blocks_of(pool))
    meanings = {_BLOCK_MARKS[state]: word for state, word in words.BLOCK_STATES.items()}
    blocks = words.BLOCKS_OF.told_in(language).format(count=pool.capacity, size=pool.block_bytes)
    head = f"{words.POOL.told_in(language)} {name}"
    yield from pieces([head, f"{blocks}: {_counted(marks, meanings, language)}"], width, "  ")
    yield from _box(marks, width)
    yield from _list(words.FREE_LIST.told_in(language), map(str, pool.free_list), width)


def _blocks_of(pool: Pool) -> list[BlockState]:
    """The state of each block, in address order."""
    states = [BlockState.ALLOCATED] * pool.carved + [BlockState.UNTOUCHED] * (pool.capacity - pool.carved)
    for index in pool.free_list:
        states[index] = BlockState.FREE
    for index in pool.away:
        states[index] = BlockState.UNTOUCHED
    return states


def _runs(runs: Sequence[Run], language: Language, width: int) -> Iterator[str]:
    """The runs as lengths on one line, then as a list."""
    total = sum(run.size_bytes for run in runs) or 1
    room = width - 2 - len(runs)
    bars = (_BLOCK_MARKS[run.state] * max(1, round(room * run.size_bytes / total)) for run in runs)
    yield from _box("|".join(bars)[: width - 2], width)
    for run in runs[:RUNS_MAX]:
        word = words.RUN if run.state is BlockState.ALLOCATED else words.HOLE
        state = words.BLOCK_STATES[run.state].told_in(language)
        yield f"  {words.address(run.address)}  {size(run.size_bytes):>8}  {word.told_in(language)}, {state}"
    if len(runs) > RUNS_MAX:
        yield "  " + words.MORE.told_in(language).format(count=len(runs) - RUNS_MAX)


def _lists(state: HeapState, names: _PoolNames, language: Language, width: int) -> Iterator[str]:
    sizes = {(pool.domain, pool.size_class): pool.block_bytes for arena in state.arenas for pool in arena.pools}
    for key, addresses in state.used_pools.items():
        label = words.USED_POOLS.told_in(language).format(size=sizes.get(key, 0))
        yield from _list(label, map(names.of, addresses), width)
    if len(state.arenas) > 1:
        for indexes in state.available:
            yield from _list(words.AVAILABLE.told_in(language), map(str, indexes), width)


def _list(label: str, items: Iterator[str], width: int) -> Iterator[str]:
    """A list as a chain, its first LISTED_MAX members; nothing where it is empty."""
    links = list(items)
    if not links:
        return
    shown = [*links[:LISTED_MAX], *(["…"] if len(links) > LISTED_MAX else [])]
    yield from pieces([f"{label}: {shown[0]}", *shown[1:]], width, " → ")


def _counted(marks: str, meanings: Mapping[str, Both], language: Language) -> str:
    """``■ 2 allocated, · 81 untouched``: what there is none of is left out."""
    return ", ".join(
        f"{mark} {word.told_in(language)} {marks.count(mark):,}" for mark, word in meanings.items() if mark in marks
    )


def _box(marks: str, width: int) -> Iterator[str]:
    """Marks on lines between brackets. Of many equal ones at the end a line is drawn and the rest are counted."""
    room = max(width - 2, 1)
    if len(marks) > room:
        room = max(room // 10 * 10, 1)
    equal = len(marks) - len(marks.rstrip(marks[-1:]))
    drawn = marks[: -(-(len(marks) - equal) // room) * room + room]
    drawn = marks if len(marks) - len(drawn) <= room else drawn[: room * ROWS_MAX]
    for start in range(0, len(drawn), room):
        yield f"[{drawn[start : start + room]}]"
    left = Counter(marks[len(drawn) :])
    if left:
        yield " … " + ", ".join(f"{mark} {count:,}" for mark, count in left.items())


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return ("  " + line for line in lines)
