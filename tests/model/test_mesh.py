"""Meshing: sparse pools come to share pages; every live block keeps its address and its bytes, whatever is refused."""

from __future__ import annotations

import ctypes
import errno
import gc
import itertools
import platform
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from processes import run_python
from quire.errors import OutOfMemory
from quire.model.mesh import MeshOptions, MeshPlaces
from quire.process.heap import Heap
from quire.records.heap import MeshPhase, PoolRole
from quire.records.kinds import Domain
from seeds import often, seeds
from twins import Twins

_core = pytest.importorskip("quire._core", reason="the native core is not installed")
fake = pytest.importorskip("quire._core_fake", reason="built with QUIRE_TESTS=ON only")

KIB = 1024
MIB = 1024 * KIB
RANGE_BYTES = 32 * MIB
SIZES = [16, 48, 64, 100, 200, 500, 700, 2000, 9000]
OPTIONS, PLACES = MeshOptions(), MeshPlaces()
PIECES = [4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB]


@pytest.fixture(autouse=True)
def _nothing_refused() -> Iterator[None]:
    gc.collect()
    fake.refuse(0)
    yield
    fake.refuse(0)
    gc.collect()
    if not fake.held_bytes():
        fake.set_page_bytes(4096)


class Sparse:
    """A heap after a peak: of many blocks of every size few live, scattered at random."""

    def __init__(
        self, seed: int, *, core: Any = None, blocks: int = 12_000, share: float = 0.03, range_bytes: int = RANGE_BYTES
    ) -> None:
        chance = random.Random(seed)
        self.heap = Heap(range_bytes, core=core)
        self.live: dict[int, bytes] = {}
        dead = []
        for _ in range(blocks):
            size_bytes = int(chance.choice(SIZES) * (0.7 + 0.3 * chance.random()))
            address = self.heap.allocate(size_bytes, chance.choice(list(Domain)))
            if chance.random() < share:
                self.live[address] = content = chance.randbytes(size_bytes)
                ctypes.memmove(address, content, size_bytes)
            else:
                dead.append(address)
        chance.shuffle(dead)
        for address in dead:
            self.heap.free(address)

    def check(self) -> None:
        """Every live block has its bytes, and every invariant holds."""
        for address, content in self.live.items():
            assert ctypes.string_at(address, len(content)) == content
        assert self.heap.check() is None

    def prove(self, places: MeshPlaces = PLACES) -> None:
        """Come to where blocks are proven, and prove all."""
        while self.heap.mesh_step(1000) is not MeshPhase.PROVING:
            pass
        self.heap.prove(self.live)
        self.heap.mesh_settle(places)

    def mesh(self, places: MeshPlaces = PLACES, options: MeshOptions = OPTIONS) -> None:
        """A whole pass."""
        self.heap.mesh_begin(options)
        self.prove(places)
        while self.heap.mesh_step(50) is not MeshPhase.IDLE:
            pass

    def free_all(self) -> None:
        for address in self.live:
            self.heap.free(address)
        self.live.clear()


@pytest.mark.parametrize("piece_bytes", PIECES)
@pytest.mark.parametrize("core", [_core.Heap, fake.Heap], ids=["linux", "fake"])
def test_what_survives_comes_to_share_pages(core: Any, piece_bytes: int) -> None:
    """Nearly all candidates are meshed, less memory is held, and no byte of a live block changes."""
    sparse = Sparse(1, core=core)
    before = sparse.heap.statistics()
    sparse.mesh(MeshPlaces(piece_bytes))
    after, counts = sparse.heap.statistics(), sparse.heap.mesh_pass()
    sparse.check()
    assert counts.meshed >= 0.8 * counts.candidates > 0
    assert after.sealed_pools == counts.meshed
    assert after.touched_bytes + after.shared_bytes < before.touched_bytes
    assert after.live_bytes == before.live_bytes
    while not sparse.heap.mesh_untouch(3):
        sparse.check()
    sparse.check()


@pytest.mark.parametrize("piece_bytes", PIECES)
@pytest.mark.parametrize("core", [_core.Heap, fake.Heap], ids=["linux", "fake"])
def test_blocks_are_read_at_home(core: Any, piece_bytes: int) -> None:
    """Where a page has a way home, all that lives in it has its bytes there, and what is written there is written."""
    sparse = Sparse(15, core=core)
    way_home = sparse.heap._heap.mesh_way_home
    assert {way_home(address & -4096) for address in sparse.live} == {0}
    sparse.mesh(MeshPlaces(piece_bytes))
    pools = [pool for arena in sparse.heap.state().arenas for pool in arena.pools if pool.role is PoolRole.SEALED]
    sealed = {page for pool in pools for page in range(pool.address, pool.address + pool.size_bytes, 4096)}
    at_home = 0
    for address, content in sparse.live.items():
        pages = range(address & -4096, address + len(content), 4096)
        ways = {way_home(page) for page in pages if way_home(page)}
        assert not ways or (len(ways) == 1 and sealed.issuperset(pages))
        for way in ways:
            at_home += 1
            assert ctypes.string_at(address + way, len(content)) == content
            sparse.live[address] = changed = content[::-1]
            ctypes.memmove(address + way, changed, len(changed))
            content = changed
    sparse.check()
    whole = sum(address & -4096 in sealed for address in sparse.live)
    assert 0 < at_home <= whole
    assert piece_bytes < 64 * KIB or at_home > 0.95 * whole  # but for blocks that lie in two halves of a piece
    assert way_home(0) == way_home(id(sparse) & -4096) == 0
    sparse.free_all()
    while sparse.heap.statistics().spent_pools:
        sparse.heap.mesh_renew(7)
    assert {way_home(page) for page in sealed} == {0}


@pytest.mark.parametrize("core", [_core.Heap, fake.Heap], ids=["linux", "fake"])
def test_blocks_of_sealed_pools_are_written_and_freed(core: Any) -> None:
    """A block that is overwritten changes nobody else's; the last free of each pool ends with everything given back."""
    sparse = Sparse(2, core=core)
    sparse.mesh()
    chance = random.Random(2)
    for address in chance.sample(list(sparse.live), len(sparse.live)):
        sparse.live[address] = content = chance.randbytes(len(sparse.live[address]))
        ctypes.memmove(address, content, len(content))
    sparse.check()
    for address in chance.sample(list(sparse.live), len(sparse.live) // 2):
        sparse.heap.free(address)
        del sparse.live[address]
    sparse.check()
    sparse.heap.mesh_renew(3)
    sparse.check()
    sparse.free_all()
    while sparse.heap.statistics().spent_pools:
        sparse.heap.mesh_renew(7)
        assert sparse.heap.check() is None
    statistics = sparse.heap.statistics()
    held = (statistics.shared_bytes, statistics.extents, statistics.mesh_mappings, statistics.sealed_pools)
    assert held == (0, 0, 0, 0)
    assert statistics.live_bytes == 0


def test_only_what_is_proven_is_meshed() -> None:
    """One live block that is not proven leaves its pool where it is, on its class's list, and is counted."""
    sparse = Sparse(3)
    chance = random.Random(3)
    foreign = set(chance.sample(list(sparse.live), 20))
    sparse.heap.mesh_begin(OPTIONS)
    while sparse.heap.mesh_step(1000) is not MeshPhase.PROVING:
        pass
    sparse.heap.prove(set(sparse.live) - foreign)
    sparse.heap.mesh_settle(PLACES)
    while sparse.heap.mesh_step(50) is not MeshPhase.IDLE:
        pass
    counts = sparse.heap.mesh_pass()
    assert 0 < counts.foreign <= counts.foreign_blocks <= len(foreign)
    pools = [pool for arena in sparse.heap.state().arenas for pool in arena.pools]
    for pool in pools:
        if any(pool.address <= block < pool.address + pool.size_bytes for block in foreign):
            assert pool.role is PoolRole.ORDINARY
    sparse.check()


def test_of_a_strip_that_is_not_whole_the_rest_is_meshed() -> None:
    """Neighbours of a pool with a foreign block go one by one: nothing that was proven is left."""
    sparse = Sparse(14)
    foreign = set(random.Random(14).sample(list(sparse.live), 20))
    sparse.heap.mesh_begin(OPTIONS)
    while sparse.heap.mesh_step(1000) is not MeshPhase.PROVING:
        pass
    sparse.heap.prove(set(sparse.live) - foreign)
    sparse.heap.mesh_settle(MeshPlaces(64 * KIB))
    while sparse.heap.mesh_step(50) is not MeshPhase.IDLE:
        pass
    counts = sparse.heap.mesh_pass()
    assert counts.foreign > 5
    assert (counts.left, counts.meshed) == (0, counts.candidates - counts.foreign)
    sparse.check()


def test_pieces_that_fit_nowhere_go_in_halves_where_there_are_mappings() -> None:
    """Less is held then, and more mappings are used; where there are just enough for all, none is halved."""
    halved, whole = Sparse(16), Sparse(16)
    halved.mesh(MeshPlaces(64 * KIB))
    whole.mesh(MeshPlaces(64 * KIB, mappings_max=185))
    many, few = halved.heap.statistics(), whole.heap.statistics()
    assert halved.heap.mesh_pass() == whole.heap.mesh_pass()
    assert whole.heap.mesh_pass().left == 0
    assert many.shared_bytes < few.shared_bytes
    assert few.mesh_mappings < many.mesh_mappings
    halved.check()
    whole.check()


def test_nothing_proven_changes_nothing() -> None:
    """Where no block is proven every candidate goes back, and the heap holds what it held."""
    sparse = Sparse(4)
    before = sparse.heap.statistics()
    sparse.heap.mesh_begin(OPTIONS)
    while sparse.heap.mesh_step(1000) is not MeshPhase.PROVING:
        pass
    sparse.heap.mesh_settle(PLACES)
    while sparse.heap.mesh_step(50) is not MeshPhase.IDLE:
        pass
    assert sparse.heap.mesh_pass().foreign == sparse.heap.mesh_pass().candidates > 0
    assert sparse.heap.statistics() == before
    sparse.check()


def test_requests_take_candidates_back() -> None:
    """While a pass is under way requests are served from candidates, not from further pools."""
    sparse = Sparse(5)
    sparse.heap.mesh_begin(OPTIONS)
    sparse.prove()
    before = sparse.heap.statistics()
    blocks = [sparse.heap.allocate(60) for _ in range(500)]
    after = sparse.heap.statistics()
    assert [arena.units_in_use for arena in after.arenas] == [arena.units_in_use for arena in before.arenas]
    while sparse.heap.mesh_step(50) is not MeshPhase.IDLE:
        pass
    assert sparse.heap.mesh_pass().taken_back > 0
    sparse.check()
    for block in blocks:
        sparse.heap.free(block)
    sparse.check()


def test_a_sealed_pool_is_not_allocated_from() -> None:
    """Requests of its class go elsewhere; no address is handed out that lies in it."""
    sparse = Sparse(6)
    sparse.mesh()
    sealed = [
        pool.address
        for arena in sparse.heap.state().arenas
        for pool in arena.pools
        if pool.role is PoolRole.SEALED and pool.size_bytes == 16 * KIB
    ]
    blocks = [sparse.heap.allocate(size_bytes) for size_bytes in SIZES[:6] for _ in range(800)]
    assert not {block // (16 * KIB) * (16 * KIB) for block in blocks} & set(sealed)
    sparse.check()


def test_the_budget_of_mappings_is_kept() -> None:
    """No more mappings than allowed are made, the sparsest pools first, and the pass says why it ended."""
    sparse = Sparse(7)
    sparse.mesh(MeshPlaces(mappings_max=40))
    statistics, counts = sparse.heap.statistics(), sparse.heap.mesh_pass()
    assert 0 < statistics.mesh_mappings <= 40
    assert counts.is_out_of_mappings
    assert counts.left > 0
    pools = [pool for arena in sparse.heap.state().arenas for pool in arena.pools]
    share = {
        role: [
            pool.allocated * pool.block_bytes / pool.size_bytes
            for pool in pools
            if pool.role is role and pool.allocated
        ]
        for role in (PoolRole.SEALED, PoolRole.ORDINARY)
    }
    assert max(share[PoolRole.SEALED]) <= min(share[PoolRole.ORDINARY])
    sparse.check()


def test_an_extents_memory_is_made_as_places_are_cut() -> None:
    """128 KiB at once, not all of it: nobody waits for 2 MiB, and a few pools do not hold as much."""
    sparse = Sparse(15, core=fake.Heap)
    sparse.mesh(options=MeshOptions(pools_max=8))
    after = sparse.heap.statistics()
    assert (after.extents, after.shared_bytes) == (1, 128 * KIB)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter names the call by its number")
@pytest.mark.parametrize(("error", "filled", "refusal"), [(errno.EINVAL, True, 0), (errno.EFAULT, False, errno.ENOMEM)])
def test_where_memory_for_a_part_cannot_be_made(error: int, filled: bool, refusal: int) -> None:
    """Kernels before 5.14 do not know how: there the pages are touched. Where there is none, nothing is meshed."""
    tests = Path(__file__).parents[1]
    run_python(
        f"""
        import ctypes, platform, struct, sys
        sys.path[:0] = [{str(tests)!r}, {str(tests / "model")!r}]
        from test_mesh import Sparse
        madvise, populate_write = {{"x86_64": 28, "aarch64": 233}}[platform.machine()], 23
        load, jump_if_equal, answer, third_argument = 0x20, 0x15, 0x06, 32
        steps = [
            (load, 0, 0, 0), (jump_if_equal, 0, 3, madvise), (load, 0, 0, third_argument),
            (jump_if_equal, 0, 1, populate_write), (answer, 0, 0, 0x00050000 + {error}), (answer, 0, 0, 0x7FFF0000),
        ]
        steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
        program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 6, ctypes.addressof(steps)))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
        assert libc.prctl(22, 2, program) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        sparse = Sparse(16)
        sparse.mesh()
        sparse.check()
        statistics, counts = sparse.heap.statistics(), sparse.heap.mesh_pass()
        print(statistics.extents > 0, counts.meshed > 0, counts.refusal)
        """
    ).expect(f"{filled} {filled} {refusal}\n")


def test_near_the_end_of_its_range_a_heap_is_meshed_again() -> None:
    """What a pass notes takes none of the range's addresses, so it is never refused for the want of them."""
    arenas = 128
    sparse = Sparse(9, blocks=0, range_bytes=arenas * 2 * MIB)
    for turn in range(2):
        dead: list[int] = []
        with suppress(OutOfMemory):
            while turn == 1 or len(dead) < arenas * 1000:
                dead.append(sparse.heap.allocate(1000))
        for address in dead[::40]:
            sparse.live[address] = content = bytes([turn]) * 1000
            ctypes.memmove(address, content, 1000)
        for address in set(dead) - sparse.live.keys():
            sparse.heap.free(address)
        sparse.mesh()
        assert sparse.heap.mesh_pass().meshed > 0
    sparse.check()


def test_a_second_pass_uses_what_the_first_left() -> None:
    """Later sparse pools go to free places of the extents that there are: fewer are needed than by themselves."""
    sparse = Sparse(8)
    sparse.mesh()
    extents = sparse.heap.statistics().extents
    chance = random.Random(8)
    dead = []
    for _ in range(12_000):
        address = sparse.heap.allocate(60)
        if chance.random() < 0.03:
            sparse.live[address] = content = chance.randbytes(60)
            ctypes.memmove(address, content, 60)
        else:
            dead.append(address)
    for address in dead:
        sparse.heap.free(address)
    sparse.mesh()
    assert sparse.heap.mesh_pass().meshed > 0
    assert sparse.heap.statistics().extents == extents
    sparse.check()


def test_only_pools_at_rest() -> None:
    """Where it is asked for, a pool is a candidate only if it looks as the last sweep saw it."""
    sparse = Sparse(9)
    sparse.mesh(options=MeshOptions(only_at_rest=True))
    assert sparse.heap.mesh_pass().candidates == 0
    sparse.heap.sweep(live_percent_max=50)
    used = next(iter(sparse.live))
    sparse.heap.free(used)
    del sparse.live[used]
    sparse.mesh(options=MeshOptions(only_at_rest=True))
    assert sparse.heap.mesh_pass().candidates > 0
    pools = [pool for arena in sparse.heap.state().arenas for pool in arena.pools]
    (pool,) = [pool for pool in pools if pool.address <= used < pool.address + pool.size_bytes]
    assert pool.role is PoolRole.ORDINARY
    sparse.check()


def test_purged_pages_are_meshed_too() -> None:
    """A pool some of whose pages went back before becomes sealed all the same; what was purged is not counted twice."""
    sparse = Sparse(10, core=fake.Heap)
    for _ in range(3):
        sparse.heap.sweep(live_percent_max=50)
    assert any(pool.away for arena in sparse.heap.state().arenas for pool in arena.pools)
    for piece_bytes in PIECES:
        sparse.mesh(MeshPlaces(piece_bytes), MeshOptions(pools_max=20))
        sparse.check()
    assert sparse.heap.statistics().sealed_pools > 0
    sparse.free_all()
    sparse.heap.mesh_renew(1 << 20)
    assert sparse.heap.check() is None


@pytest.mark.parametrize("core", [_core.Heap, fake.Heap], ids=["linux", "fake"])
def test_renewing_cuts_no_mapping_in_two_for_nothing(core: Any) -> None:
    """Pools that were empty when their strip was meshed wait for their neighbours, which hold what is shared."""
    sparse = Sparse(14, core=core, share=0.01)
    sparse.mesh(MeshPlaces(64 * KIB))
    meshed = sparse.heap.statistics()
    assert meshed.spent_pools > 10
    sparse.heap.mesh_renew(1 << 20)
    renewed = sparse.heap.statistics()
    assert renewed.mesh_mappings <= meshed.mesh_mappings
    assert renewed.spent_pools > 0
    sparse.free_all()
    while sparse.heap.statistics().spent_pools:
        sparse.heap.mesh_renew(1 << 20)
    assert sparse.heap.statistics().mesh_mappings == 0


def test_steps_end_at_their_deadline() -> None:
    """However much they may do: after each part, where that is a call of the system's, and after some short ones."""
    past, all_of_it = 1, 1 << 30
    sparse = Sparse(15, core=fake.Heap, blocks=40_000, share=0.01, range_bytes=4 * RANGE_BYTES)
    sparse.heap.mesh_begin(OPTIONS)
    steps = dict.fromkeys(MeshPhase, 0)
    phase = MeshPhase.COUNTING
    while phase is not MeshPhase.IDLE:
        if phase is MeshPhase.PROVING:
            sparse.heap.prove(sparse.live)
            sparse.heap.mesh_settle(PLACES)
            phase = MeshPhase.SETTLING
        steps[phase] += 1
        phase = sparse.heap.mesh_step(all_of_it, past)
    meshed = sparse.heap.mesh_pass().meshed
    assert meshed > 200
    assert min(steps[MeshPhase.COUNTING], steps[MeshPhase.CHOOSING]) > 3
    assert min(steps[MeshPhase.SETTLING], steps[MeshPhase.MATCHING]) >= meshed

    def steps_of(work: Callable[[int, int], bool]) -> int:
        return next(count for count in itertools.count(1) if work(all_of_it, past))

    assert steps_of(sparse.heap.mesh_untouch) >= sum(kind.arenas for kind in sparse.heap.statistics().arenas)
    sparse.free_all()
    assert steps_of(sparse.heap.mesh_renew) > 3
    assert sparse.heap.check() is None


@pytest.mark.parametrize("piece_bytes", PIECES)
def test_every_page_is_accounted_for(piece_bytes: int) -> None:
    """The parts of residency add up to what the system says is resident: before, while and after pools are meshed."""
    sparse = Sparse(11, core=fake.Heap)
    base = fake.resident_bytes() - sum(sparse.heap._heap.residency())
    sparse.heap.mesh_begin(OPTIONS)
    sparse.prove(MeshPlaces(piece_bytes))
    while sparse.heap.mesh_step(20) is not MeshPhase.IDLE:
        assert sum(sparse.heap._heap.residency()) + base == fake.resident_bytes()
    statistics = sparse.heap.statistics()
    sparse.free_all()
    assert sparse.heap.statistics().shared_bytes == statistics.shared_bytes
    while not sparse.heap.mesh_renew(9):
        assert sum(sparse.heap._heap.residency()) + base == fake.resident_bytes()


def test_only_the_range_lies_far_from_all_other_mappings() -> None:
    """What comes with extents lies where the kernel likes: far away it would need page tables of its own."""
    tests = Path(__file__).parents[1]
    run_python(
        f"""
        import sys
        sys.path[:0] = [{str(tests)!r}, {str(tests / "model")!r}]
        from test_mesh import RANGE_BYTES, Sparse
        sparse = Sparse(17)
        sparse.mesh()
        lines = [line.split() for line in open("/proc/self/maps")]
        ends = [[int(address, 16) for address in line[0].split("-")] for line in lines]
        stack = next(end for (_, end), line in zip(ends, lines) if line[-1] == "[stack]")
        far = [(start, end) for start, end in ends if stack / 4 <= start < stack / 2]
        print(sparse.heap.statistics().extents > 0, far[-1][1] - far[0][0] < 2 * RANGE_BYTES)
        """
    ).expect("True True\n")


def test_bad_options_are_refused_in_a_line() -> None:
    """Options out of their range, a second pass while one is under way, and pieces smaller than pages."""
    for options in ({"live_percent_max": 101}, {"live_percent_max": -1}, {"pools_max": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            MeshOptions(**options)
    for places in (
        {"extents_max": 0}, {"mappings_max": -1}, {"piece_bytes": 0}, {"piece_bytes": 5000}, {"piece_bytes": 1 << 17},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(places))):
            MeshPlaces(**places)
    heap = Heap(RANGE_BYTES)
    heap.mesh_begin(OPTIONS)
    with pytest.raises(RuntimeError, match="under way"):
        heap.mesh_begin(OPTIONS)
    heap.mesh_abandon()
    heap.mesh_begin(OPTIONS)


@pytest.mark.parametrize("page_bytes", [16 * KIB, 64 * KIB])
def test_larger_pages(page_bytes: int) -> None:
    """Pieces are whole pages; where pages are larger than pools nothing is meshed."""
    if fake.held_bytes():
        pytest.skip("a failed test's heap is still there")
    fake.set_page_bytes(page_bytes)
    sparse = Sparse(12, core=fake.Heap)
    if page_bytes == 64 * KIB:
        with pytest.raises(RuntimeError):
            sparse.heap.mesh_begin(OPTIONS)
    else:
        sparse.heap.mesh_begin(OPTIONS)
        with pytest.raises(ValueError, match="pages"):
            sparse.prove(MeshPlaces(8 * KIB))
        sparse.heap.mesh_abandon()
        for piece_bytes in PIECES[2:]:
            sparse.mesh(MeshPlaces(piece_bytes), MeshOptions(pools_max=40))
            sparse.check()
        assert sparse.heap.statistics().sealed_pools > 0
    del sparse


# --- the system refuses ---


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(("piece_bytes", "blocks"), [(4 * KIB, 1_000), (16 * KIB, 2_000), (64 * KIB, 2_500)])
def test_every_call_of_a_pass_refused_in_turn(piece_bytes: int, blocks: int, for_good: bool) -> None:
    """Whatever is refused, no live block changes, every invariant holds, the heap serves, and everything goes back."""
    seed, places = 13, MeshPlaces(piece_bytes)
    held = fake.held_bytes()
    sparse = Sparse(seed, core=fake.Heap, blocks=blocks)
    before = fake.calls()
    _life_of(sparse, places)
    calls = fake.calls() - before
    del sparse
    for nth in range(1, calls + 1):
        sparse = Sparse(seed, core=fake.Heap, blocks=blocks)
        fake.refuse(nth, for_good)
        assert _life_of(sparse, places)
        fake.refuse(0)
        sparse.check()
        sparse.free_all()
        while sparse.heap.statistics().spent_pools:
            sparse.heap.mesh_renew(1 << 20)
        assert sparse.heap.check() is None
        assert sparse.heap.statistics().shared_bytes == 0
        del sparse
        assert fake.held_bytes() == held
    assert calls > 30


def _life_of(sparse: Sparse, places: MeshPlaces) -> bool:
    """A pass, some frees, and what comes of them; whether something was refused."""
    fake.take_refused()
    try:
        sparse.mesh(places)
    except OutOfMemory:
        sparse.heap.mesh_abandon()
    sparse.check()
    for address in list(sparse.live)[::2]:
        sparse.heap.free(address)
        del sparse.live[address]
    sparse.heap.mesh_renew(5)
    sparse.check()
    for address in list(sparse.live)[::2]:
        sparse.heap.free(address)
        del sparse.live[address]
    sparse.heap.mesh_renew(1 << 20)
    sparse.check()
    return any(refused for _, refused in fake.take_refused().values())


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("piece_bytes", [4 * KIB, 16 * KIB, 64 * KIB])
@pytest.mark.parametrize("seed", seeds())
def test_the_model_agrees_whatever_is_refused(seed: int, piece_bytes: int, for_good: bool) -> None:
    """Each call of a pass, of renewals and of requests between them, refused in turn: both come to the same state."""
    print(f"seed {seed}")
    places = MeshPlaces(piece_bytes)
    twins = _sparse_twins(seed)
    before = fake.calls()
    _life_of_twins(twins, seed, places)
    calls = fake.calls() - before
    nth = 1
    while nth <= calls:
        twins = _sparse_twins(seed)
        fake.refuse(nth, for_good)
        _life_of_twins(twins, seed, places)
        fake.refuse(0)
        twins.check()
        nth += 1 + nth // often(8, 40)


def _sparse_twins(seed: int) -> Twins:
    fake.refuse(0)
    chance = random.Random(seed)
    twins = Twins(fake.Heap, range_bytes=RANGE_BYTES, page_bytes=4096, take_refused=fake.take_refused)
    for _ in range(2_000):
        twins.allocate(chance.choice(SIZES), chance.choice(list(Domain)))
    chance.shuffle(twins.blocks)
    while len(twins.blocks) > 80:
        twins.free(-1)
    return twins


def _life_of_twins(twins: Twins, seed: int, places: MeshPlaces) -> None:
    chance = random.Random(seed)
    twins.mesh(OPTIONS, places, 3)
    twins.check()
    for _ in range(40):
        twins.free(chance.randrange(len(twins.blocks)))
    twins.mesh_renew(4)
    twins.check()
    for _ in range(30):
        twins.allocate(chance.choice(SIZES), chance.choice(list(Domain)))
    twins.mesh(OPTIONS, places, 5)
    while twins.blocks:
        twins.free(chance.randrange(len(twins.blocks)))
    twins.mesh_renew(1 << 20)
