"""The model and the native heap side by side: what both must agree on, after every step."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from quire.errors import OutOfMemory
from quire.model import QUIRE, Allocator, System
from quire.model.mesh import MeshOptions, MeshPlaces
from quire.process.heap import Heap
from quire.records.heap import HeapState, MeshPhase
from quire.records.kinds import Domain

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
    size_bytes: int
    pattern: bytes = b""
    """At either end of the native block."""

    def fill(self) -> None:
        """Write a pattern of its own to both ends."""
        self.pattern = next(patterns)[: self.size_bytes // 2]
        ctypes.memmove(self.native, self.pattern, len(self.pattern))
        ctypes.memmove(self.native + self.size_bytes - len(self.pattern), self.pattern, len(self.pattern))

    def check(self, size_bytes: int | None = None) -> None:
        """Its bytes are what was written, as far as it has them."""
        size_bytes = self.size_bytes if size_bytes is None else size_bytes
        assert ctypes.string_at(self.native, min(len(self.pattern), size_bytes)) == self.pattern[:size_bytes]
        if size_bytes == self.size_bytes:
            end = self.native + size_bytes - len(self.pattern)
            assert ctypes.string_at(end, len(self.pattern)) == self.pattern


patterns = (number.to_bytes(8, "little") for number in count(1))


class RefusingSystem(System):
    """The model's system, refusing as many calls of each kind as ``os/fake.c`` refused during the same request.

    Of most kinds a request makes no call that can be refused after one that was granted; of the others it is known how
    many were granted before.
    """

    refuses: dict[str, int]
    grants: dict[str, int]
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
        self._refuse("purge")

    def resize(self, address: int, size_bytes: int) -> int:
        """Of a mapping."""
        self._refuse("remap")
        return super().resize(address, size_bytes)

    def share(self, size_bytes: int) -> int:
        """Of an extent, what is noted of it, and addresses for a copy."""
        self._refuse("reserve")
        self._refuse("commit")
        self._refuse("share")
        self._refuse("keep")
        return super().share(size_bytes)

    def populate(self, home: int, size_bytes: int) -> None:
        """Of the pages of an extent that places are cut from."""
        self._refuse("populate")

    def release(self, home: int, size_bytes: int) -> None:
        """Of pages that nobody shows."""
        self._refuse("release")

    def show(self, home: int, size_bytes: int, at: int) -> None:
        """Of a piece."""
        self._refuse("show")

    def renew(self, at: int, size_bytes: int) -> None:
        """Of spent pools beside one another."""
        self._refuse("renew")

    def note_own(self) -> None:
        """The table of candidates, and the survivors' bits, whose table comes to be and then grows."""
        self._refuse("map")
        self._refuse("map")
        self._refuse("remap")

    def _refuse(self, call: str) -> None:
        if self.grants.get(call, 0) > 0 and self.refuses.get(call, 0) > 0:
            self.grants[call] -= 1
        elif self.refuses.get(call, 0) > 0:
            self.refuses[call] -= 1
            raise OutOfMemory("as the fake system refused")


@dataclass
class Twins:
    """One sequence of requests, sent to the model and to a native heap.

    Args:
        core: the native type, of ``quire._core`` or of ``quire._core_fake``.
        page_bytes: the page of the system it stands on; the machine's if not given.
        range_bytes: how many addresses both have.
        take_refused: how many calls of each kind the native heap's system has refused since it was asked last, and how
            many it granted before the first of them: ``(granted, refused)``.
    """

    core: Any
    page_bytes: int = field(default_factory=resource.getpagesize, kw_only=True)
    range_bytes: int = field(default=RANGE_BYTES, kw_only=True)
    take_refused: Callable[[], dict[str, tuple[int, int]]] = field(default=dict, kw_only=True)
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
            self._keep(Twin(model, native, size_bytes))

    def allocate_zeroed(self, count: int, size_bytes: int, domain: Domain) -> None:
        """One request for zeroed items to both; what the native one gives reads as zeros."""
        native = outcome(lambda: self.native.allocate_zeroed(count, size_bytes, domain))
        model = self._ask_model(lambda: self.model.allocate_zeroed(count, size_bytes, domain))
        self._agree(model, native)
        if isinstance(model, int) and isinstance(native, int):
            assert not any(ctypes.string_at(native, count * size_bytes))
            ctypes.memset(native, 0xFF, count * size_bytes)
            self._keep(Twin(model, native, count * size_bytes))

    def free(self, index: int) -> None:
        """Free one live block of both."""
        twin = self.blocks.pop(index % len(self.blocks))
        twin.check()
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
            twin.check(min(size_bytes, twin.size_bytes))
            twin.size_bytes = size_bytes
            twin.fill()

    def sweep(self, **limits: int) -> None:
        """A step of a sweep over both, from where the last one ended: the same goes back."""
        native = self.native.sweep(self.cursor, **limits)
        model = self._ask_model(lambda: self.model.sweep(self.cursor, **limits))
        assert model == native
        self.cursor = native.cursor

    # --- meshing ---

    def mesh_begin(self, options: MeshOptions) -> None:
        """Begin a pass of both, or both say the same error."""
        native = outcome(lambda: self.native.mesh_begin(options))
        assert self._ask_model(lambda: self.model.mesh.begin(options), counts_all=True) == native

    def mesh_step(self, parts_max: int) -> MeshPhase:
        """A step of both: they come to the same phase, and have done the same."""
        native = self.native.mesh_step(parts_max)
        assert self._ask_model(lambda: self.model.mesh.step(parts_max), counts_all=True) == native
        assert self.native.mesh_pass() == self.model.mesh.last_pass
        return native

    def prove(self, blocks: Iterable[Twin]) -> None:
        """These blocks are proven; where the system has no memory for it, nothing is, and the pass is abandoned."""
        addresses = [twin.native for twin in blocks if twin.native == twin.model]
        native = outcome(lambda: self.native.prove(addresses))
        if native is OutOfMemory or any(refused for _, refused in self.take_refused().values()):
            self.mesh_abandon()
        else:
            self.model.mesh.prove(addresses)

    def mesh_settle(self, places: MeshPlaces) -> None:
        """No more blocks will be proven; where pieces are smaller than pages both say so, and all is abandoned."""
        native = outcome(lambda: self.native.mesh_settle(places))
        assert outcome(lambda: self.model.mesh.settle(places)) == native
        if native is not None:
            self.mesh_abandon()

    def mesh_abandon(self, parts_max: int = 1 << 30) -> None:
        """So many candidates go back."""
        assert self.native.mesh_abandon(parts_max) == self.model.mesh.abandon(parts_max)
        assert self.native.mesh_pass() == self.model.mesh.last_pass

    def mesh(self, options: MeshOptions, places: MeshPlaces, parts_max: int = 1 << 30) -> None:
        """A whole pass, all blocks proven."""
        self.mesh_begin(options)
        while self.mesh_step(parts_max) is not MeshPhase.IDLE:
            if self.model.mesh.phase is MeshPhase.PROVING:
                self.prove(self.blocks)
                self.mesh_settle(places)

    def mesh_renew(self, parts_max: int) -> None:
        """As many spent pools of both get pages of their own."""
        native = self.native.mesh_renew(parts_max)
        assert self._ask_model(lambda: self.model.mesh.renew(parts_max), counts_all=True) == native

    # ---

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
        for twin in self.blocks:
            twin.check()

    def _keep(self, twin: Twin) -> None:
        self.blocks.append(twin)
        twin.fill()

    def _ask_model(self, request: Callable[[], Any], *, counts_all: bool = False) -> Any:
        """Only of some kinds of calls a request makes several that the model makes too; a step of a pass, of all."""
        counts = self.take_refused()
        self.system.refuses = {call: refused for call, (_, refused) in counts.items()}
        self.system.grants = {
            call: granted for call, (granted, _) in counts.items() if counts_all or call in ("purge", "renew")
        }
        self.was_refused = any(self.system.refuses.values())
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
