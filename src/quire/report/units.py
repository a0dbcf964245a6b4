"""Sizes, counts, times and commands as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from quire.text import printable

MIB = 1024**2
_TENTHS_OF_MIB = MIB / 10


def mib(size_bytes: int) -> str:
    """``734003200`` as ``700.0``."""
    return _tenths(round(size_bytes / _TENTHS_OF_MIB))


def mib_column(sizes_bytes: Sequence[int]) -> list[str]:
    """Sizes as ``mib`` writes them, rounded so that the column as printed still adds up to its printed sum.

    Each size is rounded down, and what is missing in the sum goes to those that lost most.
    """
    tenths = [size_bytes / _TENTHS_OF_MIB for size_bytes in sizes_bytes]
    printed = [int(value // 1) for value in tenths]
    missing = round(sum(sizes_bytes) / _TENTHS_OF_MIB) - sum(printed)
    by_loss = sorted(range(len(tenths)), key=lambda index: printed[index] - tenths[index])
    for index in by_loss[:missing]:
        printed[index] += 1
    return [_tenths(value) for value in printed]


def _tenths(value: int) -> str:
    sign = "-" if value < 0 else ""
    whole, tenth = divmod(abs(value), 10)
    return f"{sign}{whole:,}.{tenth}"


def size(size_bytes: int) -> str:
    """A round size with its unit: ``512 B``, ``16 KiB``, ``2 MiB``."""
    for unit, unit_bytes in (("MiB", MIB), ("KiB", 1024)):
        if size_bytes >= unit_bytes and size_bytes % unit_bytes == 0:
            return f"{size_bytes // unit_bytes} {unit}"
    return f"{size_bytes:,} B"


def count(value: int) -> str:
    """``1234567`` as ``1,234,567``; nothing as a dash, which the eye skips."""
    return f"{value:,}" if value else "-"


def seconds(value: float) -> str:
    """``0.04 s``, ``59.9 s``, ``3 min 05 s``, ``2 h 05 min``."""
    if value < 59.95:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def seconds_to_compare(value: float) -> str:
    """``0.041 s``, ``61.342 s``, ``305.2 s``: one unit and digits enough to see a small difference."""
    return f"{value:.3f} s" if value < 99.9995 else f"{value:,.1f} s"


def one_line(words: Sequence[str]) -> str:
    """A program and its arguments on one line, whatever characters are in them."""
    return printable(" ".join(words))
