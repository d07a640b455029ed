"""A reward that has never varied since the run began."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["CONSTANT_REWARD"]


def _look(seen: Observation, run: History) -> Sign | None:
    spread = seen.get("reward_sd")
    if spread is None:
        return None
    always = spread < 1e-9 and all(early.values.get("reward_sd", 1.0) < 1e-9 for early in run.early)
    reward = seen.values.get("reward", 0.0)
    says = "every completion of every step so far earned the same: {}"
    return flag(always, reward, says, chance=0.02)


CONSTANT_REWARD = Check(
    name="constant_reward",
    means="The reward is the same for every completion.",
    figure="standard deviation of the rewards of a step; 0 in every step since the first",
    cost="All advantages are 0: the run computes and learns nothing.",
    remedy="Call the reward on one right and one wrong answer. If it tells them apart, the problems are all too "
    "hard or all too easy for this model: `leadline probe` says which.",
    look=_look,
    explains=("zero_variance", "reward_without_accuracy"),
)
