"""Opening a snapshot's file: its columns as arrays, which are mapped, not read, and what ``snapshot.json`` says.

A file comes from anywhere. Nothing in it is believed before it is checked: that it is whole, by the archive's
checksums, that each member lies in the file, and is the column that its header says. Whether columns fit together is
for the snapshot itself to check (report/snapshot.py).
"""

from __future__ import annotations

import io
import json
import mmap
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from quire.errors import DamagedSnapshot, InvalidOption
from quire.process.snapshot_file import ABOUT, FORMAT
from quire.report.snapshot import Snapshot, snapshot_of

if TYPE_CHECKING:
    from typing import Any, Final

    Columns = dict[str, np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]]

_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
_LOCAL_MAGIC: Final = b"PK\x03\x04"
_COLUMN: Final = ".npy"
_COLUMN_HEADER_BYTES_MAX: Final = 1024
_PIECE_BYTES: Final = 16 * 1024**2
_DAMAGE: Final = (zipfile.BadZipFile, ValueError, EOFError, RecursionError, NotImplementedError)
"""What the libraries that read the parts say where they find something else."""
_NO_END: Final = "File is not a zip file"
"""What zipfile says where the archive's list of members, its last part, is not there."""


def open_snapshot(path: str) -> Snapshot:
    """The snapshot in a file.

    Raises:
        InvalidOption: the file cannot be read, or is no snapshot.
        DamagedSnapshot: it is cut off or damaged, of a newer quire, or its columns do not fit together.
    """
    return snapshot_of(*read_columns(path))


def read_columns(path: str) -> tuple[Columns, dict[str, Any]]:
    """The columns by their names, and what ``snapshot.json`` says.

    Raises:
        InvalidOption: the file cannot be read, or is no snapshot.
        DamagedSnapshot: it is cut off or damaged, or of a newer quire.
    """
    try:
        with open(path, "rb") as file:
            return _read(path, file)
    except OSError as error:
        raise InvalidOption(f"cannot read {path}: {error.strerror or error}; give a file of quire snapshot") from None


def _read(path: str, file: io.BufferedReader) -> tuple[Columns, dict[str, Any]]:
    if file.read(len(_LOCAL_MAGIC)) != _LOCAL_MAGIC:
        raise InvalidOption(f"{path} is no snapshot; quire snapshot writes one")
    whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        members = _members(file, whole)
        about = _about(members)
        names = [name for name in members if name.endswith(_COLUMN)]
        return {name.removesuffix(_COLUMN): _column(name, members[name]) for name in names}, about
    except _DAMAGE as error:
        reason = "its end is missing" if str(error) == _NO_END else error
        raise DamagedSnapshot(f"{path} is cut off or damaged: {reason}; take the snapshot again") from None


# --- the archive ----------------------------------------------------------------------------------------------


def _members(file: io.BufferedReader, whole: memoryview) -> dict[str, memoryview]:
    """The content of each member, in place."""
    with zipfile.ZipFile(file) as archive:
        listed = archive.infolist()
    members = {info.filename: _content(info, whole) for info in listed}
    if len(members) != len(listed):
        raise ValueError("a part is there twice")
    return members


def _content(info: zipfile.ZipInfo, whole: memoryview) -> memoryview:
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.file_size != info.compress_size:
        raise ValueError(f"{info.filename!r} is not stored as it is")
    header = whole[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size:
        raise ValueError(f"{info.filename!r} lies outside of the file")
    magic, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    name_start = info.header_offset + _LOCAL_HEADER.size
    name = bytes(whole[name_start : name_start + name_bytes])
    start = name_start + name_bytes + extra_bytes
    content = whole[start : start + info.file_size]
    if magic != _LOCAL_MAGIC or name != info.orig_filename.encode() or len(content) != info.file_size:
        raise ValueError(f"{info.filename!r} lies outside of the file")
    if _checksum(content) != info.CRC:
        raise ValueError(f"{info.filename!r} is not what was written")
    return content


def _checksum(content: memoryview) -> int:
    checksum = 0
    for start in range(0, len(content), _PIECE_BYTES):
        checksum = zlib.crc32(content[start : start + _PIECE_BYTES], checksum)
    return checksum


def _about(members: dict[str, memoryview]) -> dict[str, Any]:
    if ABOUT not in members:
        raise ValueError(f"it has no {ABOUT}")
    about = json.loads(bytes(members[ABOUT]))
    if not isinstance(about, dict) or type(about.get("format")) is not int:
        raise ValueError(f"{ABOUT} tells no format")
    if about["format"] != FORMAT:
        newer = f"it is of format {about['format']}, and this quire reads format {FORMAT}"
        raise DamagedSnapshot(f"{newer}; use the quire that wrote it, or a newer one")
    return about


# --- columns --------------------------------------------------------------------------------------------------


def _column(name: str, content: memoryview) -> np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]:
    """Unsigned numbers, one after the other, that fill the member behind its header."""
    start = io.BytesIO(content[:_COLUMN_HEADER_BYTES_MAX])
    try:
        npy.read_magic(start)
        shape, _, kind = npy.read_array_header_1_0(start)
    except Exception as error:  # it evaluates a text, and says whatever comes of it
        raise ValueError(f"{name!r} is no column ({type(error).__name__})") from None
    values = content[start.tell() :]
    if kind.kind != "u" or kind.byteorder == ">" or len(shape) != 1 or shape[0] * kind.itemsize != len(values):
        raise ValueError(f"{name!r} is no column of unsigned numbers")
    return np.frombuffer(values, kind) if shape[0] else np.empty(0, kind)
