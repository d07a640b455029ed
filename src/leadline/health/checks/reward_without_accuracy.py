"""A reward that rises while accuracy stands still, and the part that rises."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["REWARD_WITHOUT_ACCURACY"]

_WINDOW = 5
_RISE = 0.2
_FLAT = 0.02


def _look(seen: Observation, run: History) -> Sign | None:
    if run.steps < 2 * _WINDOW:
        return None
    rise, gain = (_rise(run, name) for name in ("reward", "pass@1"))
    if rise is None or gain is None:
        return None
    says = f"the reward rose by {{}} since the start, accuracy by {100 * gain:+z.1f} points" + _part(run)
    return flag(rise > _RISE and gain < _FLAT, rise, says, chance=0.1)


def _rise(run: History, name: str) -> float | None:
    begun, now = run.first(name), run.recent(name, _WINDOW)
    return None if begun is None or now is None else now - begun


def _part(run: History) -> str:
    """The part that grew most."""
    first, last = run.early[0].parts, run.late[-1].parts
    growth = {
        name: value - begun
        for name, begun in first.items()
        if begun is not None and (value := last.get(name)) is not None
    }
    if not growth:
        return ""
    most = max(growth, key=lambda name: growth[name])
    return f"; what grows is {most!r} ({growth[most]:+z.2f})"


REWARD_WITHOUT_ACCURACY = Check(
    name="reward_without_accuracy",
    means="The reward goes up while accuracy is flat.",
    figure="mean of the last 5 steps minus the first: reward over +0.2 with accuracy under +2 points, in over 10% "
    "of steps",
    cost="Something else than being right is learned.",
    remedy="Lower the weight of the part that grows, or pay it for right answers only.",
    look=_look,
    explains=("validation_falls",),
)
