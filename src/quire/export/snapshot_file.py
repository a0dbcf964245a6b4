"""Opening a snapshot's file."""

from __future__ import annotations

import json
import zipfile

import numpy as np

from quire.errors import InvalidOption
from quire.report.snapshot import Snapshot, snapshot_of


def open_snapshot(path: str) -> Snapshot:
    """The snapshot in a file.

    Raises:
        InvalidOption: the file cannot be read, or is no snapshot.
        DamagedSnapshot: its columns do not fit together.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("snapshot.json"))
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            columns = {name.removesuffix(".npy"): np.load(archive.open(name)) for name in names}
    except OSError as error:
        raise InvalidOption(f"cannot read {path}: {error.strerror}; give a file of quire snapshot") from None
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise InvalidOption(f"{path} is no snapshot; quire snapshot writes one") from None
    return snapshot_of(columns, about)
