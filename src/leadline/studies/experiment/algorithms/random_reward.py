"""A control: GRPO that is paid by a coin."""

from __future__ import annotations

import torch

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.seeds import torch_rng
from leadline.studies.experiment.student import Student

__all__ = ["random_reward"]


def random_reward(student: Student, step: int) -> None:
    """The verdicts are replaced by coins."""
    samples = student.sample(step)
    coins = torch.rand(len(samples.correct), generator=torch_rng(student.seed, "coins", step)) < 0.5
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig(), correct=coins)
