"""What is done after pretraining, by name: GRPO and its relatives, and the controls.

An algorithm is a function of a :class:`~leadline.studies.experiment.student.Student` and the step;
``module:function`` names one of a user's own (``docs/studies.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from leadline.errors import InputError
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.rewards.user_functions import resolve
from leadline.seeds import torch_rng
from leadline.studies.experiment.student import Student

__all__ = ["ALGORITHMS", "Algorithm", "find_algorithm"]

Step = Callable[[Student, int], None]


class Algorithm(NamedTuple):
    """One step of it, a line for the page, and whether the tabular policy can be trained by the same settings."""

    step: Step
    note: str
    advantage: AdvantageConfig | None = None
    loss: LossConfig = LossConfig()
    needs_easier: bool = False

    def loss_at(self, beta: float) -> LossConfig:
        """The loss with the study's KL coefficient in it."""
        return self.loss.replace(beta=beta) if self.loss.kl != "none" else self.loss


def _policy_gradient(note: str, advantage: AdvantageConfig, **loss: str) -> Algorithm:
    """An algorithm that differs from others in its advantage and its loss only."""
    settings = LossConfig(**({"beta": 1.0, **loss} if "kl" in loss else loss))

    def step(student: Student, step: int) -> None:
        at = settings.replace(beta=student.scale.beta) if settings.kl != "none" else settings
        student.reinforce(student.sample(step), step, advantage, at)

    return Algorithm(step, note, advantage, settings)


def _imitate_gold(student: Student, step: int) -> None:
    student.imitate([(item, student.encoding.answer(item)) for item in student.problems(step)], step)


def _imitate_own_successes(student: Student, step: int) -> None:
    student.imitate(student.sample(step).right(), step)


def _random_reward(student: Student, step: int) -> None:
    samples = student.sample(step)
    coins = torch.rand(len(samples.correct), generator=torch_rng(student.seed, "coins", step)) < 0.5
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig(), correct=coins)


def _curriculum(student: Student, step: int) -> None:
    """Easier problems for the first half of the shortest run, the asked ones after it."""
    easy = step < min(student.task.steps) // 2
    samples = student.sample(step, student.easier(step) if easy else None)
    student.reinforce(samples, step, AdvantageConfig.grpo(), LossConfig())


ALGORITHMS: Mapping[str, Algorithm] = {
    "grpo": _policy_gradient("GRPO, std-normalised, no KL", AdvantageConfig.grpo()),
    "grpo-k3": _policy_gradient("GRPO with k3 in the loss", AdvantageConfig.grpo(), kl="k3"),
    "dr-grpo": _policy_gradient(
        "mean-only (Dr. GRPO), no KL", AdvantageConfig.dr_grpo(), aggregation="constant"
    ),
    "dr-grpo-kl": _policy_gradient(
        "mean-only with k1 in the reward",
        AdvantageConfig.dr_grpo(),
        kl="k1_in_reward",
        aggregation="constant",
    ),
    "lead": _policy_gradient("GRPO-LEAD", AdvantageConfig.lead()),
    "sft": Algorithm(_imitate_gold, "imitation of gold answers: can create support"),
    "rft": Algorithm(
        _imitate_own_successes, "rejection-sampling fine-tuning: imitation of its own right answers"
    ),
    "random": Algorithm(_random_reward, "GRPO with a coin as the reward"),
    "curriculum": Algorithm(_curriculum, "GRPO on easier problems first", needs_easier=True),
}


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name, or ``module:function`` of a user's own.

    Raises:
        InputError: there is none.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if ":" not in name:
        raise InputError(f"algorithm {name!r}: not one of {', '.join(ALGORITHMS)}, nor module:function")
    step = resolve(name, what="algorithm")
    return Algorithm(step, (step.__doc__ or name).strip().splitlines()[0])
