"""Imitation alone: of reference answers, and of one's own right answers."""

from __future__ import annotations

from leadline.studies.experiment.student import Student

__all__ = ["imitate_own_successes", "imitate_references"]


def imitate_references(student: Student, step: int) -> None:
    """Supervised fine-tuning on the reference answers of the step's problems."""
    student.imitate([(item, student.reference_answer(item)) for item in student.problems(step)], step)


def imitate_own_successes(student: Student, step: int) -> None:
    """Rejection-sampling fine-tuning."""
    student.imitate(student.sample(step).right(), step)
