"""A part of the reward that is None or NaN for every completion."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["MISSING_REWARD"]


def _look(seen: Observation, _: History) -> Sign | None:
    missing = [name for name, mean in seen.parts.items() if mean is None]
    if not seen.parts:
        return None
    names = ", ".join(repr(name) for name in missing[:4]) or "no column"
    return flag(
        bool(missing),
        float(len(missing)),
        f"{names} of the reward held no number (None or NaN) for any completion",
    )


MISSING_REWARD = Check(
    name="missing_reward",
    means="A column of the reward is None or NaN throughout.",
    figure="columns without a single number in a step; none",
    cost="The column pays nothing; where it is correctness, nothing is learned at all.",
    remedy="Call the reward function on one completion by hand; look at the name of the data set's column that it "
    "reads.",
    look=_look,
    explains=("zero_variance", "constant_reward", "unscorable", "reward_without_accuracy"),
)
