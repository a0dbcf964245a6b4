"""Runs a test runner's module, and sees to it that quire serves the process, or that it does not.

    python witness.py {plain,quire,stress} EVIDENCE MODULE [ARGUMENT ...]

Under quire the heap must hold the process's blocks before the first test and after the last one; ``EVIDENCE`` is
written then: how many pools are meshed. Where it is not as asked for, the exit code is 97 and no test runs. Under
stress the first test waits for the first pass, without which the short ones would be over before it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time

NOT_AS_ASKED = 97
_PATIENCE_S = 5


def main() -> None:
    mode, evidence, module = sys.argv[1:4]
    sys.argv = [module, *sys.argv[4:]]
    sys.path[0] = os.getcwd()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # inherited by what a shell starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check(mode)
    if mode == "stress":
        wait_for_pass()
    process = os.getpid()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        if os.getpid() == process:
            check(mode)
            with open(evidence, "w") as file:
                file.write(str(meshed_pools()))


def check(mode: str) -> None:
    if mode == "plain" and "quire" not in sys.modules:
        return
    if mode != "plain" and serving():
        return
    sys.stderr.write(f"witness: this process should have run {mode}, and does not\n")
    sys.stderr.flush()
    os._exit(NOT_AS_ASKED)


def serving() -> bool:
    import quire

    return quire.installed() and quire.stats().live_bytes > 0


def wait_for_pass() -> None:
    end = time.monotonic() + _PATIENCE_S
    while not meshed_pools() and time.monotonic() < end:
        time.sleep(0.01)


def meshed_pools() -> int:
    return sys.modules["quire"].stats().sealed_pools if "quire" in sys.modules else 0


if __name__ == "__main__":
    main()
