"""What each live block is told to be."""

from __future__ import annotations

import pytest

from processes import run_python

pytest.importorskip("quire._core", reason="the native core is not installed")

LOOK = """
import quire; quire.install()
import array, ctypes, gc
from quire.process.blocks import live_blocks
drained = [(i / 7, [i], {i: i}, (i,), (i, i), (i, i, i)) for i in range(1000)]  # CPython's free lists, from before
def look():
    global blocks
    blocks = live_blocks()
def tell(address):
    found = [one for one in blocks if one.address <= address < one.address + one.size_bytes]
    return [(str(one.content), one.type, one.is_reviewed) for one in found]
def word(address):
    return ctypes.c_size_t.from_address(address).value
"""


def test_objects_tables_and_buffers_are_told_with_their_types() -> None:
    """Objects by their types, reviewed or not; tables and buffers by their owner's; in blocks, runs and mappings."""
    code = (
        LOOK
        + """
class Point: pass
point = Point(); point.x = "text %d" % len(drained)
items = [point] * 9; huge = list(range(200_000)); buffer = bytearray(b"a" * 50); numbers = array.array("i", [1])
large = "%d" % len(drained) * 20_000
look()
for one in (point, point.x, items, buffer, numbers, large, Point): print(*tell(id(one)))
print(*tell(word(id(items) + 24)), *tell(word(id(huge) + 24)))
print(*tell(ctypes.addressof(ctypes.c_char.from_buffer(buffer))))
print(blocks == sorted(blocks, key=lambda one: one.address), sum(one.content == "foreign" for one in blocks) < 1500)
"""
    )
    run_python(code).expect(
        """\
        ('object', '__main__.Point', True)
        ('object', 'str', True)
        ('object', 'list', True)
        ('object', 'bytearray', False)
        ('object', 'array.array', False)
        ('object', 'str', True)
        ('object', 'type', True)
        ('table', 'list', False) ('table', 'list', False)
        ('table', 'bytearray', False)
        True True
        """
    )


def test_what_only_looks_like_an_object_is_foreign() -> None:
    """Exact copies of live objects, their headers' links included, in memory of C and in buffers that a peer could
    fill: told as what they are, and nobody follows what they point to."""
    code = (
        LOOK
        + """
allocate = ctypes.pythonapi.PyMem_Malloc; allocate.restype = ctypes.c_void_p
one = [["kept"]]; other = {"a": one}; point = (one, other); wild = [0xdeadbeef000] * 12
def copy_into(address, original):
    ctypes.memmove(address, id(original) - 16, 64)
fakes = [allocate(ctypes.c_size_t(64)) for _ in range(300)]
for index, fake in enumerate(fakes): copy_into(fake, [one, other, point][index % 3])
buffers = [bytearray(64) for _ in range(300)]
for index, buffer in enumerate(buffers):
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer)); copy_into(address, [one, other, point][index % 3])
    ctypes.c_size_t.from_address(address + 16 + 24).value = 0xdeadbeef000
look()
print({tuple(tell(fake)) for fake in fakes})
print({tuple(tell(ctypes.addressof(ctypes.c_char.from_buffer(buffer)))) for buffer in buffers})
"""
    )
    run_python(code).expect("{(('foreign', None, False),)}\n{(('table', 'bytearray', False),)}\n")


def test_where_nothing_can_be_told_it_says_why() -> None:
    """Without a heap that serves the process, and within a collection, one clear error."""
    code = """
        import gc, quire
        from quire.process.blocks import live_blocks
        from quire.errors import UnsupportedRuntime
        def tell(*ignored):
            try: live_blocks()
            except UnsupportedRuntime as error: print(error)
        tell(); quire.install(); live_blocks(); gc.callbacks.append(tell); gc.collect(); gc.callbacks.clear()
    """
    run_python(code).expect(
        "what blocks are cannot be told: not installed\n"
        + "what blocks are cannot be told: the collector is at work\n" * 2
    )
