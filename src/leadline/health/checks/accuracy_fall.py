"""Accuracy in training far below where it began.

Where a cap, a missing end or a loop cuts completions off, those that finish are as right as before, and the alarm for
that says it all. Here the finished ones are worse too: the policy itself has changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["ACCURACY_FALL"]

_LEFT = 0.6
_SIGMAS = 2.0
_RECENT = 3


def _look(seen: Observation, run: History) -> Sign | None:
    if "pass@1" not in seen.values or run.steps < 2:
        return None
    asked = [one for one in run.late if "pass@1" in one.values]
    recent = asked[-min(_RECENT, run.steps - 1) :]
    now, finished = _share(recent), _share(recent, finished=True)
    begun = [known for steps in (run.early[:1], run.early) if (known := _share(steps)) is not None]
    if now is None or finished is None or not begun:
        return None
    start = max(begun, key=lambda known: known[0] - known[1])
    error = math.hypot(now[1], _LEFT * start[1])
    fell = now[0] + _SIGMAS * error < _LEFT * start[0] and finished[0] < _LEFT * start[0]
    says = f"accuracy in training is {{}}, from {start[0]:.0%} in the first steps"
    sign = replace(flag(fell, now[0], says, chance=0.01, kind="share"), reach=len(recent) - 1)
    return sign if _changed(recent, run) else replace(sign, explains=("zero_variance",))


def _changed(recent: Sequence[Observation], run: History) -> bool:
    """Whether the answers have come to be longer, less sure or more often cut off; if not, the grading has changed."""

    def mean(name: str, steps: Sequence[Observation]) -> float | None:
        values = [value for one in steps if (value := one.get(name)) is not None]
        return fmean(values) if values else None

    for name, factor, more in (("mean_tokens", 1.2, 0.0), ("entropy", 1.3, 0.02), ("truncated", 1.0, 0.2)):
        now, begun = mean(name, recent), mean(name, run.early[:1])
        if now is not None and begun is not None and now > max(factor * begun, begun + more):
            return True
    return False


def _share(steps: Sequence[Observation], *, finished: bool = False) -> tuple[float, float] | None:
    """Share of the completions, or of the finished ones, that are right, with its standard error; None without any."""
    right, units = 0.0, 0.0
    for seen in steps:
        accuracy, cut = seen.get("pass@1"), seen.get("truncated") if finished else 0.0
        if accuracy is not None:
            right += accuracy * seen.units
            units += seen.units * (1 - min(1.0, cut or 0.0))
    if units < 1:
        return None
    share = min(1.0, right / units)
    smooth = (share * units + 1) / (units + 2)  # a few groups that are all wrong leave some doubt
    return share, math.sqrt(smooth * (1 - smooth) / units)


ACCURACY_FALL = Check(
    name="accuracy_fall",
    means="Training accuracy falls.",
    figure="pass@1 of the last 3 steps, two standard errors below 60% of that of the first steps, and below 60% among "
    "the completions that were not cut off; at most 1% of steps",
    cost="The run destroys what the model could do.",
    remedy="Stop; go back to the last good checkpoint with a lower learning rate, and look at the sign of the loss and "
    "at the alarms above this one.",
    look=_look,
    explains=(
        "zero_variance",
        "constant_reward",
        "truncation",
        "loops",
        "entropy",
        "wrong_grow_long",
        "validation_falls",
    ),
)
