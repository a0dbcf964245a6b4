"""The hardware: memory as page frames, and the page table that stands between them and a program.

    Ann's table             page frames of the machine             Ben's table
    page    frame          0      1      2      3      4            page    frame
    0x10 ->   1          +------+------+------+------+------+       0x10 ->   2
    0x11 ->   3          | zero | Ann  | Ben  | Ann  | free |       0x11 ->   -
    0x12 ->   -          +------+------+------+------+------+
                             - : mapped, and never written: reads as zeros, from frame 0, and costs nothing

A *page* is a piece of a process's addresses, a *frame* is a piece of real memory of the same size. The table says
which frame stands behind which page; every address of a program goes through its own table. So two processes that
write to the same address write to two frames, and what is in nobody's table cannot be touched by anybody.

Memory is the empty book: ``Machine`` is its paper, with no table in between. Whoever writes there by frame writes over
what others wrote.
"""

from __future__ import annotations

from heapq import heappop, heappush

from quire.errors import InvalidSize, OutOfMemory
from quire.model.errors import BadAddress
from quire.model.geometry import KIB
from quire.records.machine import PageRecord, PageTable

ZERO_FRAME = 0
"""The one frame of zeros that stands behind every page that was read and never written. Nobody writes to it."""
TEXT_BYTES_MAX = 60
"""How much of a page its record shows as text."""


class Machine:
    """Physical memory: ``frames`` frames of ``page_bytes`` bytes, which nothing protects.

    Args:
        frames: how many there are, without the one of zeros.
        page_bytes: the size of each.

    Raises:
        InvalidSize: that is no number of frames, or no size.
    """

    def __init__(self, frames: int = 1 << 20, page_bytes: int = 4 * KIB) -> None:
        check_size(frames, "frames", at_least=0)
        check_size(page_bytes, "bytes of a page", at_least=1)
        self.page_bytes = page_bytes
        self.frames = frames
        self.frames_in_use = 0
        self._bytes: dict[int, bytearray] = {ZERO_FRAME: bytearray(page_bytes)}
        """What the frames hold that something was written to."""
        self._dropped: list[int] = []
        """Frames that were given back, a heap: the lowest is taken first."""

    @property
    def frames_free(self) -> int:
        """How many frames nobody has."""
        return self.frames - self.frames_in_use

    def start(self, name: str) -> Process:
        """Start a process: a page table of its own, and no page yet."""
        return Process(self, name)

    def read(self, address: int, size_bytes: int) -> bytes:
        """What memory holds at a *physical* address.

        Raises:
            BadAddress: the machine has no such memory.
        """
        return b"".join(bytes(self._frame(frame)[low:high]) for frame, low, high in self._parts(address, size_bytes))

    def write(self, address: int, data: bytes) -> None:
        """Write to a *physical* address: nothing asks who writes, or over what.

        Raises:
            BadAddress: the machine has no such memory, or it is the frame of zeros.
        """
        parts = self._parts(address, len(data))
        if parts and parts[0][0] == ZERO_FRAME:
            raise BadAddress(f"{address:#x} is in the frame of zeros, which is everybody's and is not written to")
        written = 0
        for frame, low, high in parts:
            self._frame(frame)[low:high] = data[written : written + high - low]
            written += high - low

    def take_frame(self) -> int:
        """The lowest frame that nobody has; what its last owner left in it is wiped, for the next is not to read it.

        Raises:
            OutOfMemory: every frame is in use.
        """
        if not self.frames_free:
            raise OutOfMemory(f"all {self.frames} frames of the machine are in use")
        self.frames_in_use += 1
        frame = heappop(self._dropped) if self._dropped else self.frames_in_use
        self._bytes[frame] = bytearray(self.page_bytes)
        return frame

    def drop_frame(self, frame: int) -> None:
        """Take a frame back."""
        self.frames_in_use -= 1
        heappush(self._dropped, frame)

    def _frame(self, frame: int) -> bytearray:
        return self._bytes.setdefault(frame, bytearray(self.page_bytes))

    def _parts(self, address: int, size_bytes: int) -> list[tuple[int, int, int]]:
        check_size(size_bytes, "bytes", at_least=0)
        parts = _split(address, size_bytes, self.page_bytes)
        if parts and not 0 <= parts[0][0] <= parts[-1][0] <= self.frames:
            raise BadAddress(f"{address:#x} and the {size_bytes} bytes from there: the machine ends before")
        return parts


class Process:
    """A program's addresses: pages of its own, on frames of the machine.

    ``mapped_bytes >= resident_bytes`` holds always: a page gets its frame when it is written for the first time.
    """

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.name = name
        self.page_bytes = machine.page_bytes
        self._table: dict[int, int | None] = {}
        """Page number -> frame."""
        self.resident_pages = 0

    # --- what it may touch ---

    def map(self, address: int, size_bytes: int) -> None:
        """Make the pages of these addresses the process's own. It costs nothing yet.

        Raises:
            BadAddress: one of them is mapped already, or below 0; nothing has changed.
            InvalidSize: the size is negative, or no whole number; likewise wherever one is asked for.
        """
        pages = self._pages(address, size_bytes)
        for page in pages:
            if page in self._table:
                raise BadAddress(f"{self.name} has the page at {page * self.page_bytes:#x} already")
        for page in pages:
            self._table[page] = None

    def unmap(self, address: int, size_bytes: int) -> None:
        """Give the pages back, and the frames behind them.

        Raises:
            BadAddress: one of them is not mapped; nothing has changed.
        """
        pages = self._pages(address, size_bytes)
        self._check_mapped(pages)
        for page in pages:
            self._drop(self._table.pop(page))

    def move(self, address: int, size_bytes: int, to: int) -> None:
        """Put pages at other addresses. The frames stay, and no byte is copied: only the table changes.

        Raises:
            BadAddress: one of the pages is not mapped, or one of the new addresses is; nothing has changed.
        """
        old, new = self._pages(address, size_bytes), self._pages(to, size_bytes)
        self._check_mapped(old)
        self.map(to, size_bytes)
        for page, moved in zip(old, new, strict=True):
            self._table[moved] = self._table.pop(page)

    def purge(self, address: int, size_bytes: int) -> None:
        """Give back the frames behind pages, but not the pages: they read as zeros again, and cost nothing.

        Raises:
            BadAddress: one of them is not mapped; nothing has changed.
        """
        pages = self._pages(address, size_bytes)
        self._check_mapped(pages)
        for page in pages:
            self._drop(self._table[page])
            self._table[page] = None

    def end(self) -> None:
        """The process ends: everything it has goes back."""
        for frame in self._table.values():
            self._drop(frame)
        self._table.clear()

    # --- touching it ---

    def read(self, address: int, size_bytes: int) -> bytes:
        """What the process has at an address; zeros where nothing was written.

        Raises:
            BadAddress: a page of it is not the process's own.
        """
        self._check_mapped(self._pages(address, size_bytes))
        return b"".join(
            self.machine.read((self._table[page] or ZERO_FRAME) * self.page_bytes + low, high - low)
            for page, low, high in _split(address, size_bytes, self.page_bytes)
        )

    def write(self, address: int, data: bytes) -> None:
        """Write at an address. A page that is written for the first time gets its frame now.

        Raises:
            BadAddress: a page of it is not the process's own; nothing was written.
            OutOfMemory: the machine has not enough frames left; nothing was written.
        """
        pages = self._pages(address, len(data))
        self._check_mapped(pages)
        self.check_frames(sum(self._table[page] is None for page in pages))
        written = 0
        for page, low, high in _split(address, len(data), self.page_bytes):
            self.machine.write(self._frame_for(page) * self.page_bytes + low, data[written : written + high - low])
            written += high - low

    def read_number(self, address: int) -> int:
        """The number in the eight bytes at an address."""
        return int.from_bytes(self.read(address, 8), "little")

    def write_number(self, address: int, number: int) -> None:
        """Write a number into the eight bytes at an address."""
        self.write(address, number.to_bytes(8, "little"))

    def check_frames(self, frames: int) -> None:
        """Refuse what needs more frames than are left.

        Raises:
            OutOfMemory: there are fewer. (Linux deals more pages than it has frames for, and ends a process then.)
        """
        if frames > self.machine.frames_free:
            raise OutOfMemory(f"{self.name} needs {frames} frames, {self.machine.frames_free} are left")

    # --- what there is ---

    @property
    def mapped_bytes(self) -> int:
        """Bytes of all its pages."""
        return len(self._table) * self.page_bytes

    @property
    def resident_bytes(self) -> int:
        """Bytes of the pages that a frame stands behind: what the process really takes."""
        return self.resident_pages * self.page_bytes

    def resident_bytes_of(self, address: int, size_bytes: int) -> int:
        """Resident bytes of the pages of these addresses."""
        pages = self._pages(address, size_bytes)
        return sum(self._table.get(page) is not None for page in pages) * self.page_bytes

    def frame_of(self, address: int) -> int | None:
        """The frame behind an address; ``None`` where nothing was written yet.

        Raises:
            BadAddress: the page is not the process's own.
        """
        page = address // self.page_bytes
        self._check_mapped(range(page, page + 1))
        return self._table[page]

    def record(self) -> PageTable:
        """The page table, in address order, and how what the pages hold begins."""
        addresses = (page * self.page_bytes for page in sorted(self._table))
        pages = (PageRecord(address, self.frame_of(address), self._text_at(address)) for address in addresses)
        return PageTable(self.name, self.page_bytes, tuple(pages))

    def _text_at(self, address: int) -> str:
        held = self.read(address, min(TEXT_BYTES_MAX, self.page_bytes)).split(b"\0")[0]
        text = "".join(letter if letter.isprintable() else "�" for letter in held.decode(errors="replace"))
        return text.rstrip("�") if len(held) == TEXT_BYTES_MAX else text  # the last letter may be cut

    def _frame_for(self, page: int) -> int:
        frame = self._table[page]
        if frame is None:
            frame = self._table[page] = self.machine.take_frame()
            self.resident_pages += 1
        return frame

    def _drop(self, frame: int | None) -> None:
        if frame is not None:
            self.machine.drop_frame(frame)
            self.resident_pages -= 1

    def _pages(self, address: int, size_bytes: int) -> range:
        check_size(size_bytes, "bytes", at_least=0)
        if address < 0:
            raise BadAddress(f"{address:#x} is no address: they begin at 0")
        return range(address // self.page_bytes, -(-(address + size_bytes) // self.page_bytes))

    def _check_mapped(self, pages: range) -> None:
        for page in pages:
            if page not in self._table:
                raise BadAddress(f"{self.name} has no page at {page * self.page_bytes:#x}, and may touch only its own")


def check_size(number: int, what: str, at_least: int) -> None:
    """
    Raises:
        InvalidSize: it is no whole number, or less than that.
    """
    if not isinstance(number, int) or number < at_least:
        raise InvalidSize(f"{number!r} {what}: a whole number from {at_least} on is needed")


def _split(address: int, size_bytes: int, page_bytes: int) -> list[tuple[int, int, int]]:
    """A piece of memory by pages: the page's number, and from where to where in it."""
    parts = []
    end = address + size_bytes
    while address < end:
        page, low = divmod(address, page_bytes)
        high = min(page_bytes, low + end - address)
        parts.append((page, low, high))
        address += high - low
    return parts
