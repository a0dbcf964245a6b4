"""Python's memory manager in plain Python: the one to read, and the oracle of quire's tests.

Read the files in this order; each opens with what it explains. First the allocator: who has which memory.

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

Then objects: what memory is asked for, and when it is given back.

    versions    what differs between CPython's versions, as a value
    memory      what stands at an address
    objects     a count and a type, and what a type knows
    space       all objects of one process, and what its memory is used for
    counting    references up and down; deallocation in chains; finalizers
    atoms       numbers, text, bytes, None
    sequences   tuples and lists
    dicts       dictionaries and their tables
    classes     classes and their instances
    functions   functions, methods, cells, modules
    weakrefs    weak references
    caches      object-specific allocators: small integers, interned strings, free lists
    collector   generations, cycles, finalizers
    undo        what a strict space does where a finalizer breaks a rule

Then programs: who asks.

    code          source to code objects, and how large a call will be
    frames        the call stack beside the heap
    operations    what +, <, [] and in do with objects
    instructions  what each instruction does to counts
    interpreter   programs, step by step
    builtins      the functions and modules that programs find ready
    programs      code objects, ranges and iterators, as objects

All of it is told in ``chapters``, for readers who begin: ``quire model`` on the terminal, or docs/model.
"""

from quire.model.allocator import Allocator
from quire.model.geometry import ARTICLE, CPYTHON_3_10, QUIRE, Geometry
from quire.model.interpreter import Interpreter
from quire.model.lock import Lock, Threads
from quire.model.machine import Machine, Process
from quire.model.objects import Object
from quire.model.space import ObjectSpace
from quire.model.system import System
from quire.model.versions import RUNNING, VERSIONS, Version

__all__ = [
    "ARTICLE",
    "CPYTHON_3_10",
    "QUIRE",
    "RUNNING",
    "VERSIONS",
    "Allocator",
    "Geometry",
    "Interpreter",
    "Lock",
    "Machine",
    "Object",
    "ObjectSpace",
    "Process",
    "System",
    "Threads",
    "Version",
]
