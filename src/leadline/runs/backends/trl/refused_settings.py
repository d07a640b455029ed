"""What stands in a recipe and is not in TRL, or is decided by the recipe and not under ``trl``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

import torch

from leadline.recipes.schema import Recipe

__all__ = ["recipe_faults"]

SECTIONS = ("grpo", "sft", "launch")


def recipe_faults(recipe: Recipe) -> list[str]:
    """What stands in the recipe and cannot be run through TRL; knows without loading anything but TRL itself."""
    from trl import GRPOConfig, SFTConfig

    faults = [
        f"trl.{name}: unknown section; there are {', '.join(SECTIONS)}"
        for name in recipe.trl
        if name not in SECTIONS
    ]
    for section, config in (("grpo", GRPOConfig), ("sft", SFTConfig)):
        faults += _section_faults(
            section, recipe.trl.get(section, {}), {field.name for field in fields(config)}
        )
    launch = recipe.trl.get("launch", [])
    if not isinstance(launch, list) or not all(isinstance(word, str) for word in launch):
        faults.append("trl.launch: a list of arguments of `accelerate launch`, each a text")
    if recipe.model.source is None:
        faults.append(
            "model.source: backend trl trains a checkpoint: give its directory or Hugging Face id (--model)"
        )
    if recipe.device == "cuda" and not torch.cuda.is_available():
        faults.append("device: cuda was asked for, and torch sees none")
    for stage, optimiser in (("sft", recipe.sft.optimiser), ("rl", recipe.rl.optimiser)):
        if optimiser.name != "adamw":
            faults.append(f"{stage}.optimiser.name: {optimiser.name!r} is not in TRL; use adamw")
    for name, arm in recipe.arms.items():
        if arm.loss.kl in ("k1_in_reward", "k2"):
            faults.append(f"arms.{name}.loss.kl: TRL has k3 in the loss only, not {arm.loss.kl!r}")
    return faults


def _section_faults(section: str, given: object, known: Iterable[str]) -> list[str]:
    if not isinstance(given, Mapping):
        return [f"trl.{section}: a mapping of arguments, not {type(given).__name__}"]
    taken = _DECIDED[section]
    faults = []
    for name in given:
        if name in taken:
            faults.append(f"trl.{section}.{name}: the recipe decides this: {taken[name]}")
        elif name not in known:
            faults.append(f"trl.{section}.{name}: TRL has no such argument")
    return faults


_OPTIMISER = {
    **dict.fromkeys(
        ("learning_rate", "weight_decay", "max_grad_norm", "warmup_steps", "adam_epsilon"), "optimiser"
    ),
    **dict.fromkeys(("adam_beta1", "adam_beta2", "lr_scheduler_type", "lr_scheduler_kwargs"), "optimiser"),
    "seed": "seed",
    "output_dir": "--out",
    "max_steps": "steps",
    "num_train_epochs": "steps",
    "save_steps": "checkpoint_every",
    "save_strategy": "checkpoint_every",
    "save_only_model": "checkpoints must resume",
}
_DECIDED = {
    "sft": {
        **_OPTIMISER,
        "train_sampling_strategy": "the order of the material",
        "packing": "rows of a step stay whole, so that a step means the same in every backend",
        **dict.fromkeys(
            ("per_device_train_batch_size", "gradient_accumulation_steps"), "sft.batch_size, sft.micro_tokens"
        ),
    },
    "grpo": {
        **_OPTIMISER,
        "num_generations": "rl.group_size",
        "num_iterations": "rl.updates",
        "max_completion_length": "rl.max_tokens",
        "temperature": "rl.temperature",
        "mask_truncated_completions": "rl.mask_truncated",
        "beta": "arms.NAME.loss.beta",
        "epsilon": "arms.NAME.loss.clip_low",
        "epsilon_high": "arms.NAME.loss.clip_high",
        "loss_type": "arms.NAME.loss.aggregation",
        "importance_sampling_level": "arms.NAME.loss.level",
        "scale_rewards": "arms.NAME.advantage.normalisation",
        "reward_weights": "arms.NAME.rewards",
        "shuffle_dataset": "the order of the material",
        "top_p": "truncated sampling is refused in training (Decision 11)",
        "top_k": "truncated sampling is refused in training (Decision 11)",
        "min_p": "truncated sampling is refused in training (Decision 11)",
        **dict.fromkeys(
            ("per_device_train_batch_size", "gradient_accumulation_steps"), "rl.micro_tokens, rl.updates"
        ),
        **dict.fromkeys(("steps_per_generation", "generation_batch_size"), "rl.prompts, rl.group_size"),
    },
}
