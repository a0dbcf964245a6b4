"""Chapter 2, from hardware to Python: frames and pages, what is never touched, and what a process's memory is for."""

from __future__ import annotations

from quire.model import CPYTHON_3_10, Allocator, Interpreter, Machine, System
from quire.model.chapters.telling import Telling
from quire.model.code import code_record, compile_source, pyc_bytes, read_pyc
from quire.model.errors import BadAddress
from quire.records.chapter import Both, Lines, Rows
from quire.records.objects import Area

PLACE = 0x10_0000
"""An address that both processes use."""
MIB = 1024 * 1024
COST = (
    Both("moment", "시점"),
    Both("addresses, bytes", "주소(바이트)"),
    Both("real memory, bytes", "실제 메모리(바이트)"),
)
MAPPED = Both("64 MiB of addresses obtained", "주소 64MiB를 받았다")
READ = Both("every page read", "모든 페이지를 읽었다")
WRITTEN = Both("one letter written", "글자 하나를 썼다")
LAYERS = (Both("layer", "계층"), Both("bytes", "바이트"))
REQUEST, BLOCK = Both("request", "요청"), Both("block", "블록")
POOL, ARENA = Both("pool", "풀"), Both("arena", "아레나")
OBTAINED = Both("obtained from the system", "운영 체제에서 받은 주소")
RESIDENT = Both("really in memory", "실제로 차지한 메모리")
USES = (Both("used for", "쓰임"), Both("bytes", "바이트"))
OBJECTS, TABLES = Both("objects", "객체"), Both("tables of objects", "객체의 테이블")
INTERPRETER = Both("the interpreter's own", "인터프리터 자신의 것")
INSTRUCTIONS = (Both("instruction", "명령"), Both("argument", "인자"))


def same_address() -> Telling:
    """Two processes write to one and the same address."""
    machine = Machine(frames=4)
    ann, ben = machine.start("Ann"), machine.start("Ben")
    for process in (ann, ben):
        process.map(PLACE, machine.page_bytes)
    ann.write(PLACE, b"The keeper lit the lamp.")
    ben.write(PLACE, b"A whale sang below.")
    yield (ann.record(), ben.record())
    return {"ann": ann.frame_of(PLACE), "ben": ben.frame_of(PLACE)}


def not_yours() -> Telling:
    """Ben asks for what stands on Ann's page."""
    machine = Machine(frames=4)
    ann, ben = machine.start("Ann"), machine.start("Ben")
    ann.map(PLACE, machine.page_bytes)
    ann.write(PLACE, b"The keeper lit the lamp.")
    try:
        ben.read(PLACE, 24)
    except BadAddress as refused:
        yield Lines((str(refused),))
    return {}


def untouched() -> Telling:
    """64 MiB are obtained, then read, then one letter is written."""
    process = Machine().start("Python")
    size = 64 * MIB
    process.map(PLACE, size)
    rows = [(MAPPED, process.mapped_bytes, process.resident_bytes)]
    for page in range(PLACE, PLACE + size, process.page_bytes):
        process.read(page, 1)
    rows.append((READ, process.mapped_bytes, process.resident_bytes))
    process.write(PLACE, b"T")
    rows.append((WRITTEN, process.mapped_bytes, process.resident_bytes))
    yield Rows(COST, tuple(rows))
    pages = size // process.page_bytes
    return {"pages": pages, "resident_bytes": process.resident_bytes}


def one_request() -> Telling:
    """A single request of 42 bytes, seen from every layer."""
    process = Machine().start("Python")
    allocator = Allocator(CPYTHON_3_10, System.on(process))
    asked = 42
    block = allocator.allocate(asked)
    process.write(block, b"The keeper lit the lamp.")
    given, sizes = allocator.size_of(block), allocator.geometry
    boxes = ((POOL, sizes.pool_bytes), (ARENA, sizes.arena_bytes))
    resident = process.resident_bytes
    system = ((OBTAINED, process.mapped_bytes), (RESIDENT, resident))
    yield Rows(LAYERS, ((REQUEST, asked), (BLOCK, given), *boxes, *system))
    return {"asked": asked, "block_bytes": given, "resident": resident}


def three_uses() -> Telling:
    """What the memory of a Python process is used for, while a small program runs."""
    python = Interpreter()
    before = python.space.area_bytes()
    python.run("numbers = [number * 1000 for number in range(500)]")
    after = python.space.area_bytes()
    yield Rows(
        USES,
        (
            (OBJECTS, after[Area.OBJECT] - before[Area.OBJECT]),
            (TABLES, after[Area.TABLE] - before[Area.TABLE]),
            (INTERPRETER, after[Area.INTERPRETER]),
        ),
    )
    table = python.space.record(python.name("numbers")).tables[0]
    return {"table_bytes": table.size_bytes}


def compiled() -> Telling:
    """What the compiler makes of two lines, and what a .pyc file of them holds."""
    code = compile_source("def double(number):\n    return number * 2\n")
    double = code_record(code).inner[0]
    steps = double.instructions
    rows = tuple((step.name, step.argument) for step in steps)
    yield Rows(INSTRUCTIONS, rows)
    pyc = read_pyc(pyc_bytes(code))
    size = pyc.size_bytes
    return {"instructions": len(steps), "pyc_bytes": size, "magic": pyc.magic}
