"""Completions that the token cap cuts off."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["TRUNCATION"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(seen.get("truncated"), 0.2, seen.units, "the token cap cut off {} of the completions")


TRUNCATION = Check(
    name="truncation",
    means="The token cap cuts off too many completions.",
    figure="share of completions cut off; at most 20%",
    cost="They are graded as wrong whatever they would have said, and the model is taught to be short instead of "
    "right.",
    remedy="Raise the cap (`rl.max_tokens`, TRL: max_completion_length), or keep them out of the loss "
    "(`rl.mask_truncated`).",
    look=_look,
    explains=("zero_variance", "constant_reward", "wrong_grow_long", "length_pull"),
)
