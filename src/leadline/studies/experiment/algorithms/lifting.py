"""GRPO with a side door: answers to the problems that no completion got right are queued and imitated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.design.source import Item
from leadline.studies.experiment.student import Answered, Student

__all__ = ["grpo_and_lift", "imitate_when_full"]


def grpo_and_lift(
    student: Student, step: int, answers: Callable[[Student, Sequence[Item], int], Sequence[Answered]]
) -> None:
    """A step of GRPO, then a step of imitation once a batch of ``answers`` to failed problems is waiting."""
    samples = student.sample(step)
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig())
    failed = samples.failed()
    imitate_when_full(student, step, answers(student, failed, step) if failed else [])


def imitate_when_full(student: Student, step: int, pairs: Sequence[Answered]) -> None:
    """Queue pairs; when as many wait as a step has problems, one supervised step on the oldest of them."""
    queue: list[Answered] = student.memory.setdefault("queue", [])
    queue += pairs
    batch = student.scale.prompts
    if len(queue) >= batch:
        student.imitate(queue[:batch], step)
        del queue[:batch]
