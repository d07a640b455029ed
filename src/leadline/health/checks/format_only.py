"""A gain in accuracy that is the format's."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["FORMAT_ONLY"]

_WINDOW = 5
_GAIN = 0.1
_SHARE = 0.25


def _look(seen: Observation, run: History) -> Sign | None:
    begun, now = run.first("pass@1"), run.recent("pass@1", _WINDOW)
    lost = [(run.first(name), run.recent(name, _WINDOW)) for name in ("truncated", "no_answer")]
    if begun is None or now is None or any(value is None for pair in lost for value in pair):
        return None
    answered = [1 - sum(pair[i] or 0.0 for pair in lost) for i in (0, 1)]
    if min(answered) <= 0 or run.steps < 2 * _WINDOW:
        return None
    among = now / answered[1] - begun / answered[0]
    says = f"accuracy rose by {{}}, among completions with an answer by {100 * among:+z.1f} points"
    return flag(
        now - begun > _GAIN and among < _SHARE * (now - begun), now - begun, says, chance=0.1, kind="share"
    )


FORMAT_ONLY = Check(
    name="format_only",
    means="What was gained is form: more completions have an answer, those answers are no better.",
    figure="gain in accuracy over 10 points, under a quarter of it among completions with an answer",
    cost="None by itself; it is no gain in reasoning, and a prompt or a few supervised steps would have given it.",
    remedy="Compare with `leadline compare`, which splits the gain; measure against a base with a good prompt.",
    look=_look,
    alarms=False,
)
