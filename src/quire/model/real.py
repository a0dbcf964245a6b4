"""CPython's own object allocator, asked directly: what the model says of it can be seen.

    the interpreter's requests ----------------> libc        (PyMem_SetAllocator)
    our requests ----> PyObject_Malloc's own code ----> arenas of one piece of memory
                                                        (PyObject_SetArenaAllocator)

Every object that Python makes while one looks would take a block, too. So ``Pymalloc`` leads the interpreter's own
requests to libc, fills whatever room the allocator still has, and gives it arenas at known places from then on, the
lowest free one first, as the model's system does. From there every block that goes out was asked for here, and lies
where the model puts it, to the byte. (What Python made before may still die, and leave a free block in an old arena:
a *stray*. It is taken, and the request repeated.)

None of this is undone, and it is for a process that does nothing else: ``in_fresh_python`` starts one.

Source: Objects/obmalloc.c; the C API's chapter on memory management. The functions that ``PyMem_GetAllocator`` tells
for the object domain are those that ``PyObject_Malloc`` and ``PyObject_Free`` call.
"""

from __future__ import annotations

import ctypes
import gc
import json
import mmap
import os
import subprocess
import sys
from typing import Any

from quire.errors import OutOfMemory, UnsupportedRuntime
from quire.model.geometry import KIB, MIB

ARENA_BYTES_MIN = 256 * KIB
"""What is asked of the system in smaller pieces is for the frames of Python calls, which come the same way."""

_RAW, _MEM, OBJECT = range(3)
_TIMEOUT_S = 120
_WARM_UP_CALLS = 50

_NEVER_FREED: list[Pymalloc] = []
"""CPython calls their functions until the process ends."""


def in_fresh_python(function: str, *arguments: object) -> Any:
    """Call a function in a Python of its own, without quire and without settings.

    Args:
        function: ``module:name``.
        arguments: what JSON can carry.

    Returns:
        What it returned, as far as JSON carries it.

    Raises:
        UnsupportedRuntime: this Python has no allocator of the kind that the function looks at.
    """
    module, name = function.split(":")
    program = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"import json, {module} as module\n"
        f"print(json.dumps(module.{name}(*json.load(sys.stdin))), flush=True)\n"
        "import os; os._exit(0)"  # a Pymalloc is not undone
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "QUIRE"))}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program],
        input=json.dumps(arguments),
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    last_line = done.stderr.strip().rpartition("\n")[2]
    if "UnsupportedRuntime" in last_line:
        raise UnsupportedRuntime(last_line.partition(": ")[2])
    if done.returncode:
        raise RuntimeError(f"{function} failed in a Python of its own: {last_line}")
    return json.loads(done.stdout)


class Pymalloc:
    """CPython's object allocator, all to oneself; the interface is the model's.

    Args:
        arenas_max: how many arenas there is room for.
        offset_bytes: where the first arena begins, behind an address that 1 MiB divides. Pools are aligned to their
            size: an arena that begins within one loses it.

    Raises:
        UnsupportedRuntime: this Python's objects do not come from pymalloc.
    """

    def __init__(self, arenas_max: int = 64, offset_bytes: int = 0) -> None:
        check_supported()
        self.arena_bytes = 0
        """As CPython asks for them; 0 until it asked once."""
        self.arenas: set[int] = set()
        """The addresses of those that it has, without those from before."""
        self.arenas_obtained = 0
        self.arenas_given_back = 0
        self._piece = mmap.mmap(-1, (arenas_max + 2) * MIB)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._piece))
        self.first_address = -(-start // MIB) * MIB + offset_bytes
        self._end = start + len(self._piece)
        self._is_open = False
        self._refused = 0
        own, libc = allocator_of(OBJECT), allocator_of(_RAW)
        self._context = own.context
        self._malloc = Malloc(own.malloc)
        self._realloc = _Realloc(own.realloc)
        self._free = _Free(own.free)
        self._libc_context = libc.context
        self._libc_malloc = Malloc(libc.malloc)
        self._system = _arena_allocator()
        self._system_obtain = _ObtainArena(self._system.alloc)
        self._system_give_back = _GiveBackArena(self._system.free)
        self._callbacks = [_Realloc(self._resize), _ObtainArena(self._obtain), _GiveBackArena(self._give_back)]
        _NEVER_FREED.append(self)
        self._lead_the_interpreter_to_libc(own, libc)
        self._warm_up()
        self._fill()
        self._is_open = True

    def allocate(self, size_bytes: int) -> int:
        """What ``PyObject_Malloc`` does.

        Raises:
            OutOfMemory: it needs an arena, and ``arenas_max`` are in use.
        """
        refused = self._refused
        address = int(self._malloc(self._context, size_bytes) or 0)
        while self.is_stray(address, size_bytes):
            if self._refused != refused:
                raise OutOfMemory("there is room for no further arena")
            address = int(self._malloc(self._context, size_bytes) or 0)
        return address

    def free(self, address: int) -> None:
        """What ``PyObject_Free`` does. It does not check what it gets."""
        self._free(self._context, address)

    def reallocate(self, address: int, size_bytes: int) -> int:
        """What ``PyObject_Realloc`` does. If the block will move, ``settle`` first; ``is_stray`` tells whether that was
        enough."""
        return int(self._realloc(self._context, address, size_bytes) or 0)

    def settle(self, size_bytes: int) -> None:
        """Take the strays of a size. A reallocation asks for its new block itself, and does not ask again."""
        self.free(self.allocate(size_bytes))

    def is_stray(self, address: int, size_bytes: int) -> bool:
        """Whether a block lies in an arena from before: something that Python made then has died since."""
        return 1 <= size_bytes <= 512 and not self.first_address <= address < self._end

    def arena_at(self, address: int) -> int | None:
        """The arena that an address lies in; ``None`` if it lies in none of these."""
        return next((arena for arena in self.arenas if 0 <= address - arena < self.arena_bytes), None)

    def _lead_the_interpreter_to_libc(self, own: _AllocatorStructure, libc: _AllocatorStructure) -> None:
        """Requests go to libc from now on; frees come here, and what is not pymalloc's is handed on to libc."""
        resize, obtain, give_back = (ctypes.cast(callback, ctypes.c_void_p) for callback in self._callbacks)
        mixed = _AllocatorStructure(own.context, libc.malloc, libc.calloc, resize, own.free)
        for domain in (_MEM, OBJECT):
            ctypes.pythonapi.PyMem_SetAllocator(ctypes.c_int(domain), ctypes.byref(mixed))
        arenas = _ArenaAllocatorStructure(None, obtain, give_back)
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(arenas))
        gc.collect()  # frees what is on the free lists of types, which came from pymalloc
        gc.disable()

    def _warm_up(self) -> None:
        """Obtain and give back some arenas that nobody uses. When CPython asks for one it is in the middle of a request
        and must not be made to take a block back: what these functions let go of the first time goes now."""
        _, obtain, give_back = self._callbacks
        self._is_open = True
        for _ in range(_WARM_UP_CALLS):
            addresses = [obtain(None, MIB) for _ in range(3)]
            for address in addresses:
                give_back(None, address, MIB)
        self._is_open = False
        self.arenas_obtained = self.arenas_given_back = 0

    def _fill(self) -> None:
        """Take every block that is free, of every class: until each would need an arena, and gets none."""
        for size_bytes in range(1, 513):
            refused = self._refused
            while self._refused == refused:
                self._malloc(self._context, size_bytes)

    def _resize(self, context: int, address: int | None, size_bytes: int) -> int:
        """The interpreter resizes: a request if there is nothing yet, as for a list's first item."""
        if address is None:
            return int(self._libc_malloc(self._libc_context, size_bytes) or 0)
        return int(self._realloc(context, address, size_bytes) or 0)

    def _obtain(self, _context: int, size_bytes: int) -> int:
        if size_bytes < ARENA_BYTES_MIN:
            return int(self._system_obtain(self._system.context, size_bytes) or 0)
        self.arena_bytes = size_bytes
        if not self._is_open:
            self._refused += 1
            return 0
        address = self.first_address
        while address in self.arenas:
            address += size_bytes
        if address + size_bytes > self._end:
            self._refused += 1
            return 0
        self.arenas.add(address)
        self.arenas_obtained += 1
        return address

    def _give_back(self, _context: int, address: int, size_bytes: int) -> None:
        if address in self.arenas:
            self.arenas.remove(address)
            self.arenas_given_back += 1
        else:
            self._system_give_back(self._system.context, address, size_bytes)


def check_supported() -> None:
    """Refuse where the object domain is not pymalloc's.

    Raises:
        UnsupportedRuntime: it is not; the message says whose it is.
    """
    if sys.implementation.name != "cpython":
        raise UnsupportedRuntime(f"{sys.implementation.name} has no pymalloc; run it on CPython")
    name = ctypes.pythonapi._PyMem_GetCurrentAllocatorName
    name.restype = ctypes.c_char_p
    current = (name() or b"another hook").decode()
    if current != "pymalloc":
        raise UnsupportedRuntime(
            f"objects come from {current} here, not from pymalloc; run without hooks and PYTHONMALLOC"
        )


class _AllocatorStructure(ctypes.Structure):
    """``PyMemAllocatorEx``."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


class _ArenaAllocatorStructure(ctypes.Structure):
    """``PyObjectArenaAllocator``."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "alloc", "free")]


# Called with the interpreter's lock held, as CPython calls them.
Malloc = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Realloc = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Free = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_ObtainArena = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_GiveBackArena = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


def _arena_allocator() -> _ArenaAllocatorStructure:
    structure = _ArenaAllocatorStructure()
    ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(structure))
    return structure


def allocator_of(domain: int) -> _AllocatorStructure:
    structure = _AllocatorStructure()
    ctypes.pythonapi.PyMem_GetAllocator(ctypes.c_int(domain), ctypes.byref(structure))
    return structure
