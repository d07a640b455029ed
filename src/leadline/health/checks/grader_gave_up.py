"""Answers on which the grader gave up: out of time, out of memory, crashed."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation
from leadline.storage.step_row import GAVE_UP

__all__ = ["GRADER_GAVE_UP"]


def _look(seen: Observation, _: History) -> Sign | None:
    completions = seen.get("completions")
    if not completions:
        return None
    counts = {reason: seen.values.get(reason, 0.0) for reason in GAVE_UP}
    most = max(counts, key=lambda reason: counts[reason])
    return share_above(
        sum(counts.values()) / completions,
        0.05,
        seen.units,
        f"the grader gave up on {{}} of the completions (mostly: {most})",
    )


GRADER_GAVE_UP = Check(
    name="grader_gave_up",
    means="The grader runs out of time or memory, or crashes.",
    figure="share of completions that end in timeout, memory or crashed; at most 5%",
    cost="Right answers among them are punished as wrong, and every step waits for them.",
    remedy="Look at such rows in samples/ (`reason`); raise the grader's time limit, or give it more workers.",
    look=_look,
    explains=("zero_variance", "constant_reward", "accuracy_fall", "throughput"),
)
