"""What an algorithm is: a function of a :class:`~leadline.studies.experiment.student.Student` and the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.student import Student

__all__ = ["Algorithm"]

Step = Callable[[Student, int], None]


class Algorithm(NamedTuple):
    """One step of it, a line for the page, and whether the tabular policy can be trained by the same settings.

    Attributes:
        step: of the student, in place.
        note: what it does.
        advantage, loss: of a policy gradient that differs from others in these only.
        needs_easier: it runs only in cells that have easier problems.
        needs_parts: it runs only on axes whose problems fall into parts that the base model may know.
        question: that it is run to answer where the base model is never right.
    """

    step: Step
    note: str
    advantage: AdvantageConfig | None = None
    loss: LossConfig = LossConfig()
    needs_easier: bool = False
    needs_parts: bool = False
    question: str = ""

    def loss_at(self, beta: float) -> LossConfig:
        """The loss with the study's KL coefficient in it."""
        return self.loss.replace(beta=beta) if self.loss.kl != "none" else self.loss
