"""Does asking the problems that teach save tokens? ``rl.select`` against ``none``, seeds paired.

    python benchmarks/select_problems.py --seeds 0 9 --jobs 2 --out runs/select      # the quickstart's world, trained
    python benchmarks/select_problems.py --simulate lead_stage23.json --seeds 0 9    # measured solve rates, simulated
    python benchmarks/select_problems.py --simulate lead_stage23.json --known 8      # 8 samples a problem are known

Counts the generated tokens until validation first reaches the pass@1 that ``none`` ends with (mean of its last two
validations; between two validations interpolated; a run that never does counts with all of its tokens, which are then
too few: ``reached`` says how many did). A run is one process and one thread; finished ones are not run again, stopped
ones go on. Prints JSON: ratios, their paired difference with a 95% t interval, and pass@1 at equal steps and at equal
tokens (those of the shorter run, the mean of the last fifth of them).

The simulated policy has one logit a problem, which rises with every mixed group of it, and all rise a little with it.
With ``refill`` a step of it learns from so many mixed groups, and pays for all that were asked.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from leadline.grpo.solve_window import SolveWindow
from leadline.seeds import endless_order, python_rng
from leadline.stats import paired_seeds
from leadline.storage.run_directory import RunReader, is_run
from leadline.types import Problem

MODES = ("none", "window", "refill")
STEPS, PROMPTS, GROUP = 150, 32, 8
CHANGES = ["arms={grpo: {advantage: grpo}}", "rl.validate_every=5", "rl.validation_problems=128", "threads=1"]
Curve = list[tuple[float, float]]
"""(generated tokens so far, pass@1) at every validation."""


def tokens_to(curve: Curve, target: float) -> float:
    """Tokens at which the curve first reaches ``target``; all of them when it does not.

    >>> tokens_to([(0.0, 0.2), (100.0, 0.4), (200.0, 0.8)], 0.6)
    150.0
    """
    for (before, low), (after, high) in itertools.pairwise(curve):
        if high >= target:
            return (
                after if high <= low else before + (after - before) * max(0.0, (target - low) / (high - low))
            )
    return curve[-1][0]


def late(curve: Curve, tokens: float) -> float:
    """Mean pass@1 over the last fifth of so many tokens, of the curve between its validations.

    >>> late([(0.0, 0.0), (100.0, 1.0)], 50.0)
    0.45
    """
    times, values = zip(*curve, strict=True)
    return float(np.interp(np.linspace(0.8 * tokens, tokens, 101), times, values).mean())


def trained(seed: int, mode: str, out: Path) -> Curve:
    """One run of the quickstart's recipe in a process of its own."""
    folder = out / f"{mode}-{seed}"
    words = [word for change in [*CHANGES, f"seed={seed}", f"rl.select={mode}"] for word in ("--set", change)]
    resume = ["--resume"] if is_run(folder) else []
    if not (folder / "summary.json").is_file():
        command = [sys.executable, "-m", "leadline.cli.main", "run", "quickstart", "--out", str(folder)]
        with (out / f"{mode}-{seed}.log").open("a") as log:
            subprocess.run(
                [*command, *words, *resume], check=True, stdout=log, stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
    tokens, curve = 0.0, []
    for row in RunReader(folder).metrics():
        if row["stage"] == "rl":
            tokens += row["mean_tokens"] * row["completions"]
        elif row["stage"] == "valid":
            curve.append((tokens, row["pass@1"]))
    return curve


def simulated(seed: int, mode: str, rates: Sequence[float], known: int) -> Curve:
    """A policy of one logit a problem: a mixed group moves its own by its spread, and all the others a little."""
    noise, before = python_rng(seed, "answers", mode), python_rng(seed, "known")
    logits = [math.log(max(rate, 0.005) / max(1 - rate, 0.005)) for rate in rates]
    problems = [Problem(str(i), "", "") for i in range(len(rates))]
    window, tokens, shared, curve = SolveWindow(GROUP), 0.0, 0.0, []
    window.begin((p, sum(before.random() < rates[int(p.id)] for _ in range(known)), known) for p in problems)
    for step in range(STEPS):
        curve.append((tokens, fmean(chance(logit + shared) for logit in logits)))
        count = PROMPTS * (1 if mode == "none" else 4)
        pool = [problems[i] for i in endless_order(len(rates), step * count, count, seed, "problems")]
        asked = window.choose(pool, PROMPTS, python_rng(seed, "select", step)) if mode == "window" else pool
        seen, live = [], 0
        for problem in asked:
            if live == PROMPTS:
                break
            rate = chance(logits[int(problem.id)] + shared)
            answers = [noise.random() < rate for _ in range(GROUP)]
            seen += [(problem, answer) for answer in answers]
            spread = fmean(answers) * (1 - fmean(answers))
            live += spread > 0
            logits[int(problem.id)] += 2.0 * spread
            shared += 0.002 * spread
        window.learn(seen)
        tokens += len(seen)
    return curve


def chance(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def compared(curves: dict[str, dict[int, Curve]]) -> dict[str, Any]:
    """What the modes cost, paired by seed."""
    seeds = sorted(curves["none"])
    spent: dict[str, list[float]] = {mode: [] for mode in curves}
    ends: dict[str, list[float]] = {mode: [] for mode in curves}
    for seed in seeds:
        target = fmean(value for _, value in curves["none"][seed][-2:])
        for mode in curves:
            spent[mode].append(tokens_to(curves[mode][seed], target))
            ends[mode].append(fmean(value for _, value in curves[mode][seed][-2:]))
    found: dict[str, Any] = {"seeds": seeds, "tokens": spent, "pass@1_at_equal_steps": ends}
    for mode in list(curves)[1:]:
        shares = [b / a - 1 for a, b in zip(spent["none"], spent[mode], strict=True)]
        pairs = [(curves["none"][seed], curves[mode][seed]) for seed in seeds]
        tokens = [min(one[-1][0], other[-1][0]) for one, other in pairs]
        equal = [
            [late(curve, at) for curve, at in zip(side, tokens, strict=True)]
            for side in zip(*pairs, strict=True)
        ]
        found[mode] = {
            "reached": sum(
                max(value for _, value in curves[mode][seed])
                >= fmean(value for _, value in curves["none"][seed][-2:])
                for seed in seeds
            ),
            "tokens_saved": [-share for share in shares],
            "difference_of_tokens": str(paired_seeds([0.0] * len(seeds), shares)),
            "difference_of_pass@1": str(paired_seeds(ends["none"], ends[mode])),
            "difference_of_pass@1_at_equal_tokens": str(paired_seeds(*equal)),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 9), metavar=("A", "B"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/select"))
    parser.add_argument(
        "--simulate", type=Path, help="JSON list of {correctness}: GRPO-LEAD's stage-2/3 data"
    )
    parser.add_argument(
        "--known", type=int, default=0, help="simulated: samples a problem that are known before"
    )
    parser.add_argument("--modes", default=",".join(MODES), help="none first")
    given = parser.parse_args()
    modes = given.modes.split(",")
    seeds = range(given.seeds[0], given.seeds[1] + 1)
    tasks = [(seed, mode) for seed in seeds for mode in modes]
    if given.simulate is not None:
        rates = [float(row["correctness"]) for row in json.loads(given.simulate.read_text())]
        found = [simulated(seed, mode, rates, given.known) for seed, mode in tasks]
    else:
        given.out.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(given.jobs) as pool:
            found = list(pool.map(lambda task: trained(*task, given.out), tasks))
    curves: dict[str, dict[int, Curve]] = {mode: {} for mode in modes}
    for (seed, mode), curve in zip(tasks, found, strict=True):
        curves[mode][seed] = curve
    print(json.dumps(compared(curves)))


if __name__ == "__main__":
    main()
