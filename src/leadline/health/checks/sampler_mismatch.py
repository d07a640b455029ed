"""Sampler and trainer give the same tokens other probabilities."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["SAMPLER_MISMATCH"]

_LIMIT = 0.05
"""Nats a token: engines of different arithmetic (vLLM in bf16) differ by 0.01 to 0.03."""
_SMALL = 0.02
_OF_ENTROPY = 0.25
"""Of the entropy, in nats a token: a model that is sure of most tokens has a small gap whatever is wrong."""
_CLIPPED = 0.01
_OTHER_TOKENS = 0.5
"""Correlation below which the two do not speak of the same tokens."""


def _look(seen: Observation, _: History) -> Sign | None:
    gap, agreement = seen.get("logp_gap"), seen.get("logp_agreement")
    fresh = seen.get("clip_fresh")
    if gap is None and fresh is not None:
        says = "before any update the clip already took the gradient from {} of the tokens: old log-probs are wrong"
        return flag(fresh > _CLIPPED, fresh, says, chance=0.02, kind="share", remedy=_STALE)
    if gap is None:
        return None
    shifted = agreement is not None and agreement < _OTHER_TOKENS
    says = "trainer and sampler differ by {} nats a token before any update"
    if shifted:
        says += f", and their log-probabilities hardly agree (correlation {agreement:.2f})"
    remedy = _SHIFTED if shifted else _STALE
    entropy = seen.get("entropy")
    wide = entropy is not None and gap > max(_SMALL, _OF_ENTROPY * entropy)
    return flag(gap > _LIMIT or wide, gap, says, chance=0.02, remedy=remedy)


_SHIFTED = (
    "The two do not speak of the same tokens: look at masks and positions (off by one), at padding, and at which "
    "completion each row of log-probabilities belongs to."
)
_STALE = (
    "The sampler has other weights or settings than the trainer: look at the weight sync (is every update sent?), at "
    "temperature, top-p and top-k (the trainer must divide by the same temperature), and at dtype."
)

SAMPLER_MISMATCH = Check(
    name="sampler_mismatch",
    means="Sampler and trainer give the same tokens other probabilities (wrong old log-probs, shifted mask, stale "
    "policy).",
    figure="mean absolute difference of log-probabilities a token, before the first update; at most 0.05 nats, and a "
    "quarter of the entropy where it is over 0.02; under TRL without vLLM: tokens clipped before the first update, "
    "at most 1%",
    cost="Importance ratios are wrong: the clip removes gradients at random, or the step goes the wrong way.",
    remedy=_STALE,
    look=_look,
    explains=(
        "ratio_length",
        "clip_fraction",
        "entropy",
        "accuracy_fall",
        "kl",
        "validation_falls",
        "loops",
        "truncation",
    ),
)
