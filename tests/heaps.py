"""Snapshots made by hand: a heap told as objects that hold each other, turned into columns.

heap = Heap()
record = heap.instance("logging.LogRecord", message=heap.text("hello"))
heap.module("app", recent=heap.list(record))
snapshot = heap.snapshot()
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from quire.report.snapshot import INLINE_ATTRIBUTES, LARGE_STATES, NONE, ROOT_KINDS, Snapshot, snapshot_of

HEADER = 1 << 2
USED, SEALED, SPENT = 1, 1 << 2, 1 << 3
_STEP_BYTES = 4096


@dataclass(eq=False)
class Thing:
    """An object: what it refers to may be changed until the snapshot is made."""

    type: str
    references: list[Thing | None]
    size_bytes: int
    address: int
    text: str | None = None
    tables: list[tuple[int, int]] = field(default_factory=list)
    """Address and bytes of each."""
    unseen: int | None = 0
    """References that nobody shows; ``None``: it never dies."""
    is_inline: bool = False
    """It shows the values of its attributes, not a dictionary."""


class Heap:
    """Objects, pools and roots."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.types: dict[str, dict[str, Any]] = {}
        self.foreign: list[tuple[int, int]] = []
        self.memory: dict[str, Any] | None = None
        """As ``snapshot.json`` has it; ``some_memory`` makes one."""
        self._roots: list[tuple[Thing, str, int]] = []
        self._root_entries: list[dict[str, Any]] = []
        self._pools: list[tuple[int, ...]] = []
        self._large: list[tuple[int, ...]] = []
        self._texts: dict[str, Thing] = {}

    # --- objects ---

    def object(
        self,
        of: str,
        *references: Thing | None,
        size_bytes: int = 64,
        address: int = 0,
        text: str | None = None,
        is_inline: bool = False,
    ) -> Thing:
        """An object of a type, ``module.name`` or a built-in's name."""
        self.types.setdefault(of, {})
        address = address or (len(self.things) + 1) * _STEP_BYTES
        thing = Thing(of, list(references), size_bytes, address, text, is_inline=is_inline)
        self.things.append(thing)
        return thing

    def text(self, text: str) -> Thing:
        """The one string with this text."""
        if text not in self._texts:
            self._texts[text] = self.object("str", text=text, size_bytes=49 + len(text))
        return self._texts[text]

    def list(self, *items: Thing | None, **more: Any) -> Thing:
        return self.object("list", *items, **more)

    def dict(self, items: dict[Any, Thing] | None = None, **more: Any) -> Thing:
        """A dictionary; keys are texts or objects."""
        pairs = [(self.text(key) if isinstance(key, str) else key, value) for key, value in (items or {}).items()]
        return self.object("dict", *(each for pair in pairs for each in pair), **more)

    def python_type(
        self,
        name: str,
        slots: Iterable[str] = (),
        inline: Iterable[str] = (),
        has_dict: bool = True,
        base: str = "object",
    ) -> Thing:
        """A class; its instances tell their attributes by name."""
        told = {"slot_names": list(slots), "inline_names": list(inline), "has_dict": has_dict, "base": base}
        self.types.setdefault(name, {}).update(told)
        if "type" not in self.types[name]:
            self.types[name]["type"] = self.object("type")
        thing: Thing = self.types[name]["type"]
        return thing

    def instance(self, of: str, address: int = 0, size_bytes: int = 64, **attributes: Thing) -> Thing:
        """An instance with inline attributes; the first one of a type says which there are."""
        if "type" not in self.types.get(of, {}):
            self.python_type(of, inline=attributes)
        values = [attributes.get(name) for name in self.types[of]["inline_names"]]
        return self.object(of, self.types[of]["type"], *values, address=address, size_bytes=size_bytes, is_inline=True)

    # --- who holds it from outside ---

    def root(self, thing: Thing, kind: str = "c", **entry: Any) -> None:
        self._roots.append((thing, kind, len(self._root_entries)))
        self._root_entries.append({"kind": kind, "name": "", **entry})

    def module(self, name: str, **names: Thing) -> Thing:
        """A module with names."""
        module = self.object("module", self.dict(names))
        self.root(module, "module", name=name, counts=False)
        return module

    # --- pools ---

    def pool(self, address: int, live: int, resident_bytes: int, block_bytes: int = 64, flags: int = USED) -> None:
        self._pools.append((address, 16384, block_bytes, live, resident_bytes, flags))

    def large(self, address: int, size_bytes: int, state: str = "run", resident_bytes: int | None = None) -> None:
        """A run, a hole, a mapping or a kept piece; resident as a whole, if nothing else is said."""
        resident_bytes = size_bytes if resident_bytes is None else resident_bytes
        self._large.append((address, size_bytes, resident_bytes, LARGE_STATES.index(state)))

    # --- columns ---

    def columns(self) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
        """As they are in the file."""
        things = sorted(self.things, key=lambda thing: thing.address)
        row = {id(thing): index for index, thing in enumerate(things)}
        types = list(self.types)
        columns = {
            "object_address": np.array([thing.address for thing in things], np.uint64),
            "object_type": np.array([types.index(thing.type) for thing in things], np.uint32),
            "object_bytes": np.array([thing.size_bytes for thing in things], np.uint64),
            "object_count": self._counts(things),
            "object_flags": np.array([HEADER | INLINE_ATTRIBUTES * thing.is_inline for thing in things], np.uint8),
            "edge_end": np.cumsum([len(thing.references) for thing in things], dtype=np.uint64),
            "edge_to": np.array(
                [NONE if to is None else row[id(to)] for thing in things for to in thing.references], np.uint32
            ),
        }
        columns |= self._table_columns(row) | self._pool_columns() | self._large_columns() | self._text_columns(things)
        columns |= self._root_columns(row)
        about = {"format": 1, "python": "3.13.0", "program": "app.py", "has_edges": True, "memory": self.memory}
        about["types"] = [self._type_entry(name, row) for name in types]
        about["roots"] = self._root_entries
        return columns, about

    def _counts(self, things: Iterable[Thing]) -> np.ndarray[Any, Any]:
        """As many as there are references to each, but where something else was said."""
        found = Counter(id(to) for thing in self.things for to in thing.references)
        found.update(id(thing) for thing, _, place in self._roots if self._root_entries[place].get("counts", True))
        return np.array(
            [found[id(thing)] + thing.unseen if thing.unseen is not None else NONE for thing in things], np.uint32
        )

    def snapshot(self) -> Snapshot:
        return snapshot_of(*self.columns())

    def write(self, path: Path, has_edges: bool = True) -> Path:
        """The snapshot as a file."""
        columns, about = self.columns()
        about["has_edges"] = has_edges
        with path.open("wb") as file:
            np.savez(file, **columns)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("snapshot.json", json.dumps(about))
        return path

    def row(self, thing: Thing) -> int:
        return sorted(each.address for each in self.things).index(thing.address)

    def _table_columns(self, row: dict[int, int]) -> dict[str, np.ndarray[Any, Any]]:
        tables = [(*table, row[id(thing)]) for thing in self.things for table in thing.tables]
        tables = sorted(tables + [(*block, int(NONE)) for block in self.foreign])
        kinds = {"table_address": np.uint64, "table_bytes": np.uint64, "table_owner": np.uint32}
        return _columns(kinds, tables)

    def _pool_columns(self) -> dict[str, np.ndarray[Any, Any]]:
        names = ["pool_address", "pool_bytes", "pool_block_bytes", "pool_live", "pool_resident_bytes", "pool_flags"]
        kinds = dict.fromkeys(names, np.uint32) | {"pool_address": np.uint64, "pool_flags": np.uint8}
        return _columns(kinds, sorted(self._pools))

    def _large_columns(self) -> dict[str, np.ndarray[Any, Any]]:
        names = ("large_address", "large_bytes", "large_resident_bytes")
        return _columns(dict.fromkeys(names, np.uint64) | {"large_flags": np.uint8}, self._large)

    def _text_columns(self, things: Iterable[Thing]) -> dict[str, np.ndarray[Any, Any]]:
        texts = [(index, thing.text.encode()) for index, thing in enumerate(things) if thing.text is not None]
        return {
            "text_object": np.array([index for index, _ in texts], np.uint32),
            "text_end": np.cumsum([len(text) for _, text in texts], dtype=np.uint64),
            "text_bytes": np.frombuffer(b"".join(text for _, text in texts), np.uint8),
        }

    def _root_columns(self, row: dict[int, int]) -> dict[str, np.ndarray[Any, Any]]:
        roots = [(row[id(thing)], ROOT_KINDS.index(kind), place) for thing, kind, place in self._roots]
        return _columns({"root_object": np.uint32, "root_kind": np.uint8, "root_place": np.uint32}, roots)

    def _type_entry(self, of: str, row: dict[int, int]) -> dict[str, Any]:
        module, _, name = of.rpartition(".")
        entry = dict(self.types[of])
        its_type = entry.pop("type", None)
        its_row = None if its_type is None else row[id(its_type)]
        return {"name": name, "module": module or "builtins", "object": its_row, "basic_bytes": 16, **entry}


def some_memory(**changes: Any) -> dict[str, Any]:
    """Parts that add up: 36 MiB, of which 20 are the heap's."""
    mib = 1 << 20
    heap = {"live_bytes": 14 * mib, "free_bytes": 3 * mib, "empty_pool_bytes": 2 * mib, "free_run_bytes": 0}
    others = dict.fromkeys(
        "swap_bytes uncounted_bytes counted_again_bytes frame_bytes libc_held_bytes unexplained_bytes".split(), 0
    )
    return {
        "rss_bytes": 36 * mib, "rss_max_bytes": 40 * mib, "pss_bytes": 33 * mib,
        "heap": heap | {"metadata_bytes": 1 * mib},
        **others, "cpython_arena_bytes": 2 * mib, "libc_live_bytes": 4 * mib, "thread_stack_bytes": mib // 2,
        "mapped_file_bytes": 9 * mib, "other_anonymous_bytes": mib // 2,
    } | changes  # fmt: skip


def _columns(kinds: dict[str, Any], rows: Iterable[tuple[int, ...]]) -> dict[str, np.ndarray[Any, Any]]:
    rows = list(rows)
    return {name: np.array([each[at] for each in rows], kind) for at, (name, kind) in enumerate(kinds.items())}
