"""GRPO with easier problems: before the asked ones, or among them."""

from __future__ import annotations

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.student import Student

__all__ = ["curriculum", "mixed"]


def curriculum(student: Student, step: int) -> None:
    """Easier problems for the first half of the shortest run, the asked ones after it."""
    easy = step < min(student.task.steps) // 2
    samples = student.sample(step, student.easier(step) if easy else None)
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig())


def mixed(student: Student, step: int) -> None:
    """Half of the problems of every step are easier ones: their answers are right often enough to learn from.

    Source: arXiv 2510.03971 finds that it helps where nothing else does, arXiv 2601.18779 that it hurts.
    """
    asked = student.problems(step)
    half = len(asked) // 2
    samples = student.sample(step, asked[half:] + student.easier(step)[:half])
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig())
