"""The model and the native heap side by side: what both must agree on, after every step."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from quire.errors import OutOfMemory
from quire.model import QUIRE, Allocator, System
from quire.process.heap import Heap
from quire.records import Domain, HeapState

RANGE_BYTES = 64 * 1024 * 1024
METADATA_BYTES = 8 * 1024
"""Of an arena."""
PAGES_MAX = 1 << 34
"""No system deals more pages than that; the model has to be told."""


@dataclass
class Twin:
    """One live block of both; own mappings have addresses of the system's choice, everything else is equal."""

    model: int
    native: int


class RefusingSystem(System):
    """The model's system, refusing as many calls of each kind as ``os/fake.c`` refused during the same request.

    Of all kinds but one a request makes no call that can be refused after one that was granted.
    """

    refuses: dict[str, int]
    range_end: int

    def obtain(self, size_bytes: int, alignment_bytes: int = 1, not_below: int = 0) -> int:
        """Pages of an arena, or of a mapping, which lies behind the range."""
        self._refuse("map" if not_below else "commit")
        return super().obtain(size_bytes, alignment_bytes, not_below)

    def give_back(self, address: int) -> int:
        """Of an arena, with its metadata, which goes without saying; a mapping is always taken back."""
        if address >= self.range_end:
            return super().give_back(address)
        self._refuse("decommit")
        size_bytes = super().give_back(address)
        with suppress(OutOfMemory):
            self.purge(address, METADATA_BYTES)
        return size_bytes

    def purge(self, address: int, size_bytes: int) -> None:
        """Of whole pages."""
        if size_bytes % self.page_bytes != 0:
            return
        if self.refuses.get("purged first", 0) > 0:
            self.refuses["purged first"] -= 1
        else:
            self._refuse("purge")

    def resize(self, address: int, size_bytes: int) -> int:
        """Of a mapping."""
        self._refuse("remap")
        return super().resize(address, size_bytes)

    def _refuse(self, call: str) -> None:
        if self.refuses.get(call, 0) > 0:
            self.refuses[call] -= 1
            raise OutOfMemory("as the fake system refused")


@dataclass
class Twins:
    """One sequence of requests, sent to the model and to a native heap.

    Args:
        core: the native type, of ``quire._core`` or of ``quire._core_fake``.
        page_bytes: the page of the system it stands on; the machine's if not given.
        range_bytes: how many addresses both have.
        take_refused: how many calls of each kind the native heap's system has refused since it was asked last.
    """

    core: Any
    page_bytes: int = field(default_factory=resource.getpagesize, kw_only=True)
    range_bytes: int = field(default=RANGE_BYTES, kw_only=True)
    take_refused: Callable[[], dict[str, int]] = field(default=dict, kw_only=True)
    blocks: list[Twin] = field(default_factory=list)
    cursor: int = 0
    """Of the sweep."""

    def __post_init__(self) -> None:
        self.native = Heap(self.range_bytes, core=self.core)
        address, _ = self.native.range
        geometry = replace(QUIRE, range_bytes=self.range_bytes, page_bytes=self.page_bytes)
        self.system = RefusingSystem(geometry.page_bytes, address, PAGES_MAX)
        self.system.range_end = address + self.range_bytes
        self.model = Allocator(geometry, self.system)
        self.take_refused()  # what was refused before is nothing to these two

    def allocate(self, size_bytes: int, domain: Domain) -> None:
        """One request to both: both serve it at the same place, or both refuse it."""
        native = outcome(lambda: self.native.allocate(size_bytes, domain))
        model = self._ask_model(lambda: self.model.allocate(size_bytes, domain))
        self._agree(model, native)
        if isinstance(model, int) and isinstance(native, int):
            self.blocks.append(Twin(model, native))

    def allocate_zeroed(self, count: int, size_bytes: int, domain: Domain) -> None:
        """One request for zeroed items to both; what the native one gives reads as zeros."""
        native = outcome(lambda: self.native.allocate_zeroed(count, size_bytes, domain))
        model = self._ask_model(lambda: self.model.allocate_zeroed(count, size_bytes, domain))
        self._agree(model, native)
        if isinstance(model, int) and isinstance(native, int):
            assert not any(ctypes.string_at(native, count * size_bytes))
            ctypes.memset(native, 0xFF, count * size_bytes)
            self.blocks.append(Twin(model, native))

    def free(self, index: int) -> None:
        """Free one live block of both."""
        twin = self.blocks.pop(index % len(self.blocks))
        self.native.free(twin.native)
        assert self._ask_model(lambda: self.model.free(twin.model)) is None

    def reallocate(self, index: int, size_bytes: int, domain: Domain) -> None:
        """Resize one live block of both."""
        twin = self.blocks[index % len(self.blocks)]
        native = outcome(lambda: self.native.reallocate(twin.native, size_bytes, domain))
        model = self._ask_model(lambda: self.model.reallocate(twin.model, size_bytes, domain))
        self._agree(model, native)
        if isinstance(model, int) and isinstance(native, int):
            twin.model, twin.native = model, native

    def sweep(self, **limits: int) -> None:
        """A step of a sweep over both, from where the last one ended: the same goes back."""
        native = self.native.sweep(self.cursor, **limits)
        model = self._ask_model(lambda: self.model.sweep(self.cursor, **limits))
        assert model == native
        self.cursor = native.cursor

    def misuse(self, address: int) -> None:
        """Free what is at an arbitrary address, unless it is live: both say the same error."""
        if any(address in (twin.model, twin.native) for twin in self.blocks):
            return
        assert outcome(lambda: self.model.free(address)) == outcome(lambda: self.native.free(address))

    def check(self) -> None:
        """Placement, states and totals are equal, and every invariant of the native heap holds."""
        assert self.native.check() is None
        assert comparable(self.native.state()) == comparable(self.model.state())
        assert self.native.statistics() == self.model.statistics()

    def _ask_model(self, request: Callable[[], Any]) -> Any:
        refused = self.take_refused()
        self.was_refused = any(count for call, count in refused.items() if call != "purged first")
        self.system.refuses = refused
        return outcome(request)

    def _agree(self, model: int | type | None, native: int | type | None) -> None:
        if isinstance(model, int) and self.model.arena_at(model) is None:
            assert isinstance(native, int)
            return
        assert model == native


def outcome(request: Any) -> Any:
    """What a request returned, or the type of what it raised."""
    try:
        return request()
    except Exception as error:
        return type(error)


def comparable(state: HeapState) -> HeapState:
    """A state without what is the system's choice: the addresses of own mappings."""
    sizes = sorted(mapping.size_bytes for mapping in state.mappings)
    return replace(
        state, mappings=tuple(replace(m, address=0, size_bytes=s) for m, s in zip(state.mappings, sizes, strict=True))
    )
