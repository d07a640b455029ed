"""What every backend refuses before anything is loaded or written: rewards, graders, and prompts that cannot be put."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.errors import CheckpointError, ConfigError, InputError
from leadline.health import stopping
from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.schema import Recipe
from leadline.rewards import Scorer
from leadline.rewards.user_functions import check_name, resolve
from leadline.runs.prompt_lengths import refuse_too_long
from leadline.runs.training_data import Material
from leadline.samplers import check_prompts

__all__ = ["check_lift", "check_model", "check_scoring", "check_stops"]


def check_scoring(recipe: Recipe, *, planning: bool = False) -> None:
    """Refuse rewards and graders that do not exist; otherwise found out when the first arm begins.

    Args:
        recipe: names them.
        planning: look for the modules of a user's own without importing them: a plan runs nobody's code.

    Raises:
        ConfigError: all of them at once.
    """
    faults: list[str] = []
    stages = {
        f"arms.{name}": (arm.rewards, arm.reward_options, arm.grader) for name, arm in recipe.arms.items()
    }
    stages["evaluation"] = ({"accuracy": 1.0}, {}, recipe.evaluation.grader)
    for place, (rewards, options, grader) in stages.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # said when the arm begins
                if planning:
                    rewards, options, grader = _without_own(rewards, options, grader)
                Scorer(rewards, options=options, grader=grader).close()
        except InputError as fault:
            faults += [f"{place}: {line}" for line in fault.problems]
    if faults:
        raise ConfigError(faults)


def check_stops(recipe: Recipe) -> None:
    """Refuse checks that there are none of, and any at all where nobody looks while the run goes on.

    Raises:
        ConfigError: one of them.
    """
    try:
        stopping(recipe.stop_on)
    except InputError as fault:
        raise ConfigError(f"stop_on: {fault}") from fault
    if recipe.stop_on and recipe.backend == "verl":
        raise ConfigError(
            "stop_on: a run of verl is looked at from outside: `leadline audit` on its rollouts"
        )


def check_lift(recipe: Recipe, material: Material | None, *, planning: bool = False) -> None:
    """Refuse arms that imitate solutions where no problem comes with one, and functions that do not exist.

    Raises:
        ConfigError: all of them.
    """
    faults: list[str] = []
    for name, arm in recipe.arms.items():
        if arm.lift == "solutions" and material is not None and not material.has_solutions:
            faults.append(
                f"arms.{name}.lift: none of the problems to train on has a solution; name their column in "
                "data.columns, or leave lift out"
            )
        try:
            if ":" in arm.lift:
                (check_name if planning else resolve)(arm.lift, what="lift")
        except InputError as fault:
            faults += [f"arms.{name}.lift: {line}" for line in fault.problems]
    if faults:
        raise ConfigError(faults)


def _without_own(
    rewards: Mapping[str, float], options: Mapping[str, Any], grader: str | None
) -> tuple[dict[str, float], dict[str, Any], None]:
    """What is leadline's own of a scoring; the modules of the rest are looked for."""
    for name in rewards:
        if ":" in name:
            check_name(name, what="reward")
    if grader is not None:
        check_name(grader, what="grader")
    ours = {name: weight for name, weight in rewards.items() if ":" not in name}
    return ours, {name: given for name, given in options.items() if ":" not in name}, None


def check_model(folder: Path, recipe: Recipe, material: Material | None) -> None:
    """Refuse a tokenizer without an end, and problems that cannot be put to it; the weights stay where they are.

    Args:
        folder: of the model.
        recipe: says what is put before every problem, and how long an answer may be.
        material: None where it could not be had: then only the tokenizer is looked at.

    Raises:
        CheckpointError: no usable tokenizer, or it lacks a chat template that is needed, or has one that refuses
            a chat of the material.
        DataError: prompts that leave the model too few positions for an answer.
    """
    codec = Codec(load_tokenizer(folder), recipe.data.system_prompt)
    if material is None:
        return
    chats = material.chats
    if chats and codec.tokenizer.chat_template is None:
        raise CheckpointError(
            f"{folder}: the tokenizer has no chat template, which problems that are chats need: "
            f"{len(chats)} of them, such as {chats[0].id!r}"
        )
    check_prompts([*chats, *material.train(0, 1), *material.test(1)], codec.prompt_text)
    answer = max(recipe.rl.max_tokens, recipe.evaluation.max_tokens or 0)
    refuse_too_long(material.problems, codec, folder, answer)
