"""Keys that verl takes and then does not look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["IGNORED", "ignored_faults"]

IGNORED = {
    "custom_reward_function": "verl parses it and reads reward.custom_reward_function instead",
    "reward_model": "verl parses it and reads reward.reward_model and reward.reward_manager instead",
    "sandbox_fusion": "verl parses it and reads reward.sandbox_fusion instead",
    "reward.reward_manager.module.name": "verl takes the class's name from reward.reward_manager.name",
    "reward.custom_reward_function": "leadline's reward manager has its own; its settings are reward.leadline.*",
    "reward.reward_kwargs": "leadline's reward manager reads reward.leadline.*",
    "algorithm.norm_adv_by_std_in_grpo": "the estimator leadline reads algorithm.leadline.normalisation",
    "algorithm.gamma": "the estimator leadline has no discount",
    "algorithm.lam": "the estimator leadline has no critic",
    "algorithm.kl_ctrl": "read with algorithm.use_kl_in_reward only, which the estimator leadline excludes",
    "algorithm.kl_penalty": "read with algorithm.use_kl_in_reward only, which the estimator leadline excludes",
    "algorithm.filter_groups.max_num_gen_batches": "verl's default trainer reads max_inflight_gen_batches instead",
    "actor_rollout_ref.actor.grad_clip": "verl's engines read actor_rollout_ref.actor.optim.clip_grad",
    "actor_rollout_ref.actor.clip_ratio": "verl reads clip_ratio_low and clip_ratio_high, which are set",
    "trainer.balance_batch": "verl's default trainer always balances",
    "critic": "the estimator leadline has no critic",
}
"""Key, or the beginning of one -> why it has no effect in a run with leadline's estimator and reward manager."""

OURS = ("algorithm.leadline", "reward.leadline")
FREE_SECTIONS = ("ray_kwargs.ray_init",)
"""Sections that verl hands on as they are."""


def ignored_faults(overrides: Sequence[str], base: Any, config: Any) -> list[str]:
    """One line a key that would have no effect.

    Args:
        overrides: ``key=value`` arguments as hydra takes them.
        base: verl's configuration without them (nested mappings).
        config: with them.
    """
    faults = []
    ours = "leadline" in str(config["reward"]["reward_manager"]["module"]["path"])
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~").split("@")[0]
        for start, why in IGNORED.items():
            if start.startswith("reward.custom") and not ours:
                continue
            if key == start or key.startswith(start + "."):
                faults.append(f"{key}: has no effect: {why}")
                break
        else:
            if override.startswith("+") and not _known(key, base):
                faults.append(f"{key}: has no effect: verl has no such key")
    return faults


def _known(key: str, base: Any) -> bool:
    """Whether somebody reads an added key: it is ours, or verl left the section open for whatever comes."""
    if key.startswith(tuple(f"{start}." for start in (*OURS, *FREE_SECTIONS))) or key in OURS:
        return True
    place = base
    for part in key.split("."):
        if isinstance(place, Mapping) and not place:
            return True  # an empty section: engine_kwargs, override_config, ...
        if not isinstance(place, Mapping) or part not in place:
            return False
        place = place[part]
    return True
