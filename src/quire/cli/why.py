"""``quire why``: where the memory of a running Python is, seen from outside, and why it does not go back."""

from __future__ import annotations

import sys

from quire.cli.progress import Progress
from quire.cli.screen import show, write
from quire.errors import InvalidOption, UnsupportedRuntime
from quire.export import WHY_REPORT_VERSION
from quire.export.why_report import to_json
from quire.process.named import read_pid
from quire.process.outside import look_at
from quire.process.suggest import did_you_mean
from quire.report.why_view import why_view

HELP = """\
quire why [--json] PID

Says where the memory of a running process is: every resident byte, from the
kernel's accounts and, for CPython 3.11 to 3.15, from its interpreter's own
structures; what its allocator keeps, and why; and what running on quire would
give back. The process need not run on quire, goes on meanwhile, and is not
changed.

  --json                the same as one JSON object, for programs (docs/why.md)
  --help                this text

It may look at your own processes, or as root at all. Where the system allows
less (kernel.yama.ptrace_scope), it says what, and tells the kernel's accounts.
"""

_OPTIONS = ("--json", "--help")


def run(arguments: list[str]) -> int:
    """Look at one process; returns the exit code."""
    if any(word in ("-h", "--help") for word in arguments):
        print(HELP, end="")
        return 0
    words = [word for word in arguments if word != "--json"]
    for word in words:
        if word.startswith("--"):
            raise InvalidOption(f"quire why has no option {word}{did_you_mean(word, _OPTIONS, '--')}")
    if len(words) != 1:
        raise InvalidOption("quire why takes the number of one process, and --json; see quire why --help")
    if sys.platform != "linux":
        raise UnsupportedRuntime(f"quire why reads what Linux shows of a process, and this is {sys.platform}")
    pid = read_pid(words[0], "why")
    with Progress() as progress:
        progress.tell(f"looking at process {pid}")
        report = look_at(pid, WHY_REPORT_VERSION)
    if len(words) < len(arguments):
        write(to_json(report))
    else:
        show(why_view(report))
    return 0
