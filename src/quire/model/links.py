"""The doubly linked list that pools and arenas stand on.

Each member carries its two links itself, so that it leaves the list in one step wherever it stands, and nothing
has to be allocated to hold the list together.

    list.first --> A <--> B <--> C <-- list.last
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Self, TypeVar


class Linked:
    """Something that stands on at most one list."""

    def __init__(self) -> None:
        self.next: Self | None = None
        self.previous: Self | None = None
        self.linked = False


T = TypeVar("T", bound=Linked)


class LinkedList(Generic[T]):
    """A doubly linked list of ``Linked`` members."""

    def __init__(self) -> None:
        self.first: T | None = None
        self.last: T | None = None

    def __iter__(self) -> Iterator[T]:
        member = self.first
        while member is not None:
            following = member.next
            yield member
            member = following

    def push_first(self, member: T) -> None:
        """Link a member at the front."""
        member.linked = True
        member.previous, member.next = None, self.first
        if self.first is not None:
            self.first.previous = member
        self.first = member
        if self.last is None:
            self.last = member

    def push_last(self, member: T) -> None:
        """Link a member at the end."""
        member.linked = True
        member.previous, member.next = self.last, None
        if self.last is not None:
            self.last.next = member
        self.last = member
        if self.first is None:
            self.first = member

    def remove(self, member: T) -> None:
        """Take a member out, wherever it stands."""
        if member.previous is None:
            self.first = member.next
        else:
            member.previous.next = member.next
        if member.next is None:
            self.last = member.previous
        else:
            member.next.previous = member.previous
        member.next = member.previous = None
        member.linked = False
