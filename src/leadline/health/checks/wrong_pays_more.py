"""Wrong answers that earn more than right ones of the same group."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["WRONG_PAYS_MORE"]

_FLIPPED = 0.95


def _look(seen: Observation, _: History) -> Sign | None:
    share, base = seen.get("inverted"), seen.get("inverted_base")
    mixed = seen.get("mixed")
    if share is None:
        return None
    units = max(1.0, seen.units * mixed) if mixed is not None else 1.0
    says = "in {} of the pairs of a right and a wrong answer the wrong one earned more"
    remedy = None
    if base is not None and base >= _FLIPPED:
        says, remedy = says + ": the sign of correctness is turned round", _SIGN
    elif base is not None and base > share / 2:
        says, remedy = says + ", because of the length term", _LENGTH
    elif base is not None:
        says += ", because of the parts" + _named(seen)
    return share_above(share, 0.1, units, says, remedy=remedy)


def _named(seen: Observation) -> str:
    """The parts that are paid, as far as they are known."""
    names = [name for name in seen.parts if name not in ("farmed", "accuracy", "answered")]
    return f" ({', '.join(names[:4])})" if names else ""


_SIGN = "Turn round what a right and a wrong answer earn; call the reward on one answer that is known to be right."
_LENGTH = (
    "Lower the strength of the length term (`advantage.length_alpha`) until a right answer always earns "
    "more than a wrong one."
)

WRONG_PAYS_MORE = Check(
    name="wrong_pays_more",
    means="Wrong answers earn more than right ones (format outweighing, length reward too strong, turned signs).",
    figure="share of right-wrong pairs of a group in which the wrong one has the greater reward; at most 10%",
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
