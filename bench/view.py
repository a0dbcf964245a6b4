"""How smooth the page is: a snapshot of five million objects in 100,000 pools, made by hand, in headless Chromium.

    python bench/view.py [--objects N] [--pools N] [--work FOLDER]

Tells the time from opening the page to its first picture, and frames a second while the map and the tree of retained
sizes are zoomed and moved, for the server's page and for one file. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

ARENA_BYTES = 2 << 20
POOL_BYTES = 16384
POOLS_IN_ARENA = 127
FIRST_BLOCK_BYTES = 48
CLASSES_BYTES = np.array([32, 48, 64, 80, 96, 128, 160, 224, 288])
CHILDREN = 12
TYPES = [
    "builtins.dict",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
    *(f"app.models.Type{n}" for n in range(60)),
]
SECONDS = 4.0
SWITCHES = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
RECORD = """() => {
    window.frameTimes = [];
    window.isRecording = true;
    const note = (time) => {
        window.frameTimes.push(time);
        if (window.isRecording) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
}"""
STOP = "() => { window.isRecording = false; return window.frameTimes; }"
SETTLED = "() => document.querySelector('[aria-busy]') === null"
FIRST = "() => performance.getEntriesByName('quire-first-picture').map((entry) => entry.startTime)"


# --- a snapshot -------------------------------------------------------------------------------------------------------


def make_snapshot(path: Path, objects: int, pools: int) -> None:
    """Objects in random blocks of pools, in a tree of many children, with as many more references at random."""
    random = np.random.default_rng(7)
    number = np.arange(pools, dtype=np.uint64)
    address = (1 << 44) + number // POOLS_IN_ARENA * ARENA_BYTES + (1 + number % POOLS_IN_ARENA) * POOL_BYTES
    block = random.choice(CLASSES_BYTES, pools)
    pool = np.sort(np.arange(objects) % pools)
    slot = (np.arange(objects) - np.searchsorted(pool, pool)) * ((POOL_BYTES - 64) // block[pool]) // (objects // pools)
    columns = object_columns(random, address[pool] + (FIRST_BLOCK_BYTES + slot * block[pool]).astype(np.uint64))
    live = np.bincount(pool, minlength=pools)
    columns |= {
        "pool_address": address.astype(np.uint64),
        "pool_bytes": np.full(pools, POOL_BYTES, np.uint32),
        "pool_block_bytes": block.astype(np.uint32),
        "pool_live": live.astype(np.uint32),
        "pool_resident_bytes": random.choice([4096, 8192, 16384], pools).astype(np.uint32),
        "pool_flags": random.choice([1, 1, 1, 2, 5], pools).astype(np.uint8),
    }
    types = [dict(zip(("module", "name"), name.rsplit(".", 1), strict=True)) | {"basic_bytes": 16} for name in TYPES]
    about = {"format": 1, "python": "3.13.0", "command": "bench", "has_edges": True}
    about |= {"types": types, "roots": [{"kind": "module", "name": "app"}]}
    with path.open("wb") as file:
        np.savez(file, **columns)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("snapshot.json", json.dumps(about))


def object_columns(random: np.random.Generator, address: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    count = len(address)
    parent = (np.arange(1, count) - 1) // CHILDREN
    source = np.concatenate((parent, random.integers(0, count, count)))
    target = np.concatenate((np.arange(1, count), random.integers(count // 2, count, count)))
    order = np.argsort(source, kind="stable")
    none = np.empty(0, np.uint32)
    return {
        "object_address": address.astype(np.uint64),
        "object_type": random.integers(0, len(TYPES), count).astype(np.uint32),
        "object_bytes": random.integers(32, 300, count).astype(np.uint64),
        "object_count": np.ones(count, np.uint32),
        "object_flags": np.zeros(count, np.uint8),
        "edge_end": np.cumsum(np.bincount(source, minlength=count)).astype(np.uint64),
        "edge_to": target[order].astype(np.uint32),
        "table_address": none.astype(np.uint64),
        "table_bytes": none.astype(np.uint64),
        "table_owner": none,
        "text_object": none,
        "text_end": none.astype(np.uint64),
        "text_bytes": none.astype(np.uint8),
        "root_object": np.zeros(1, np.uint32),
        "root_kind": np.zeros(1, np.uint8),
        "root_place": np.zeros(1, np.uint32),
    }


# --- the page ---------------------------------------------------------------------------------------------------------


@contextmanager
def view(path: Path) -> Iterator[tuple[str, float]]:
    """The address that ``quire view`` prints, and the seconds until it did."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "quire", "view", str(path)], stdout=subprocess.PIPE, text=True
    ) as viewer:
        assert viewer.stdout is not None
        address = viewer.stdout.readline().strip()
        yield address, time.monotonic() - began
        viewer.terminate()


class Clock:
    """Processor time of the page's main thread: what others do on the machine is not in it."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._began = self._now()

    def cpu_ms(self) -> float:
        """Since the clock was made."""
        return 1000 * (self._now() - self._began)

    def _now(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "ThreadTime")


def first_picture(browser: Any, address: str, view_name: str) -> dict[str, list[int]]:
    """From opening the page, in five new windows."""
    wall, cpu = [], []
    for _ in range(5):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        clock = Clock(page)
        page.goto(f"{address}#/{view_name}")
        page.wait_for_function(f"() => ({FIRST})().length > 0")
        wall += [round(each) for each in page.evaluate(FIRST)]
        cpu.append(round(clock.cpu_ms()))
        page.close()
    return {"first_picture_ms": wall, "first_picture_cpu_ms": cpu}


def frames(browser: Any, address: str, view_name: str) -> dict[str, float]:
    """While the wheel zooms in and out and the pointer drags, in turn."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{address}#/{view_name}")
    page.locator("canvas").wait_for()
    page.wait_for_function(SETTLED)
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    clock = Clock(page)
    page.evaluate(RECORD)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for delta in [-60] * 25 + [60] * 25:
            page.mouse.wheel(0, delta)
        page.mouse.down()
        page.mouse.move(x + 240, y + 140, steps=20)
        page.mouse.move(x, y, steps=20)
        page.mouse.up()
    times = page.evaluate(STOP)
    cpu_ms = clock.cpu_ms()
    page.close()
    gaps = [after - before for before, after in pairwise(times)]
    return {
        "frames_per_second": round(1000 * len(gaps) / (times[-1] - times[0]), 1),
        "frame_cpu_ms": round(cpu_ms / len(gaps), 1),
        "frame_ms_median": round(statistics.median(gaps), 1),
        "frame_ms_95": round(statistics.quantiles(gaps, n=20)[-1], 1),
        "frame_ms_max": round(max(gaps), 1),
    }


def measure(browser: Any, address: str) -> dict[str, Any]:
    return {
        **first_picture(browser, address, "map"),
        "map": frames(browser, address, "map"),
        "map, by type": frames(browser, address, "map?colour=type"),
        "retained": frames(browser, address, "retained"),
    }


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=5_000_000)
    parser.add_argument("--pools", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=Path("view-bench"))
    options = parser.parse_args()
    options.work.mkdir(exist_ok=True)
    path = options.work / "heap.quire"
    make_snapshot(path, options.objects, options.pools)
    report = options.work / "heap.html"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "quire", "report", str(path), "-o", str(report)], check=True)
    told: dict[str, Any] = {"report_seconds": round(time.monotonic() - began, 1), "report_bytes": report.stat().st_size}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*SWITCHES, "--no-sandbox"])
        told["one file"] = measure(browser, report.resolve().as_uri())
        with view(path) as (address, seconds):
            told["view_seconds"] = round(seconds, 1)
            told["server"] = measure(browser, address)
        browser.close()
    told |= {"load_average": os.getloadavg()[0], "processors": os.cpu_count()}
    print(json.dumps({"objects": options.objects, "pools": options.pools, **told}, indent=2))


if __name__ == "__main__":
    main()
