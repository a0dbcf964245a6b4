"""A fault in C code, found where it happens: what guarded sampling is for.

A table of samples is kept in memory of its own, as an extension module would; here ctypes plays the extension. Dropping
the table frees the memory, and one reader still has its address. Plainly, it reads whatever lies there by then, which
is right for as long as nobody else has got that memory. Run it with

    quire run --guard=all examples/fault.py

and the program stops at the read, and quire says who allocated the block, who freed it, and who reads.
"""

import ctypes

api = ctypes.pythonapi
api.PyMem_Calloc.restype = ctypes.c_void_p
api.PyMem_Calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
api.PyMem_Free.argtypes = [ctypes.c_void_p]


class Table:
    """So many doubles, in memory of its own."""

    def __init__(self, length: int) -> None:
        self.address = api.PyMem_Calloc(length, 8)

    def drop(self) -> None:
        api.PyMem_Free(self.address)

    def reader(self) -> ctypes.POINTER(ctypes.c_double):
        return ctypes.cast(self.address, ctypes.POINTER(ctypes.c_double))


def summarise(length: int) -> float:
    table = Table(length)
    reader = table.reader()
    for index in range(length):
        reader[index] = index / 2
    table.drop()
    return max(reader[index] for index in range(length))  # too late


print(summarise(60))
