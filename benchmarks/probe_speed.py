"""Time and memory of probe and compare on a million graded rows without text.

    python benchmarks/probe_speed.py [--problems 1000] [--samples 1024]

Writes the files to a temporary folder, runs each command's function in a process of its own, and prints
its seconds (start of Python included) and peak memory. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

JOBS = {
    "probe": "from leadline.diagnosis.probe import run_probe; run_probe({base!r}, html={html!r})",
    "compare": "from leadline.diagnosis.compare import run_compare; run_compare({base!r}, {tuned!r}, html={html!r})",
}


def write(path: Path, masses: np.ndarray, samples: int, seed: int) -> None:
    """Graded rows as an evaluation writes them, less prompt and completion."""
    rng = np.random.default_rng(seed)
    with path.open("w") as stream:
        for i, q in enumerate(masses):
            right, length = rng.random(samples) < q, rng.integers(50, 900, size=samples)
            finished, logprob = rng.random(samples) < 0.95, -50 * rng.random(samples)
            for j in range(samples):
                row = {
                    "problem_id": f"p{i:04d}",
                    "n_tokens": int(length[j]),
                    "finished": bool(finished[j]),
                    "correct": bool(right[j] and finished[j]),
                    "reason": "match" if right[j] else "mismatch",
                    "answer": str(length[j] % 100),
                    "logprob": float(logprob[j]),
                }
                stream.write(json.dumps(row) + "\n")


def run(code: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak megabytes of a Python process that runs ``code``."""
    report = (
        "; import resource; used = resource.getrusage(resource.RUSAGE_SELF);"
        " print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    cpu, memory = map(float, done.stdout.split()[-2:])
    return time.perf_counter() - start, cpu, memory


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    masses = np.random.default_rng(0).beta(0.4, 0.6, size=arguments.problems)
    tuned = masses * np.e / (1 - masses + masses * np.e)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        names = {name: str(Path(folder) / f"{name}.jsonl") for name in ("base", "tuned")}
        write(Path(names["base"]), masses, arguments.samples, 1)
        write(Path(names["tuned"]), tuned, arguments.samples, 2)
        names["html"] = str(Path(folder) / "page.html")
        for job, code in JOBS.items():
            figures = [run(code.format(**names)) for _ in range(arguments.runs)]
            seconds, cpu, memory = (sorted(column) for column in zip(*figures, strict=True))
            result[job] = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": memory[-1]}
            rows = f"{arguments.problems} x {arguments.samples} rows a side"
            print(f"{job}: {_list(seconds)} s, {_list(cpu)} s of CPU, peak {memory[-1]:.0f} MB ({rows})")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
