"""An alarm: which check, since when, what was seen; and the order in which alarms are told, causes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leadline.health.check import Check

__all__ = ["Alarm", "ranked"]


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
    """

    check: Check
    step: int
    seen: str
    value: float
    interval: tuple[float, float] | None
    remedy: str

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

    Args:
        alarms: of one run.
        order: names of all checks, the most telling first.
    """
    names = {alarm.check.name for alarm in alarms}
    explained = {
        alarm.check.name: [
            other.check.name
            for other in alarms
            if alarm.check.name in other.check.explains and other.check.name in names
        ]
        for alarm in alarms
    }
    place = {name: index for index, name in enumerate(order)}
    told = sorted(
        alarms,
        key=lambda alarm: (
            not alarm.check.alarms,
            bool(explained[alarm.check.name]),
            place[alarm.check.name],
        ),
    )
    return [(alarm, explained[alarm.check.name]) for alarm in told]
