"""LEAD and its controls on a real language model; the seed is the unit, paired with plain GRPO of the same seed.

    python benchmarks/lead_on_llm.py --model models/smollm2-135m --seeds 0-2 --jobs 2

Arms: GRPO; LEAD; ``concise``, whose length term gives way; the reflection reward; a placebo (a coin per completion
instead of accuracy); a reward for the format alone (the answer in a box). The base model stands beside under three
system prompts, so that a gain is not merely what a better prompt gives. What of a gain is format shows by grading the
same samples twice: leniently (any final answer) and strictly (in a box only). One process a seed; finished ones are
kept, stopped ones go on. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from lead_vs_grpo import seeds_of
from leadline.stats import paired_seeds, seed_mean
from leadline.storage.run_directory import RunReader
from leadline.types import Completion, Problem
from llm_runs import carry_out, keep, run_parser, shared_changes
from llm_tasks import TASKS, write_tasks

BOX = re.compile(r"\\boxed\{[^{}]+\}")
ARMS = {
    "grpo": "{advantage: grpo}",
    "lead": "{advantage: lead}",
    "concise": "{advantage: concise}",
    "reflection": "{advantage: grpo, rewards: {accuracy: 1.0, reflection: 0.5}}",
    "placebo": "{advantage: grpo, rewards: {placebo: 1.0}}",
    "format": "{advantage: grpo, rewards: {'lead_on_llm:boxed': 1.0}}",
}
PROMPTS = {
    "box": "Put the final answer in \\boxed{}.",
    "short": "Answer with the final number only.",
    "steps": "Work step by step, then give the final answer in \\boxed{}.",
}
METRICS = ("pass@1", "boxed", "strict", "tokens")


def boxed(completion: Completion, problem: Problem) -> float:
    """1 where the completion puts something into a box: the reward for format alone."""
    return float(BOX.search(completion.text) is not None)


def common(options: argparse.Namespace, problems: Path) -> list[str]:
    return [
        f"model.source={json.dumps(str(options.model))}",
        f"data.train={json.dumps(str(problems))}",
        "data.evaluation_share=0.25",
        f"evaluation.problems={options.problems}",
        *shared_changes(options),
    ]


def measured(folder: Path, arm: str) -> dict[str, float] | None:
    """Means over the evaluation samples of an arm; None while they are not all there."""
    reader = RunReader(folder)
    if "eval" not in reader.sample_names(arm):
        return None
    rows = list(reader.samples(arm, "eval"))
    right = np.array([row["correct"] is True for row in rows])
    box = np.array([BOX.search(row["completion"]) is not None for row in rows])
    return {
        "pass@1": float(right.mean()),
        "boxed": float(box.mean()),
        "strict": float((right & box).mean()),
        "tokens": float(np.mean([row["n_tokens"] for row in rows])),
    }


def collect(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"seeds": {}, "prompts": {}}
    for seed in options.seeds:
        folder = options.out / f"seed-{seed}"
        if (folder / "recipe.yaml").is_file():
            rows = {arm: measured(folder, arm) for arm in ("base", *options.arms)}
            found["seeds"][str(seed)] = {arm: row for arm, row in rows.items() if row is not None}
    for name in PROMPTS:
        folder = options.out / f"prompt-{name}"
        if (folder / "summary.json").is_file():
            found["prompts"][name] = measured(folder, "base")
    return found


def show(found: dict[str, Any], arms: list[str]) -> None:
    for name, row in found["prompts"].items():
        print(f"base, prompt {name!r:8} " + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))
    for arm in ("base", *arms):
        rows = [seed[arm] for seed in found["seeds"].values() if arm in seed]
        if not rows:
            continue
        line = "  ".join(f"{key} {np.mean([row[key] for row in rows]):.3f}" for key in METRICS)
        print(f"{arm:12} {len(rows)} seeds  {line}")
    for arm in arms:
        both = [(s["grpo"], s[arm]) for s in found["seeds"].values() if arm in s and "grpo" in s]
        if arm == "grpo" or len(both) < 2:
            continue
        for key in METRICS:
            pair = paired_seeds([a[key] for a, _ in both], [b[key] for _, b in both])
            print(f"{arm} - grpo, {key:7} {pair.value:+.3f} [{pair.lo:+.3f}, {pair.hi:+.3f}]")
    gains = [s["grpo"]["pass@1"] - s["base"]["pass@1"] for s in found["seeds"].values() if "grpo" in s]
    if len(gains) > 1:
        gain = seed_mean(gains)
        print(f"grpo - base, pass@1 {gain.value:+.3f} [{gain.lo:+.3f}, {gain.hi:+.3f}]")


def main() -> None:
    parser = run_parser(__doc__, "lead-on-llm")
    parser.add_argument("--task", choices=TASKS, default="small sums")
    parser.add_argument("--problems-from", type=Path)
    parser.add_argument("--seeds", type=seeds_of, default=[0, 1, 2])
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--problems", type=int, default=96)
    options = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    files = write_tasks(options.problems_from or options.out / "problems", [options.task])
    shared = common(options, files[options.task])
    arms = "{" + ", ".join(f"{name}: {ARMS[name]}" for name in options.arms) + "}"
    jobs = [
        (options.out / f"seed-{seed}", [*shared, f"arms={arms}", f"rl.steps={options.steps}", f"seed={seed}"])
        for seed in options.seeds
    ]
    jobs += [
        (options.out / f"prompt-{name}", [*shared, "rl.steps=0", f"data.system_prompt={json.dumps(prompt)}"])
        for name, prompt in PROMPTS.items()
    ]
    started = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda job: carry_out(*job), jobs))
    found = collect(options) | {"task": options.task, "steps": options.steps, "model": options.model.name}
    show(found, options.arms)
    print(f"{time.monotonic() - started:.0f} s")
    keep(options, found)


if __name__ == "__main__":
    main()
