"""Chapter 1, the empty book and its writers: bare paper, a manager, a story that nobody reads, the last reader."""

from __future__ import annotations

from quire.model import CPYTHON_3_10, Allocator, Machine, ObjectSpace, System
from quire.model.chapters.telling import Telling
from quire.records.chapter import Both, Lines, Rows

STORIES = {
    "Ann": b"The keeper lit the lamp.",
    "Ben": b"A whale sang below.",
    "Cho": b"It rained a hundred years.",
}
PLACES = (
    Both("writer", "작가"),
    Both("place", "자리"),
    Both("letters", "글자 수"),
    Both("room given", "받은 공간"),
)
READERS = (
    Both("what happens", "일어난 일"),
    Both("readers", "독자 수"),
    Both("the story is there", "이야기가 남아 있는가"),
)
EVENTS = (
    Both("written; Ann reads it", "쓰이고, Ann이 읽는다"),
    Both("Ben reads it, too", "Ben도 읽는다"),
    Both("Ann leaves", "Ann이 떠난다"),
    Both("Ben leaves", "Ben이 떠난다"),
)
YES, NO = Both("yes", "예"), Both("no", "아니요")


def no_manager() -> Telling:
    """Two writers on bare paper, and nobody who says who writes where."""
    paper = Machine(frames=1)
    page = paper.page_bytes  # where page 1 begins
    ann = b"The keeper climbed the tower to light the lamp."
    ben = b"A whale sang under the ice."
    paper.write(page, ann)
    paper.write(page + 11, ben)
    left = paper.read(page, 80).decode().replace("\0", " ")
    yield Lines((left.rstrip(),))
    return {"lost": len(ben)}


def ask_first() -> Telling:
    """Everybody asks the manager how much room there is, and where; then nobody writes over anybody."""
    process = Machine().start("Python")
    manager = Allocator(CPYTHON_3_10, System.on(process))
    rows = []
    written = {}
    for writer, story in STORIES.items():
        place = manager.allocate(len(story))
        process.write(place, story)
        written[place] = story
        room = manager.size_of(place)
        rows.append((writer, f"{place:#x}", len(story), room))
    yield Rows(PLACES, tuple(rows))
    whole = sum(process.read(p, len(s)) == s for p, s in written.items())
    asked, room = rows[1][2:]
    return {"stories": len(rows), "whole": whole, "asked": asked, "given": room}


def old_story() -> Telling:
    """A story is given up. What stands there then, and who gets the place next."""
    process = Machine().start("Python")
    manager = Allocator(CPYTHON_3_10, System.on(process))
    story = b"Once upon a time there was a lighthouse."
    place = manager.allocate(len(story))
    process.write(place, story)
    manager.free(place)
    left = process.read(place, len(story)).decode().replace("\0", "_")
    yield Lines((f"{place:#x}  {story.decode()}", f"{place:#x}  {left}"))
    next_place = manager.allocate(len(story) - 3)
    yield Lines((f"{next_place:#x}",))
    zeros = left.count("_")
    letters = len(story)
    return {"letters": letters, "zeros": zeros, "kept": letters - zeros}


def last_reader() -> Telling:
    """A story with two readers, who leave."""
    space = ObjectSpace()
    story = space.new("The keeper lit the lamp.")
    counts = [story.count]
    space.incref(story)
    counts.append(story.count)
    space.decref(story)
    counts.append(story.count)
    is_there = [YES, YES, YES]
    space.decref(story)
    counts.append(story.count if story.is_alive else 0)
    is_there.append(YES if story.is_alive else NO)
    yield Rows(READERS, tuple(zip(EVENTS, counts, is_there, strict=True)))
    return {}
