"""Python's memory manager in plain Python: the one to read, and the oracle of quire's tests.

Read the files in this order; each opens with what it explains.

    geometry    the sizes everything is built on: the articles', CPython 3.10's, quire's
    machine     the hardware: page frames, page tables, processes that cannot touch each other's pages
    lock        several threads on one memory: one writer at a time, and what becomes of it without that
    system      pages, dealt to a process
    runs        a piece of memory cut into runs and holes
    kept        pages that were freed, for requests to come (quire)
    raw         the raw allocator: arenas and large requests
    pool        blocks of one size class, and their free list
    arena       pools, and which arena serves the next request
    allocator   requests in, blocks out
    accounts    the whole in numbers
    touched     memory is not touched before it is needed, at three levels
    order       why the fullest arena first: the same requests served both ways
    real        CPython's own allocator, asked directly: the model puts every block where it does
    articles    what the two articles say, what CPython does, and a program that shows it
    measured    those programs
    links       the doubly linked list that pools and arenas stand on
"""

from quire.model.allocator import Allocator
from quire.model.geometry import ARTICLE, CPYTHON_3_10, QUIRE, Geometry
from quire.model.lock import Lock, Threads
from quire.model.machine import Machine, Process
from quire.model.system import System

__all__ = [
    "ARTICLE",
    "CPYTHON_3_10",
    "QUIRE",
    "Allocator",
    "Geometry",
    "Lock",
    "Machine",
    "Process",
    "System",
    "Threads",
]
