"""A length term that pushes to short answers although long ones are right more often, and wins."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["LENGTH_PULL"]

_LIMIT = 0.25
"""Of the advantage's unit: below it the tug of war is close enough to be noise of the groups."""


def _look(seen: Observation, _: History) -> Sign | None:
    accuracy = seen.get("drift_accuracy")
    length = [seen.values.get(f"drift_length_{part}", 0.0) for part in ("mixed", "unanimous")]
    if accuracy is None or not any(length):
        return None
    total = accuracy + sum(length)
    says = f"accuracy pushes to long answers ({accuracy:+.2f}), the length term to short ones, and wins (sum {{}})"
    return flag(accuracy < -_LIMIT and total > _LIMIT, total, says, chance=0.1)


LENGTH_PULL = Check(
    name="length_pull",
    means="The length reward pushes against accuracy and wins.",
    figure="drift of the advantage towards short answers (theory.md 7b): accuracy below -0.25, the sum above "
    "+0.25, in over 10% of steps",
    cost="Answers get shorter and less often right.",
    remedy="Use a length term that gives way (`advantage: concise`), or a smaller `advantage.length_alpha`.",
    look=_look,
    explains=("accuracy_fall", "validation_falls", "reward_without_accuracy"),
)
