"""Validation that falls while training accuracy rises."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["VALIDATION_FALLS"]

_FALL = 0.15


def _look(seen: Observation, run: History) -> Sign | None:
    value = seen.get("valid")
    if value is None or len(run.valid) < 2:
        return None
    best, then = max(
        ((old.values["valid"], train) for old, train in run.valid[:-1]), key=lambda pair: pair[0]
    )
    now = run.valid[-1][1]
    rising = then is not None and now is not None and now >= then
    says = f"validation is {{}}, from {best:.0%} at its best, while training accuracy did not fall"
    return flag(best - value > _FALL and rising, value, says, chance=0.02, kind="share")


VALIDATION_FALLS = Check(
    name="validation_falls",
    means="Validation falls while training rises.",
    figure="validation 15 points below its best with training accuracy no lower than then; at most 2% of "
    "validations",
    cost="From here on problems are learned by heart.",
    remedy="Use the best checkpoint (checkpoints/<arm>/best), and more problems.",
    look=_look,
)
