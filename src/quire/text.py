"""Text from elsewhere, on one line: names of files, a program's words, the system's."""

from __future__ import annotations


def printable(text: str) -> str:
    """No character of it moves the cursor or changes colours: it may come from somebody else's file."""
    return "".join(character if character.isprintable() else " " for character in text)
