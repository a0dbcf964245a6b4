"""Settings: what the environment may say, and how many addresses are reserved."""

from __future__ import annotations

import importlib.metadata
import tomllib
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import quire
from quire.errors import AllocatorInUse, InvalidOption, OutOfMemory, QuireError, UnsupportedRuntime
from quire.process import install
from quire.process.handing_on import read_order, write_environment, write_order
from quire.process.install import default_range_bytes, serve
from quire.process.settings import (
    GUARD_INTERVAL,
    SETTINGS,
    Config,
    read_config,
)

GIB = 1024**3


def config_of(snapshot: str | None, snapshot_at: int | None, snapshot_on: str | None, **values: Any) -> Config:
    """A moment takes a file."""
    if snapshot is None:
        return Config(**values)
    return Config(snapshot=snapshot, snapshot_at=snapshot_at, snapshot_on=snapshot_on, **values)


CONFIGS = st.builds(
    config_of,
    large_blocks=st.sampled_from(["quire", "libc"]),
    range_bytes=st.none() | st.integers(64 * 1024**2, 2**46),
    report=st.booleans(),
    json=st.none() | st.text(min_size=1).filter("-".__ne__),
    guard=st.just("all") | st.integers(0, 2**31 - 1),
    give_back=st.sampled_from(["all", "purge", "off"]),
    snapshot=st.none() | st.text(min_size=1).filter("-".__ne__),
    snapshot_at=st.none() | st.integers(1024**2, 2**46),
    snapshot_on=st.none() | st.sampled_from(["SIGUSR1", "SIGHUP"]),
)


# --- the environment ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("64G", 64 * GIB),
        ("64g", 64 * GIB),
        ("64GiB", 64 * GIB),
        ("64 GB", 64 * GIB),
        ("512M", 512 * 1024**2),
        ("1T", 1024 * GIB),
        ("67108864", 64 * 1024**2),
        ("", None),
    ],
)
def test_a_range_is_a_size(text: str, size_bytes: int | None) -> None:
    """Sizes are written as people write them."""
    assert read_config({"QUIRE_RANGE": text}).range_bytes == size_bytes


@pytest.mark.parametrize("text", ["G", "1", "63M", "65T", "64X", "6 4G", "1.5G", "٣G", "0x10G", "1_0G", "-64G", "+64G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """What is not a size, too small or too large is refused, and named."""
    with pytest.raises(InvalidOption, match="QUIRE_RANGE="):
        read_config({"QUIRE_RANGE": text})


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("1.5G", 3 * GIB // 2), ("0.5 GiB", GIB // 2), ("2G", 2 * GIB), ("1048576", 1024**2)]
)
def test_a_snapshot_is_taken_at_a_size(text: str, size_bytes: int) -> None:
    """Which may have a point in it."""
    settings = {"QUIRE_SNAPSHOT": "heap.quire", "QUIRE_SNAPSHOT_AT": text}
    assert read_config(settings) == Config(snapshot="heap.quire", snapshot_at=size_bytes)


@pytest.mark.parametrize("text", ["G", "1", "1023K", "65T", "1,5G", "1.G", ".5G", "1.5.5G", "-1G", "1e9", "٣G", "1.5X"])
def test_a_snapshot_at_no_size_is_refused(text: str) -> None:
    """And named."""
    with pytest.raises(InvalidOption, match="QUIRE_SNAPSHOT_AT="):
        read_config({"QUIRE_SNAPSHOT": "heap.quire", "QUIRE_SNAPSHOT_AT": text})


@pytest.mark.parametrize("text", ["USR2", "12", "SIGKILL", "SIGINT", "sigusr2", "SIGUSR2 "])
def test_a_snapshot_on_no_signal_is_refused(text: str) -> None:
    """The line says which can be."""
    with pytest.raises(InvalidOption, match="it is SIGUSR1, SIGUSR2, SIGHUP or SIGQUIT"):
        read_config({"QUIRE_SNAPSHOT": "heap.quire", "QUIRE_SNAPSHOT_ON": text})


def test_a_moment_takes_a_file() -> None:
    """Without one, whoever set it would wait in vain."""
    with pytest.raises(InvalidOption, match="no file; name it with --snapshot FILE or QUIRE_SNAPSHOT=FILE"):
        read_config({"QUIRE_SNAPSHOT_AT": "1G"})


def test_what_is_not_set_is_the_default() -> None:
    """An environment without settings, or with empty ones, asks for what Config() says."""
    assert read_config({}) == Config()
    assert read_config(dict.fromkeys(SETTINGS, "")) == Config()


@pytest.mark.parametrize(
    ("text", "interval"), [("0", 0), ("1", GUARD_INTERVAL), ("2", 2), ("50", 50), ("2147483647", 2**31 - 1), ("all", 1)]
)
def test_a_rate_of_guarded_sampling_is_one_in_a_number(text: str, interval: int) -> None:
    """1 is on, as for every other setting; a larger number is a rate, and all is every request."""
    assert read_config({"QUIRE_GUARD": text}).guard_interval == interval


@pytest.mark.parametrize("text", ["on", "ALL", "-1", "1.5", "1/50", "2147483648", "٣", "1e9", "50 "])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """What is no rate is refused, and named."""
    with pytest.raises(InvalidOption, match="QUIRE_GUARD="):
        read_config({"QUIRE_GUARD": text})


def test_the_switch_for_stress_is_checked_and_offered_to_nobody() -> None:
    """It is for tests: what it is set to is checked as for any switch, and no message names it for another setting."""
    assert read_config({"QUIRE_STRESS": "1"}) == read_config({"QUIRE_STRESS": "0"}) == Config()
    with pytest.raises(InvalidOption, match="QUIRE_STRESS=all is not understood"):
        read_config({"QUIRE_STRESS": "all"})
    with pytest.raises(InvalidOption, match=r"there is no setting QUIRE_STRES; there are (?!.*QUIRE_STRESS)"):
        read_config({"QUIRE_STRES": "1"})


@given(CONFIGS)
def test_children_are_served_alike_and_leave_the_report_to_their_parent(config: Config) -> None:
    """What a parent hands to its children is the same config without the report, unless each process writes one."""
    assume(not config.reports_each and not config.snapshots_each)
    assert read_config(write_environment(config)) == config.without_report().without_snapshot()
    snapshots = Config(snapshot="/folder/%p.quire", snapshot_at=2**30, snapshot_on="SIGUSR2")
    assert read_config(write_environment(snapshots)) == snapshots
    each = Config(large_blocks=config.large_blocks, report=config.report, json="/folder/%p.json")
    assert read_config(write_environment(each)) == each.for_child()
    assert (each.for_child().json, each.for_child().report) == (each.json, False)


@given(CONFIGS, st.booleans())
def test_an_order_arrives_as_it_was_given(config: Config, serves_children: bool) -> None:
    """What ``quire run`` hands over is what the process reads, whatever characters are in a path."""
    assert read_order(write_order(config, serves_children)) == (config, serves_children)


@given(st.text())
def test_another_order_is_refused(text: str) -> None:
    """A QUIRE_RUN that somebody else has set is refused, or harmless."""
    with suppress(InvalidOption):
        read_order(text)


# --- Config ---------------------------------------------------------------------------------------------------


def test_a_config_does_not_change() -> None:
    """A Config is a value: equal by content, hashable, and fixed."""
    config = Config(json=Path("a"), report=True)
    assert config == Config(json="a", report=True) == Config(json=b"a", report=True)  # type: ignore[arg-type]
    assert hash(config) == hash(Config(json="a", report=True))
    assert config != Config()
    values = "large_blocks='quire', range_bytes=None, report=True, json='a', guard=0, give_back='all', snapshot=None"
    assert repr(config) == f"Config({values}, snapshot_at=None, snapshot_on=None)"
    with pytest.raises(AttributeError):
        config.report = False
    with pytest.raises(AttributeError):
        del config.report


@pytest.mark.parametrize(
    "values",
    [
        {"large_blocks": "x"},
        {"range_bytes": 5},
        {"range_bytes": "64G"},
        {"range_bytes": True},
        {"guard": "1"},
        {"guard": -1},
        {"guard": None},
        {"give_back": "mesh"},
        {"give_back": True},
        {"json": ""},
        {"json": "-"},
        {"json": 5},
        {"report": "no"},
        {"report": None},
        {"snapshot": ""},
        {"snapshot": 5},
        {"snapshot_at": 2**30},
        {"snapshot_on": "SIGUSR2"},
        {"snapshot": "a", "snapshot_at": 5},
        {"snapshot": "a", "snapshot_at": "1G"},
        {"snapshot": "a", "snapshot_at": 1.5e9},
        {"snapshot": "a", "snapshot_on": "SIGKILL"},
        {"snapshot": "a", "snapshot_on": 12},
    ],
    ids=str,
)
def test_a_config_is_checked(values: dict[str, Any]) -> None:
    """A value that cannot be is refused when the Config is made."""
    with pytest.raises(InvalidOption):
        Config(**values)


def test_what_is_no_config_is_refused() -> None:
    """Settings given in another form have a line that says which."""
    with pytest.raises(InvalidOption, match=r"quire\.install\(quire\.Config"):
        quire.install({"guard": 100})  # type: ignore[arg-type]


def test_the_package_says_what_it_has() -> None:
    """Everything that quire lists is there, nothing else is, and its version is the distribution's."""
    assert all(hasattr(quire, name) for name in quire.__all__)
    assert set(quire.__all__) <= set(dir(quire))
    assert not hasattr(quire, "nothing")
    assert quire.errors.InvalidOption is InvalidOption
    assert quire.model.Allocator.__name__ == "Allocator"
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert quire.__version__ == project["project"]["version"] == importlib.metadata.version("quire")


# --- how many addresses ---------------------------------------------------------------------------------------


class FakeCore:
    """Stands for quire._core: gives up to so many addresses, and remembers what it was asked for."""

    def __init__(self, gives_bytes: int = 2**60, refusal: str | None = None, is_installed: bool = False) -> None:
        self.gives_bytes = gives_bytes
        self.refusal = refusal
        self.is_installed = is_installed
        self.asked: list[tuple[int, bool, int]] = []

    def as_module(self) -> ModuleType:
        return cast(ModuleType, SimpleNamespace(install=self.install, installed=lambda: self.is_installed))

    def install(self, range_bytes: int, large_to_previous: bool, guard_interval: int) -> None:
        self.asked.append((range_bytes, large_to_previous, guard_interval))
        if self.refusal is not None:
            raise RuntimeError(self.refusal)
        if range_bytes > self.gives_bytes:
            raise MemoryError
        self.is_installed = True


@given(st.integers(1, 2**50), st.none() | st.integers(0, 2**50))
def test_the_default_range_is_bounded(physical_bytes: int, left_bytes: int | None) -> None:
    """A power of two from 64 MiB to 16 TiB, never above a quarter of what a limit leaves unless that is too little."""
    range_bytes = default_range_bytes(physical_bytes, left_bytes)
    assert range_bytes.bit_count() == 1
    assert 64 * 1024**2 <= range_bytes <= 16 * 1024 * GIB
    if left_bytes is None:
        assert range_bytes >= 64 * GIB
    else:
        assert range_bytes <= max(left_bytes // 4, 64 * 1024**2)


@pytest.mark.parametrize(
    ("physical_gib", "range_gib"), [(1, 64), (16, 64), (24, 64), (32, 128), (100, 256), (1024, 4096), (2**20, 16384)]
)
def test_there_are_more_addresses_than_memory(physical_gib: int, range_gib: int) -> None:
    """About four times the machine's memory."""
    assert default_range_bytes(physical_gib * GIB, None) == range_gib * GIB


def test_fewer_addresses_are_taken_where_many_are_refused() -> None:
    """What is refused is asked for again, half as much, until it is given."""
    core = FakeCore(gives_bytes=GIB)
    assert serve(core.as_module(), Config(large_blocks="libc", guard=7))
    asked = [range_bytes for range_bytes, _, _ in core.asked]
    assert asked[-1] == GIB
    assert all(second * 2 == first for first, second in pairwise(asked))
    assert {(large_to_previous, interval) for _, large_to_previous, interval in core.asked} == {(True, 7)}


def test_there_is_an_end_to_fewer() -> None:
    """Where not even 64 MiB are given, that is an error that names the remedies."""
    core = FakeCore(gives_bytes=0)
    with pytest.raises(OutOfMemory, match=r"64 MiB.*ulimit -v"):
        serve(core.as_module(), Config())
    assert core.asked[-1][0] == 64 * 1024**2


@pytest.mark.parametrize(("left_mib", "is_served"), [(64, False), (127, False), (128, True), (200, True)])
def test_most_of_what_a_limit_leaves_is_the_programs(
    monkeypatch: pytest.MonkeyPatch, left_mib: int, is_served: bool
) -> None:
    """A program that has room plainly keeps half of it at least; a range that is asked for is taken all the same."""
    monkeypatch.setattr(install, "_left_bytes", lambda: left_mib * 1024**2)
    core = FakeCore()
    if is_served:
        assert serve(core.as_module(), Config())
    else:
        with pytest.raises(OutOfMemory, match=rf"64 MiB.*{left_mib} MiB.*ulimit -v.*QUIRE_RANGE=64M"):
            serve(core.as_module(), Config())
        assert not core.asked
        assert serve(core.as_module(), Config(range_bytes=64 * 1024**2))


def test_without_proc_the_system_says_by_refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc is not mounted, no limit is known, and serving goes on."""

    def nowhere() -> int:
        raise FileNotFoundError

    monkeypatch.setattr(install, "address_limit_bytes", nowhere)
    assert serve(FakeCore(gives_bytes=GIB).as_module(), Config())


def test_a_range_that_was_asked_for_is_taken_or_refused() -> None:
    """Nobody gets fewer addresses than they asked for."""
    core = FakeCore(gives_bytes=GIB)
    with pytest.raises(OutOfMemory, match=r"2048 MiB.*QUIRE_RANGE"):
        serve(core.as_module(), Config(range_bytes=2 * GIB))
    assert core.asked == [(2 * GIB, False, 0)]


def test_installed_is_installed() -> None:
    """A core that serves already is not asked again."""
    core = FakeCore(is_installed=True)
    assert not serve(core.as_module(), Config())
    assert core.asked == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("debug", AllocatorInUse),
        ("hooked", AllocatorInUse),
        ("free-threaded", UnsupportedRuntime),
        ("sub-interpreter", UnsupportedRuntime),
        ("unknown-allocator", UnsupportedRuntime),
    ],
)
def test_a_refusal_has_reason_and_remedy(reason: str, kind: type[QuireError]) -> None:
    """Each of the core's words becomes the right error, in one line that says what to do."""
    with pytest.raises(kind) as caught:
        serve(FakeCore(refusal=reason).as_module(), Config())
    assert "\n" not in str(caught.value)
    assert any(remedy in str(caught.value) for remedy in ("run without", "install quire", "use "))
