"""Wrong answers that earn more than right ones of the same group."""

from __future__ import annotations

from dataclasses import replace

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation
from leadline.health.sequential import above, flagged
from leadline.storage.length_push import paid_parts

__all__ = ["WRONG_PAYS_MORE"]

_FLIPPED = 0.95
_LIMIT = 0.1


def _look(seen: Observation, _: History) -> Sign | None:
    share, base = seen.get("inverted"), seen.get("inverted_base")
    mixed, most = seen.get("mixed"), seen.get("outranked")
    if share is None and most is None:
        return None
    reach = flagged(most > 0, 0.1) if most is not None else (0.0, 0.0)  # a bet of nothing is a fair one
    if share is None or (share <= _LIMIT and max(reach) > 0):
        says = "some wrong answer of a step earned {} more than some right one" + _named(seen)
        pairs = above(share, _LIMIT, 1.0) if share is not None else (0.0,) * len(above(0.0, _LIMIT, 1.0))
        return Sign((*pairs, *reach), most or 0.0, says)
    units = max(1.0, seen.units * mixed) if mixed is not None else 1.0
    says = "in {} of the pairs of a right and a wrong answer the wrong one earned more"
    remedy = None
    if base is not None and base >= _FLIPPED:
        says, remedy = says + ": the sign of correctness is turned round", _SIGN
    elif base is not None and base > share / 2:
        says, remedy = says + ", because of the length term", _LENGTH
    elif base is not None:
        says += ", because of the parts" + _named(seen)
    found = share_above(share, _LIMIT, units, says, remedy=remedy)
    return None if found is None else replace(found, log_e=(*found.log_e, *reach))


def _named(seen: Observation) -> str:
    """The parts that are paid, as far as they are known."""
    names = paid_parts(seen.parts)
    return f" ({', '.join(names[:4])})" if names else ""


_SIGN = "Turn round what a right and a wrong answer earn; call the reward on one answer that is known to be right."
_LENGTH = (
    "Lower the strength of the length term (`advantage.length_alpha`) until a right answer always earns "
    "more than a wrong one."
)

WRONG_PAYS_MORE = Check(
    name="wrong_pays_more",
    means="Wrong answers earn more than right ones (format outweighing, length reward too strong, turned signs).",
    figure="share of right-wrong pairs of a group in which the wrong one has the greater reward, at most 10%; or "
    "steps in which any wrong answer earns more than any right one, of whatever group: at most 10%",
    cost="The step teaches what is paid, and that is not being right.",
    remedy="Lower the weights of the parts until all of them together are worth less than being right (leadline "
    "warns of such weights at the start).",
    look=_look,
    explains=(
        "reward_without_accuracy",
        "accuracy_fall",
        "length_pull",
        "format_only",
        "reflection_hacking",
        "zero_variance",
        "validation_falls",
        "wrong_grow_long",
        "truncation",
        "loops",
        "entropy",
        "kl",
    ),
)
