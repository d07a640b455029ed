"""An alarm: which check, since when, what was seen; and the order in which alarms are told, causes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leadline.health.check import Check

__all__ = ["Alarm", "ranked"]

_TOGETHER = 2
"""Steps within which two alarms began together: one quantity shows a fault sooner than another."""


@dataclass(frozen=True)
class Alarm:
    """What a check has found.

    Attributes:
        check: it.
        step: the first step after which the evidence was enough.
        seen: what was seen, in a sentence, with its interval.
        value: of the quantity, mean over the steps that spoke for it.
        interval: 95%, two-sided; None where there was one step, or all said the same.
        remedy: what to change.
        since: the first step of those that spoke for it.
        explains: names of the checks that follow from it.
    """

    check: Check
    step: int
    seen: str
    value: float
    interval: tuple[float, float] | None
    remedy: str
    since: int
    explains: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """One line for a log."""
        kind = "alarm" if self.check.alarms else "note"
        return f"{kind} at step {self.step}: {self.check.name}: {self.seen}"

    @property
    def advice(self) -> str:
        """What was seen, what it costs, and what to change: for an alert."""
        return f"{self.seen}. Costs: {self.check.cost} Change: {self.remedy}"

    def as_dict(self, causes: Sequence[str] = ()) -> dict[str, Any]:
        """As JSON; ``causes`` are the checks that it follows from."""
        return {
            "check": self.check.name,
            "kind": "alarm" if self.check.alarms else "note",
            "step": self.step,
            "since": self.since,
            "seen": self.seen,
            "value": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "means": self.check.means,
            "cost": self.check.cost,
            "remedy": self.remedy,
            "follows_from": list(causes),
        }


def ranked(alarms: Sequence[Alarm], order: Sequence[str]) -> list[tuple[Alarm, list[str]]]:
    """Alarms with the names of those that explain them: causes first, then symptoms, then notes.

    What began clearly later explains nothing: completions that were cut off from the first step on are not so because
    entropy rose in the fifth. Of two that could explain each other, the earlier one is the cause, or else the more
    telling one.

    Args:
        alarms: of one run.
        order: names of all checks, the most telling first.
    """
    place = {name: index for index, name in enumerate(order)}

    def explains(one: Alarm, other: Alarm) -> bool:
        follows = other.check.name in one.explains and one.since <= other.since + _TOGETHER
        back = one.check.name in other.explains and other.since <= one.since + _TOGETHER
        first = (other.since, place[other.check.name]) < (one.since, place[one.check.name])
        return follows and not (back and first)

    explained = {
        alarm.check.name: [other.check.name for other in alarms if explains(other, alarm)] for alarm in alarms
    }
    told = sorted(
        alarms,
        key=lambda alarm: (
            not alarm.check.alarms,
            bool(explained[alarm.check.name]),
            place[alarm.check.name],
        ),
    )
    return [(alarm, explained[alarm.check.name]) for alarm in told]
