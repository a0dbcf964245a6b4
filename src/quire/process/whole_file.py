"""Writing a file whole: whoever looks sees the old one or the new one, never half of it.

What a process on quire writes goes through here, too, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress

from quire.process.writable import name_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@contextmanager
def whole_file(path: str, permissions: int = 0o666) -> Iterator[int]:
    """A new file's descriptor, for the block to write and to close; the file gets its name at the end.

    It lies beside its name until then, and is gone if something goes wrong. One that it replaces leaves it its
    permissions.

    Args:
        path: its name; where a link leads if it is one.
        permissions: of a file that replaces none, less the process's umask.

    Raises:
        OSError: the system refuses; what was there is there still, and nothing else.
    """
    target = os.path.realpath(path)
    beside = name_beside(target)
    try:
        yield os.open(beside, _NEW, permissions)
        if os.path.exists(target):
            os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
