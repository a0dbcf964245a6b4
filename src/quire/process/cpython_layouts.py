"""Where CPython 3.11 to 3.15 have what is read of them from outside; the only place that knows how they differ.

    _PyRuntime.interpreters.head -> interpreter -> next ...
                                    threads.head -> thread -> next ...
                                                    thread_id, datastack_chunk

Since 3.13 the runtime begins with a table of such offsets (``_Py_DebugOffsets``), which holds for whatever build it is.
Before, they are those of all 64-bit builds.
"""

from __future__ import annotations

from dataclasses import dataclass

from quire.process.memory import WORD_BYTES, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

HEAD_BYTES: Final = 512
"""Of the runtime; enough for what is read of its table."""
_COOKIE: Final = b"xdebugpy"
_FREE_THREADED: Final = 16
_OFFSET_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets in bytes."""

    interpreters: int
    """In the runtime: the first interpreter."""
    next_interpreter: int
    threads: int
    """In an interpreter: its first thread."""
    next_thread: int
    interpreter: int
    """In a thread: its interpreter."""
    ident: int
    """In a thread: its ``pthread_t``."""
    frame_chunk: int
    """In a thread: the newest chunk of its frames."""


_FIXED: Final = {
    (3, 11): Layout(40, 0, 16, 8, 16, 152, 296),
    (3, 12): Layout(40, 0, 72, 8, 16, 136, 232),
}
_TOLD: Final = {
    (3, 13): Layout(40, 64, 72, 168, 176, 192, 208),
    (3, 14): Layout(40, 64, 72, 192, 200, 216, 232),
    (3, 15): Layout(40, 64, 72, 192, 200, 240, 256),
}
"""Where in the runtime's table each offset stands."""
KNOWN: Final = (*_FIXED, *_TOLD)


def layout_of(version: tuple[int, int], head: bytes) -> Layout | None:
    """The offsets of the version; ``None`` where it is not known, or the runtime does not look like it.

    Args:
        head: the first bytes of the runtime.
    """
    if version in _FIXED:
        return _FIXED[version]
    places = _TOLD.get(version)
    if places is None or len(head) < HEAD_BYTES or not head.startswith(_COOKIE):
        return None
    table = words(head)
    offsets = [table[getattr(places, name) // WORD_BYTES] for name in Layout.__slots__]
    return Layout(*offsets) if max(offsets) < _OFFSET_MAX else None


def is_free_threaded(version: tuple[int, int], head: bytes) -> bool:
    """Whether it runs without the global lock; its objects then lie in another allocator's memory."""
    return version in _TOLD and head.startswith(_COOKIE) and words(head)[_FREE_THREADED // WORD_BYTES] == 1
