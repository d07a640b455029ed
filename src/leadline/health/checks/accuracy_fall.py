"""Training accuracy far below where it began."""

from __future__ import annotations

import math

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["ACCURACY_FALL"]

_SHARE = 0.6
_SIGMAS = 2.0


def _look(seen: Observation, run: History) -> Sign | None:
    now, begun = seen.get("pass@1"), run.begun("pass@1")
    if now is None or begun is None:
        return None
    error = math.sqrt(0.25 / seen.units)
    says = f"accuracy in training is {{}}, from {begun:.0%} in the first step"
    return flag(now + _SIGMAS * error < _SHARE * (begun - error), now, says, chance=0.02, kind="share")


ACCURACY_FALL = Check(
    name="accuracy_fall",
    means="Training accuracy falls.",
    figure="pass@1 of a step, with two standard errors on top, below 60% of the first step's; at most 2% of steps",
    cost="The run destroys what the model could do.",
    remedy="Stop; go back to the last good checkpoint with a lower learning rate, and look at the alarms above "
    "this one.",
    look=_look,
    explains=("zero_variance", "constant_reward"),
)
