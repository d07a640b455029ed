"""Tokens whose gradient the clip removes."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["CLIP_FRACTION"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(
        seen.get("clip_share"), 0.2, seen.units, "the clip took the gradient from {} of the tokens"
    )


CLIP_FRACTION = Check(
    name="clip_fraction",
    means="The clip removes too much of the gradient: the policy moves too far between sampling and update.",
    figure="share of tokens whose ratio was clipped; at most 20%",
    cost="These tokens teach nothing, and the others come from an old policy.",
    remedy="Fewer updates a batch (`rl.updates`, TRL: num_iterations), a lower learning rate, or fresher samples.",
    look=_look,
    explains=("entropy", "accuracy_fall", "kl", "validation_falls"),
)
