"""What differs between CPython's versions, as a value.

The objects of the model are those of one CPython version. Numbers and habits that changed between versions stand
here, each named; nothing else in the model of objects asks which version it is. (What instructions do to counts is the
exception: the interpreter runs the running Python's own.)

    3.11 ---- immortal objects ----> 3.12 ---- inline values ----> 3.13 ---- borrowed references ----> 3.14 ----> 3.15

Source: Include/internal/pycore_freelist_state.h (3.13: pycore_freelist.h; before: pycore_list.h, pycore_tuple.h ...),
pycore_global_objects.h, pycore_gc.h, pycore_frame.h; Include/refcount.h. Sizes: ``sys.getsizeof`` and
``type.__basicsize__``. 3.14 is 3.14.5 or later: before, it had an incremental collector, taken back in that release.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Version:
    """Numbers and habits of one CPython version. All sizes in bytes, of a 64-bit build with the interpreter lock."""

    name: str
    immortal_count: int | None
    """The count of objects that never die and are not counted; ``None`` where every object is counted."""
    static_count: int
    """The count that objects of the interpreter's own memory begin with."""
    counted_static_count: int
    """The same for ``None``, ``True``, ``False`` and the built-in types."""
    small_int_max: int
    """Integers from -5 to this one are made once, when the interpreter starts."""
    free_lists: dict[str, int]
    """How many dead objects of a kind are kept for the next of their kind."""
    basic_bytes: dict[str, int]
    """The size of an object of each type without its items, and without its collector header."""
    threshold_young: int
    """The young generation is collected when more objects than this were made than died since the last time."""
    trashcan_depth: int | None
    """How deep deallocations nest before the next waits; ``None``: as deep as the C stack allows, thousands."""
    frame_words: int
    """Words of a frame beside its names and its evaluation stack."""

    # The habits.
    interned_are_immortal: bool = False
    """A string that is interned never dies."""
    collects_between_instructions: bool = True
    """An automatic collection waits until the current instruction is done; before, it ran inside the allocation."""
    tracks_dicts_lazily: bool = False
    """A dictionary is tracked by the collector only once it holds something that is tracked."""
    tracks_tuples_lazily: bool = False
    """A tuple of numbers and text is never tracked; before, a collection found out, as it still does where the items
    are such tuples themselves."""
    values_inline: bool = True
    """The attributes of an instance stand behind it in the same block; before, in a block of their own."""
    weakrefs_stand_before: bool = True
    """The list of an instance's weak references stands before it; before 3.12, behind its header."""
    tables_skip_8: bool = False
    """A keys table that is replaced has 16 places or more, also where 8 were enough: a slip of a formula."""
    frames_drop_last_first: bool = False
    """A frame that is done drops its variables from the last to the first; before 3.14, from the first."""
    clears_plain_weakrefs_late: bool = False
    """A collection clears weak references without a callback after finalizers ran, not before."""
    longest_kept_tuples_serve: bool = True
    """Dead tuples of 20 items serve the next ones; before 3.13 they were kept, but never asked for."""
    ints_have_tag: bool = True
    """The sign and the number of digits of an integer stand in a tag; before, in a signed size."""
    caches_tuple_hash: bool = False
    """A tuple remembers its hash."""
    strings_have_wide_cache: bool = False
    """Strings have room for a ``wchar_t`` copy of themselves."""


_FREE_LISTS = {"float": 100, "tuple": 2000, "list": 80, "dict": 80, "keys table": 80}
_BASIC_BYTES = {
    "int": 24,
    "bool": 24,
    "NoneType": 16,
    "float": 24,
    "str": 40,
    "bytes": 33,
    "tuple": 24,
    "list": 40,
    "dict": 48,
    "cell": 24,
    "weakref": 64,
    "method": 48,
    "builtin": 56,
    "module": 56,
    "list_iterator": 32,
    "tuple_iterator": 32,
    "dict_iterator": 56,
    "range": 48,
    "range_iterator": 40,
}

V3_12 = Version(
    name="3.12",
    immortal_count=2**32 - 1,
    static_count=2**32 - 1,
    counted_static_count=2**32 - 1,
    small_int_max=256,
    free_lists=_FREE_LISTS,
    basic_bytes=_BASIC_BYTES | {"function": 144, "type": 920, "code": 192},
    threshold_young=700,
    trashcan_depth=50,
    frame_words=9,
    interned_are_immortal=True,
    tracks_dicts_lazily=True,
    values_inline=False,
    longest_kept_tuples_serve=False,
    tables_skip_8=True,
)
V3_11 = replace(
    V3_12,
    name="3.11",
    immortal_count=None,
    static_count=999_999_999,
    counted_static_count=1,
    basic_bytes=V3_12.basic_bytes | {"str": 48, "range_iterator": 48, "function": 136, "type": 904, "code": 184},
    interned_are_immortal=False,
    collects_between_instructions=False,
    ints_have_tag=False,
    weakrefs_stand_before=False,
    strings_have_wide_cache=True,
)
V3_13 = replace(
    V3_12,
    name="3.13",
    basic_bytes=V3_12.basic_bytes | {"type": 928, "code": 200},
    threshold_young=2000,
    trashcan_depth=None,
    interned_are_immortal=False,
    values_inline=True,
    longest_kept_tuples_serve=True,
)
V3_14 = replace(
    V3_13,
    name="3.14",
    immortal_count=3 << 30,
    static_count=3 << 30,
    counted_static_count=3 << 30,
    free_lists=_FREE_LISTS
    | {"int": 100, "list_iterator": 10, "tuple_iterator": 10, "range": 6, "range_iterator": 6, "method": 20},
    basic_bytes=V3_13.basic_bytes | {"tuple": 32, "function": 152, "type": 936, "code": 208},
    frame_words=10,
    tracks_dicts_lazily=False,
    tracks_tuples_lazily=True,
    frames_drop_last_first=True,
    tables_skip_8=False,
    caches_tuple_hash=True,
)
V3_15 = replace(
    V3_14,
    name="3.15",
    small_int_max=1024,
    basic_bytes=V3_14.basic_bytes | {"module": 104, "type": 944},
    clears_plain_weakrefs_late=True,
)

VERSIONS = (V3_11, V3_12, V3_13, V3_14, V3_15)
"""From the oldest to the newest."""

RUNNING = next((version for version in VERSIONS if version.name == "{}.{}".format(*sys.version_info[:2])), VERSIONS[-1])
"""The running Python's; the newest known where it is newer still."""
