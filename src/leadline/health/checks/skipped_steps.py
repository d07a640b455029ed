"""Optimiser steps that were left out because they were not finite."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["SKIPPED_STEPS"]


def _look(seen: Observation, _: History) -> Sign | None:
    skipped = seen.get("skipped_steps")
    if skipped is None:
        return None
    return flag(
        skipped > 0,
        skipped,
        "optimiser steps were left out: loss or gradient not finite ({} a step)",
        chance=0.02,
    )


SKIPPED_STEPS = Check(
    name="skipped_steps",
    means="Losses or gradients are not finite.",
    figure="steps with an optimiser step left out; at most 2%",
    cost="These steps are lost, and the next may end the run.",
    remedy="Lower the learning rate, clip gradients, train in bf16 or fp32 instead of fp16, look for a reward of "
    "inf.",
    look=_look,
    explains=("entropy", "accuracy_fall"),
)
