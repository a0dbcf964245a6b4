"""Whether quire serves what the comparison starts, before anything is compared."""

from __future__ import annotations

import subprocess
import sys

from comparison.execution import PLAIN, environment

_ASK = "import sys; print('quire' in sys.modules and sys.modules['quire'].stats().live_bytes > 0)"
_ASK_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', {_ASK!r}], check=True)"


def check_serving(served: str) -> None:
    """End the program unless quire serves a process and its child where it is asked to, as it is, and no other."""
    for program in (_ASK, _ASK_CHILD):
        for mode in (PLAIN, served):
            done = subprocess.run(
                [sys.executable, "-c", program], env=environment(mode), capture_output=True, text=True, check=False
            )
            if done.stdout.strip() != str(mode != PLAIN):
                sys.exit(f"quire does not serve as asked for ({mode}); quire info says why\n{done.stderr}".rstrip())
