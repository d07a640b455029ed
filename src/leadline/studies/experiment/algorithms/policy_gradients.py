"""GRPO, LEAD, Dr. GRPO: algorithms that differ in their advantage and their loss only."""

from __future__ import annotations

from collections.abc import Mapping

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.algorithms.algorithm import Algorithm
from leadline.studies.experiment.student import Student

__all__ = ["POLICY_GRADIENTS"]


def _policy_gradient(note: str, advantage: AdvantageConfig, **loss: str) -> Algorithm:
    settings = LossConfig(**({"beta": 1.0, **loss} if "kl" in loss else loss))

    def step(student: Student, step: int) -> None:
        student.reinforce(student.sample(step), step, advantage, found.loss_at(student.scale.beta))

    found = Algorithm(step, note, advantage, settings)
    return found


POLICY_GRADIENTS: Mapping[str, Algorithm] = {
    "grpo": _policy_gradient("GRPO, std-normalised, no KL", AdvantageConfig.grpo())._replace(
        question="What does GRPO reach where the base model is never right?"
    ),
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
}
