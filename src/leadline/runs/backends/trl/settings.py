"""The table of backend ``trl``: what each part of a recipe is called in TRL, or why TRL cannot do it.

``trl.grpo`` and ``trl.sft`` add what only TRL knows (``use_vllm``, ``deepspeed``, ``fsdp``, ...); what a line of the
table decides is refused there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from leadline.errors import ConfigError
from leadline.grpo.config import LossConfig
from leadline.recipes.schema import (
    SAMPLER_WEIGHT_CAP,
    VALIDATION_SAMPLES,
    ArmConfig,
    OptimiserConfig,
    PolicyConfig,
    Recipe,
)
from leadline.runs.backends.translation import Line, batch_line, overruled, refusals, settings
from leadline.runs.backends.trl.launch_words import are_words
from leadline.runs.backends.trl.lifting import lift_line
from leadline.runs.backends.trl.validation_batch import validation_rows

__all__ = ["grpo_config", "micro_rows", "sft_config", "trl_recipe_faults", "uses_cuda", "world"]


_LOSS_TYPE = {"token_mean": "dapo", "sequence_mean": "grpo", "constant": "dr_grpo"}


def micro_rows(rows: int, row_tokens: int, budget: int) -> int:
    """Rows a micro-step: the largest divisor of ``rows`` that stays within ``budget`` padded tokens; at least 1.

    >>> micro_rows(64, 100, 1700), micro_rows(64, 100, 50)
    (16, 1)
    """
    return max(d for d in range(1, rows + 1) if rows % d == 0 and (d == 1 or d * row_tokens <= budget))


def uses_cuda(recipe: Recipe) -> bool:
    """Whether the stages run on a GPU: where there is one, unless the recipe says ``cpu``."""
    return torch.cuda.is_available() and recipe.device != "cpu"


def trl_run_lines(recipe: Recipe) -> list[Line]:
    """What the run as a whole needs, and TRL's trainers have no key for."""
    words = are_words(recipe.trl.get("launch", []))
    unknown = [name for name in recipe.trl if name not in ("grpo", "sft", "launch")]
    no_gpu = recipe.device == "cuda" and not torch.cuda.is_available()
    return [
        *(Line(f"trl.{name}", refused="unknown section; there are grpo, sft, launch") for name in unknown),
        Line.refused_if(not words, "trl.launch", "a list of arguments of `accelerate launch`, each a text"),
        Line.refused_if(
            not recipe.model.source,
            "model.source",
            "backend trl trains a checkpoint: give its directory or Hugging Face id (--model)",
        ),
        Line.refused_if(no_gpu, "device", "cuda was asked for, and torch sees none"),
    ]


def trl_optimiser_lines(
    stage: str, config: OptimiserConfig, steps: int, every: int, scale: float
) -> list[Line]:
    """AdamW; its schedule and what decays are :class:`~leadline.runs.backends.trl.recipe_step.RecipeOptimiser`'s."""
    return [
        Line.refused_if(
            config.name != "adamw",
            f"{stage}.optimiser.name",
            f"{config.name!r} is not in TRL; use adamw",
            {"optim": "adamw_torch_fused", "optim_args": None},
        ),
        Line(
            f"{stage}.optimiser",
            {
                "learning_rate": config.learning_rate * scale,
                "adam_beta1": config.betas[0],
                "adam_beta2": config.betas[1],
                "adam_epsilon": config.eps,
                "weight_decay": config.weight_decay,
                "max_grad_norm": config.max_grad_norm,
                "warmup_steps": 0,
                "lr_scheduler_type": "constant",
                "lr_scheduler_kwargs": None,
            },
        ),
        Line(f"{stage}.steps", {"max_steps": steps, "num_train_epochs": 1.0}),
        Line(f"{stage}.checkpoint_every", {"save_steps": every, "save_strategy": "steps"}),
        Line("checkpoints must resume", {"save_only_model": False, "ignore_data_skip": False}),
    ]


def supervised_lines(recipe: Recipe, *, row_tokens: int, world: int) -> list[Line]:
    """The supervised stage, in ``SFTConfig``'s words."""
    sft = recipe.sft
    share = max(sft.batch_size // world, 1)
    rows = micro_rows(share, row_tokens, sft.micro_tokens)
    whole = sft.method == "none" or sft.batch_size % world == 0
    return [
        Line("--out", {"output_dir": ""}),
        Line("seed", {"seed": recipe.seed}),
        *trl_optimiser_lines("sft", sft.optimiser, sft.steps, sft.checkpoint_every, 1.0),
        Line(
            "sft.batch_size",
            {"per_device_train_batch_size": rows, "gradient_accumulation_steps": share // rows},
            None if whole else f"{sft.batch_size} does not divide over {world} processes",
        ),
        Line("the order of the material", {"train_sampling_strategy": "sequential"}),
        Line(
            "rows of a step stay whole, so that a step means the same in every backend",
            {"packing": False, "max_length": None},
        ),
    ]


def policy_lines(recipe: Recipe, name: str, *, prompt_tokens: int, world: int) -> list[Line]:
    """One arm, in ``GRPOConfig``'s words."""
    rl, arm = recipe.rl, recipe.arms[name]
    every, scale = rl.checkpoint_every * rl.updates, arm.learning_rate_scale
    return [
        Line("--out", {"output_dir": ""}),
        Line("seed", {"seed": recipe.seed}),
        *trl_optimiser_lines("rl", rl.optimiser, rl.steps * rl.updates, every, scale),
        batch_line(recipe, world, batch_sizes(rl, prompt_tokens, world)),
        Line.refused_if(
            rl.select == "refill" and world > 1,
            "rl.select",
            "refill runs in one process; use window, or backend local",
        ),
        Line("checkpoints must resume, and TRL saves no reference model", {"sync_ref_model": False}),
        Line("rl.group_size", {"num_generations": rl.group_size}),
        Line("the order of the material", {"shuffle_dataset": False}),
        Line("the problems' places are a column", {"remove_unused_columns": False}),
        Line("rl.max_tokens", {"max_completion_length": rl.max_tokens}),
        Line("rl.temperature", {"temperature": rl.temperature}),
        Line(
            "what is trained on is sampled from the whole distribution",
            {"top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0, "generation_kwargs": None},
        ),
        updates_line(recipe, world),
        lift_line(recipe, name, world),
        Line(
            "rl.sampler_mismatch",
            {
                "vllm_importance_sampling_correction": rl.sampler_mismatch != "none",
                "vllm_importance_sampling_mode": "token_truncate",
                "vllm_importance_sampling_clip_max": SAMPLER_WEIGHT_CAP,
                "vllm_importance_sampling_clip_min": None,
                "vllm_importance_sampling_cap": None,
            },
        ),
        Line("rl.mask_truncated", {"mask_truncated_completions": rl.mask_truncated}),
        *reward_lines(name, arm),
        *trl_loss_lines(name, arm.loss),
    ]


def batch_sizes(rl: PolicyConfig, prompt_tokens: int, world: int) -> dict[str, int | None]:
    """One generation serves one step of the recipe.

    That is ``prompts * group_size`` completions, in ``updates`` optimiser steps of as many micro-steps as fit
    ``micro_tokens``.
    """
    share = max(rl.prompts * rl.group_size // rl.updates // world, 1)
    rows = micro_rows(share, prompt_tokens + rl.max_tokens, rl.micro_tokens)
    return {
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": share // rows,
        "steps_per_generation": share // rows * rl.updates,
        "generation_batch_size": None,
        "num_iterations": 1,
    }


def updates_line(recipe: Recipe, world: int) -> Line:
    """Updates are dealt by groups, so that none may lie in two processes when there are several updates."""
    rl = recipe.rl
    split = rl.updates > 1 and rl.prompts % (rl.updates * world) > 0
    why = f"{rl.prompts // rl.updates} groups an update do not divide over {world} processes"
    return Line.refused_if(split, "rl.updates", why)


def reward_lines(name: str, arm: ArmConfig) -> list[Line]:
    """What a completion earns."""
    return [
        # In the order of the functions, set with them.
        Line(f"arms.{name}.rewards", {"reward_weights": None}),
        Line(
            f"arms.{name}.advantage",
            {"scale_rewards": "group", "multi_objective_aggregation": "sum_then_normalize"},
        ),
    ]


def trl_loss_lines(name: str, loss: LossConfig) -> list[Line]:
    """The objective."""
    reverse = loss.kl == "reverse"
    refused = None
    if loss.kl in ("k1_in_reward", "k2"):
        refused = f"TRL has k3 and reverse, both in the loss, not {loss.kl!r}"
    elif reverse and loss.level == "sequence":
        refused = "with level 'sequence' TRL weighs a token's KL by the ratio of the whole completion"
    return [
        Line(f"arms.{name}.loss.kl", {"beta": loss.beta, "use_bias_correction_kl": reverse}, refused),
        Line(f"arms.{name}.loss.clip_low", {"epsilon": loss.clip_low}),
        Line(f"arms.{name}.loss.clip_high", {"epsilon_high": loss.clip_high}),
        Line(f"arms.{name}.loss.level", {"importance_sampling_level": loss.level}),
        Line(f"arms.{name}.loss.aggregation", {"loss_type": _LOSS_TYPE[loss.aggregation]}),
    ]


def chosen(recipe: Recipe) -> dict[str, Any]:
    """What a recipe has no word for; ``trl`` may say otherwise. On a CPU float32, and nothing is computed twice."""
    cuda = uses_cuda(recipe)
    return {
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": cuda,
        "report_to": [],
        "disable_tqdm": True,
        "logging_nan_inf_filter": False,
    }


def chosen_supervised(recipe: Recipe) -> dict[str, Any]:
    return {**chosen(recipe), "logging_steps": 1}


def chosen_policy(recipe: Recipe) -> dict[str, Any]:
    rl = recipe.rl
    return {
        **chosen(recipe),
        "logging_steps": rl.updates,
        "eval_strategy": "steps" if rl.validation_problems else "no",
        "eval_steps": rl.validate_every * rl.updates,
        "num_generations_eval": VALIDATION_SAMPLES,
        "per_device_eval_batch_size": validation_rows(rl.validation_problems, world()),
    }


def trl_recipe_faults(recipe: Recipe, world: int) -> list[str]:
    """Everything in the recipe that TRL cannot do, and everything under ``trl`` that it may not decide.

    Args:
        world: processes that a stage runs in.
    """
    from trl import GRPOConfig, SFTConfig

    guess = recipe.rl.max_tokens  # of a prompt's length: it decides sizes of micro-batches, and no fault
    supervised = supervised_lines(recipe, row_tokens=guess, world=world)
    arms = [
        line for name in recipe.arms for line in policy_lines(recipe, name, prompt_tokens=guess, world=world)
    ]
    tables: dict[str, tuple[Any, list[Line]]] = {"sft": (SFTConfig, supervised), "grpo": (GRPOConfig, arms)}
    faults = refusals([*trl_run_lines(recipe), *supervised, *arms])
    for section, (config, lines) in tables.items():
        given = recipe.trl.get(section, {})
        if not isinstance(given, Mapping):
            faults.append(f"trl.{section}: a mapping of arguments, not {type(given).__name__}")
            continue
        known = {field.name for field in fields(config)}
        faults += overruled(lines, given, f"trl.{section}")
        faults += [f"trl.{section}.{key}: TRL has no such argument" for key in given if key not in known]
    return faults


def grpo_config(recipe: Recipe, name: str, folder: str | Path, *, prompt_tokens: int, **more: Any) -> Any:
    """The ``GRPOConfig`` of the arm ``name``; ``more`` goes over what the recipe says.

    Raises:
        ConfigError: the table refuses the arm, or TRL something under ``trl.grpo``.
    """
    from trl import GRPOConfig

    lines = policy_lines(recipe, name, prompt_tokens=prompt_tokens, world=world())
    return _made(
        GRPOConfig, "grpo", recipe, chosen_policy(recipe), lines, {"output_dir": str(folder), **more}
    )


def sft_config(recipe: Recipe, folder: str | Path, *, row_tokens: int) -> Any:
    """The ``SFTConfig``.

    Raises:
        ConfigError: the table refuses the stage, or TRL something under ``trl.sft``.
    """
    from trl import SFTConfig

    lines = supervised_lines(recipe, row_tokens=row_tokens, world=world())
    return _made(SFTConfig, "sft", recipe, chosen_supervised(recipe), lines, {"output_dir": str(folder)})


def world() -> int:
    """Processes that train together, of which this is one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _made(
    config: Any,
    section: str,
    recipe: Recipe,
    chosen: dict[str, Any],
    lines: Sequence[Line],
    more: dict[str, Any],
) -> Any:
    faults = refusals(lines)
    if faults:
        raise ConfigError(faults)
    with _as_config_error(section):
        return config(**{**chosen, **recipe.trl.get(section, {}), **settings(lines), **more})


@contextlib.contextmanager
def _as_config_error(section: str) -> Iterator[None]:
    try:
        yield
    except Exception as fault:  # TRL, transformers and what they import raise whatever they like
        why = " ".join(str(fault).split())[:300] or type(fault).__name__
        raise ConfigError(f"trl.{section}: TRL refuses it: {why}") from fault
