"""Groups without signal."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["ZERO_VARIANCE", "learned"]

_MASTERED = 0.8
_RISE = 0.1


def _look(seen: Observation, run: History) -> Sign | None:
    live, accuracy = seen.get("live"), seen.get("pass@1")
    if live is None or learned(run):
        return None
    says = "{} of the groups carried no signal"
    if accuracy is not None:
        says += f"; {accuracy:.0%} are right"
    remedy = None if accuracy is None else _HARD if accuracy < 0.3 else _EASY if accuracy > 0.7 else None
    return share_above(1 - live, 0.8, seen.units, says, remedy=remedy)


_HARD = (
    "The problems are too hard: easier ones, more samples a group, or supervised steps first (`leadline "
    "probe` says which)."
)
_EASY = "The problems are too easy: harder ones, or `rl.select: window`, which asks those that still vary."


def learned(run: History) -> bool:
    """Whether accuracy has risen in this run so far that groups without signal are what success looks like."""
    begun, now = run.first("pass@1"), run.recent("pass@1")
    return begun is not None and now is not None and now > _MASTERED and now > begun + _RISE


ZERO_VARIANCE = Check(
    name="zero_variance",
    means="Most groups have no variance: their advantages are all 0.",
    figure="share of groups without an advantage; at most 80%, where the run has not itself brought accuracy over "
    "80%",
    cost="They are generated and graded for nothing: at 80% a step costs five times what its signal is worth.",
    remedy="Filter problems by solve rate (`leadline probe ... --write-problems kept.jsonl`), or let `rl.select: "
    "window` choose.",
    look=_look,
)
