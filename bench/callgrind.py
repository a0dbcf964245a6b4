"""Instructions of one run, counted by callgrind: of the whole program, and of allocating, freeing and reallocating.

An instruction belongs to allocation if it is executed while one of the functions of allocation_code.py is: in it, in a
copy of it inlined elsewhere, or in anything that it calls. So CPython's dispatch (PyObject_Malloc and its like) is
counted for every allocator, and beside it CPython's allocator, quire's functions or libc's.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import execution
from allocation_code import AllocationCode

# callgrind gives a program less than 64 GiB of addresses, some of them in use.
RANGE = {"QUIRE_RANGE": "8G"}
SUFFIX = re.compile(r"(\.(cold|part|constprop|isra|lto_priv)(\.\d+)?)+$")


@dataclass(frozen=True)
class Counts:
    total: int
    allocation: int
    parts: dict[str, int]
    """Where allocation spent them: in Python's own code, and in what this called in a library or in quire's core."""
    calls: dict[str, int]
    """How often it called these."""


def version() -> str:
    return execution.run(["valgrind", "--version"], {}).output.strip()


def count(command: list[str], environment: dict[str, str], code: AllocationCode) -> tuple[Counts, str]:
    """Run it under callgrind. Also what the program said.

    Raises:
        Failed: it ended with an error, or there is no callgrind.
    """
    if shutil.which("valgrind") is None:
        raise execution.Failed("instructions are counted by valgrind; install it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "callgrind.out"
        callgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--dump-line=no", "--compress-pos=no"]
        done = execution.run([*callgrind, f"--callgrind-out-file={path}", *command], RANGE | environment)
        return read_counts(path, code), done.output


@dataclass(frozen=True)
class Cost:
    """One line of callgrind's file: what an instruction cost, or what the calls from it cost."""

    object: str
    function: str
    address: int
    instructions: int
    calls: int = 0
    target: tuple[str, str, int] | None = None
    """Of calls: the called object, function and address."""


def read_counts(path: Path, code: AllocationCode) -> Counts:
    total = 0
    parts: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for cost in read_costs(path):
        if cost.target is None:
            total += cost.instructions
        if cost.object == code.path and code.has(cost.address) and is_counted(cost, code):
            parts[part_of(cost)] += cost.instructions
            calls[part_of(cost)] += cost.calls
    return Counts(total, sum(parts.values()), dict(parts.most_common()), dict(calls.most_common()))


def part_of(cost: Cost) -> str:
    return "python" if cost.target is None else f"{Path(cost.target[0]).name.partition('.')[0]}: {cost.target[1]}"


def is_counted(cost: Cost, code: AllocationCode) -> bool:
    """Whether a cost at an instruction of allocation is to be added.

    Calls among the functions are not: the called one's instructions are counted by themselves. Nor are jumps between
    two parts of one function, which callgrind takes for calls.
    """
    if cost.target is None:
        return True
    target_object, target_function, target_address = cost.target
    if target_object != code.path:
        return True
    return not code.has(target_address) and SUFFIX.sub("", target_function) != SUFFIX.sub("", cost.function)


def read_costs(path: Path) -> Iterator[Cost]:
    """The file's cost lines, with the names that its compression leaves out."""
    names: dict[str, str] = {}
    place = {"ob": "", "fn": "", "cob": "", "cfn": ""}
    calls = 0
    calls_at = None
    with path.open() as file:
        for line in file:
            if line.startswith("0x"):
                address, instructions = line.split()
                target = None if calls_at is None else (place["cob"] or place["ob"], place["cfn"], calls_at)
                yield Cost(place["ob"], place["fn"], int(address, 16), int(instructions), calls, target)
                if calls_at is not None:
                    calls, calls_at = 0, None
                    place["cob"] = ""
            elif line.startswith("calls="):
                words = line.removeprefix("calls=").split()
                calls, calls_at = int(words[0]), int(words[1], 16)
            elif (key := line.partition("=")[0]) in place:
                kind = "ob" if key.endswith("ob") else "fn"
                place[key] = expand(names, kind, line.partition("=")[2].strip())


def expand(names: dict[str, str], kind: str, word: str) -> str:
    """``(7) name`` the first time, ``(7)`` from then on."""
    number, _, name = word.partition(") ")
    number = kind + number.rstrip(")")
    if name:
        names[number] = name
    return names[number]
