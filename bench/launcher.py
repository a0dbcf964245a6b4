"""Runs a program from a small process, and writes down what it took.

    launcher.py FILE [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]

The kernel counts as a program's peak at least that of the process that it was forked from, so the large one that
measures may not start it. The program's environment is given apart from the launcher's own, which it would slow down.
"""

import os
import sys
import time


def main(file: str, *words: str) -> int:
    border = words.index("--")
    environment = dict(word.split("=", 1) for word in words[:border])
    command = words[border + 1 :]
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        os.execvpe(command[0], command, environment)
    _, status, usage = os.wait4(process, 0)
    taken = (usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss * 1024, usage.ru_minflt)
    with open(file, "w") as output:
        print(*taken, file=output)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
