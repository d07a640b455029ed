"""Problems that the run has mastered."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.checks.zero_variance import learned
from leadline.health.observation import History, Observation

__all__ = ["MASTERED"]


def _look(seen: Observation, run: History) -> Sign | None:
    live = seen.get("live")
    if live is None or not learned(run):
        return None
    return share_above(
        1 - live,
        0.7,
        seen.units,
        f"{{}} of the groups carry no signal: {run.recent('pass@1'):.0%} are right by now",
    )


MASTERED = Check(
    name="mastered",
    means="The problems are mastered; what is left of the run teaches little.",
    figure="share of groups without an advantage over 70% after accuracy has risen over 80%",
    cost="Most of what is generated from here on carries no signal.",
    remedy="Stop here, or go on with harder problems (`leadline probe` on the newest checkpoint).",
    look=_look,
    alarms=False,
)
