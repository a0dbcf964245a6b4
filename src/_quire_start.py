"""What quire.start names: installs quire in a process that asks for it, and does nothing in any other.

It says what the line in quire.pth says, and stands outside the package so that other processes do not import
quire.
"""

import os


def main() -> None:
    """Import quire.boot, whose import does the rest, where QUIRE or QUIRE_RUN is set."""
    if "QUIRE" in os.environ or "QUIRE_RUN" in os.environ:
        __import__("quire.boot")
