"""GRPO-LEAD against GRPO and against itself without its parts, over seeds; the seed is the unit, paired.

    python benchmarks/lead_vs_grpo.py --seeds 10 --jobs 2

Every seed is one run of the packaged recipe ``lead-ablation`` (one supervised model a seed, shared by its arms), one
thread each. Runs that are there already are used, runs that were stopped go on. Prints the means over seeds and the
paired differences with 95% t intervals, and writes them as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from leadline.stats import paired_seeds, seed_mean
from leadline.storage.run_directory import RunReader

METRICS = ("pass@1", "pass@8", "cons@8", "mean_tokens")
CONTROL = "grpo"


def run_seed(folder: Path, seed: int, changes: list[str]) -> None:
    """One run of the recipe, in its own process; nothing to do when it is finished."""
    out = folder / f"seed-{seed}"
    if (out / "summary.json").is_file():
        return
    command = [sys.executable, "-m", "leadline.cli.main", "run", "lead-ablation", "--out", str(out)]
    command += ["--set", f"seed={seed}", "--set", "threads=1"]
    command += [part for change in changes for part in ("--set", change)]
    command += ["--resume"] if (out / "recipe.yaml").is_file() else []
    with (folder / f"seed-{seed}.log").open("a") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def collect(folder: Path, seeds: list[int]) -> dict[str, dict[str, list[float]]]:
    """arm -> metric -> one value a seed."""
    summaries = [RunReader(folder / f"seed-{seed}").summary for seed in seeds]
    arms = list((summaries[0] or {})["arms"])
    return {arm: {m: [float((s or {})["arms"][arm][m]) for s in summaries] for m in METRICS} for arm in arms}


def aggregate(values: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Means and paired differences to the control, each with its interval over seeds."""
    result: dict[str, Any] = {"means": {}, "against_grpo": {}, "relative_length": {}}
    for arm, metrics in values.items():
        result["means"][arm] = {m: _interval(seed_mean(metrics[m])) for m in METRICS}
        if arm not in ("base", "sft", CONTROL):
            control = values[CONTROL]
            result["against_grpo"][arm] = {
                m: _interval(paired_seeds(control[m], metrics[m])) for m in METRICS
            }
            ratio = np.asarray(metrics["mean_tokens"]) / np.asarray(control["mean_tokens"]) - 1
            result["relative_length"][arm] = _interval(seed_mean(ratio))
    result["grpo_over_sft"] = {
        m: _interval(paired_seeds(values["sft"][m], values[CONTROL][m])) for m in METRICS
    }
    return result


def _interval(interval: Any) -> list[float]:
    return [round(float(x), 4) for x in (interval.value, interval.lo, interval.hi)]


def show(result: dict[str, Any]) -> None:
    print(f"{'':20}" + "".join(f"{m:>26}" for m in METRICS))
    for arm, row in result["means"].items():
        print(f"{arm:20}" + "".join(f"{_text(row[m]):>26}" for m in METRICS))
    print("\npaired differences to grpo (mean over seeds, 95% interval)")
    for arm, row in result["against_grpo"].items():
        length = _text([100 * x for x in result["relative_length"][arm]], 1)
        print(f"{arm:20}" + "".join(f"{_text(row[m]):>26}" for m in METRICS) + f"   length {length} %")
    print(f"{'grpo - sft':20}" + "".join(f"{_text(result['grpo_over_sft'][m]):>26}" for m in METRICS))


def _text(values: list[float], digits: int = 3) -> str:
    value, low, high = values
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--runs", type=Path, default=Path("runs/lead_vs_grpo"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/lead_vs_grpo.json"))
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], help="change the recipe: a.b=value"
    )
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    seeds = list(range(options.seeds))
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda seed: run_seed(options.runs, seed, options.changes), seeds))
    values = collect(options.runs, seeds)
    result = {
        "recipe": "lead-ablation",
        "changes": options.changes,
        "seeds": seeds,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread a run",
        "versions": (RunReader(options.runs / "seed-0").summary or {})["versions"],
        "values": values,
        **aggregate(values),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


if __name__ == "__main__":
    main()
