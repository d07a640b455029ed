"""PKPO: the policy gradient of pass@k instead of pass@1."""

from __future__ import annotations

from math import comb

import torch

from leadline.grpo.config import LossConfig
from leadline.studies.experiment.student import Student

__all__ = ["pass_at_k_advantage", "pkpo"]

_K = 4


def pkpo(student: Student, step: int) -> None:
    """A step along the unbiased gradient of pass@4: more for rare successes, and still nothing without one."""
    samples = student.sample(step)
    group = student.scale.group
    right = samples.correct.view(-1, group).sum(1).repeat_interleave(group)
    weights = torch.tensor([pass_at_k_advantage(group, count, min(_K, group)) for count in range(group + 1)])
    student.push(samples.rollouts, weights[right] * samples.correct, step, LossConfig())


def pass_at_k_advantage(n: int, right: int, k: int) -> float:
    """Advantage of a right completion in a group of n with ``right`` of them; a wrong one has none.

    ``k C(n - right, k - 1) / C(n - 1, k - 1)``: k times the chance that k - 1 of the others are all wrong. Its mean
    over the group is unbiased for the gradient of pass@k, ``k (1 - p)^(k - 1) grad p``: k Q for rare successes, where
    GRPO without a scale has Q. Source: arXiv 2505.15201; its reward with the leave-one-out baseline, which takes from
    every completion what k - 1 of the others reach without it.

    >>> [round(pass_at_k_advantage(8, right, 4), 2) for right in (1, 2, 4, 6)]
    [4.0, 2.29, 0.46, 0.0]
    """
    return k * comb(n - right, k - 1) / comb(n - 1, k - 1) if right else 0.0
