"""Compiling: from source to code objects, and how large a call will be before there is one.

    source  -- compile -->  code object: instructions, constants, names, and two numbers:
                              how many variables it has          (co_nlocals and cells)
                              how deep its evaluation stack gets (co_stacksize)
                                             |
                                             v
    frame   =  words of its own  +  variables  +  evaluation stack        one call, on the call stack

So the articles' "memory of a fixed size, known when compiling" is the frame: its size stands in the code object. What
its variables refer to is on the heap, and got its size when the program ran.

The code objects are the running Python's own, made by its compiler; the model only reads them. A ``.pyc`` file is 16
bytes of header and a code object, written out.

Source: Include/cpython/code.h, Include/internal/pycore_frame.h (``FRAME_SPECIALS_SIZE``), Objects/codeobject.c
(``co_framesize``), Lib/importlib/_bootstrap_external.py (``_code_to_timestamp_pyc``).
"""

from __future__ import annotations

import dis
import importlib.util
import marshal
import struct
from functools import cache
from types import CodeType

from quire.model.errors import ProgramStopped
from quire.model.memory import WORD_BYTES
from quire.model.versions import RUNNING, Version
from quire.records.programs import CodeRecord, InstructionRecord, PycRecord

PYC_HEADER_BYTES = 16
_TEXT_CHARACTERS_MAX = 40


def compile_source(source: str, name: str = "<program>") -> CodeType:
    """The running Python's code object for a module.

    Raises:
        ProgramStopped: the source is no Python.
    """
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as wrong:
        line = getattr(wrong, "lineno", None)
        raise ProgramStopped(f"line {line}: {wrong}" if line else str(wrong)) from wrong


def variables_of(code: CodeType) -> tuple[str, ...]:
    """Local variables, arguments first; then cells that are no arguments; then variables of functions around it."""
    cells = tuple(name for name in code.co_cellvars if name not in code.co_varnames)
    return code.co_varnames + cells + code.co_freevars


def frame_words(code: CodeType, version: Version = RUNNING) -> int:
    """How many words a call takes of the call stack."""
    return version.frame_words + len(variables_of(code)) + code.co_stacksize


@cache
def instructions_of(code: CodeType) -> tuple[dis.Instruction, ...]:
    """The instructions, as the compiler made them."""
    return tuple(dis.get_instructions(code))


@cache
def index_by_offset(code: CodeType) -> dict[int, int]:
    """Which instruction stands at an offset in bytes: where jumps lead."""
    return {instruction.offset: index for index, instruction in enumerate(instructions_of(code))}


def instruction_record(instruction: dis.Instruction) -> InstructionRecord:
    """One instruction as a record."""
    argument = "" if instruction.arg is None else instruction.argrepr or str(instruction.arg)
    if isinstance(instruction.argval, CodeType):
        argument = _constant_text(instruction.argval)
    line = instruction.positions.lineno if instruction.positions else None
    return InstructionRecord(instruction.offset, line, instruction.opname, argument)


def code_record(code: CodeType, version: Version = RUNNING) -> CodeRecord:
    """A code object as a record, with those inside of it."""
    return CodeRecord(
        name=code.co_name,
        first_line=code.co_firstlineno,
        arguments=code.co_argcount,
        variables=variables_of(code),
        stack_words=code.co_stacksize,
        frame_bytes=frame_words(code, version) * WORD_BYTES,
        constants=tuple(_constant_text(constant) for constant in code.co_consts),
        instructions=tuple(instruction_record(instruction) for instruction in instructions_of(code)),
        inner=tuple(code_record(inner, version) for inner in code.co_consts if isinstance(inner, CodeType)),
    )


def _constant_text(constant: object) -> str:
    return f"<code of {constant.co_name}>" if isinstance(constant, CodeType) else repr(constant)[:_TEXT_CHARACTERS_MAX]


def pyc_bytes(code: CodeType, source_bytes: int = 0, source_seconds: int = 0) -> bytes:
    """What Python writes into a ``.pyc`` file, so that it need not compile the source again."""
    header = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, source_seconds, source_bytes)
    return header + marshal.dumps(code)


def read_pyc(data: bytes) -> PycRecord:
    """The parts of a ``.pyc`` file of the running Python.

    Raises:
        ProgramStopped: it is no such file.
    """
    if data[:4] != importlib.util.MAGIC_NUMBER:
        raise ProgramStopped("this is no .pyc file of the running Python; compile the source again")
    magic, flags, seconds, size = struct.unpack("<H2xIII", data[:PYC_HEADER_BYTES])
    code = marshal.loads(data[PYC_HEADER_BYTES:])
    return PycRecord(magic, flags, seconds, size, len(data), code_record(code))
