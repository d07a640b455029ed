"""ReLIFT: reinforcement learning, and imitation of the reference answer where it found nothing."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.studies.design.source import Item
from leadline.studies.experiment.algorithms.lifting import grpo_and_lift
from leadline.studies.experiment.student import Answered, Student

__all__ = ["relift"]


def relift(student: Student, step: int) -> None:
    """GRPO, and the reference answers of problems whose group had no right answer. Source: arXiv 2506.07527."""
    grpo_and_lift(student, step, _reference_answers)


def _reference_answers(student: Student, failed: Sequence[Item], step: int) -> list[Answered]:
    return [(item, student.reference_answer(item)) for item in failed]
