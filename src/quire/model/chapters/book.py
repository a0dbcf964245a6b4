"""Chapter 1, the empty book and its writers: bare paper, a manager, a story that nobody reads, the last reader."""

from __future__ import annotations

from quire.model import CPYTHON_3_10, Allocator, Machine, ObjectSpace, System
from quire.model.chapters.telling import Telling
from quire.records import Both, Lines, Rows

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
YES, NO = Both("yes", "예"), Both("no", "아니요")


def no_manager() -> Telling:
    """Two writers on bare paper, and nobody who says who writes where."""
    paper = Machine(frames=1)
    page = paper.page_bytes  # where page 1 begins
    ann = b"The keeper climbed the tower to light the lamp."
    ben = b"A whale sang under the ice."
    paper.write(page, ann)
    paper.write(page + 11, ben)
    left = paper.read(page, len(ann)).decode()
    yield Lines((left,))
    return {"lost": len(ben)}


def ask_first() -> Telling:
    """Everybody asks the manager how much room there is, and where; then nobody writes over anybody."""
    process = Machine().start("Python")
    manager = Allocator(CPYTHON_3_10, System.on(process))
    stories = {"Ann": b"The keeper lit the lamp.", "Ben": b"A whale sang below.", "Cho": b"It rained a hundred years."}
    places = {}
    for writer, story in stories.items():
        places[writer] = manager.allocate(len(story))
        process.write(places[writer], story)
    rooms = {writer: manager.size_of(place) for writer, place in places.items()}
    yield Rows(PLACES, tuple((name, f"{places[name]:#x}", len(stories[name]), rooms[name]) for name in stories))
    whole = [process.read(places[name], len(story)) == story for name, story in stories.items()]
    return {"writers": len(stories), "whole": sum(whole), "asked": len(stories["Ben"]), "given": rooms["Ben"]}


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
    return {"letters": len(story), "rubbed_out": left.count("_"), "kept": len(left) - left.count("_")}


def last_reader() -> Telling:
    """A story with two readers, who leave."""
    space = ObjectSpace()
    story = space.new("The keeper lit the lamp.")
    rows = [(Both("written; Ann reads it", "쓰이고, Ann이 읽는다"), story.count, YES)]
    space.incref(story)
    rows.append((Both("Ben reads it, too", "Ben도 읽는다"), story.count, YES))
    space.decref(story)
    rows.append((Both("Ann leaves", "Ann이 떠난다"), story.count, YES))
    space.decref(story)
    rows.append((Both("Ben leaves", "Ben이 떠난다"), 0, YES if story.is_alive else NO))
    yield Rows(READERS, tuple(rows))
    return {"is_alive": story.is_alive}
