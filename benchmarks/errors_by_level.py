"""What an oracle of difficulty could save: errors and live groups per 1,000 generated tokens, by level of a world.

    python benchmarks/errors_by_level.py runs/select/none-20/checkpoints/grpo/step-000060

Draws the completions of a model on new training problems of the quickstart's world and prints a JSON line per level,
and one over all levels. ``rl.select`` can only save tokens as far as the levels differ in live groups per token, or
as far as something else tells the problems apart beforehand. Two such things are tried on the same completions:

* a pilot: a few completions of each problem, the rest of its group only where one of them was wrong;
* a head: a logistic regression of the solve rate on the policy's hidden state at the end of the prompt and the level,
  fitted on four fifths of the problems and held against the last fifth, five times.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from leadline import Scorer
from leadline.engine.prompts import Prompts, prefill
from leadline.engine.sampler import SamplingConfig, sample
from leadline.engine.scored_batch import completions_of
from leadline.model import load_decoder, load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes import find_recipe
from leadline.runs.training_data import WorldMaterial
from leadline.seeds import python_rng, torch_rng
from leadline.stats import mixed_at
from leadline.types import Problem

AT_ONCE = 48
"""Problems per batch."""


Answered = list[tuple[Problem, int, float]]
"""Problems, how many of their completions were right, and their mean number of tokens."""


def answers(checkpoint: Path, problems: list[Problem], samples: int, max_tokens: int) -> Answered:
    """Each problem with its right completions and its mean number of tokens."""
    model, codec = load_decoder(checkpoint), Codec(load_tokenizer(checkpoint))
    found = []
    with Scorer({"accuracy": 1.0}) as scorer, torch.no_grad():
        for start in range(0, len(problems), AT_ONCE):
            part = problems[start : start + AT_ONCE]
            prompts, noise = Prompts.pad(codec.encode_prompts(part)), torch_rng("errors by level", start)
            rollouts = sample(
                model, prompts, samples, SamplingConfig(max_tokens, 1.0), eos=codec.eos, generator=noise
            )
            owners = [part[i] for i in rollouts.owner.tolist()]
            scores = scorer.score(owners, completions_of(owners, rollouts, codec))
            right = torch.tensor([score.correct is True for score in scores]).view(-1, samples).sum(1)
            tokens = rollouts.lengths.float().view(-1, samples).mean(1)
            found += list(zip(part, right.tolist(), tokens.tolist(), strict=True))
    return found


def summary(level: str, rows: Answered, samples: int, group: int) -> dict[str, object]:
    right, tokens = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    live = mixed_at(samples, right, group)
    return {
        "level": level,
        "problems": len(rows),
        "pass@1": round(fmean(right / samples), 4),
        "tokens": round(fmean(tokens), 1),
        "wrong_per_1000_tokens": round(1000 * fmean(1 - right / samples) / fmean(tokens), 3),
        "live_groups": round(fmean(live), 3),
        "live_groups_per_1000_tokens": per_1000(live, group * tokens),
    }


def per_1000(live: NDArray[np.float64], tokens: NDArray[np.float64]) -> float:
    return round(1000 * float(live.sum() / tokens.sum()), 3)


def piloted(rows: Answered, samples: int, group: int, first: int) -> float:
    """Live groups per 1,000 tokens where a group is completed only if one of its ``first`` completions was wrong.

    By exchangeability: a live group with ``k`` wrong ones is found unless all of these lie behind the first ones.
    """
    live, drawn = np.zeros(len(rows)), np.zeros(len(rows))
    for place, (_, right, tokens) in enumerate(rows):
        for k in range(1, group):
            missed = math.comb(group - k, first) / math.comb(group, first)
            live[place] += chance_of(group - k, group, right, samples) * (1 - missed)
        whole = 1 - chance_of(first, first, right, samples)
        drawn[place] = tokens * (first + (group - first) * whole)
    return per_1000(live, drawn)


def chance_of(right: int, drawn: int, all_right: int, samples: int) -> float:
    """Chance of so many right ones among completions drawn of all that were sampled, without putting back."""
    ways = math.comb(all_right, right) * math.comb(samples - all_right, drawn - right)
    return ways / math.comb(samples, drawn)


def foretold(checkpoint: Path, rows: Answered, samples: int, group: int) -> dict[str, object]:
    """How well a head on the hidden state tells solve rates, and what asking the best quarter by it would give."""
    model, codec = load_decoder(checkpoint), Codec(load_tokenizer(checkpoint))
    problems = [row[0] for row in rows]
    with torch.no_grad():
        parts = [
            prefill(model, Prompts.pad(codec.encode_prompts(problems[start : start + AT_ONCE])))[0]
            for start in range(0, len(problems), AT_ONCE)
        ]
    hidden = torch.cat(parts).numpy()
    level = np.array([[problem.difficulty or 0.0] for problem in problems])
    right, tokens = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    features = np.hstack([level == value for value in np.unique(level)] + [hidden / hidden.std(0)])
    told, cost = np.zeros(len(rows)), np.zeros(len(rows))
    for fold in range(5):
        held = np.arange(len(rows)) % 5 == fold
        told[held] = features[held] @ logistic(features[~held], right[~held] / samples, samples)
        fit = np.linalg.lstsq(features[~held], tokens[~held], rcond=None)[0]
        cost[held] = np.maximum(features[held] @ fit, 1.0)
    rate = 1 / (1 + np.exp(-told))
    best = np.argsort(-(1 - rate**group - (1 - rate) ** group) / cost)[: len(rows) // 4]
    live = mixed_at(samples, right, group)
    return {
        "head": "best quarter",
        "correlation": round(float(np.corrcoef(rate, right)[0, 1]), 3),
        "live_groups_per_1000_tokens": per_1000(live[best], group * tokens[best]),
    }


def logistic(
    features: NDArray[np.float64], rates: NDArray[np.float64], samples: int, ridge: float = 10.0
) -> NDArray[np.float64]:
    """Weights of a logistic regression on rates of so many samples, by Newton's method, with a ridge."""
    weights = np.zeros(features.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (samples * (rates - p)) - ridge * weights
        bend = (features.T * (samples * p * (1 - p))) @ features + ridge * np.eye(len(weights))
        weights = weights + np.linalg.solve(bend, slope)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--problems", type=int, default=600)
    parser.add_argument("--samples", type=int, default=32, help="per problem")
    parser.add_argument("--group-size", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = find_recipe("quickstart")
    assert recipe.data.world is not None
    world = WorldMaterial(recipe.data.world, recipe.seed).world
    problems = world.problems(python_rng("errors by level"), given.problems, "train")
    rows = answers(given.checkpoint, problems, given.samples, recipe.rl.max_tokens)
    for level in sorted({row[0].difficulty or 0.0 for row in rows}):
        own = [row for row in rows if row[0].difficulty == level]
        print(json.dumps(summary(f"{level:g}", own, given.samples, given.group_size)))
    print(json.dumps(summary("all", rows, given.samples, given.group_size)))
    for first in (1, 2, 4):
        rate = piloted(rows, given.samples, given.group_size, first)
        print(json.dumps({"pilot": first, "live_groups_per_1000_tokens": rate}))
    print(json.dumps(foretold(given.checkpoint, rows, given.samples, given.group_size)))


if __name__ == "__main__":
    main()
