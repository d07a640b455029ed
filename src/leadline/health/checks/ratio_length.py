"""Importance ratios that depend on how long a completion is."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["RATIO_LENGTH"]

_LIMIT = 0.5
_GAP = 0.02
"""Nats a token below which the ratios are near 1 whatever they depend on."""


def _look(seen: Observation, _: History) -> Sign | None:
    slope, gap = seen.get("ratio_length"), seen.get("logp_gap")
    if slope is None:
        return None
    raised = abs(slope) > _LIMIT and (gap is None or gap > _GAP)
    way = "rise" if slope > 0 else "fall"
    return flag(
        raised, slope, f"importance ratios of whole completions {way} with their length (correlation {{}})"
    )


RATIO_LENGTH = Check(
    name="ratio_length",
    means="The importance ratio drifts with the length of a completion.",
    figure="correlation of a completion's log ratio with its tokens; at most 0.5 in size while the gap is over "
    "0.02 nats a token",
    cost="Ratios of whole completions weigh long answers up or down: a length reward that nobody asked for.",
    remedy="Use one ratio a token (in a recipe `rl.sampler_mismatch: token_truncate`, in TRL "
    "vllm_importance_sampling_mode='token_truncate'), and mend what makes sampler and trainer differ.",
    look=_look,
    explains=("length_pull", "wrong_grow_long"),
)
