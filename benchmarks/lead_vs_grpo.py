"""GRPO-LEAD, its parts and the concise arms against GRPO, over seeds; the seed is the unit, paired.

    python benchmarks/lead_vs_grpo.py --seeds 0-9 --jobs 2                      # what each part of LEAD does
    python benchmarks/lead_vs_grpo.py --recipe length-ablation --world checks --steps 60 --seeds 0-9
    python benchmarks/lead_vs_grpo.py --recipe length-ablation --plan checks:60,no-checks:60,checks:120

A run is one seed in one world for so many steps: one supervised model, shared by its arms; one process and one thread a
run. In the world ``checks`` a checked step is more often right; in ``no-checks`` no step of a training trace is wrong,
so that a check never finds anything: the short way is truly as good there, and a method that never shortens is caught.

Results are written as each arm ends. Arms that ``--out`` holds already are not run again, and runs that were stopped go
on, so the same command can be given until nothing is left to do. Prints, a world and number of steps, the means over
seeds and the paired differences with 95% t intervals.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.recipes import find_recipe
from leadline.stats import cons_at_k, paired_seeds, pass_at_k, seed_mean
from leadline.storage.run_directory import RunReader, is_run
from leadline.storage.step_row import DRIFT_FIELDS

METRICS = ("pass@1", "pass@8", "cons@8", "mean_tokens")
CONTROL = "grpo"
WORLDS: dict[str, list[str]] = {
    "checks": [],
    "no-checks": ["data.world.slip=0.0", "data.world.checks=[0.0, 1.0, 1.0, 1.0, 1.0]"],
}
TRACED = (
    "pass@1",
    "mean_tokens",
    "length_alpha",
    "length_slope",
    "length_gap",
    *DRIFT_FIELDS,
)
"""Of every step, for the figures."""

Results = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""condition ("checks/60") -> seed -> arm -> its metrics."""


@dataclass(frozen=True)
class Job:
    """One run: a seed in a world for so many steps."""

    recipe: str
    world: str
    steps: int
    seed: int
    arms: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def condition(self) -> str:
        return f"{self.world}/{self.steps}"

    def folder(self, runs: Path) -> Path:
        return runs / f"{self.world}-{self.steps}" / f"seed-{self.seed}"

    def settings(self) -> list[str]:
        return [
            *WORLDS[self.world],
            f"rl.steps={self.steps}",
            f"seed={self.seed}",
            "threads=1",
            *self.changes,
        ]


def run_job(job: Job, runs: Path, done: Sequence[str]) -> None:
    """The arms of one run that have no result yet, in a process of their own."""
    recipe = find_recipe(job.recipe, job.settings())
    chosen = job.arms or tuple(recipe.arms)
    left = {name: arm for name, arm in recipe.arms.items() if name in chosen and name not in done}
    if not left:
        return
    folder = job.folder(runs)
    path = folder / "recipe.yaml"
    if not path.is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        path = folder.with_suffix(".yaml")
        path.write_text(recipe.model_copy(update={"arms": left}).to_yaml())
    how = [str(path), "--out", str(folder), *(["--resume"] if is_run(folder) else [])]
    command = [sys.executable, "-m", "leadline.cli.main", "run", *how]
    with folder.with_suffix(".log").open("a") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def measured(job: Job, runs: Path, known: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every arm of a run, finished or not, that has been measured by now, but those that are known already."""
    reader = RunReader(job.folder(runs))
    for arm in reader.arms:
        if arm in known or "eval" not in reader.sample_names(arm):
            continue
        counts: dict[str, tuple[int, int]] = {}
        answers: dict[str, tuple[list[str | None], list[bool]]] = {}
        tokens = []
        for row in reader.samples(arm, "eval"):
            n, c = counts.get(row["problem_id"], (0, 0))
            counts[row["problem_id"]] = n + 1, c + (row["correct"] is True)
            said, right = answers.setdefault(row["problem_id"], ([], []))
            said.append(row["answer"])
            right.append(row["correct"] is True)
            tokens.append(row["n_tokens"])
        found: dict[str, Any] = {
            f"pass@{k}": float(np.mean([pass_at_k(n, c, k) for n, c in counts.values()])) for k in (1, 8)
        }
        found["cons@8"] = float(np.mean([cons_at_k(said, right, 8) for said, right in answers.values()]))
        found["mean_tokens"] = float(np.mean(tokens))
        steps = [row for row in reader.metrics(arm) if row.get("stage") == "rl"]
        trace = {name: [_rounded(row.get(name)) for row in steps] for name in TRACED}
        yield arm, found | ({"trace": trace} if steps else {})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def gather(jobs: Sequence[Job], runs: Path, results: Results) -> None:
    """Add to ``results`` what the runs have come to by now."""
    for job in jobs:
        if (job.folder(runs) / "recipe.yaml").is_file():
            seed = results.setdefault(job.condition, {}).setdefault(str(job.seed), {})
            seed |= dict(measured(job, runs, seed))


def aggregate(seeds: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Means and paired differences to the control in one condition, over the seeds that an arm has been run on."""
    result: dict[str, Any] = {
        "seeds": {},
        "means": {},
        "against_grpo": {},
        "relative_length": {},
        "worst": {},
    }
    for arm in dict.fromkeys(arm for found in seeds.values() for arm in found):
        pairs = [(found[arm], found.get(CONTROL)) for found in seeds.values() if arm in found]
        result["means"][arm] = {m: _interval(seed_mean([own[m] for own, _ in pairs])) for m in METRICS}
        both = [(own, control) for own, control in pairs if control is not None]
        result["seeds"][arm] = len(both)
        if arm in ("base", CONTROL) or not both:
            continue
        result["against_grpo"][arm] = {
            m: _interval(paired_seeds([control[m] for _, control in both], [own[m] for own, _ in both]))
            for m in METRICS
        }
        ratios = [own["mean_tokens"] / control["mean_tokens"] - 1 for own, control in both]
        result["relative_length"][arm] = _interval(seed_mean(ratios))
        result["worst"][arm] = round(min(own["pass@1"] - control["pass@1"] for own, control in both), 4)
    return result


def _interval(interval: Any) -> list[float]:
    return [round(float(x), 4) for x in (interval.value, interval.lo, interval.hi)]


def show(condition: str, result: dict[str, Any]) -> None:
    print(f"\n{condition}\n{'':20}{'seeds':>6}" + "".join(f"{m:>26}" for m in METRICS))
    for arm, row in result["means"].items():
        print(f"{arm:20}{result['seeds'][arm]:>6}" + "".join(f"{_text(row[m]):>26}" for m in METRICS))
    print("paired differences to grpo (mean over seeds, 95% interval)")
    for arm, row in result["against_grpo"].items():
        length = _text([100 * x for x in result["relative_length"][arm]], 1)
        print(
            f"{arm:26}"
            + "".join(f"{_text(row[m]):>26}" for m in METRICS)
            + f"   length {length} %   worst seed {100 * result['worst'][arm]:+.1f} points"
        )


def _text(values: list[float], digits: int = 3) -> str:
    value, low, high = values
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def seeds_of(text: str) -> list[int]:
    """``0-9``, ``3`` or ``0,2,7``."""
    ends = [part.partition("-") for part in text.split(",")]
    return [seed for first, _, last in ends for seed in range(int(first), int(last or first) + 1)]


def plan_of(options: argparse.Namespace) -> list[Job]:
    """The runs in the order in which they are begun."""
    conditions = [part.split(":") for part in options.plan.split(",")] if options.plan else []
    conditions = conditions or [[options.world, str(options.steps)]]
    arms = tuple(filter(None, options.arms.split(",")))
    return [
        Job(options.recipe, world, int(steps), seed, arms, tuple(options.changes))
        for world, steps in conditions
        for seed in seeds_of(options.seeds)
    ]


def read(path: Path) -> Results:
    return dict(json.loads(path.read_text())["runs"]) if path.is_file() else {}


def write(path: Path, recipe: str, changes: list[str], results: Results) -> None:
    """The results file anew, whole or not at all."""
    whole = {
        "recipe": recipe,
        "changes": changes,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread a run",
        "summary": {condition: aggregate(seeds) for condition, seeds in results.items()},
        "runs": results,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps(whole, separators=(",", ":")) + "\n")
    fresh.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="lead-ablation", help="packaged recipe or file")
    parser.add_argument("--world", choices=list(WORLDS), default="checks")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--plan", default="", help="several worlds and steps in turn: checks:60,no-checks:60")
    parser.add_argument("--seeds", default="0-9", help="0-9, 3 or 0,2,7")
    parser.add_argument("--arms", default="", help="only these of the recipe's: grpo,slope")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--runs", type=Path, default=Path("runs/lead_vs_grpo"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/lead_vs_grpo.json"))
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], help="change the recipe: a.b=value"
    )
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    jobs, results = plan_of(options), read(options.out)
    known = {job: list(results.get(job.condition, {}).get(str(job.seed), {})) for job in jobs}
    with ThreadPoolExecutor(options.jobs) as pool:
        pending = {pool.submit(run_job, job, options.runs, known[job]) for job in jobs}
        failed: list[BaseException] = []
        while pending:
            done, pending = wait(pending, timeout=10)
            failed += [fault for each in done if (fault := each.exception()) is not None]
            gather(jobs, options.runs, results)
            write(options.out, options.recipe, options.changes, results)
    for condition, seeds in results.items():
        show(condition, aggregate(seeds))
    for fault in failed:
        print(f"failed: {fault}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
