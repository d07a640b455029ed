"""Controls that spend as much as an algorithm with extra draws and extra updates, on GRPO alone."""

from __future__ import annotations

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.student import Student

__all__ = ["doubled_group", "doubled_steps", "quadrupled_steps"]


def doubled_group(student: Student, step: int) -> None:
    """GRPO with twice the completions a problem."""
    samples = student.sample(step, group=2 * student.scale.group)
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig())


def doubled_steps(student: Student, step: int) -> None:
    """Two steps of GRPO in one: twice the completions and twice the updates, each on policy.

    After n steps it is where plain GRPO is after 2n, to the bit.
    """
    _several_steps(student, step, 2)


def quadrupled_steps(student: Student, step: int) -> None:
    """Four steps in one: batches without signal give no update, and twice the steps are not twice the updates."""
    _several_steps(student, step, 4)


def _several_steps(student: Student, step: int, times: int) -> None:
    for part in range(times * step, times * (step + 1)):
        student.reinforce(student.sample(part), part, AdvantageConfig.grpo(), LossConfig())
