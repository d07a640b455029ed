"""Completions that have answered and do not end."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["NO_END"]


def _look(seen: Observation, _: History) -> Sign | None:
    share, cut = seen.get("ran_on"), seen.get("truncated")
    if share is not None and cut is not None:
        share = min(share, cut)  # where texts alone are known, some may only say more than their answer
    return share_above(
        share,
        0.1,
        seen.units,
        "{} of the completions had answered and went on until the cap cut them off",
    )


NO_END = Check(
    name="no_end",
    means="The model does not end after its answer (end-of-sequence never learned, or masked).",
    figure="share of completions that were cut off behind an answer; at most 10%",
    cost="Right answers are punished as truncated, and every completion costs the whole cap.",
    remedy="Check that supervised examples end with the end-of-sequence token and that it is not masked (pad = "
    "eos), and that generation stops at the chat template's end of turn.",
    look=_look,
    explains=(
        "truncation",
        "loops",
        "zero_variance",
        "constant_reward",
        "wrong_grow_long",
        "entropy",
    ),
)
