"""A snapshot's file: what is written is read again, NumPy opens it, and whatever is no whole snapshot is refused."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from quire.errors import DamagedSnapshot, InvalidOption, QuireError
from quire.export.snapshot_file import read_columns
from quire.process.snapshot_file import ABOUT, ALIGNMENT_BYTES, Column, write_snapshot

SEED = random.randrange(2**32)
VALUES = {"object_address": ("<u8", [16, 4096, 2**47]), "object_flags": ("|u1", [0, 7, 255]), "edge_to": ("<u4", [])}


def raw(kind: str, values: list[int]) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the column
    file.write(np.array(values, kind).tobytes())
    file.flush()
    return file


def write(path: Path, about: dict[str, object] | None = None) -> None:
    columns = [Column(name, raw(kind, values), np.dtype(kind).itemsize) for name, (kind, values) in VALUES.items()]
    write_snapshot(os.fspath(path), columns, {"pid": 7} if about is None else about)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "heap.quire"
    write(path)
    return path


# --- what is written is read ----------------------------------------------------------------------------------


def test_what_is_written_is_read(path: Path) -> None:
    """Each column comes back with its values and its width, an empty one too, and what is no column as it was."""
    columns, about = read_columns(os.fspath(path))
    assert about == {"format": 1, "pid": 7}
    assert {name: (column.dtype, column.tolist()) for name, column in columns.items()} == {
        name: (np.dtype(kind), values) for name, (kind, values) in VALUES.items()
    }


def test_numpy_opens_it(path: Path) -> None:
    """numpy.load reads each column, without quire."""
    with np.load(path) as archive:
        assert {name: archive[name].tolist() for name in VALUES} == {
            name: values for name, (_, values) in VALUES.items()
        }


def test_columns_can_be_mapped(path: Path) -> None:
    """Each begins at a multiple of 64 bytes."""
    content = path.read_bytes()
    for name, (kind, values) in VALUES.items():
        start = content.index(name.encode())
        data = content.index(b"\n", start) + 1
        assert data % ALIGNMENT_BYTES == 0
        assert content[data:].startswith(np.array(values, kind).tobytes())


def test_a_new_file_is_for_its_owner_alone(path: Path) -> None:
    """One that takes an old one's place has the old one's permissions."""
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    write(path)
    assert path.stat().st_mode & 0o777 == 0o644


# --- nothing is half-written ----------------------------------------------------------------------------------


def test_a_file_that_cannot_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses in the middle: what was there is there still, and nothing beside it."""
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", refuse)
    with pytest.raises(OSError, match="No space left"):
        write(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


# --- what is no snapshot --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"hello", b"\x7fELF\x02\x01\x01", b"PK"])
def test_another_file_is_told_to_be_no_snapshot(tmp_path: Path, content: bytes) -> None:
    """One line names the file."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InvalidOption, match="is no snapshot"):
        read_columns(os.fspath(path))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """There is none, or it is a folder."""
    with pytest.raises(InvalidOption, match="No such file"):
        read_columns(os.fspath(tmp_path / "missing"))
    with pytest.raises(InvalidOption, match="directory"):
        read_columns(os.fspath(tmp_path))


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    """What a later quire has written may mean something else."""
    path = tmp_path / "newer"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(ABOUT, json.dumps({"format": 2}))
    with pytest.raises(DamagedSnapshot, match="format 2"):
        read_columns(os.fspath(path))


def test_every_cut_is_refused(path: Path) -> None:
    """A file that is cut off, wherever, is not read."""
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(QuireError) as refused:
            read_columns(os.fspath(path))
    assert "its end is missing; take the snapshot again" in str(refused.value)


def test_damage_is_refused_or_without_effect(path: Path) -> None:
    """Bytes changed anywhere: an error of quire's own, or the same columns (what no reader looks at was changed)."""
    content = path.read_bytes()
    columns, about = read_columns(os.fspath(path))
    draw = random.Random(SEED)
    print("seed", SEED)
    for _ in range(800):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 1, 2, 8))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            found, told = read_columns(os.fspath(path))
        except QuireError:
            continue
        assert told == about
        assert all(found[name].tolist() == columns[name].tolist() for name in found)


def archive_of(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(ABOUT, json.dumps({"format": 1}))
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def column_of(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


@pytest.mark.parametrize(
    "column",
    [
        b"",
        b"\x93NUMPY\x03\x00",
        column_of("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n"),
        column_of("{'descr': '<u8', 'fortran_order': False, 'shape': (1 << 40,)}"),
        column_of("{'descr': '<u8', 'fortran_order': False, 'shape': (999999999999,)}"),
        column_of("{'descr': '<u8', 'fortran_order': False, 'shape': (-1,)}"),
        column_of("{'descr': '>u8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        column_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        column_of("{'descr': '<u4', 'fortran_order': False, 'shape': (1, 2)}", bytes(8)),
        column_of("[" * 900),
        column_of("__import__('os')"),
    ],
    ids=lambda column: repr(column[10:50]),
)
def test_a_hostile_column_is_refused(tmp_path: Path, column: bytes) -> None:
    """Objects, absurd shapes, other kinds of numbers: an error of quire's own, whatever the header says."""
    path = tmp_path / "hostile"
    path.write_bytes(archive_of({"object_address.npy": column}))
    with pytest.raises(DamagedSnapshot):
        read_columns(os.fspath(path))


def test_what_is_compressed_is_refused(tmp_path: Path) -> None:
    """A small file could unfold to any size."""
    path = tmp_path / "bomb"
    path.write_bytes(archive_of({"object_address.npy": bytes(10**6)}, zipfile.ZIP_DEFLATED))
    with pytest.raises(DamagedSnapshot, match="stored"):
        read_columns(os.fspath(path))
