"""What a recipe would do and roughly cost, before anything is done: ``leadline run --dry-run``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from leadline.display.numbers import minutes
from leadline.recipes.schema import Recipe
from leadline.runs.backends import check_recipe
from leadline.runs.model_shapes import own_shape
from leadline.runs.pipeline import stage_names
from leadline.runs.training_data import Material, gold_completion, open_material

__all__ = ["BYTES_TO_TRAIN", "OVERHEAD_BYTES", "StageCost", "describe_plan", "plan"]

# A small transformer reaches about a third of the rate of a large matrix product (docs/performance.md).
_EFFICIENCY = 1 / 3
_FULL_WIDTH = 1.3  # an answer's length in tokens, as a share of that of a known solution
BYTES_TO_TRAIN = 16  # weight, gradient and two moments in float32
OVERHEAD_BYTES = 600e6  # torch, transformers, activations of a small batch


@dataclass(frozen=True, slots=True)
class StageCost:
    """Estimated cost of one stage: optimiser steps, tokens that pass through the model, seconds on this machine."""

    stage: str
    steps: int
    tokens: int
    seconds: float | None


def plan(recipe: Recipe, material: Material, parameters: int | None, rate: float) -> list[StageCost]:
    """Estimate every stage.

    Args:
        recipe: what would be run.
        material: what it would be trained and measured on.
        parameters: of the model; without them the seconds are None.
        rate: floating-point operations a second of a large matrix product here.
    """
    length = _typical_length(recipe, material)
    measured = recipe.evaluation.problems * recipe.evaluation.samples * length
    plans = []
    for name in stage_names(recipe):
        steps, trained, sampled = 0, 0, measured
        if name == "sft":
            steps = recipe.sft.steps
            trained = steps * recipe.sft.batch_size * length
        elif name != "base":
            steps = recipe.rl.steps
            trained = steps * recipe.rl.prompts * recipe.rl.group_size * length
            sampled += trained
        a_parameter = (6 * trained + 2 * sampled) / (rate * _EFFICIENCY)
        seconds = None if parameters is None else parameters * a_parameter
        plans.append(StageCost(name, steps, trained + sampled, seconds))
    return plans


def describe_plan(recipe: Recipe, out: Path) -> list[str]:
    """The plan in lines of plain text; loads the data and looks for faults like a run, but writes nothing.

    Raises:
        InputError: what a run would be refused for, except what is only missing on this machine.
    """
    material = open_material(recipe)
    notes = [*material.notes, *check_recipe(recipe, material, planning=True)]
    parameters = _parameters(recipe, material)
    plans = plan(recipe, material, parameters, _matrix_rate(recipe.threads))
    size = "" if parameters is None else f"{parameters:,} parameters, "
    lines = [f"{recipe.name}: backend {recipe.backend}, seed {recipe.seed}, {size}into {out}"]
    lines += [f"note: {note}" for note in notes]
    lines += [
        f"  {row.stage:18} {row.steps:6,} steps  {row.tokens / 1e6:9.2f} M tokens  {_time(row.seconds)}".rstrip()
        for row in plans
    ]
    if recipe.backend == "local" or parameters is not None:
        lines.append(_total(parameters, plans))
    if (out / "recipe.yaml").is_file():
        lines.append(f"{out} holds a run already: --resume goes on with it")
    return lines


def _total(parameters: int | None, plans: Sequence[StageCost]) -> str:
    if parameters is None:
        return "time and memory are not estimated: the model is not on this machine"
    memory = (parameters * BYTES_TO_TRAIN + OVERHEAD_BYTES) / 1e9
    return (
        f"about {_time(sum(row.seconds or 0 for row in plans))} here and {memory:.1f} GB of memory beside activations; "
        "estimated from this machine's matrix product, good to a factor of two"
    )


def _typical_length(recipe: Recipe, material: Material) -> int:
    """Tokens of a completion: guessed from known solutions; of a model that was trained elsewhere, half of the cap."""
    if recipe.model.source is not None:
        return max(1, recipe.rl.max_tokens // 2)
    characters = fmean(len(gold_completion(problem)) for problem in material.test(16))
    tokens = characters / (1.6 if recipe.data.world is not None else 3.0)
    return max(1, min(recipe.rl.max_tokens, int(tokens * _FULL_WIDTH)))


def _parameters(recipe: Recipe, material: Material) -> int | None:
    """Of the model to train; None where it is a name on the hub, which a plan does not ask for."""
    if recipe.model.source is not None:
        from leadline.model.checkpoint import count_parameters

        folder = Path(recipe.model.source)
        return count_parameters(folder) if folder.is_dir() else None
    return own_shape(recipe, len(material.pieces) + 106).parameters


def _matrix_rate(threads: int | None) -> float:
    """Floating-point operations a second: the best of some matrix products on one core, times the threads.

    The best, not the mean: other work on the machine can only slow a product down.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    a, best = torch.ones(512, 512), float("inf")
    for _ in range(30):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    torch.set_num_threads(before)
    return 2 * 512**3 / best * (threads or os.cpu_count() or 1)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return minutes(seconds) if seconds < 5400 else f"{seconds / 3600:.1f} h"
