"""One recipe, one step: verl gives the local engine's gradient for all that it does not refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.core_algos import agg_loss, get_policy_loss_fn, kl_penalty
from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories
from verl.utils.config import omega_conf_to_dataclass

from leadline.errors import ConfigError
from leadline.grpo.advantages import group_advantages
from leadline.grpo.losses import loss_normaliser, policy_loss
from leadline.integrations.verl import plugin
from leadline.integrations.verl.estimator import estimate
from leadline.integrations.verl.score_coding import encode
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.runs.backends.combinations import Combination, combinations, why_refused
from leadline.runs.backends.command_line import as_arguments
from leadline.runs.backends.verl import plan_verl

assert plugin.estimate is estimate  # imported for what it registers
ALLOWED = [c for c in combinations() if why_refused("verl", c) is None]
REFUSED = [c for c in combinations() if why_refused("verl", c) is not None]
RECIPE = """
backend: verl
model: {source: a/model}
sft: {method: none}
rl: {prompts: 4, group_size: 4, max_tokens: 9, micro_tokens: 4096}
verl: {gpus_per_node: 1}
"""
LENGTH = torch.tensor([9, 4, 1, 7, 3, 3, 9, 2, 5, 5, 5, 5, 8, 2, 6, 9])
CORRECT = torch.arange(16) % 3 == 0
GROUP = torch.arange(16) // 4


def recipe_of(combination: Combination) -> Recipe:
    kl, aggregation, level, masked, updates = combination
    loss = {"kl": kl, "beta": 0.1 if kl != "none" else 0.0, "aggregation": aggregation, "level": level}
    advantage = "rloo" if kl == "k1_in_reward" else "lead"
    return parse_recipe(
        RECIPE,
        [
            f"rl.updates={updates}", f"rl.mask_truncated={str(masked).lower()}",
            f"arms={json.dumps({'arm': {'advantage': advantage, 'loss': loss}})}",
        ],
    )  # fmt: skip


def theirs(
    recipe: Recipe, folder: Path, logp: torch.Tensor, ref: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """verl's loss, as its workers.utils.losses.ppo_loss puts it together, with the configuration of the launch."""
    [job] = plan_verl(recipe, folder).jobs
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=as_arguments(job.keys))
    rewards = torch.zeros(mask.shape)
    rewards[:, 0] = torch.tensor([encode(bool(right), True, 0.0) for right in CORRECT])
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    uid = np.array([f"p{int(GROUP[i])}" for i in order], dtype=object)
    batch = TensorDict(
        {"token_level_rewards": rewards[order], "response_mask": mask[order].long()}, batch_size=16
    )
    data = compute_advantage_for_multi_trajectories(
        DataProto(batch=batch, non_tensor_batch={"uid": uid}), [f"{name}_{i}_0" for i, name in enumerate(uid)],
        "leadline", config=config.algorithm,
    )  # fmt: skip
    actor: Any = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    actor.global_batch_info.update(
        dp_size=1,
        batch_num_tokens=int(mask.sum()),
        global_batch_size=16,
        loss_scale_factor=actor.loss_scale_factor,
    )
    loss, _ = get_policy_loss_fn(actor.policy_loss.get("loss_mode", "vanilla"))(
        old_log_prob=logp[order].detach(), log_prob=logp[order], advantages=data.batch["advantages"],
        response_mask=mask[order], loss_agg_mode=actor.loss_agg_mode, config=actor, rollout_is_weights=None,
    )  # fmt: skip
    if actor.use_kl_loss:
        term = kl_penalty(logp[order], ref[order], actor.kl_loss_type)
        loss = loss + actor.kl_loss_coef * agg_loss(
            term, mask[order], actor.loss_agg_mode, **actor.global_batch_info
        )
    return loss


@pytest.mark.parametrize("combination", ALLOWED, ids=lambda c: "-".join(map(str, c)))
def test_the_gradient_is_the_local_engines(combination: Combination, tmp_path: Path) -> None:
    recipe = recipe_of(combination)
    arm, generator = recipe.arms["arm"], torch.Generator().manual_seed(1)
    mask = torch.arange(9) < LENGTH[:, None]
    start = -torch.rand(16, 9, generator=generator) * 3
    ref = start + 0.4 * torch.randn(16, 9, generator=generator)
    out = group_advantages(CORRECT, LENGTH, GROUP, config=arm.advantage)
    gradients = []
    for party in ("leadline", "verl"):
        logp = start.clone().requires_grad_()
        if party == "verl":
            loss = theirs(recipe, tmp_path, logp, ref, mask)
        else:
            normaliser = loss_normaliser(int(mask.sum()), 16, arm.loss, max_tokens=recipe.rl.max_tokens)
            loss = policy_loss(
                logp, None, out.advantage, mask, normaliser=normaliser, config=arm.loss,
                ref_logp=ref if arm.loss.kl_in_loss else None,
            ).loss  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        assert logp.grad is not None
        gradients.append(logp.grad)
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 1e-5


def test_what_verl_would_do_otherwise_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    assert len(ALLOWED) + len(REFUSED) == 120
    for combination in REFUSED:
        with pytest.raises(ConfigError):
            plan_verl(recipe_of(combination), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tokens_that_are_rejected_before_lengths_are_counted_are_refused() -> None:
    """Four right answers of 100 tokens with 0, 3, 6, 9 of them rejected would get advantages of -1.72 to .57."""
    config = {"rollout_correction": {"rollout_rs": "token_k1"}}
    with pytest.raises(ConfigError, match="rollout_rs: 'token_k1'"):
        estimate(torch.ones(4, 3), torch.ones(4, 3), config=config, index=["a"] * 4)
