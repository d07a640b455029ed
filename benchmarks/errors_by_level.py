"""What an oracle of difficulty could save: errors and live groups per 1,000 generated tokens, by level of a world.

    python benchmarks/errors_by_level.py runs/select/none-20/checkpoints/grpo/step-000060

Draws the completions of a model on new training problems of the quickstart's world and prints a JSON line per level,
and one over all levels. ``rl.select`` can only save tokens as far as the levels differ in live groups per token.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean

import torch

from leadline import Scorer
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import SamplingConfig, sample
from leadline.engine.scored_batch import completions_of
from leadline.grpo.solve_window import mixed_chance
from leadline.model import load_decoder, load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes import find_recipe
from leadline.runs.training_data import WorldMaterial
from leadline.seeds import python_rng, torch_rng
from leadline.types import Problem

AT_ONCE = 48
"""Problems per batch."""


def answers(
    checkpoint: Path, problems: list[Problem], samples: int, max_tokens: int
) -> list[tuple[Problem, float, float]]:
    """Each problem with its measured solve rate and its mean number of tokens."""
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
            right = torch.tensor([float(score.correct is True) for score in scores]).view(-1, samples).mean(1)
            tokens = rollouts.lengths.float().view(-1, samples).mean(1)
            found += list(zip(part, right.tolist(), tokens.tolist(), strict=True))
    return found


def summary(level: str, rows: list[tuple[Problem, float, float]], group_size: int) -> dict[str, object]:
    tokens = fmean(row[2] for row in rows)
    live = fmean(mixed_chance(row[1], group_size) for row in rows)
    return {
        "level": level,
        "problems": len(rows),
        "pass@1": round(fmean(row[1] for row in rows), 4),
        "tokens": round(tokens, 1),
        "wrong_per_1000_tokens": round(1000 * fmean(1 - row[1] for row in rows) / tokens, 3),
        "live_groups": round(live, 3),
        "live_groups_per_1000_tokens": round(1000 * live / (group_size * tokens), 3),
    }


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
        print(json.dumps(summary(f"{level:g}", own, given.group_size)))
    print(json.dumps(summary("all", rows, given.group_size)))


if __name__ == "__main__":
    main()
