"""Tokens whose gradient the clip removes."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["CLIP_FRACTION"]


_LIMIT = 0.04


def _look(seen: Observation, _: History) -> Sign | None:
    share = seen.get("clip_share")
    if share is None:
        return None
    says = "the clip took the gradient from {} of the tokens"
    return flag(share > _LIMIT, share, says, chance=0.02, kind="share")


CLIP_FRACTION = Check(
    name="clip_fraction",
    means="The clip removes too much of the gradient: the policy moves too far between sampling and update.",
    figure="share of tokens whose ratio was clipped (one ratio a token), over 4% in at most 2% of the updates",
    cost="These tokens teach nothing, and the others come from an old policy.",
    remedy="Fewer updates a batch (`rl.updates`, TRL: num_iterations), a lower learning rate, or fresher samples.",
    look=_look,
    explains=("entropy", "accuracy_fall", "kl", "validation_falls"),
)
