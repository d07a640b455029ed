"""Reflecting words that come without reflection."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["REFLECTION_HACKING"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(
        seen.parts.get("farmed"),
        0.25,
        seen.units,
        "{} of the reflecting words only repeat what was said before",
    )


REFLECTION_HACKING = Check(
    name="reflection_hacking",
    means="The reflection reward is farmed: words of reflection, said over and over.",
    figure="share of reflecting words in near-repeats (`farmed`); at most 25%",
    cost="Answers grow longer by words that do nothing, and are paid for it.",
    remedy="`reward_options.reflection: {ignore_repeats: true, only_if_correct: true}`, or a smaller weight.",
    look=_look,
    explains=("wrong_grow_long", "truncation", "reward_without_accuracy", "loops"),
)
