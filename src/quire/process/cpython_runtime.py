"""The CPython in another process: which version, which interpreters and threads, and where their frames are.

Found by the symbols that every build shows, ``Py_Version`` (since 3.11) and ``_PyRuntime``, in the program's own file
or in ``libpython``. What is read is followed only as far as it fits together: the process goes on meanwhile.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from quire.process.cpython_layouts import HEAD_BYTES, KNOWN, is_free_threaded, layout_of
from quire.process.memory import PAGE_BYTES, WORD_BYTES, words
from quire.process.symbols import Image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

    from quire.process.cpython_layouts import Layout
    from quire.process.other_memory import OtherMemory
    from quire.process.smaps import SystemMapping

    Read = Callable[[int, int], bytes]

_VERSION: Final = b"Py_Version"
_RUNTIME: Final = b"_PyRuntime"
_OTHERS: Final = ((b"libpypy", "PyPy"), (b"/pypy", "PyPy"), (b"libpythonvm", "GraalPy"), (b"graalpy", "GraalPy"))
_DELETED: Final = b" (deleted)"
_LEVELS: Final = {0xA: "a", 0xB: "b", 0xC: "rc"}
_CHUNK_BYTES_MAX: Final = 1 << 30
_ITEMS_MAX: Final = 1 << 16


@dataclass(slots=True)
class Runtime:
    """What is known of the Python in a process."""

    version: str | None = None
    reason: str | None = None
    """Why no more is told than the kernel's accounts."""
    interpreters: int = 0
    thread_idents: list[int] = field(default_factory=list)
    frame_chunks: list[tuple[int, int]] = field(default_factory=list)


def find_runtime(memory: OtherMemory, mappings: Sequence[SystemMapping]) -> Runtime:
    """The CPython in the process, as far as it can be known.

    Args:
        mappings: the process's, in address order.
    """
    found = _find_symbols(memory, mappings)
    if found is None:
        return Runtime(reason=_why_none(mappings))
    version_hex, runtime_address = found
    version = version_text(version_hex)
    pair = (version_hex >> 24, version_hex >> 16 & 0xFF)
    if pair not in KNOWN:
        return Runtime(version, f"quire knows the structures of CPython 3.11 to 3.15, and this is {version or 'older'}")
    head = memory.read(runtime_address, HEAD_BYTES)
    if is_free_threaded(pair, head):
        return Runtime(version, "a free-threaded Python has no arenas; its allocator, mimalloc, is not looked into")
    runtime = Runtime(version)
    layout = layout_of(pair, head)
    if layout is not None:
        _read_interpreters(runtime, layout, runtime_address, memory.read)
    return runtime


def version_text(version_hex: int) -> str | None:
    """``0x030d00f0`` as ``3.13.0``, ``0x030f00b2`` as ``3.15.0b2``; ``None`` for a version before 3.11."""
    if version_hex == 0:
        return None
    major, minor, micro = (version_hex >> shift & 0xFF for shift in (24, 16, 8))
    level = _LEVELS.get(version_hex >> 4 & 0xF, "")
    return f"{major}.{minor}.{micro}{level}{version_hex & 0xF}" if level else f"{major}.{minor}.{micro}"


# --- which file it is in --------------------------------------------------------------------------------------


def _find_symbols(memory: OtherMemory, mappings: Sequence[SystemMapping]) -> tuple[int, int] | None:
    """The version's number, and where the runtime is. Before 3.11 none shows its number: 0."""
    for mapping in _candidates(memory, mappings):
        try:
            descriptor = _open_mapped(memory, mapping)
        except OSError:
            continue
        try:
            image = Image(descriptor)
            symbols = image.symbols((_VERSION, _RUNTIME))
            if _RUNTIME in symbols:
                return _version_in(image, symbols), image.bias(mapping.start) + symbols[_RUNTIME]
        except (OSError, ValueError):
            continue
        finally:
            os.close(descriptor)
    return None


def _version_in(image: Image, symbols: dict[bytes, int]) -> int:
    if _VERSION not in symbols:
        return 0
    return int.from_bytes(image.content(symbols[_VERSION], WORD_BYTES), "little")


def _candidates(memory: OtherMemory, mappings: Sequence[SystemMapping]) -> Iterator[SystemMapping]:
    """Where the files begin that may be Python: libraries of that name first, then the program itself."""
    begins = [mapping for mapping in mappings if mapping.is_file and mapping.file_offset == 0]
    yield from (mapping for mapping in begins if b"libpython" in mapping.name)
    program = memory.program()
    yield from (mapping for mapping in begins if mapping.name.removesuffix(_DELETED) == program)


def _open_mapped(memory: OtherMemory, mapping: SystemMapping) -> int:
    """The very file that is mapped, also where it has been replaced or lies in another container."""
    try:
        return memory.open_file(f"map_files/{mapping.start:x}-{mapping.end:x}")
    except OSError:
        return memory.open_file("root/" + os.fsdecode(mapping.name.removesuffix(_DELETED).lstrip(b"/")))


def _why_none(mappings: Sequence[SystemMapping]) -> str:
    for mark, name in _OTHERS:
        if any(mark in mapping.name for mapping in mappings):
            return f"this is {name}, and quire knows CPython's structures alone"
    return "no CPython of version 3.7 or later is found in it"


# --- interpreters, threads, frames ----------------------------------------------------------------------------


def _read_interpreters(runtime: Runtime, layout: Layout, address: int, read: Read) -> None:
    for interpreter in _chain(_word(read, address + layout.interpreters), layout.next_interpreter, read):
        runtime.interpreters += 1
        for thread in _chain(_word(read, interpreter + layout.threads), layout.next_thread, read):
            if _word(read, thread + layout.interpreter) != interpreter:
                break  # not a thread's record, or not any more
            runtime.thread_idents.append(_word(read, thread + layout.ident))
            runtime.frame_chunks += frame_chunks(_word(read, thread + layout.frame_chunk), read)


def frame_chunks(newest: int, read: Read) -> list[tuple[int, int]]:
    """Address and size of each chunk of a thread's frames: ``previous, size, top`` are its first words."""
    chunks = []
    for chunk in _chain(newest, 0, read):
        size_bytes = _word(read, chunk + WORD_BYTES)
        if chunk % PAGE_BYTES or size_bytes % PAGE_BYTES or not 0 < size_bytes <= _CHUNK_BYTES_MAX:
            break
        chunks.append((chunk, size_bytes))
    return chunks


def _chain(first: int, next_offset: int, read: Read) -> Iterator[int]:
    """The items of a list, each once."""
    seen: set[int] = set()
    while first and first not in seen and len(seen) < _ITEMS_MAX:
        seen.add(first)
        yield first
        first = _word(read, first + next_offset)


def _word(read: Read, address: int) -> int:
    content = words(read(address, WORD_BYTES))
    return content[0] if content else 0
