"""What quire must reach, and whether it does.

Two bars depend on how Python was built: where the interpreter is one optimised program, as in Debian, its own allocator
is compiled into those that call it and costs less than in a shared library.
"""

from __future__ import annotations

import statistics

from figures import GUARDED, OWN, QUIRE, Figures
from tables import Verdict

FIXED_MIB_MAX = 1.5
MIB = 1024**2

WHY_ALLOCATION = (
    "Where the interpreter is one optimised program, CPython's allocator is compiled into its callers: it takes 52 "
    "instructions for an allocation with its free, 11 of which are the dispatch to whoever serves, which stays. quire "
    "takes 37 with it."
)
WHY_PROGRAM = (
    "Under callgrind CPython's arenas lie below 2^30 and quire's range above, so there, not in a process of its own, "
    "id() makes a longer integer on quire: deepcopy and pickle in Python, which ask for it often, count more on 3.15. "
    "And quire's modules are objects too, so the collector runs at other moments: the graph with slots, which takes "
    "1.002 at the counted size, takes 0.997 at twice the size."
)
WHY_TIME = (
    "The same instructions take longer on this processor, a virtual Skylake, than on an AMD EPYC with two processors, "
    "where an earlier build took 0.971 (0.952-0.997) on 3.11.2, 0.953 (0.927-0.981) on 3.13.0 and 0.965 (0.950-0.995) "
    "on 3.15.0, each program alone. Of what is lost here, half a per cent is the start, of programs that take about a "
    "second: three times as long, they lose 0.8 %. Tried without a gain beyond the noise of 0.3 %: one set of pools "
    "for both kinds of requests, no prefetch, branches aligned for this processor, pages of growing classes populated "
    "four at a time. Huge pages would save faults, but what is purged from within one stays in memory until the "
    "system is short of it."
)
WHY_FIXED = (
    "About a third is pages of the interpreter's own code and data, which quire's start reads and a program that does "
    "nothing does not; two fifths are quire's modules as objects, in a page or more of each size class; a sixth is "
    "quire's code."
)
WHY_PEAK = (
    "What is empty at the peak is soon needed again: phases of a program that take turns use pools of different kinds. "
    "Empty pools and holes are purged before a new peak, but within a limit: without it these peaks are two or three "
    "per cent lower, for up to twice the page faults, which takes more time than the heap saves (docs/design/heap.md)."
)
WHY_START = (
    "Reading and running quire's modules is Python's own work, and `quire run` starts Python twice, first to read the "
    "command line: so both grow with what a start of the Python takes, which the table of starts tells. On an AMD "
    "EPYC, where a start of 3.11.2 took 10.7 ms, they took 1.8 and 11.9 ms, with an earlier build."
)


def verdicts(figures: Figures) -> list[Verdict]:
    found: list[Verdict] = []
    if figures.counted:
        found += [allocation(figures), program(figures)]
    if "work" in figures.record:
        found.append(never_rests(figures))
    if QUIRE in figures.allocators():
        found += [time(figures), peers(figures)]
        if "start" in figures.record:
            found += peaks(figures)
    if "start" in figures.record:
        found += starts(figures)
    return [*found, guarded(figures)]


def allocation(figures: Figures) -> Verdict:
    bar = 0.45 if figures.is_shared else 0.62
    ratios = [figures.instructions_after_start(name, "allocation") for name in figures.counted]
    mean = statistics.geometric_mean(ratios)
    measured = f"{mean:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return Verdict("instructions of allocate, free, reallocate", f"≤ {bar}", measured, mean <= bar, WHY_ALLOCATION)


def program(figures: Figures) -> Verdict:
    ratios = {name: figures.instructions_after_start(name, "total") for name in figures.counted}
    worst = max(ratios, key=lambda name: ratios[name])
    measured = f"at most {ratios[worst]:.3f} ({worst})"
    reached = ratios[worst] < 1
    return Verdict("instructions of the program, each workload", "< 1.00", measured, reached, WHY_PROGRAM)


def never_rests(figures: Figures) -> Verdict:
    """Of its processor time, which is known to a thousandth where that of two runs is not; so are its instructions."""
    what, bar = "giving back, of the processor time of a program that never rests", "≤ 1 %"
    shares = {name: each["helper_seconds"] / each["cpu_seconds"] for name, each in figures.record["work"].items()}
    worst = max(shares, key=lambda name: shares[name])
    measured = f"{statistics.mean(shares.values()):.2%}, at most {shares[worst]:.2%} ({worst})"
    return Verdict(what, bar, measured, shares[worst] <= 0.01)


def time(figures: Figures) -> Verdict:
    bar = 0.96 if figures.is_shared else 0.98
    mean = figures.mean(QUIRE, "cpu_seconds")
    reached = mean.middle <= bar and mean.high <= 1
    return Verdict("processor time, geometric mean", f"≤ {bar}, upper end ≤ 1.00", str(mean), reached, WHY_TIME)


def peers(figures: Figures) -> Verdict:
    means = {
        name: figures.mean(name, "cpu_seconds").middle for name in figures.allocators() if name not in (OWN, GUARDED)
    }
    best = min(means, key=lambda name: means[name])
    others = {name: mean for name, mean in means.items() if name != QUIRE}
    if not others:
        return Verdict("processor time against every peer", "ahead", "no peer measured", None)
    nearest = min(others, key=lambda name: others[name])
    return Verdict(
        "processor time against every peer", "ahead", f"nearest: {nearest}, {others[nearest]:.3f}", best == QUIRE
    )


def peaks(figures: Figures) -> list[Verdict]:
    fixed_mib = figures.fixed_bytes() / MIB
    ratios = {name: figures.peak_beyond_fixed(name) for name in figures.runs}
    mean = statistics.geometric_mean(ratios.values())
    worst = max(ratios, key=lambda name: ratios[name])
    return [
        Verdict(
            "peak memory, fixed cost",
            f"≤ {FIXED_MIB_MAX} MiB",
            f"{fixed_mib:.2f} MiB",
            fixed_mib <= FIXED_MIB_MAX,
            WHY_FIXED,
        ),
        Verdict("peak memory beyond it, geometric mean", "≤ 1.00", f"{mean:.3f}", mean <= 1, WHY_PEAK),
        Verdict(
            "peak memory beyond it, worst", "≤ 1.03", f"{ratios[worst]:.3f} ({worst})", ratios[worst] <= 1.03, WHY_PEAK
        ),
    ]


def starts(figures: Figures) -> list[Verdict]:
    found = []
    for way, bar in (("import and install", 2), ("quire run --quiet", 15)):
        taken = figures.start_ms(way)
        measured = f"{taken.middle:.1f} ms ({taken.low:.1f}-{taken.high:.1f})"
        found.append(Verdict(f"start, `{way}`", f"≤ {bar} ms", measured, taken.middle <= bar, WHY_START))
    return found


def guarded(figures: Figures) -> Verdict:
    what, bar = "guarded sampling, processor time against quire's", "≤ 1.01"
    if GUARDED not in figures.allocators():
        return Verdict(what, bar, "not measured", None)
    mean = figures.mean_of_guarded("cpu_seconds")
    return Verdict(what, bar, str(mean), mean.middle <= 1.01)
