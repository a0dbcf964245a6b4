"""A graph of objects with dictionaries of their own: a company hires, moves and dismisses for some years.

objects.py [ROUNDS]
"""

import random
import sys


class Person:
    def __init__(self, name: str, salary: float) -> None:
        self.name = name
        self.salary = salary
        self.skills = [f"skill-{random.randrange(200)}" for _ in range(3)]
        self.team: Team | None = None
        self.history: list[tuple[int, str]] = []


class Team:
    def __init__(self, title: str, parent: "Team | None") -> None:
        self.title = title
        self.parent = parent
        self.children: list[Team] = []
        self.members: dict[str, Person] = {}

    def add(self, person: Person, year: int) -> None:
        self.members[person.name] = person
        person.team = self
        person.history.append((year, self.title))

    def cost(self) -> float:
        return sum(person.salary for person in self.members.values()) + sum(team.cost() for team in self.children)


def main(years: int) -> None:
    random.seed(1)
    root = grow_tree("company", None, 4)
    teams = list(walk(root))
    people = [hire(number, random.choice(teams), 0) for number in range(20000)]
    total = 0.0
    for year in range(1, years + 1):
        people = live_through(year, people, teams)
        total += root.cost()
    print(len(teams), len(people), round(total), sum(len(person.history) for person in people))


def grow_tree(title: str, parent: Team | None, depth: int) -> Team:
    team = Team(title, parent)
    if depth:
        team.children = [grow_tree(f"{title}.{index}", team, depth - 1) for index in range(5)]
    return team


def walk(team: Team):
    yield team
    for child in team.children:
        yield from walk(child)


def hire(number: int, team: Team, year: int) -> Person:
    person = Person(f"person-{number}", 1000 + random.random() * 5000)
    team.add(person, year)
    return person


def live_through(year: int, people: list[Person], teams: list[Team]) -> list[Person]:
    """A quarter leaves, a quarter moves, as many as left are hired."""
    stay = []
    for person in people:
        fate = random.random()
        if fate < 0.5:
            del person.team.members[person.name]
        if fate >= 0.25:
            person.salary *= 1.02
            stay.append(person)
            if fate < 0.5:
                random.choice(teams).add(person, year)
    hired = [hire(year * 1_000_000 + number, random.choice(teams), year) for number in range(len(people) - len(stay))]
    return stay + hired


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
