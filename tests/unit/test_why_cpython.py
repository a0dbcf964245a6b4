"""The CPython in another process: its symbols in files, its offsets by version, its chains of records."""

from __future__ import annotations

import os
import struct
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.process.cpython_layouts import HEAD_BYTES, Layout, is_free_threaded, layout_of
from quire.process.cpython_runtime import frame_chunks, version_text
from quire.process.memory import PAGE_BYTES
from quire.process.symbols import Image

START = 0x7F0000000000


# --- symbols --------------------------------------------------------------------------------------------------


def program(symbols: dict[bytes, int], content: bytes) -> bytes:
    """A program's file that is linked for 0x400000, shows the symbols, and has the content at 0x400100."""
    texts = b"\0" + b"".join(name + b"\0" for name in symbols)
    table = bytes(24)
    for name, value in symbols.items():
        table += struct.pack("<IBBHQQ", texts.index(b"\0" + name + b"\0") + 1, 0x11, 0, 5, value, 8)
    at_content, at_table = 0x100, 0x200
    at_texts = at_table + len(table)
    at_sections = at_texts + len(texts)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 64, at_sections, 0, 64, 56, 1, 64, 3, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, at_sections, at_sections, 4096)
    sections = [
        bytes(64),
        struct.pack("<IIQQQQIIQQ", 0, 11, 0, 0, at_table, len(table), 2, 0, 8, 24),
        struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, at_texts, len(texts), 0, 0, 1, 0),
    ]
    text = (header + segment).ljust(at_content, b"\0") + content
    return text.ljust(at_table, b"\0") + table + texts + b"".join(sections)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], int]:
    """Opens a file with the bytes."""

    def open_bytes(content: bytes) -> int:
        path = tmp_path / "file"
        path.write_bytes(content)
        return os.open(path, os.O_RDONLY)

    return open_bytes


def test_symbols_are_read_from_a_file(opened: Callable[[bytes], int]) -> None:
    """A symbol's address, what the file has there, and where that is once the file is mapped somewhere."""
    image = Image(opened(program({b"Py_Version": 0x400100, b"_PyRuntime": 0x400900}, struct.pack("<Q", 0x030C01F0))))
    symbols = image.symbols([b"Py_Version", b"_PyRuntime", b"Py"])
    assert symbols == {b"Py_Version": 0x400100, b"_PyRuntime": 0x400900}
    assert int.from_bytes(image.content(symbols[b"Py_Version"], 8), "little") == 0x030C01F0
    assert image.bias(0x400000) == 0
    assert image.bias(START) == START - 0x400000
    with pytest.raises(ValueError, match="not in the file"):
        image.content(0x900000, 8)


def test_this_python_tells_its_version() -> None:
    """The running Python's own file, or its library, has the number that it gives."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    path = Path(sysconfig.get_config_var("LIBDIR") or "", name)
    descriptor = os.open(path if "so" in name and path.exists() else sys.executable, os.O_RDONLY)
    image = Image(descriptor)
    (address,) = image.symbols([b"Py_Version"]).values()
    assert int.from_bytes(image.content(address, 8), "little") == sys.hexversion
    os.close(descriptor)


@given(st.integers(0, 900), st.binary(max_size=8))
def test_a_damaged_file_is_refused(at: int, damage: bytes) -> None:
    """A file that is cut off, or that has other bytes somewhere, gives an answer or a ValueError, nothing else."""
    whole = program({b"Py_Version": 0x400100}, bytes(8))
    for content in (whole[:at], whole[:at] + damage + whole[at + len(damage) :]):
        descriptor = os.memfd_create("damaged")
        try:
            os.write(descriptor, content)
            image = Image(descriptor)
            image.symbols([b"Py_Version"])
            image.bias(START)
        except ValueError:
            pass
        finally:
            os.close(descriptor)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0x030B02F0, "3.11.2"), (0x030F00B2, "3.15.0b2"), (0x030E00C1, "3.14.0rc1"), (0, None)],
)
def test_a_version_is_told_as_python_tells_it(number: int, text: str | None) -> None:
    """As ``sys.version`` has it; a CPython that shows no number is older than 3.11."""
    assert version_text(number) == text


# --- offsets --------------------------------------------------------------------------------------------------


def runtime_head(table: dict[int, int], is_free: bool = False) -> bytes:
    """The first bytes of a runtime since 3.13, with these words at these places in its table."""
    head = bytearray(HEAD_BYTES)
    head[:8] = b"xdebugpy"
    for place, value in (table | {16: int(is_free)}).items():
        struct.pack_into("<Q", head, place, value)
    return bytes(head)


RECORDED = {
    (3, 13): ({40: 632, 64: 7264, 72: 7344, 168: 8, 176: 16, 192: 152, 208: 232}, 7264, 152),
    (3, 14): ({40: 808, 64: 7272, 72: 7344, 192: 8, 200: 16, 216: 152, 232: 232}, 7272, 152),
    (3, 15): ({40: 936, 64: 7264, 72: 7336, 192: 8, 200: 16, 240: 176, 256: 256}, 7264, 176),
}
"""From 3.13.0, 3.14.8 and 3.15.0: places and values; then an interpreter's next, and a thread's ident."""


@pytest.mark.parametrize("version", RECORDED)
def test_a_runtime_tells_its_own_offsets(version: tuple[int, int]) -> None:
    """From 3.13 on they are those of its table, wherever that version has them in it."""
    table, next_interpreter, ident = RECORDED[version]
    layout = layout_of(version, runtime_head(table))
    assert layout is not None
    assert (layout.next_interpreter, layout.ident) == (next_interpreter, ident)
    assert (layout.next_thread, layout.interpreter) == (8, 16)


def test_older_versions_have_fixed_offsets() -> None:
    """3.11 and 3.12 have no table; a version that is not known has no layout."""
    assert layout_of((3, 11), b"") == Layout(40, 0, 16, 8, 16, 152, 296)
    assert layout_of((3, 12), b"") == Layout(40, 0, 72, 8, 16, 136, 232)
    assert layout_of((3, 10), b"") is layout_of((3, 16), runtime_head({})) is None


def test_a_table_that_does_not_fit_is_not_believed() -> None:
    """No cookie, too few bytes, or an offset beyond any structure: nothing is followed."""
    head = runtime_head(RECORDED[3, 14][0])
    assert layout_of((3, 14), b"\0" + head[1:]) is None
    assert layout_of((3, 14), head[:100]) is None
    assert layout_of((3, 14), runtime_head({72: 1 << 40})) is None


def test_a_python_without_the_lock_is_known() -> None:
    """By its table; versions before 3.13 have no such build."""
    assert is_free_threaded((3, 13), runtime_head({}, is_free=True))
    assert not is_free_threaded((3, 13), runtime_head({}))
    assert not is_free_threaded((3, 12), runtime_head({}, is_free=True))


# --- chains ---------------------------------------------------------------------------------------------------


def reader(words: dict[int, int]) -> Callable[[int, int], bytes]:
    """Memory that has these words and nothing else."""
    return lambda address, size_bytes: struct.pack("<Q", words[address]) if address in words else b""


def test_chunks_of_frames_are_followed_to_the_first() -> None:
    """Each chunk names the one before it, and its own size."""
    first, second = START, START + 16 * PAGE_BYTES
    words = {first: 0, first + 8: 4 * PAGE_BYTES, second: first, second + 8: 8 * PAGE_BYTES}
    assert frame_chunks(second, reader(words)) == [(second, 8 * PAGE_BYTES), (first, 4 * PAGE_BYTES)]
    assert frame_chunks(0, reader(words)) == []


@pytest.mark.parametrize("words", [{}, {START: START}, {START: START, START + 8: 100}, {START: 0, START + 8: 1 << 40}])
def test_what_is_no_chunk_ends_the_chain(words: dict[int, int]) -> None:
    """Memory that is gone, a size that no chunk has: nothing is claimed."""
    assert frame_chunks(START, reader(words)) == []


def test_a_ring_is_walked_once() -> None:
    """A chain that the process changed meanwhile may lead back to itself."""
    words = {START: START, START + 8: PAGE_BYTES}
    assert frame_chunks(START, reader(words)) == [(START, PAGE_BYTES)]
