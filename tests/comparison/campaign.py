"""Runs test files plainly and on quire, and looks a second time at what differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from comparison.execution import PLAIN, QUIRE, Result, TestFile, run_file
from comparison.verdict import WHOLE_FILE, Allowed, differences, explain, why_allowed


@dataclass(frozen=True)
class Pair:
    """A file's two runs, and what came of the cases that differed; beside an allowed one, the reason."""

    file: TestFile
    plain: Result
    quire: Result
    differing: tuple[str, ...]
    allowed: dict[str, str] = field(default_factory=dict)
    unsteady: tuple[str, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """How to compare.

    Attributes:
        work: keeps plain results, which are not run again, and what files that differ said on quire.
        quick: run plainly only what does not succeed on quire.
        jobs: how many files at once.
        mode: how quire serves, QUIRE or STRESS.
    """

    allowed: list[Allowed]
    work: Path
    quick: bool
    jobs: int
    mode: str = QUIRE

    def compare_all(self, files: Iterable[TestFile]) -> Iterator[Pair]:
        """Compare the files; then, one at a time, those that differ once more."""
        second_look = []
        with ThreadPoolExecutor(self.jobs) as pool:
            for pair in pool.map(self.compare, files):
                if pair.differing:
                    second_look.append(pair)
                else:
                    yield pair
        for pair in second_look:
            yield self.look_again(pair)

    def compare(self, file: TestFile) -> Pair:
        quire = run_file(file, self.mode)
        plain = quire if self.quick and quire.code == 0 else self.run_plainly(file)
        reasons = {case: why_allowed(file.name, case, self.allowed) for case in differences(plain, quire)}
        differing = tuple(case for case, reason in reasons.items() if reason is None)
        tell(file, plain, quire, f"{len(differing)} to look at again" if differing else "")
        return Pair(file, plain, quire, differing, {case: reason for case, reason in reasons.items() if reason})

    def look_again(self, pair: Pair) -> Pair:
        """Run a file that differs again, alone, both ways: tests that depend on time fail now and then.

        A case that passes on quire now, or fails plainly now, is unsteady. A crash on quire never is.
        """
        quire, plain = run_file(pair.file, self.mode), run_file(pair.file, PLAIN)
        again = differences(plain, quire)
        if pair.quire.is_crash:
            again.append(WHOLE_FILE)
        differing = tuple(case for case in pair.differing if case in again)
        unsteady = tuple(case for case in pair.differing if case not in again)
        tell(pair.file, plain, quire, "alone")
        self.keep_output(pair)
        return replace(pair, differing=differing, unsteady=unsteady)

    # --- what is kept --------------------------------------------------------------------------------------------

    def run_plainly(self, file: TestFile) -> Result:
        path = self.place("plain", file, "json")
        if path.exists():
            return Result(**json.loads(path.read_text()))
        result = run_file(file, PLAIN)
        if not result.is_broken:
            path.write_text(json.dumps(asdict(result)))
        return result

    def keep_output(self, pair: Pair) -> None:
        self.place(self.mode, pair.file, "log").write_text(pair.quire.output)

    def place(self, mode: str, file: TestFile, kind: str) -> Path:
        folder = self.work / mode
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{file.name.replace('/', '.')}.{kind}"


def tell(file: TestFile, plain: Result, quire: Result, remark: str) -> None:
    """One line while the campaign is under way."""
    said = [f"on quire {quire.ending}, {quire.seconds:.1f} s"]
    if quire.meshed_pools:
        said[0] += f", {quire.meshed_pools:,} pools meshed"
    if plain is not quire:
        said.append(f"plainly {plain.ending}, {plain.seconds:.1f} s")
    print(f"{file.name}: {'; '.join(said)}{remark and f' ({remark})'}", flush=True)


def tell_differences(pairs: list[Pair]) -> None:
    """One line for each case that differed, once or twice."""
    for pair in pairs:
        for case, reason in pair.allowed.items():
            print(f"allowed: {pair.file.name} {case}: {reason}")
        for case in pair.unsteady:
            print(f"unsteady: {pair.file.name} {case}: {explain(case, pair.quire)} on quire once, not again")
        for case in pair.differing:
            print(f"DIFFERS: {pair.file.name} {case}: passes plainly; on quire {explain(case, pair.quire)}")
