"""From a recipe to the arguments of TRL's trainers.

Everything that both have a word for is decided by the recipe; ``trl.grpo`` and ``trl.sft`` add what only TRL knows
(``use_vllm``, ``deepspeed``, ``fsdp``, ...).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from leadline.errors import ConfigError, Refusals
from leadline.recipes.schema import ArmConfig, OptimiserConfig, Recipe

__all__ = [
    "check_arguments",
    "grpo_arguments",
    "grpo_config",
    "micro_rows",
    "sft_arguments",
    "sft_config",
    "uses_cuda",
]

_LOSS_TYPE = {"token_mean": "dapo", "sequence_mean": "grpo", "constant": "dr_grpo"}


def micro_rows(rows: int, row_tokens: int, budget: int) -> int:
    """Rows a micro-step: the largest divisor of ``rows`` that stays within ``budget`` padded tokens; at least 1.

    >>> micro_rows(64, 100, 1700), micro_rows(64, 100, 50)
    (16, 1)
    """
    return max(d for d in range(1, rows + 1) if rows % d == 0 and (d == 1 or d * row_tokens <= budget))


def optimiser_arguments(config: OptimiserConfig, steps: int, scale: float = 1.0) -> dict[str, Any]:
    """AdamW and its schedule: linear warm-up, then constant, linear or cosine down to the floor."""
    warmup = round(config.warmup * steps)
    schedules: dict[str, tuple[str, dict[str, Any]]] = {
        "constant": ("constant_with_warmup", {}),
        "cosine": ("cosine_with_min_lr", {"min_lr_rate": config.floor}),
        "linear": (
            "warmup_stable_decay",
            {"num_decay_steps": max(steps - warmup, 1), "min_lr_ratio": config.floor, "decay_type": "linear"},
        ),
    }
    name, options = schedules[config.decay]
    return {
        "learning_rate": config.learning_rate * scale,
        "adam_beta1": config.betas[0],
        "adam_beta2": config.betas[1],
        "adam_epsilon": config.eps,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "warmup_steps": warmup,
        "lr_scheduler_type": name,
        "lr_scheduler_kwargs": options or None,
    }


def uses_cuda(recipe: Recipe) -> bool:
    """Whether the stages run on a GPU: where there is one, unless the recipe says ``cpu``."""
    return torch.cuda.is_available() and recipe.device != "cpu"


def common_arguments(recipe: Recipe) -> dict[str, Any]:
    """What both trainers share. On a CPU float32 without recomputation: small models, and no bf16 units."""
    cuda = uses_cuda(recipe)
    return {
        "seed": recipe.seed,
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": cuda,
        "report_to": [],
        "disable_tqdm": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
    }


def _share(rows: int, world: int, what: str) -> int:
    if rows % world:
        raise ConfigError(f"{what}: {rows} completions do not divide over {world} processes")
    return rows // world


def grpo_arguments(recipe: Recipe, arm: ArmConfig, *, prompt_tokens: int) -> dict[str, Any]:
    """Arguments of ``GRPOConfig`` for one arm.

    One generation serves one step of the recipe: ``prompts * group_size`` completions, in ``updates`` optimiser steps
    of as many micro-steps as fit ``micro_tokens``.
    """
    rl, world = recipe.rl, int(os.environ.get("WORLD_SIZE", "1"))
    share = _share(rl.prompts * rl.group_size // rl.updates, world, "rl.prompts * rl.group_size / rl.updates")
    rows = micro_rows(share, prompt_tokens + rl.max_tokens, rl.micro_tokens)
    return {
        **common_arguments(recipe),
        **optimiser_arguments(rl.optimiser, rl.steps * rl.updates, arm.learning_rate_scale),
        "num_generations": rl.group_size,
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": share // rows,
        "steps_per_generation": share // rows * rl.updates,
        "num_iterations": 1,
        "max_steps": rl.steps * rl.updates,
        "shuffle_dataset": False,
        "max_completion_length": rl.max_tokens,
        "temperature": rl.temperature,
        "mask_truncated_completions": rl.mask_truncated,
        "beta": arm.loss.beta,
        "epsilon": arm.loss.clip_low,
        "epsilon_high": arm.loss.clip_high,
        "importance_sampling_level": arm.loss.level,
        "loss_type": _LOSS_TYPE[arm.loss.aggregation],
        "logging_steps": rl.updates,
        "save_steps": rl.checkpoint_every * rl.updates,
        "save_total_limit": rl.keep,
        "eval_strategy": "steps" if rl.validation_problems else "no",
        "eval_steps": rl.validate_every * rl.updates,
        "num_generations_eval": VALIDATION_SAMPLES,
        "per_device_eval_batch_size": VALIDATION_SAMPLES * max(1, min(rl.validation_problems, 16)),
        **recipe.trl.get("grpo", {}),
    }


def sft_arguments(recipe: Recipe, *, row_tokens: int) -> dict[str, Any]:
    """Arguments of ``SFTConfig``."""
    sft, world = recipe.sft, int(os.environ.get("WORLD_SIZE", "1"))
    share = _share(sft.batch_size, world, "sft.batch_size")
    rows = micro_rows(share, row_tokens, sft.micro_tokens)
    return {
        **common_arguments(recipe),
        **optimiser_arguments(sft.optimiser, sft.steps),
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": share // rows,
        "max_steps": sft.steps,
        "max_length": None,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_steps": sft.checkpoint_every,
        "save_total_limit": 2,
        **recipe.trl.get("sft", {}),
    }


def grpo_config(
    recipe: Recipe, arm: ArmConfig, folder: str | Path, *, prompt_tokens: int, **more: Any
) -> Any:
    """The ``GRPOConfig`` of one arm; ``more`` goes over what the recipe says.

    Raises:
        ConfigError: TRL refuses something under ``trl.grpo``, or the batch does not divide over the processes.
    """
    from trl import GRPOConfig

    arguments = grpo_arguments(recipe, arm, prompt_tokens=prompt_tokens) | more
    with _as_config_error("grpo"):
        return GRPOConfig(output_dir=str(folder), **arguments)


def sft_config(recipe: Recipe, folder: str | Path, *, row_tokens: int) -> Any:
    """The ``SFTConfig``.

    Raises:
        ConfigError: TRL refuses something under ``trl.sft``, or the batch does not divide over the processes.
    """
    from trl import SFTConfig

    arguments = sft_arguments(recipe, row_tokens=row_tokens)
    with _as_config_error("sft"):
        return SFTConfig(output_dir=str(folder), **arguments)


def check_arguments(recipe: Recipe, folder: str | Path) -> None:
    """Have TRL look at the arguments of every stage, before the first begins.

    Raises:
        ConfigError: what it refuses, each once.
    """
    refusals = Refusals()
    if recipe.sft.method != "none":
        with refusals:
            sft_config(recipe, folder, row_tokens=recipe.rl.max_tokens)
    for arm in recipe.arms.values() if recipe.rl.steps else ():
        with refusals:
            grpo_config(recipe, arm, folder, prompt_tokens=recipe.rl.max_tokens)
    refusals.raise_all()


@contextlib.contextmanager
def _as_config_error(section: str) -> Iterator[None]:
    try:
        yield
    except Exception as fault:  # TRL, transformers and what they import raise whatever they like
        why = " ".join(str(fault).split())[:300] or type(fault).__name__
        raise ConfigError(f"trl.{section}: TRL refuses it: {why}") from fault


VALIDATION_SAMPLES = 4
"""Completions a validation problem, as in the local engine."""
