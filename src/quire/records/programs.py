"""Programs: their code, names and frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstructionRecord:
    """One instruction of a code object: what the compiler made of a piece of a line."""

    offset_bytes: int
    line: int | None
    name: str
    argument: str
    """As ``dis`` writes it; empty where there is none."""


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """What the compiler knows of a function, a class's body or a module before it runs."""

    name: str
    first_line: int
    arguments: int
    variables: tuple[str, ...]
    """Local variables, arguments first, then cells; each gets a word in the frame."""
    stack_words: int
    """How many values the evaluation stack holds at most."""
    frame_bytes: int
    """What a call takes of the call stack: known before the first one."""
    constants: tuple[str, ...]
    instructions: tuple[InstructionRecord, ...]
    inner: tuple[CodeRecord, ...]
    """The code objects among its constants."""


@dataclass(frozen=True, slots=True)
class PycRecord:
    """The parts of a ``.pyc`` file."""

    magic: int
    """Changes whenever the instructions do."""
    flags: int
    source_seconds: int
    """When the source was changed last, as a time stamp."""
    source_bytes: int
    size_bytes: int
    code: CodeRecord


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A name and the object it stands for."""

    name: str
    address: int
    type: str
    value: str
    count: int | None
    """How many references there are to the object; ``None``: immortal, not counted."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A call that has not returned yet: its piece of the call stack, and what its names stand for."""

    function: str
    line: int | None
    address: int
    size_bytes: int
    names: tuple[NameRecord, ...]
    stack: tuple[NameRecord, ...]
    """The objects on the evaluation stack, the top last; they have no names."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """A program between two instructions."""

    step: int
    """How many instructions were done."""
    next: InstructionRecord | None
    """What is done next; ``None`` when the program is over."""
    frames: tuple[FrameRecord, ...]
    """The module's first, the one that runs last."""
    names: tuple[NameRecord, ...]
    """The module's names."""
    output: tuple[str, ...]
    """The lines it has printed."""
