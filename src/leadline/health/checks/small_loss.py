"""A loss near 0, where that is as it should be."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["SMALL_LOSS"]


def _look(seen: Observation, _: History) -> Sign | None:
    loss, live, norm = seen.get("loss"), seen.get("live"), seen.get("grad_norm")
    if loss is None or live is None:
        return None
    normal = abs(loss) < 0.01 and live > 0.2 and (norm is None or norm > 0)
    return flag(normal, loss, "the loss is near 0 ({}): normal here, the gradient is not", chance=0.05)


SMALL_LOSS = Check(
    name="small_loss",
    means="The loss is near 0, which is normal here.",
    figure="loss under 0.01 in size while groups have signal and the gradient is not 0",
    cost="None: advantages of a group add up to 0 and the ratio is 1 before the first update, so that the loss is "
    "near 0 whatever is learned.",
    remedy="Look at reward, accuracy and gradient norm instead.",
    look=_look,
    alarms=False,
)
