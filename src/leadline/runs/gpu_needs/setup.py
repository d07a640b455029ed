"""How a recipe is spread over GPUs, in the few numbers that its memory and time follow from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leadline.errors import ConfigError
from leadline.recipes.schema import Recipe

__all__ = ["PROMPT_TOKENS", "NotCounted", "Setup", "setup_of"]

PROMPT_TOKENS = 256
"""Of a prompt, where nothing says how long they are."""


class NotCounted(Exception):
    """A layout that is not counted here; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One reinforcement-learning stage on some GPUs.

    Attributes:
        gpus: how many, all of one kind.
        stage: what ZeRO splits over the GPUs instead of keeping it on each: 0 nothing, 1 Adam's moments, 2 gradients
            too, 3 weights too (FSDP is 3).
        autocast: weights and the stream between layers are float32, products bfloat16 (no DeepSpeed, no FSDP).
        moments_away: Adam's moments stay in the computer's memory.
        reference_bytes: a parameter of the frozen model beside the policy, for a KL term; 0 without one.
        recomputed: activations are computed again for the backward pass (gradient checkpointing).
        steps: of the stage.
        rows: completions of a step, over all GPUs.
        micro_tokens: tokens of a GPU's micro-batch, prompts and pads included.
        tiled: its logits are never there as a whole (TRL from 1.16 on).
        padded: rows are computed at the length of their micro-batch's longest.
        cap: most tokens of a completion.
        sampler: an ``engine`` on these GPUs (vLLM, SGLang), transformers' ``generate``, or one ``elsewhere``.
        share: of a card's memory that an engine takes.
        tensor_parallel: GPUs that one copy of it is spread over.
        sampler_stays: it keeps that memory during the update.
        beside: bytes of a parameter that stay on the card while an engine draws, split as the states are.
        drawn_again: groups without signal are replaced until the batch is full.
    """

    gpus: int
    stage: int
    autocast: bool = False
    moments_away: bool = False
    reference_bytes: int = 0
    recomputed: bool = True
    steps: int
    rows: int
    micro_tokens: int
    tiled: bool
    padded: bool
    cap: int
    sampler: Literal["engine", "generate", "elsewhere"] = "engine"
    share: float = 0.0
    tensor_parallel: int = 1
    sampler_stays: bool = False
    beside: float = 16.0
    drawn_again: bool = False


def setup_of(recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None) -> Setup:
    """How this recipe would be run by its backend, ``trl`` or ``verl``.

    Args:
        nodes, gpus_per_node: of the command line, in place of the recipe's section ``verl``.

    Raises:
        ConfigError: a value that no trainer takes.
        NotCounted: a layout that is not counted here.
    """
    found = _of_verl(recipe, nodes, gpus_per_node) if recipe.backend == "verl" else _of_trl(recipe)
    if found.gpus % found.tensor_parallel:
        raise ConfigError(
            f"a copy of the sampler on {found.tensor_parallel} GPUs: {found.gpus} GPUs do not divide by that"
        )
    return found


def _of_trl(recipe: Recipe) -> Setup:
    from leadline.runs.backends.trl.launch_words import launch_arguments, launch_words, spread
    from leadline.runs.backends.trl.settings import micro_rows

    rl, words = recipe.rl, launch_words(recipe)
    given = recipe.trl.get("grpo") or {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"trl.grpo: a mapping of arguments, not {type(given).__name__}")
    if given.get("deepspeed"):
        raise NotCounted("trl.grpo.deepspeed, a configuration of DeepSpeed's own")
    arguments = launch_arguments(words) if words else argparse.Namespace()
    gpus, stage = (spread(arguments), zero_stage(arguments)) if words else (1, 0)
    deepspeed = bool(words) and bool(arguments.use_deepspeed)
    plain = not deepspeed and not (words and arguments.use_fsdp)
    share = max(1, rl.prompts * rl.group_size // rl.updates // gpus)
    rows = micro_rows(share, PROMPT_TOKENS + rl.max_tokens, rl.micro_tokens)
    mode = given.get("vllm_mode", "colocate") if given.get("use_vllm") else None
    engine = mode == "colocate"
    return Setup(
        gpus=gpus,
        stage=stage,
        autocast=plain,
        moments_away=deepspeed and arguments.offload_optimizer_device in ("cpu", "nvme"),
        reference_bytes=(4 if plain else 2) * _has_reference(recipe),
        recomputed=bool(given.get("gradient_checkpointing", True)),
        steps=rl.steps,
        rows=rl.prompts * rl.group_size,
        micro_tokens=rows * (PROMPT_TOKENS + rl.max_tokens),
        tiled=True,
        padded=True,
        cap=rl.max_tokens,
        sampler="engine" if engine else "generate" if mode is None else "elsewhere",
        share=_share("trl.grpo", given, "vllm_gpu_memory_utilization", 0.3) if engine else 0.0,
        tensor_parallel=_whole("trl.grpo", given, "vllm_tensor_parallel_size", 1) if engine else 1,
        sampler_stays=not given.get("vllm_enable_sleep_mode", False),
        drawn_again=rl.select == "refill",
    )


def zero_stage(given: argparse.Namespace) -> int:
    """Of what ``accelerate launch`` has read; FSDP in ZeRO's numbers.

    Raises:
        NotCounted: Megatron, or a configuration file of DeepSpeed's own.
    """
    if given.use_megatron_lm:
        raise NotCounted("Megatron under accelerate")
    if given.use_deepspeed:
        if given.deepspeed_config_file:
            raise NotCounted("a configuration file of DeepSpeed's own")
        return 2 if given.zero_stage is None else int(given.zero_stage)  # accelerate's own default
    if given.use_fsdp:
        kept = str(given.fsdp_reshard_after_forward).lower() in ("false", "shard_grad_op")
        strategy = str(given.fsdp_sharding_strategy).upper()
        return 0 if strategy in ("NO_SHARD", "3") else 2 if kept or strategy in ("SHARD_GRAD_OP", "2") else 3
    return 0


def _of_verl(recipe: Recipe, nodes: int | None, gpus_per_node: int | None) -> Setup:
    from leadline.runs.backends.verl.section import flat, read_section

    rl = recipe.rl
    section = read_section(recipe, nodes=nodes, gpus_per_node=gpus_per_node)
    keys = {name.removeprefix("actor_rollout_ref."): value for name, value in flat(section.keys).items()}
    gpus, fsdp = section.nodes * section.gpus_per_node, "actor.fsdp_config."
    if str(keys.get("actor.strategy", "fsdp2")) not in ("fsdp", "fsdp2"):
        raise NotCounted(f"actor.strategy {keys['actor.strategy']}")
    for name in (
        f"{fsdp}fsdp_size",
        f"{fsdp}ulysses_sequence_parallel_size",
        "actor.ulysses_sequence_parallel_size",
    ):
        if keys.get(name, 1) not in (1, -1, gpus):
            raise NotCounted(name)
    weights, moments = (not keys.get(f"{fsdp}{name}_offload", False) for name in ("param", "optimizer"))
    return Setup(
        gpus=gpus,
        stage=3,
        reference_bytes=4 * _has_reference(recipe),  # model_dtype of verl's FSDP engine: float32
        recomputed=bool(keys.get("model.enable_gradient_checkpointing", True)),
        steps=rl.steps,
        rows=rl.prompts * rl.group_size,
        micro_tokens=rl.micro_tokens,
        tiled=bool(keys.get("model.use_fused_kernels", False)),
        padded=False,
        cap=rl.max_tokens,
        share=_share("verl.keys", keys, "rollout.gpu_memory_utilization", 0.5),
        tensor_parallel=_whole("verl.keys", keys, "rollout.tensor_model_parallel_size", 1),
        beside=4.0 * weights + 8.0 * moments,
        drawn_again=section.dynamic_sampling,
    )


def _has_reference(recipe: Recipe) -> bool:
    return any(arm.loss.beta > 0 for arm in recipe.arms.values())


def _share(place: str, given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ConfigError(
            f"{place}.{name}: must be a share of a card's memory, above 0 and up to 1, is {value!r:.40}"
        )
    return float(value)


def _whole(place: str, given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1024:
        raise ConfigError(f"{place}.{name}: must be a whole number of GPUs, is {value!r:.40}")
    return value
