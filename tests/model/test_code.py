"""Code objects, ``.pyc`` files and frames: their sizes are known before anything runs, and are CPython's."""

from __future__ import annotations

import importlib.util
import py_compile
import sys
import types
from pathlib import Path

import pytest

from quire.model import Interpreter, Object, ObjectSpace
from quire.model.code import code_record, compile_source, frame_words, pyc_bytes, read_pyc, variables_of
from quire.model.errors import ProgramStopped
from quire.model.frames import CHUNK_BYTES, CallStack
from quire.model.versions import RUNNING
from quire.records.objects import Area

SOURCE = """\
def f(x, y):
    z = [x, y, (x, y)]
    def g():
        return z
    return g
"""
FRAME_OBJECT_BYTES = {"3.11": 48, "3.12": 48, "3.13": 64}
"""Of a frame object before the frame that it may hold; 72 since 3.14."""


def test_a_record_tells_what_the_compiler_knows() -> None:
    """Arguments, variables with cells, the depth of the evaluation stack, constants, and the code inside."""
    module = code_record(compile_source(SOURCE))
    (f,) = module.inner
    (g,) = f.inner
    assert (f.name, f.first_line, f.arguments) == ("f", 1, 2)
    assert f.variables[:2] == ("x", "y")
    assert set(f.variables) == {"x", "y", "z", "g"}
    assert g.variables == ("z",)
    assert f.stack_words == compile_source(SOURCE).co_consts[0].co_stacksize
    assert [instruction.name for instruction in f.instructions].count("BUILD_TUPLE") >= 1
    assert {instruction.line for instruction in f.instructions} >= {2, 3, 5}


@pytest.mark.parametrize("source", ["def f():\n return F()", SOURCE.replace("return g", "return F()")])
def test_frames_have_the_running_pythons_size(source: str) -> None:
    """What a call takes of the stack is what a real frame takes, by ``sys.getsizeof`` of its frame object."""
    namespace: dict[str, types.FunctionType] = {"F": sys._getframe}
    exec(compile_source(source), namespace)
    code = namespace["f"].__code__
    frame = namespace["f"](*range(code.co_argcount))
    own_bytes = types.FrameType.__basicsize__ - FRAME_OBJECT_BYTES.get(RUNNING.name, 72)
    assert own_bytes == RUNNING.frame_words * 8
    assert sys.getsizeof(frame) - 16 - types.FrameType.__basicsize__ == 8 * (
        len(variables_of(code)) + code.co_stacksize
    )
    assert frame_words(code) * 8 == sys.getsizeof(frame) - 16 - types.FrameType.__basicsize__ + own_bytes


def test_a_pyc_file_is_a_header_and_a_code_object(tmp_path: Path) -> None:
    """The file that Python writes is read, and is byte for byte the one that is written here."""
    source = tmp_path / "module.py"
    source.write_text(SOURCE)
    path = py_compile.compile(str(source), cfile=str(tmp_path / "module.pyc"), dfile="<program>", doraise=True)
    data = Path(path).read_bytes()
    record = read_pyc(data)
    assert record.source_bytes == len(SOURCE)
    assert record.source_seconds == int(source.stat().st_mtime)
    assert record.magic == int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")
    assert record.code == code_record(compile_source(SOURCE))
    assert pyc_bytes(compile_source(SOURCE), record.source_bytes, record.source_seconds)[:16] == data[:16]
    assert read_pyc(pyc_bytes(compile_source(SOURCE))).code == record.code


def test_what_is_no_pyc_file_or_no_python_is_refused() -> None:
    """One line that says what is wrong."""
    with pytest.raises(ProgramStopped, match="compile the source again"):
        read_pyc(b"\0" * 20)
    with pytest.raises(ProgramStopped, match="line 2"):
        compile_source("x = 1\ny = = 2\n")


def test_a_call_adds_a_frame_on_top_and_a_return_takes_it_away() -> None:
    """Addresses on the call stack: the callee begins where the caller ends, and the next callee at the same place."""
    interpreter = Interpreter()
    seen: dict[str, set[tuple[int, int]]] = {}
    deepest = 0
    for state in interpreter.steps("def g():\n return 1\ndef f():\n return g()\nf()\ng()\nf()\n"):
        deepest = max(deepest, len(state.frames))
        for frame, above in zip(state.frames, state.frames[1:], strict=False):
            assert above.address == frame.address + frame.size_bytes
        for frame in state.frames:
            seen.setdefault(frame.function, set()).add((frame.address, frame.size_bytes))
    assert deepest == 3
    assert len(seen["f"]) == 1
    assert len(seen["g"]) == 2  # once on f, once on the module
    assert state.frames == ()


def test_deep_calls_take_further_chunks_and_give_them_back() -> None:
    """The call stack grows by chunks of 16 KiB beside the heap; the first one stays."""
    interpreter = Interpreter()
    before = interpreter.space.area_bytes()[Area.INTERPRETER]
    highest: list[int] = []

    def note(space: ObjectSpace, _: list[Object]) -> Object:
        highest.append(space.area_bytes()[Area.INTERPRETER])
        return space.incref(space.none)

    measure = interpreter.space.builtin.make_action("measure", note)
    interpreter.space.dict.set_item(interpreter.globals, interpreter.space.intern("measure"), measure)
    interpreter.run("def f(n):\n if n:\n  return f(n - 1)\n return measure()\nf(500)\n")
    assert highest[0] - before >= 3 * CHUNK_BYTES
    assert interpreter.space.area_bytes()[Area.INTERPRETER] - before == CHUNK_BYTES


def test_a_frame_larger_than_a_chunk_gets_a_chunk_of_its_own() -> None:
    """Sizes double until it fits."""
    space = ObjectSpace()
    calls = CallStack(space)
    first = calls.push(100)
    calls.push(40_000)
    assert [chunk.size_bytes for chunk in calls.chunks] == [CHUNK_BYTES, 4 * CHUNK_BYTES]
    calls.pop(calls.chunks[-1].start)
    assert len(calls.chunks) == 1
    calls.pop(first)
    assert calls.chunks[0].top == first
