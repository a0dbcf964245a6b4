"""Runs programs of the kind people run, plainly and on quire, and holds the two runs against each other.

    run.py [--work FOLDER] [PROGRAM ...]

Both must say the same and end the same, and quire's report must explain where the memory was, both at the end and at
the peak. One line a program; exit code 1 if anything is wrong. The folder keeps outputs and reports, to look at. The
packages of requirements.txt and quire must be installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue import PROGRAMS, Program
from execution import Run, run_on_quire, run_plainly

UNEXPLAINED_MAX = 0.03
MIB = 1024**2
HEADER = (
    "program      wall s  plain  quire   cpu s  plain  quire   peak MiB  plain  quire   "
    "unexplained %  end  peak   other %  end  peak   above %   same output"
)
ROW = "{:12} {:14.1f} {:6.1f} {:14.1f} {:6.1f} {:17.0f} {:6.0f} {:20.2f} {:5.2f} {:14.1f} {:5.1f} {:9.1f}   {}"
HEAP_PARTS = ("live_bytes", "free_bytes", "empty_pool_bytes", "free_run_bytes", "metadata_bytes")
OTHER_PARTS = (
    "cpython_arena_bytes",
    "frame_bytes",
    "libc_live_bytes",
    "libc_held_bytes",
    "thread_stack_bytes",
    "mapped_file_bytes",
    "other_anonymous_bytes",
    "unexplained_bytes",
)

Sample = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    program: Program
    plain: Run
    quire: Run
    report: dict[str, Any] | None
    complaints: list[str]


def main() -> int:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        print(HEADER, flush=True)
        programs = [each for each in PROGRAMS if "all" in arguments.programs or each.name in arguments.programs]
        failures = sum(not run(program, work.resolve()) for program in programs)
    return 1 if failures else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run programs plainly and on quire, and compare.")
    parser.add_argument("--work", type=Path, help="folder for outputs and reports; a temporary one if not given")
    names = ["all", *(program.name for program in PROGRAMS)]
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", choices=names, default="all", help=", ".join(names))
    return parser.parse_args()


def run(program: Program, work: Path) -> bool:
    """Run it both ways, tell, and say whether all is well."""
    verdict = judge(program, work)
    print(line(verdict), flush=True)
    for complaint in verdict.complaints:
        print(f"    {complaint}", flush=True)
    return not verdict.complaints


# --- judging -------------------------------------------------------------------------------------------------


def judge(program: Program, work: Path) -> Verdict:
    path = work / program.name / "report.json"
    path.unlink(missing_ok=True)
    plain = run_plainly(program, work)
    quire = run_on_quire(program, work, path)
    report = json.loads(path.read_text()) if path.exists() else None
    return Verdict(
        program, plain, quire, report, [*failings(program, plain), *differences(plain, quire), *flaws(report)]
    )


def failings(program: Program, plain: Run) -> list[str]:
    """What keeps the plain run from being one that another can be held against."""
    found = []
    if plain.code != program.code:
        found.append(f"exit code: {plain.code} plainly, not {program.code}: {plain.outputs['stderr'][-300:]!r}")
    if not plain.outputs["stdout"] and not plain.outputs["client"]:
        found.append("it says nothing")
    return found


def differences(plain: Run, quire: Run) -> list[str]:
    found = [difference(name, plain.outputs[name], quire.outputs[name]) for name in plain.outputs]
    if plain.code != quire.code:
        found.append(f"exit code: {plain.code} plainly, {quire.code} on quire")
    return [each for each in found if each]


def difference(name: str, plain: str, quire: str) -> str:
    """The first line that is not the same; nothing if all are."""
    if plain == quire:
        return ""
    pairs = zip([*plain.splitlines(), "its end"], [*quire.splitlines(), "its end"], strict=False)
    number, pair = next((found for found in enumerate(pairs, 1) if found[1][0] != found[1][1]), (0, ("", "")))
    return f"{name}, line {number}: {pair[0]!r} plainly, {pair[1]!r} on quire"


def flaws(report: dict[str, Any] | None) -> list[str]:
    if report is None:
        return ["no report"]
    return [flaw for moment in ("end", "peak") for flaw in flaws_of_sample(moment, report[moment])]


def flaws_of_sample(moment: str, sample: Sample) -> list[str]:
    found = []
    total_bytes = sum(sample["heap"][part] for part in HEAP_PARTS) + sum(sample[part] for part in OTHER_PARTS)
    if total_bytes != sample["rss_bytes"]:
        found.append(f"{moment}: the rows add up to {total_bytes} bytes, and {sample['rss_bytes']} are resident")
    if share(sample, "unexplained_bytes") >= UNEXPLAINED_MAX:
        found.append(f"{moment}: {share(sample, 'unexplained_bytes'):.1%} of the memory is unexplained")
    return found


def share(sample: Sample, part: str) -> float:
    return float(sample[part] / sample["rss_bytes"])


# --- telling -------------------------------------------------------------------------------------------------


def line(verdict: Verdict) -> str:
    plain, quire = verdict.plain, verdict.quire
    return ROW.format(
        verdict.program.name,
        plain.wall_seconds,
        quire.wall_seconds,
        plain.cpu_seconds,
        quire.cpu_seconds,
        plain.peak_bytes / MIB,
        quire.peak_bytes / MIB,
        *shares(verdict.report),
        "no" if differences(plain, quire) else "yes",
    )


def shares(report: dict[str, Any] | None) -> list[float]:
    """In per cent: what is unexplained, what is of others' mappings, and what was seen above the highest sample."""
    if report is None:
        return [float("nan")] * 5
    parts = ("unexplained_bytes", "other_anonymous_bytes")
    found = [100 * share(report[moment], part) for part in parts for moment in ("end", "peak")]
    return [*found, 100 * (1 - report["peak"]["rss_bytes"] / report["rss_max_bytes"])]


if __name__ == "__main__":
    sys.exit(main())
