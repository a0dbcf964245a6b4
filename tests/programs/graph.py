"""A network of people and what they wrote, held in memory: more than 1 GB of objects, strings, lists and dictionaries.

It is built, searched, ranked, mostly taken down, and built up again: the shape of a batch job.
"""

from __future__ import annotations

import gc
import hashlib
import random
from array import array
from collections import Counter, deque
from collections.abc import Iterable

PEOPLE = 185_000
FRIENDS = 6
POSTS = 12
WORDS = 20_000
SYLLABLES = "ba de fi go hu ka le mi no pu ra se ti vo wu xa ye zi".split()


class Person:
    """One node: an ordinary object, with a dictionary, a list and strings of its own."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.friends: list[Person] = []
        self.posts: list[tuple[str, list[int]]] = []
        self.profile: dict[str, object] = {"age": 18 + number % 70, "mail": f"{name}@example.org", "score": 0.0}


def numbers(rng: random.Random, count: int) -> array[int]:
    """Random numbers, drawn all at once."""
    return array("I", rng.randbytes(4 * count))


def vocabulary(rng: random.Random) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 5))) + str(number) for number in range(WORDS)]


def build(rng: random.Random, words: list[str]) -> list[Person]:
    people = [Person(number, f"{SYLLABLES[number % 18]}{number}") for number in range(PEOPLE)]
    for person in people:
        connect(person, [people[drawn % PEOPLE] for drawn in numbers(rng, 1 + person.number % FRIENDS)])
        person.posts = [write(drawn, words) for drawn in numbers(rng, POSTS)]
    return people


def connect(person: Person, others: list[Person]) -> None:
    for other in others:
        person.friends.append(other)
        other.friends.append(person)


def write(drawn: int, words: list[str]) -> tuple[str, list[int]]:
    """A post, and who likes it."""
    word = words[drawn % WORDS]
    return f"{word} is what {words[drawn // 7 % WORDS]} says of {word}", [drawn % 999, drawn % 1999, drawn % 2999]


def index(people: list[Person]) -> dict[str, set[int]]:
    """Who begins a post with which word."""
    found: dict[str, set[int]] = {}
    for person in people:
        for text, _ in person.posts:
            found.setdefault(text.partition(" ")[0], set()).add(person.number)
    return found


def distances(start: Person) -> Counter[int]:
    """How many people stand at each distance from one of them."""
    seen = {start.number: 0}
    queue = deque([start])
    while queue:
        person = queue.popleft()
        for friend in person.friends:
            if friend.number not in seen:
                seen[friend.number] = seen[person.number] + 1
                queue.append(friend)
    return Counter(seen.values())


def rank(people: list[Person], rounds: int) -> list[float]:
    """Importance, as search engines once computed it."""
    ranks = [1.0] * len(people)
    for _ in range(rounds):
        shares = [ranks[person.number] / len(person.friends) for person in people]
        ranks = [0.15 + 0.85 * sum([shares[friend.number] for friend in person.friends]) for person in people]
    return ranks


def take_down(people: list[Person], keep_every: int) -> list[Person]:
    """Forget everybody but a few, who lose their forgotten friends."""
    kept = [person for person in people if person.number % keep_every == 0]
    for person in kept:
        person.friends = [friend for friend in person.friends if friend.number % keep_every == 0]
    people.clear()
    gc.collect()
    return kept


def digest(values: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, values)).encode()).hexdigest()[:16]


def show(people: list[Person]) -> None:
    words = index(people)
    ranks = rank(people, 2)
    for person in people:
        person.profile["score"] = round(ranks[person.number], 6)
    best = sorted(people, key=lambda person: (-ranks[person.number], person.number))[:5]
    print("distances", sorted(distances(people[0]).items()))
    print("best", [(person.name, person.profile["score"]) for person in best])
    print("words", len(words), digest((word, len(words[word])) for word in sorted(words)))
    print("people", len(people), digest((person.name, person.profile["score"]) for person in people))


def main() -> None:
    rng = random.Random(1)
    words = vocabulary(rng)
    people = build(rng, words)
    show(people)
    kept = take_down(people, 100)
    print("kept", len(kept), digest(len(person.friends) for person in kept))
    show(build(rng, words))
    print("kept", len(kept), digest(person.posts for person in kept))


if __name__ == "__main__":
    main()
