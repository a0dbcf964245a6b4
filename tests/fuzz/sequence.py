"""What ``heap_fuzzer.c`` reads from its bytes, for the twins: the same steps, sent to the model as well."""

from __future__ import annotations

import struct
from typing import Any

from quire.model.mesh import MeshOptions, MeshPlaces
from quire.records.kinds import Domain
from twins import Twins

KIB = 1024
RANGE_BYTES = 8 * 1024 * KIB
BLOCKS_MAX = 6000
AT_ONCE_MAX = 600
KINDS = "allocate zeroed resize free allocate_many free_many refuse look misuse absurd watch close sweep mesh".split()


class Sequence:
    """A recorded sequence of requests and refusals.

    Args:
        recorded: the bytes; ``heap_fuzzer.c`` says what they mean.
        fake: the module ``quire._core_fake``, with nothing held.
    """

    def __init__(self, recorded: bytes, fake: Any) -> None:
        self.fake = fake
        self.steps = list(struct.iter_unpack("<BBHI", recorded[1 : 1 + (len(recorded) - 1) // 8 * 8]))
        self.page_bytes = 4 * KIB << 2 * (recorded[0] % 3)

    def replay(self) -> None:
        """Send every step to both; they agree whenever they are looked at, and nothing is left at the end."""
        self.fake.refuse(0)
        self.fake.set_page_bytes(self.page_bytes)
        self.twins = Twins(
            self.fake.Heap, page_bytes=self.page_bytes, range_bytes=RANGE_BYTES, take_refused=self.fake.take_refused
        )
        for kind, flags, index, size in self.steps:
            getattr(self, KINDS[kind % len(KINDS)])(flags, index, size)
        self.twins.check()
        while self.twins.blocks:
            self.twins.free(-1)
        self.twins.check()
        del self.twins
        assert self.fake.held_bytes() == 0

    def allocate(self, flags: int, index: int, size: int) -> None:
        self._allocate(size_of(size, flags), Domain(flags & 1))

    def zeroed(self, flags: int, index: int, size: int) -> None:
        if len(self.twins.blocks) < BLOCKS_MAX:
            self.twins.allocate_zeroed(1 + index % 8, size_of(size, flags) // 8, Domain(flags & 1))

    def resize(self, flags: int, index: int, size: int) -> None:
        if self.twins.blocks:
            self.twins.reallocate(index, size_of(size, flags), Domain(flags & 1))

    def free(self, flags: int, index: int, size: int) -> None:
        if self.twins.blocks:
            self._free(index)

    def allocate_many(self, flags: int, index: int, size: int) -> None:
        for _ in range(1 + index % AT_ONCE_MAX):
            self._allocate(size_of(size, flags) // 128, Domain(flags & 1))

    def free_many(self, flags: int, index: int, size: int) -> None:
        first = index % max(len(self.twins.blocks), 1)
        for i in range(min(1 + size % AT_ONCE_MAX, len(self.twins.blocks))):
            self._free(first + i * flags)

    def refuse(self, flags: int, index: int, size: int) -> None:
        self.fake.refuse(index % 8, bool(flags & 1))

    def look(self, flags: int, index: int, size: int) -> None:
        self.twins.check()

    def misuse(self, flags: int, index: int, size: int) -> None:
        start, _ = self.twins.native.range
        if not self.twins.blocks or flags % 2 == 0:
            self.twins.misuse(start + size % RANGE_BYTES)
            return
        block = self.twins.blocks[index % len(self.twins.blocks)]
        if block.model == block.native:
            self.twins.misuse(block.native + flags % 64 // 4)

    def absurd(self, flags: int, index: int, size: int) -> None:
        before = len(self.twins.blocks)
        self.twins.allocate(2**63 - 1 - size % 3, Domain(flags & 1))
        self.twins.allocate_zeroed(2**63 - 1, 3, Domain(flags & 1))
        assert len(self.twins.blocks) == before

    def watch(self, flags: int, index: int, size: int) -> None:
        """Nothing that the model has."""

    def close(self, flags: int, index: int, size: int) -> None:
        """Changes nothing of what the model has: the same requests are served, past the fast paths."""

    def sweep(self, flags: int, index: int, size: int) -> None:
        self.twins.sweep(slots_max=1 + index % 1024, reserve_bytes=size, live_percent_max=flags % 101)

    def mesh(self, flags: int, index: int, size: int) -> None:
        """What a pass does, or what comes after it."""
        match flags % 8:
            case 0:
                self.twins.mesh_begin(mesh_options(index, size))
            case 1:
                self.twins.mesh_step(1 + index % 600)
            case 2:
                proven = index % 10
                self.twins.prove(twin for i, twin in enumerate(self.twins.blocks) if (i * 7 + size) % 8 < proven)
            case 3:
                self.twins.mesh_settle(mesh_places(flags, size))
            case 4:
                self.twins.mesh_abandon(1 + index % 600)
            case 5:
                self.twins.mesh_renew(1 + index % 600)
            case 6:
                self.twins.native.mesh_untouch(1 + index % 600)
            case 7:
                self.twins.mesh(mesh_options(index, size), mesh_places(flags, size), 1 + index % 64)

    def _allocate(self, size_bytes: int, domain: Domain) -> None:
        if len(self.twins.blocks) < BLOCKS_MAX:
            self.twins.allocate(size_bytes, domain)

    def _free(self, index: int) -> None:
        blocks = self.twins.blocks
        index %= len(blocks)
        blocks[index], blocks[-1] = blocks[-1], blocks[index]
        self.twins.free(-1)


def mesh_options(index: int, size: int) -> MeshOptions:
    return MeshOptions(live_percent_max=size % 101, pools_max=1 + index % 600)


def mesh_places(flags: int, size: int) -> MeshPlaces:
    return MeshPlaces(
        piece_bytes=4 * KIB << (flags >> 3) % 5, extents_max=1 + (size >> 8) % 8, mappings_max=(size >> 14) % 4096
    )


def size_of(size: int, flags: int) -> int:
    """As many small sizes as large ones; or sixteen times as much."""
    size_bytes = (size & 0xFFFFF) >> (size >> 20) % 20
    return 16 * size_bytes if flags & 0x80 else size_bytes
