"""A reward that does not vary, from the start or from some step on."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.checks.zero_variance import learned
from leadline.health.observation import History, Observation

__all__ = ["CONSTANT_REWARD"]


_MASTERED = 0.95
_SAME = 1e-9
"""Below this standard deviation all rewards are one."""


def _look(seen: Observation, run: History) -> Sign | None:
    spread = seen.get("reward_sd")
    if spread is None:
        return None
    varied = [early.values.get("reward_sd", 1.0) >= _SAME for early in run.early]
    mastered = any(varied) and seen.values.get("pass@1", 0.0) >= _MASTERED and learned(run)
    reward = seen.values.get("reward", 0.0)
    says = "every completion of every step so far earned the same: {}"
    if varied[:1] == [True]:
        says = "every completion of a step earns the same by now: {}; at the start they did not"
    elif any(varied):
        says = "every completion of a step earned the same: {}; so it was from the first step on, but for a few steps"
    return flag(spread < _SAME and not mastered, reward, says, chance=0.02)


CONSTANT_REWARD = Check(
    name="constant_reward",
    means="The reward is the same for every completion.",
    figure="standard deviation of the rewards of a step; 0 in over 2% of steps, but where the run has mastered them",
    cost="All advantages are 0: the run computes and learns nothing.",
    remedy="Call the reward on one right and one wrong answer. If it tells them apart, the problems are all too "
    "hard or all too easy for this model: `leadline probe` says which.",
    look=_look,
    explains=("zero_variance", "reward_without_accuracy", "accuracy_fall", "validation_falls"),
)
