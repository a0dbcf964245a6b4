"""What a process is asked for: ``QUIRE_*`` in its environment, or a ``Config`` given to ``quire.install``.

    QUIRE=1                         serve this process and its Python children
    QUIRE_DISABLE=1                 switch quire off; wins over everything
    QUIRE_LARGE_BLOCKS=quire|libc   who serves blocks above 512 bytes
    QUIRE_REPORT=1                  say at the end where the memory was
    QUIRE_JSON=path                 write the same as a file; with %p in it, one for each process
    QUIRE_RANGE=64G                 how many addresses to reserve
    QUIRE_GUARD=1|N|all             guarded sampling, at its default rate, of one request in N, or of every one
    QUIRE_GIVE_BACK=all|purge|off   what goes back to the system by itself while the program runs
    QUIRE_SNAPSHOT=path             write a snapshot at the end; with %p in it, one for each process
    QUIRE_SNAPSHOT_AT=1.5G          when resident memory first stands above that, not at the end
    QUIRE_SNAPSHOT_ON=SIGUSR2       each time that the signal comes, not at the end

``QUIRE_RUN`` is the order that ``quire run`` hands to the process it starts, ``QUIRE_READING`` says where a process of
``quire compare`` writes what it reads of itself; ``QUIRE_FAMILY`` marks a served process, so that its children know
they are children. These are quire's own.

This file is read at every start of a served Python, so it imports nothing that costs time, errors not before there is
one.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, NoReturn

    from quire.errors import InvalidOption

    LargeBlocks = Literal["quire", "libc"]
    Guard = int | Literal["all"]
    GiveBack = Literal["all", "purge", "off"]

SETTINGS = (
    "QUIRE_DISABLE",
    "QUIRE_LARGE_BLOCKS",
    "QUIRE_REPORT",
    "QUIRE_JSON",
    "QUIRE_RANGE",
    "QUIRE_GUARD",
    "QUIRE_GIVE_BACK",
    "QUIRE_SNAPSHOT",
    "QUIRE_SNAPSHOT_AT",
    "QUIRE_SNAPSHOT_ON",
)
RUN = "QUIRE_RUN"
READING = "QUIRE_READING"
STRESS = "QUIRE_STRESS"
"""For tests: whatever can be meshed is, all the time."""
FAMILY = "QUIRE_FAMILY"
_BUILD = "QUIRE_REQUIRE_CORE"
"""Read when quire is built; a build environment may still carry it when a program runs."""
_KNOWN = ("QUIRE", *SETTINGS, RUN, READING, STRESS, FAMILY, _BUILD)

PROCESS = "%p"
"""In the path of a report or a snapshot: the process's number."""
NUMBER = "%n"
"""In the path of a snapshot: which one of the process it is, from 1 on."""
SNAPSHOT_SIGNALS = ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT")
"""Signals that people send by hand; others have a meaning of the system's."""
SNAPSHOT_AT_BYTES_MIN = 1024**2
_SIZE_MOST = 64 * 1024**4

RANGE_BYTES_MIN = 64 * 1024**2
RANGE_BYTES_MAX = 64 * 1024**4
GUARD_INTERVAL = 100_000
"""Requests to a sampled one where nobody says how many: what it costs then is in docs/guard.md."""
_GUARD_INTERVAL_MAX = 2**31 - 1
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


_CONFIG = (
    "large_blocks", "range_bytes", "report", "json", "guard", "give_back", "snapshot", "snapshot_at", "snapshot_on",
)  # fmt: skip


class Config:
    """What to serve and what to report.

    Args:
        large_blocks: ``"libc"`` leaves blocks above 512 bytes to libc, as CPython does.
        range_bytes: how many addresses to reserve; ``None`` lets quire choose.
        report: say on standard error, when the process ends, where its memory was.
        json: write the same to this file. With ``%p`` in its path, which stands for the process's number, each
            served process writes one: children and forks, too.
        guard: guarded sampling: ``True`` at its default rate, a number N for one request in N, ``"all"`` for every one.
        give_back: what goes back to the system by itself: ``"all"`` that can, ``"purge"`` whole pages without a live
            block alone, ``"off"`` nothing but whole arenas. ``quire.trim()`` gives back in each case.
        snapshot: write a snapshot to this file: at the end, unless one of the next two says when. With ``%p`` in its
            path each served process writes one, children and forks, too; ``%n`` counts those of a process.
        snapshot_at: when resident memory first stands above so many bytes.
        snapshot_on: each time that this signal comes, ``"SIGUSR2"``, unless the program takes it for itself.

    Raises:
        InvalidOption: a value is not one of these.
    """

    __slots__ = _CONFIG

    large_blocks: "LargeBlocks"
    range_bytes: int | None
    report: bool
    json: str | None
    guard: "Guard"
    give_back: "GiveBack"
    snapshot: str | None
    snapshot_at: int | None
    snapshot_on: str | None

    def __init__(
        self,
        *,
        large_blocks: "LargeBlocks" = "quire",
        range_bytes: int | None = None,
        report: bool = False,
        json: "str | os.PathLike[str] | None" = None,
        guard: "Guard" = 0,
        give_back: "GiveBack" = "all",
        snapshot: "str | os.PathLike[str] | None" = None,
        snapshot_at: int | None = None,
        snapshot_on: str | None = None,
    ) -> None:
        if large_blocks not in ("quire", "libc"):
            raise invalid(f"large_blocks={large_blocks!r} is not understood; give 'quire' or 'libc'")
        if report not in (True, False):
            raise invalid(f"report={report!r} is not understood; give True or False")
        _check_path(json, "json", "report.json")
        _check_path(snapshot, "snapshot", "heap.quire")
        if range_bytes is not None:
            _check_range(range_bytes, f"range_bytes={range_bytes!r}", "give it in bytes, like 64 * 1024**3")
        _check_guard(guard, f"guard={guard!r}")
        if give_back not in ("all", "purge", "off"):
            raise invalid(f"give_back={give_back!r} is not understood; give 'all', 'purge' or 'off'")
        _check_moments(snapshot, snapshot_at, snapshot_on)
        set_once = object.__setattr__
        set_once(self, "large_blocks", large_blocks)
        set_once(self, "range_bytes", range_bytes)
        set_once(self, "report", bool(report))
        set_once(self, "json", None if json is None else read_json_path(os.fsdecode(json), "json"))
        set_once(self, "snapshot", None if snapshot is None else read_json_path(os.fsdecode(snapshot), "snapshot"))
        set_once(self, "snapshot_at", snapshot_at)
        set_once(self, "snapshot_on", snapshot_on)
        set_once(self, "guard", guard if guard == "all" else int(guard))
        set_once(self, "give_back", give_back)

    @property
    def wants_report(self) -> bool:
        return self.report or self.json is not None

    @property
    def writes(self) -> bool:
        """Whether the process tells anything of itself, at its end or before."""
        return self.wants_report or self.snapshot is not None

    @property
    def reports_each(self) -> bool:
        """Whether each process writes a file of its own."""
        return self.json is not None and PROCESS in self.json

    @property
    def snapshots_each(self) -> bool:
        """Whether each process writes a snapshot of its own."""
        return self.snapshot is not None and PROCESS in self.snapshot

    def for_child(self) -> "Config":
        """The same, for a process whose parent reports: it writes files of its own, where that is asked for."""
        child = self if self.snapshots_each else self.without_snapshot()
        return child._changed(report=False, json=self.json if self.reports_each else None)

    def without_report(self) -> "Config":
        """The same, for a process that has nothing to report."""
        return self._changed(report=False, json=None)

    def without_snapshot(self) -> "Config":
        """The same, for a process that writes none."""
        return self._changed(snapshot=None, snapshot_at=None, snapshot_on=None)

    def _changed(self, **changes: "Any") -> "Config":
        return Config(**dict(zip(_CONFIG, self._values(), strict=True)) | changes)

    @property
    def guard_interval(self) -> int:
        """How many requests to a sampled one; 0 for no sampling."""
        if self.guard == "all":
            return 1
        return GUARD_INTERVAL if self.guard == 1 else self.guard

    def _values(self) -> "tuple[Any, ...]":
        return tuple(getattr(self, name) for name in _CONFIG)

    def __setattr__(self, name: str, value: object) -> "NoReturn":
        raise AttributeError(f"a Config does not change; make another with {name}={value!r}")

    def __delattr__(self, name: str) -> "NoReturn":
        raise AttributeError("a Config does not change")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Config) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        values = zip(_CONFIG, self._values(), strict=True)
        return f"Config({', '.join(f'{name}={value!r}' for name, value in values)})"


# --- the environment ------------------------------------------------------------------------------------------


def is_disabled(environment: "Mapping[str, str]") -> bool:
    """Whether ``QUIRE_DISABLE`` switches quire off: any value but 0 does, for nobody looks up how to write it then."""
    return environment.get("QUIRE_DISABLE", "") not in ("", "0")


def is_asked(environment: "Mapping[str, str]") -> bool:
    """Whether ``QUIRE`` asks for this process to be served."""
    return _switch(environment, "QUIRE")


def read_config(environment: "Mapping[str, str]") -> "Config":
    """What the ``QUIRE_*`` variables ask for; every one of them is checked.

    Raises:
        InvalidOption: a name is unknown or a value not understood; the message says what to write.
    """
    for name in environment:
        if name.startswith("QUIRE_") and name not in _KNOWN:
            from quire.process.suggest import did_you_mean

            raise invalid(f"there is no setting {name}{did_you_mean(name, SETTINGS, 'QUIRE_')}")
    _switch(environment, "QUIRE")
    _switch(environment, STRESS)
    json, snapshot = environment.get("QUIRE_JSON"), environment.get("QUIRE_SNAPSHOT")
    at, on = environment.get("QUIRE_SNAPSHOT_AT"), environment.get("QUIRE_SNAPSHOT_ON")
    return Config(
        large_blocks=read_large_blocks(environment.get("QUIRE_LARGE_BLOCKS") or "quire", "QUIRE_LARGE_BLOCKS"),
        range_bytes=_range_bytes(environment.get("QUIRE_RANGE", "")),
        report=_switch(environment, "QUIRE_REPORT"),
        json=read_json_path(json, "QUIRE_JSON") if json else None,
        guard=read_guard(environment.get("QUIRE_GUARD") or "0", "QUIRE_GUARD"),
        give_back=read_give_back(environment.get("QUIRE_GIVE_BACK") or "all", "QUIRE_GIVE_BACK"),
        snapshot=read_json_path(snapshot, "QUIRE_SNAPSHOT") if snapshot else None,
        snapshot_at=read_snapshot_at(at, "QUIRE_SNAPSHOT_AT") if at else None,
        snapshot_on=read_snapshot_on(on, "QUIRE_SNAPSHOT_ON") if on else None,
    )


def read_large_blocks(value: str, option: str) -> "LargeBlocks":
    """Who serves blocks above 512 bytes.

    Raises:
        InvalidOption: it is neither; the message names the option.
    """
    match value:
        case "quire" | "libc":
            return value
    raise invalid(f"{option}={value} is not understood; it is quire or libc")


def read_give_back(value: str, option: str) -> "GiveBack":
    """What goes back by itself.

    Raises:
        InvalidOption: it is none of these; the message names the option.
    """
    match value:
        case "all" | "purge" | "off":
            return value
    raise invalid(f"{option}={value} is not understood; it is all, purge or off")


def read_json_path(value: str, option: str) -> str:
    """Where a report or a snapshot goes.

    Raises:
        InvalidOption: that is no file; the message names the option.
    """
    if value in ("", "-"):
        raise invalid(f"{option} writes a file; give its path")
    return value


def read_guard(value: str, option: str) -> "Guard":
    """Which requests get guarded blocks.

    Raises:
        InvalidOption: it is no rate; the message names the option.
    """
    is_number = value.isascii() and value.isdigit() and len(value) < 20
    guard: Guard = int(value) if is_number else value  # type: ignore[assignment]  # checked below
    _check_guard(guard, f"{option}={value}")
    return guard


def read_snapshot_at(value: str, option: str) -> int:
    """How much must be resident, in bytes.

    Raises:
        InvalidOption: it is no such size; the message names the option.
    """
    size_bytes = _size_bytes(value, "1.5G")
    if size_bytes is None or not SNAPSHOT_AT_BYTES_MIN <= size_bytes <= _SIZE_MOST:
        raise invalid(f"{option}={value} is not a size from 1M to 64T; write it like 1.5G")
    return size_bytes


def read_snapshot_on(value: str, option: str) -> str:
    """Which signal asks for a snapshot.

    Raises:
        InvalidOption: it is none that can; the message names the option.
    """
    _check_signal(value, f"{option}={value}")
    return value


def invalid(message: str) -> "InvalidOption":
    """The error, imported where there is one."""
    from quire.errors import InvalidOption

    return InvalidOption(message)


def _switch(environment: "Mapping[str, str]", name: str) -> bool:
    value = environment.get(name, "")
    if value not in ("1", "0", ""):
        raise invalid(f"{name}={value} is not understood; set it to 1, or to 0 for off")
    return value == "1"


def _range_bytes(value: str) -> int | None:
    if value == "":
        return None
    range_bytes = _size_bytes(value)
    _check_range(range_bytes, f"QUIRE_RANGE={value}", "write it like 64G")
    return range_bytes


def _check_range(range_bytes: object, what: str, how: str) -> None:
    if type(range_bytes) is not int or not RANGE_BYTES_MIN <= range_bytes <= RANGE_BYTES_MAX:
        raise invalid(f"{what} is not a size from 64M to 64T; {how}")


def _check_path(path: object, name: str, example: str) -> None:
    if not (path is None or isinstance(path, (str, bytes, os.PathLike))):
        raise invalid(f"{name}={path!r} is no path; give the file's, like {example!r}")


def _check_moments(snapshot: object, at: object, on: object) -> None:
    if at is not None and not (type(at) is int and SNAPSHOT_AT_BYTES_MIN <= at <= _SIZE_MOST):
        raise invalid(f"snapshot_at={at!r} is not a size from 1 MiB to 64 TiB; give it in bytes, like 1536 * 1024**2")
    if on is not None:
        _check_signal(on, f"snapshot_on={on!r}")
    if snapshot is None and not (at is None and on is None):
        raise invalid("a snapshot has a moment, but no file; name it with --snapshot FILE or QUIRE_SNAPSHOT=FILE")


def _check_signal(name: object, what: str) -> None:
    if name not in SNAPSHOT_SIGNALS:
        raise invalid(f"{what} is not understood; it is {', '.join(SNAPSHOT_SIGNALS[:-1])} or {SNAPSHOT_SIGNALS[-1]}")


def _check_guard(guard: object, what: str) -> None:
    if guard == "all" or (isinstance(guard, int) and 0 <= guard <= _GUARD_INTERVAL_MAX):
        return
    raise invalid(
        f"{what} is not understood; it is 1 for the default rate, "
        f"a number N up to {_GUARD_INTERVAL_MAX} for one in N, or all"
    )


def _size_bytes(text: str, like: str = "64G") -> int | None:
    """A size like ``64G``, ``512 MiB`` or ``1073741824``, in bytes; ``None`` if it is not one.

    Args:
        like: how such a size is written; with a point in it, ``1.5G`` is one, too.
    """
    digits = text.upper().removesuffix("B").removesuffix("I").rstrip()
    unit = digits[-1:] if digits[-1:] in _SIZE_UNITS else ""
    whole, point, part = digits.removesuffix(unit).strip().partition(".")
    number = whole + part
    is_number = number.isascii() and number.isdigit() and len(number) < 20 and whole != ""
    if not is_number or (point and ("." not in like or not part)):
        return None
    parts: int = 10 ** len(part)
    return int(number) * _SIZE_UNITS[unit] // parts
