"""Completions that end in a loop."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["LOOPS"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(seen.get("loops"), 0.1, seen.units, "{} of the completions end in a loop")


LOOPS = Check(
    name="loops",
    means="Completions repeat themselves until the cap.",
    figure="share of completions whose end stands in them four times; at most 10%",
    cost="Tokens without meaning are paid for, and reinforced where the reward does not see them.",
    remedy="Give `repetition` a weight (1.5 in the released code of GRPO-LEAD), mask truncated completions "
    "(`rl.mask_truncated`), or lower the learning rate.",
    look=_look,
    explains=("truncation", "zero_variance", "wrong_grow_long", "entropy"),
)
