"""Entropy that collapses, or explodes."""

from __future__ import annotations

import math
from dataclasses import replace

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["ENTROPY"]

_NOTHING = 0.005
"""Nats a token: the samples of a group are all but equal."""
_DISTINCT = 0.85
"""Nats a completion, since the first step, as a share of those of a group whose completions are all different."""
_ALIKE = 0.9
_SHARE = 0.1
_TEXT = 8
_LETTER = 0.5
"""Nats a completion of fewer tokens than that: a letter of four has little to choose from."""
_TIMES = 2.5
_MORE = 0.3
_MASTERED = 0.9


def _look(seen: Observation, run: History) -> Sign | None:
    entropy, begun = seen.get("entropy"), run.begun("entropy")
    if entropy is None:
        return None
    if begun is not None and entropy > _TIMES * begun and entropy > begun + _MORE:
        says = f"entropy rose to {{}} nats a token, from {begun:.2g} at the start"
        explains = (*ENTROPY.explains, "no_end")
        return replace(flag(True, entropy, says, remedy=_EXPLODES), explains=explains)
    copies = [one.get("copies") for one in (*run.early, seen)]
    if all(share is not None and share > _ALIKE for share in copies):
        says = "{} of the completions since the start stand in their group already"
        return flag(True, seen.values["copies"], says, kind="share", remedy=_GREEDY)
    mastered = seen.values.get("pass@1", 0.0) >= _MASTERED
    tokens = seen.get("mean_tokens")
    size = max(2.0, seen.values.get("completions", 0.0) / seen.units)
    few = _DISTINCT * math.log(size) if tokens is not None and tokens >= _TEXT else _LETTER
    # Whatever is right: nothing is tried.
    if tokens is not None and max(entropy, begun or 0.0) * tokens < few:
        return flag(True, entropy * tokens, "entropy is {} nats a completion since the start", remedy=_GREEDY)
    low = entropy < _NOTHING or (begun is not None and entropy < _SHARE * begun)
    says = "entropy is {} nats a token" + (f", from {begun:.2g} at the start" if begun is not None else "")
    return flag(low and not mastered, entropy, says)


_GREEDY = (
    "Raise the sampling temperature, and look at top-k and do_sample: the completions of a group are copies of "
    "one another."
)
_EXPLODES = (
    "Lower the learning rate; look at sampler_mismatch: an entropy that rises is most often noise that "
    "is being learned."
)

ENTROPY = Check(
    name="entropy",
    means="Entropy collapses (or explodes).",
    figure="nats a token: below 0.005, or a tenth of the first step's, while under 90% are right; or 2.5 times "
    "as much and 0.3 more; nats a completion below 85% of the logarithm of the group's size (of "
    "answers under 8 tokens: below 0.5), or over 90% copies in "
    "their group, since the first step; in over 5% of steps",
    cost="The completions of a group are all alike and nothing new is tried; or they turn into noise.",
    remedy="Raise the temperature, raise the upper clip (clip-higher), add a KL term, or lower the learning rate.",
    look=_look,
    explains=(
        "zero_variance",
        "constant_reward",
        "validation_falls",
        "truncation",
        "loops",
        "kl",
    ),
)
