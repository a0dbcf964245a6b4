"""Writing a snapshot: a ZIP archive of columns, stored as they are, and one ``snapshot.json``.

    | local header | .npy header, padded | column | local header | ... | snapshot.json | central directory |
                                         ^ a multiple of 64 bytes from the file's start, so that it can be mapped

``numpy.load`` opens it; docs/design/snapshot.md tells the columns. This runs in the program's process, so it imports
the standard library alone, and its memory does not grow with the columns: they are copied from files.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import zipfile
from typing import NamedTuple

from quire.process.whole_file import whole_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO, Final

FORMAT: Final = 1
ABOUT: Final = "snapshot.json"
ALIGNMENT_BYTES: Final = 64
_COPY_BYTES: Final = 1024**2
_MAGIC: Final = b"\x93NUMPY\x01\x00"
_FOR_ITS_OWNER: Final = 0o600


class Column(NamedTuple):
    """One column: its values stand one after the other in the file, little-endian."""

    name: str
    file: BinaryIO
    item_bytes: int


def write_snapshot(path: str, columns: Iterable[Column], about: Mapping[str, object]) -> None:
    """Write the file whole, or not at all: beside its name first, in its place when it is complete.

    A new one is for its owner alone: it may hold texts of the program's. One that is replaced leaves its permissions.

    Args:
        path: where to; a file that is there is replaced.
        columns: of unsigned numbers.
        about: what is no column, as JSON has it.

    Raises:
        OSError: the system refuses; what was there is there still, and nothing else.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "it is no file, and would be replaced by one", path)
    with whole_file(path, _FOR_ITS_OWNER) as descriptor, open(descriptor, "wb") as file:
        _write_archive(file, columns, about)


def _write_archive(file: BinaryIO, columns: Iterable[Column], about: Mapping[str, object]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for column in columns:
            with archive.open(zipfile.ZipInfo(f"{column.name}.npy"), "w", force_zip64=True) as member:
                member.write(_header(column, file.tell()))
                column.file.seek(0)
                shutil.copyfileobj(column.file, member, _COPY_BYTES)
        archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps({"format": FORMAT, **about}))


def _header(column: Column, start: int) -> bytes:
    """Of a ``.npy`` file that begins there, version 1.0."""
    count = os.fstat(column.file.fileno()).st_size // column.item_bytes
    kind = f"<u{column.item_bytes}" if column.item_bytes > 1 else "|u1"
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count},), }}".encode()
    unpadded_end = start + len(_MAGIC) + 2 + len(text) + 1
    text += b" " * (-unpadded_end % ALIGNMENT_BYTES) + b"\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text
