"""Does a language model learn from itself what it never gets right, by doing it in parts? The seed is the unit.

    python benchmarks/compose_on_llm.py --model models/smollm2-135m --seeds 0-2 --jobs 2

GRPO first teaches sums of two numbers, once. What comes of it is for all seeds the base model of what is measured: sums
of three, which it was never shown and seldom gets right. Arms from there: GRPO; ``compose``, GRPO with imitation of
what the frozen base model answers in two parts where a group has no right answer; ``grpo-2x``, GRPO with twice the
steps, no cheaper than ``compose`` in completions and updates. Paired differences with GRPO of the same seed. Finished
runs are kept, stopped ones go on. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from lead_vs_grpo import seeds_of
from leadline import Problem
from leadline.display.numbers import points
from leadline.runs.composer import Parts
from leadline.stats import paired_seeds, seed_mean
from leadline.storage.run_directory import RunReader
from llm_runs import carry_out, keep, outcomes, run_parser, shared_changes
from llm_tasks import Row, different, plus, sums, write_rows

PART_SIZE = 760
SAMPLES = 16
"""Of each problem in an evaluation."""
ARMS = {
    "grpo": "{advantage: grpo}",
    "compose": "{advantage: grpo, lift: 'compose_on_llm:in_two'}",
}


def part(rng: random.Random) -> Row:
    """A sum of two: the first is as large as a sum of two others may be."""
    return plus(rng.randrange(1, 41), rng.randrange(1, 21))


def whole(rng: random.Random) -> Row:
    return sums(rng, 1, 21, 3)


def joined(said: str, then: str) -> str:
    return f"{said.strip().removesuffix('.')}, so {then.strip()}"


def in_two(problem: Problem, rng: random.Random) -> Parts | None:
    """A sum of three: the first two numbers, then what came of them and the third."""
    first, second, third = map(int, re.findall(r"\d+", problem.prompt))

    def rest(said: str) -> str | None:
        numbers = re.findall(r"\b\d{1,4}\b", said)
        return plus(int(numbers[-1]), third)[0] if numbers else None

    return Parts(plus(first, second)[0], rest, joined)


def changes(options: argparse.Namespace, seed: int, model: Path, problems: Path) -> list[str]:
    """Of the packaged recipe ``smollm2``."""
    return [
        f"model.source={json.dumps(str(model))}",
        f"data.train={json.dumps(str(problems))}",
        "data.evaluation_share=0.25",
        "rl.validate_every=100",
        f"seed={seed}",
        *shared_changes(options),
    ]


def arms_of(names: list[str]) -> str:
    return "arms={" + ", ".join(f"{name}: {ARMS[name]}" for name in names) + "}"


def learn_parts(options: argparse.Namespace) -> Path:
    """The base model: GRPO on the parts, once for all seeds."""
    two = write_rows(options.out / "two.jsonl", different("two", part, PART_SIZE))
    learn = changes(options, options.part_seed, options.model, two)
    measure = ["evaluation.problems=48", "evaluation.samples=8", "evaluation.ks=[1, 8]"]
    folder: Path = options.out / "parts"
    carry_out(folder, [*learn, *measure, arms_of(["grpo"]), f"rl.steps={options.part_steps}"])
    return sorted((folder / "checkpoints" / "grpo").glob("step-*"))[-1].resolve()


def run_seed(options: argparse.Namespace, seed: int, base: Path) -> None:
    """The arms, and GRPO with twice the steps."""
    three = write_rows(options.out / "three.jsonl", different("three", whole))
    measure = [
        f"evaluation.problems={options.problems}",
        f"evaluation.samples={SAMPLES}",
        f"evaluation.ks=[1, {SAMPLES}]",
    ]
    for name, arms, steps in (("arms", list(ARMS), 1), ("twice", ["grpo"], 2)):
        learn = changes(options, seed, base, three)
        size = [f"rl.steps={steps * options.steps}", f"rl.prompts={options.prompts}"]
        carry_out(options.out / f"seed-{seed}" / name, [*learn, *measure, arms_of(arms), *size])


def hopeless(reader: RunReader) -> set[str]:
    """Problems that the first half of the base model's samples never solved; shown is the other half."""
    return {name for name, right in outcomes(reader, "base").items() if not any(right[: SAMPLES // 2])}


def measured(reader: RunReader, arm: str, never: set[str]) -> dict[str, float]:
    """pass@1, pass@SAMPLES, and what of the second half of the samples is right of the problems in ``never``."""
    solved = outcomes(reader, arm)
    late = [np.mean(solved[name][SAMPLES // 2 :]) for name in never]
    return {
        "pass@1": float(np.mean([np.mean(right) for right in solved.values()])),
        f"pass@{SAMPLES}": float(np.mean([any(right) for right in solved.values()])),
        "never": len(never) / len(solved),
        "of never": float(np.mean(late)) if late else 0.0,
    }


def collect(options: argparse.Namespace) -> dict[str, Any]:
    """``parts``: what they were worth before and after; ``seeds``: seed -> arm -> what :func:`measured` gives."""
    parts = RunReader(options.out / "parts").summary
    seeds: dict[str, Any] = {}
    for seed in options.seeds:
        arms, twice = (RunReader(options.out / f"seed-{seed}" / name) for name in ("arms", "twice"))
        never = hopeless(arms)
        seeds[str(seed)] = {
            "base": measured(arms, "base", never),
            **{arm: measured(arms, arm, never) for arm in ARMS},
            "grpo-2x": measured(twice, "grpo", never),
        }
    assert parts is not None  # carry_out saw the run to its end
    return {"parts": {arm: parts["arms"][arm]["pass@1"] for arm in ("base", "grpo")}, "seeds": seeds}


def show(found: dict[str, Any]) -> None:
    before, after = (found["parts"][arm] for arm in ("base", "grpo"))
    print(f"parts: pass@1 {100 * before:.1f}% -> {100 * after:.1f}%")
    seeds = list(found["seeds"].values())
    for arm in seeds[0]:
        values = {key: float(np.mean([seed[arm][key] for seed in seeds])) for key in seeds[0][arm]}
        print(f"{arm:14} " + "  ".join(f"{key} {100 * value:5.1f}%" for key, value in values.items()))
    if len(seeds) < 2:
        return
    for arm in ("compose", "grpo-2x"):
        for key in ("pass@1", f"pass@{SAMPLES}", "of never"):
            gain = paired_seeds([seed["grpo"][key] for seed in seeds], [seed[arm][key] for seed in seeds])
            print(f"{arm} - grpo, {key}: {points(gain)}")
    rise = seed_mean([seed["grpo"]["pass@1"] - seed["base"]["pass@1"] for seed in seeds])
    print(f"grpo - base, pass@1: {points(rise)}")


def main() -> None:
    parser = run_parser(__doc__, "compose-on-llm")
    parser.add_argument("--seeds", type=seeds_of, default=[0, 1, 2])
    parser.add_argument("--part-seed", type=int, default=100)
    parser.add_argument("--part-steps", type=int, default=25)
    parser.add_argument("--prompts", type=int, default=8, help="problems of a step")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--problems", type=int, default=64)
    options = parser.parse_args()
    options.model = options.model.resolve()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    started = time.monotonic()
    base = learn_parts(options)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda seed: run_seed(options, seed, base), options.seeds))
    found = collect(options)
    show(found)
    print(f"{time.monotonic() - started:.0f} s")
    kept = {
        "model": options.model.name,
        "part_seed": options.part_seed,
        "part_steps": options.part_steps,
        "prompts": options.prompts,
        "steps": options.steps,
        "problems": options.problems,
        "samples": SAMPLES,
        **found,
    }
    keep(options, kept)


if __name__ == "__main__":
    main()
