"""How long ``import leadline`` takes: the median over fresh interpreters, beside an interpreter that imports nothing.

    python benchmarks/import_time.py

Prints milliseconds of wall clock and of processor time per start, and their difference.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time


def start(code: str) -> tuple[float, float]:
    """Milliseconds that ``python -c code`` takes: on the clock, and of the processor."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    wall, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * wall, 1000 * used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=21, help="interpreters of each kind")
    starts = parser.parse_args().starts
    kinds = {"python": "pass", "import leadline": "import leadline"}
    for code in kinds.values():
        start(code)  # compiled files, caches of the disk
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(starts):  # in turns, so that both meet the same machine
        for kind, code in kinds.items():
            found[kind].append(start(code))
    medians = {
        kind: [statistics.median(column) for column in zip(*rows, strict=True)]
        for kind, rows in found.items()
    }
    for kind, (wall, used) in medians.items():
        print(f"{kind:16} {wall:6.1f} ms, {used:6.1f} ms of processor time")
    wall, used = (b - a for a, b in zip(*medians.values(), strict=True))
    print(f"{'difference':16} {wall:6.1f} ms, {used:6.1f} ms of processor time")


if __name__ == "__main__":
    main()
