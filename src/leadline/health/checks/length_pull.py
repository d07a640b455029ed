"""A length term that pushes to short answers although long ones are right more often, and wins."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation
from leadline.storage.length_push import LengthPush

__all__ = ["LENGTH_PULL"]

_LIMIT = 0.25
"""Of the advantage's unit: below it the tug of war is close enough to be noise of the groups."""


def _look(seen: Observation, _: History) -> Sign | None:
    push = LengthPush.of(seen.values, seen.parts)
    if push is None:
        return None
    says = (
        f"being right pushes to long answers ({push.accuracy:+.2f}), the length term to short ones, and wins "
        "(sum {})"
    )
    return flag(push.accuracy < -_LIMIT and push.won > _LIMIT, push.won, says, chance=0.1)


LENGTH_PULL = Check(
    name="length_pull",
    means="The length reward pushes against accuracy and wins.",
    figure="drift of the advantage towards short answers (theory.md 7b): that of being right alone below -0.25, the "
    "sum above +0.25, in over 10% of steps",
    cost="Answers get shorter and less often right.",
    remedy="Use a length term that gives way (`advantage: concise`), or a smaller `advantage.length_alpha`.",
    look=_look,
    explains=("accuracy_fall", "validation_falls", "reward_without_accuracy"),
)
