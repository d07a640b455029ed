"""How a recipe is spread over GPUs, in the few numbers that its memory and time follow from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.errors import ConfigError
from leadline.recipes.schema import Recipe

__all__ = ["PROMPT_TOKENS", "Setup", "setup_of"]

PROMPT_TOKENS = 256
"""Of a prompt, where nothing says how long they are."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One reinforcement-learning stage on some GPUs.

    Attributes:
        gpus: how many, all of one kind.
        stage: what ZeRO keeps once instead of once a GPU: 0 nothing, 1 Adam's moments, 2 gradients too, 3 weights
            too (FSDP is 3).
        autocast: weights and the stream between layers are float32, products bfloat16 (no DeepSpeed, no FSDP).
        reference: a frozen model beside the policy, for a KL term.
        recomputed: activations are computed again for the backward pass (gradient checkpointing).
        steps: of the stage.
        rows: completions a step, over all GPUs.
        micro_tokens: tokens of a GPU's micro-batch, prompts and pads included.
        tiled: its logits are never there as a whole (TRL from 1.16 on).
        padded: rows are computed at the length of their micro-batch's longest.
        cap: most tokens of a completion.
        share: of a card's memory that vLLM or SGLang takes; None where they do not sample on these GPUs.
        tensor_parallel: GPUs that one copy of the sampler is spread over.
        sampler_stays: it keeps that memory during the update.
        offloaded: weights and moments leave the GPU while completions are drawn.
    """

    gpus: int
    stage: int
    autocast: bool
    reference: bool
    recomputed: bool
    steps: int
    rows: int
    micro_tokens: int
    tiled: bool
    padded: bool
    cap: int
    share: float | None
    tensor_parallel: int = 1
    sampler_stays: bool = False
    offloaded: bool = False


def setup_of(recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None) -> Setup:
    """How this recipe would be run by its backend, ``trl`` or ``verl``.

    Args:
        nodes, gpus_per_node: of the command line, in place of the recipe's.
    """
    reference = any(arm.loss.beta > 0 for arm in recipe.arms.values())
    if recipe.backend == "verl":
        return _of_verl(recipe, nodes, gpus_per_node, reference)
    return _of_trl(recipe, gpus_per_node, reference)


def _of_trl(recipe: Recipe, gpus_per_node: int | None, reference: bool) -> Setup:
    from leadline.runs.backends.trl.settings import micro_rows
    from leadline.runs.backends.trl.subprocess_stage import processes

    rl, words = recipe.rl, [str(word) for word in recipe.trl.get("launch", [])]
    gpus = gpus_per_node or (processes(words) if words else 1)
    given = dict(recipe.trl.get("grpo") or {})
    stage = zero_stage(words)
    rows = micro_rows(
        max(1, rl.prompts * rl.group_size // rl.updates // gpus),
        PROMPT_TOKENS + rl.max_tokens,
        rl.micro_tokens,
    )
    colocated = given.get("use_vllm", False) and given.get("vllm_mode", "colocate") == "colocate"
    return Setup(
        gpus=gpus,
        stage=stage,
        autocast=stage == 0,
        reference=reference,
        recomputed=bool(given.get("gradient_checkpointing", True)),
        steps=rl.steps,
        rows=rl.prompts * rl.group_size,
        micro_tokens=rows * (PROMPT_TOKENS + rl.max_tokens),
        tiled=True,
        padded=True,
        cap=rl.max_tokens,
        share=_number("trl.grpo", given, "vllm_gpu_memory_utilization", 0.3) if colocated else None,
        tensor_parallel=round(_number("trl.grpo", given, "vllm_tensor_parallel_size", 1)),
        sampler_stays=not given.get("vllm_enable_sleep_mode", False),
    )


def _number(place: str, given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1024:
        raise ConfigError(f"{place}.{name}: must be a number above 0, is {value!r:.40}")
    return float(value)


def zero_stage(words: Sequence[str]) -> int:
    """Of arguments of ``accelerate launch``.

    >>> zero_stage(["--num_processes", "8", "--use_deepspeed", "--zero_stage", "2"])
    2
    """
    if "--use_fsdp" in words:
        return 3
    if "--use_deepspeed" not in words:
        return 0
    at = words.index("--zero_stage") + 1 if "--zero_stage" in words else len(words)
    return int(words[at]) if at < len(words) and words[at] in ("0", "1", "2", "3") else 2  # accelerate's own


def _of_verl(recipe: Recipe, nodes: int | None, gpus_per_node: int | None, reference: bool) -> Setup:
    from leadline.runs.backends.verl.section import flat, read_section

    rl = recipe.rl
    section = read_section(recipe, nodes=nodes, gpus_per_node=gpus_per_node)
    start = "actor_rollout_ref."
    keys = {name.removeprefix(start): value for name, value in flat(section.keys).items()}
    return Setup(
        gpus=section.nodes * section.gpus_per_node,
        stage=3,
        autocast=False,
        reference=reference,
        recomputed=bool(keys.get("model.enable_gradient_checkpointing", True)),
        steps=rl.steps,
        rows=rl.prompts * rl.group_size,
        micro_tokens=rl.micro_tokens,
        tiled=bool(keys.get("model.use_fused_kernels", False)),
        padded=False,
        cap=rl.max_tokens,
        share=_number("verl.keys", keys, "rollout.gpu_memory_utilization", 0.5),
        tensor_parallel=round(_number("verl.keys", keys, "rollout.tensor_model_parallel_size", 2)),
        offloaded=bool(keys.get("actor.fsdp_config.param_offload", False))
        and bool(keys.get("actor.fsdp_config.optimizer_offload", False)),
    )
