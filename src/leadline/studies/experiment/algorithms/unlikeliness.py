"""The unlikeliness reward: of the right answers of a group, the likelier ones are paid less."""

from __future__ import annotations

import torch

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.student import Student

__all__ = ["unlikeliness"]

_STRENGTH = 0.25


def unlikeliness(student: Student, step: int) -> None:
    """GRPO with rewards ``R (1 - 0.25 (G - rank) / G)``, rank 0 the likeliest of the group.

    Source: arXiv 2506.02355.
    """
    samples = student.sample(step)
    likelihood = samples.rollouts.logprobs.sum(1).view(-1, student.scale.group)
    rank = (-likelihood).argsort(dim=1, stable=True).argsort(dim=1, stable=True).flatten()
    discount = _STRENGTH * (1 - rank / student.scale.group)
    paid = torch.where(samples.correct, -discount, 0.0)
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig(), bonus=paid)
