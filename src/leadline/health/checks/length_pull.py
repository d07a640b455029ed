"""A length term that pushes to short answers although long ones are right more often, and wins; or is sure to."""

from __future__ import annotations

import math

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation
from leadline.storage.length_push import LengthPush

__all__ = ["LENGTH_PULL"]

_LIMIT = 0.25
"""Of the advantage's unit: below it the tug of war is close enough to be noise of the groups."""
_STRONG = 0.7
"""Of exp(-alpha z): an answer one standard deviation longer than the right ones on average earns half."""


def _look(seen: Observation, _: History) -> Sign | None:
    alpha = seen.get("length_alpha")
    if alpha is not None and alpha > _STRONG:
        less = f"{1 - math.exp(-alpha):.0%} off what a right answer earns"
        says = f"the length term takes {less} for a standard deviation more of length (strength {{}})"
        return flag(True, alpha, says, chance=0.1)
    push = LengthPush.of(seen.values, seen.parts)
    if push is None:
        return None
    says = (
        f"being right pushes to long answers ({push.accuracy:+z.2f}), the length term to short ones, and wins "
        "(sum {})"
    )
    return flag(push.accuracy < -_LIMIT and push.won > _LIMIT, push.won, says, chance=0.1)


LENGTH_PULL = Check(
    name="length_pull",
    means="The length reward is too strong: it pushes against accuracy and wins, or is sure to.",
    figure="drift of the advantage towards short answers (theory.md 7b): that of being right alone below -0.25, the "
    "sum above +0.25; or a strength (`length_alpha`) over 0.7, at which a standard deviation takes half of the reward; "
    "in over 10% of steps",
    cost="Answers get shorter and less often right.",
    remedy="Use a length term that gives way (`advantage: concise`), or a smaller `advantage.length_alpha`.",
    look=_look,
    explains=("accuracy_fall", "validation_falls", "reward_without_accuracy"),
)
