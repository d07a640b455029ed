"""The advantage estimator ``leadline``: verl's rows in, ``group_advantages`` in the middle, verl's rows out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from leadline.errors import ConfigError
from leadline.grpo.advantages import group_advantages
from leadline.integrations.verl.guard import REJECTION
from leadline.integrations.verl.length_memory import memory_of
from leadline.integrations.verl.score_coding import decode
from leadline.integrations.verl.settings import advantage_settings, state_folder

__all__ = ["NAME", "estimate"]

NAME = "leadline"
"""``algorithm.adv_estimator=leadline``."""


def estimate(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    config: Any = None,
    index: Any = None,
    **others: Any,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, both [B, T]: the completion's advantage on each of its tokens, 0 elsewhere.

    Args:
        token_level_rewards: float [B, T]; a row's sum is its score in the coding of
            :mod:`leadline.integrations.verl.score_coding`.
        response_mask: [B, T], 1 on the tokens that the model wrote; a row without any is padding.
        config: verl's ``algorithm`` section; ``leadline`` in it holds the fields of ``AdvantageConfig``, and ``state``:
            verl's ``trainer.default_local_dir``, where the length controller's state is written down every step.
        index: [B] group ids, any objects that can be compared (verl: the uids of the prompts). Rows may come in
            any order.
        others: what other versions of verl pass besides; not looked at.

    Raises:
        ConfigError: no group ids, KL in the reward, rejected tokens, or a wrong ``algorithm.leadline``.
        CheckpointError: the length controller's state of the step that verl goes on from is missing or damaged.
        InputError: rewards that are not in that coding.
    """
    _refuse(config, index)
    length = response_mask.sum(-1)
    scores = decode(token_level_rewards.detach().double().sum(-1).cpu().numpy())
    _, group = np.unique(np.asarray([str(uid) for uid in index]), return_inverse=True)
    columns: dict[str, Any] = {
        "correct": torch.from_numpy(scores.correct),
        "length": length.cpu(),
        "group": torch.from_numpy(group.astype(np.int64)),
        "scorable": torch.from_numpy(scores.scorable) & (length.cpu() > 0),
        "answered": torch.from_numpy(scores.answered),
        "bonus": torch.from_numpy(scores.bonus),
    }
    settings, folder = advantage_settings({} if config is None else config), state_folder(config)
    if folder is not None:
        out = memory_of(folder, settings).weigh(**columns).advantages
    else:
        out = group_advantages(**columns, config=settings)
    mask = response_mask.to(token_level_rewards.dtype)
    advantages = out.advantage.to(mask)[:, None] * mask
    return advantages, advantages


def _refuse(config: Any, index: Any) -> None:
    """What verl does to the scores, or does not hand over, must leave them as they were coded."""
    if index is None:
        raise ConfigError("the estimator `leadline` needs the uids of the prompts: this verl passes none")
    if config is not None and config.get("use_kl_in_reward"):
        raise ConfigError("algorithm.use_kl_in_reward: must be False: it would overwrite the coded scores")
    correction = config.get("rollout_correction") if config is not None else None
    if correction and correction.get("rollout_rs"):
        raise ConfigError(
            f"algorithm.rollout_correction.rollout_rs: {correction.get('rollout_rs')!r}: {REJECTION}"
        )
