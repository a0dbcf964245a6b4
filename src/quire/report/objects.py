"""One object of a snapshot: found by what somebody types, and as a row of an answer.

0x7f3c80a1b2c0           by its address
logging.LogRecord#3      the third of a type, by address; LogRecord is the first
app.cache._recent[3]     by what leads to it: named.py
"""

from __future__ import annotations

import numpy as np

from quire.errors import InvalidOption
from quire.report.answers import ObjectRow
from quire.report.snapshot import U8, Rows, Snapshot

_ADDRESS_MAX = 2**64


def find_object(snapshot: Snapshot, text: str) -> int | None:
    """The row of the object that is meant by an address or a type; ``None``: there is no type of that name.

    Raises:
        InvalidOption: there is no such object.
    """
    if text.lower().startswith("0x"):
        return _at_address(snapshot, text)
    name, _, number = text.partition("#")
    rows = _rows_of_type(snapshot, name)
    return _numbered(rows, name, _number(text, number)) if len(rows) else None


def type_words(snapshot: Snapshot, row: int) -> str:
    """The type of an object."""
    return snapshot.type_of(row).words


def object_row(snapshot: Snapshot, sizes: U8, row: int) -> ObjectRow:
    """The object as answers tell it; ``sizes`` are those with tables."""
    return ObjectRow(int(snapshot.object_address[row]), type_words(snapshot, row), int(sizes[row]))


def require_edges(snapshot: Snapshot) -> None:
    """Raise InvalidOption unless the snapshot has references."""
    if not snapshot.has_edges:
        raise InvalidOption("the snapshot was taken without references; take one with them")


def _at_address(snapshot: Snapshot, text: str) -> int:
    try:
        address = int(text, 16)
    except ValueError:
        raise InvalidOption(f"{text} is no address; write it as 0x7f3c80a1b2c0") from None
    place = int(np.searchsorted(snapshot.object_address, np.uint64(min(address, _ADDRESS_MAX - 1))))
    if place == snapshot.count or int(snapshot.object_address[place]) != address:
        raise InvalidOption(f"no object begins at {text}; quire retained and quire referrers tell addresses")
    return place


def _number(text: str, number: str) -> int:
    if not number and "#" not in text:
        return 1
    if not (number.isascii() and number.isdigit() and len(number) < 12 and int(number) > 0):
        raise InvalidOption(f"{text} names no object; write a type and a number, as in LogRecord#1, or an address")
    return int(number)


def _numbered(rows: Rows, name: str, number: int) -> int:
    if number > len(rows):
        raise InvalidOption(f"there is no {name}#{number}; there are {len(rows):,}")
    return int(rows[number - 1])


def _rows_of_type(snapshot: Snapshot, name: str) -> Rows:
    """Those of the type with this full name; of all with this bare one where there is none."""
    meant = [index for index, each in enumerate(snapshot.types) if name == each.words]
    meant = meant or [index for index, each in enumerate(snapshot.types) if name == each.name]
    return np.flatnonzero(np.isin(snapshot.object_type, meant))
