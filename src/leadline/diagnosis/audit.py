"""What is wrong with a run: all checks over all that it has written, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from leadline.display.numbers import count
from leadline.display.visible import visible
from leadline.health import CHECKS, Alarm, Watchdog
from leadline.health.sources.opening import Records, open_records

__all__ = ["Audit", "alarms_of", "arm_line", "audit", "audit_records", "mark_of", "shown"]


@dataclass(frozen=True)
class Audit:
    """Of one run.

    Attributes:
        run: its directory or file.
        kind: ``leadline``, ``trl``, ``verl`` or ``metrics``.
        arms: by arm, what its steps have shown.
    """

    run: Path
    kind: str
    arms: Mapping[str, Watchdog]

    @property
    def alarms(self) -> int:
        """How many there are, notes aside."""
        return sum(map(alarms_of, self.arms.values()))

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "run": str(self.run),
            "kind": self.kind,
            "checks": [check.name for check in CHECKS],
            "alarms": self.alarms,
            "arms": {
                name: {
                    "steps": dog.history.steps,
                    "found": [alarm.as_dict(causes) for alarm, causes in dog.explained],
                    "not_judged": dog.unjudged,
                }
                for name, dog in self.arms.items()
            },
        }


def audit(path: Path) -> Audit:
    """Run every check over a run of leadline, TRL or verl, finished or under way.

    Raises:
        InputError: nothing that can be read as a run. `DataError` for files with faults.
    """
    return audit_records(path, open_records(path))


def audit_records(path: Path, records: Records) -> Audit:
    """The same for a run that has been read already."""
    arms = {}
    for name, observations in records.arms.items():
        arms[name] = Watchdog()
        arms[name].see_all(observations)
    return Audit(path, records.kind, arms)


def alarms_of(dog: Watchdog) -> int:
    """How many alarms an arm has, notes aside."""
    return sum(alarm.check.alarms for alarm in dog.alarms)


def arm_line(name: str, dog: Watchdog) -> Text:
    """The line above what the checks say of an arm."""
    number = alarms_of(dog)
    said = count(number, "alarm") if number else "no alarm"
    return Text(visible(f"{name}: {said} in {count(dog.history.steps, 'step')}"), style="bold")


def mark_of(alarm: Alarm) -> tuple[str, str]:
    """The sign in front of an alarm, or of a note, and its style."""
    return ("!", "bold red") if alarm.check.alarms else ("·", "dim")


def shown(found: Audit) -> RenderableType:
    """For a terminal."""
    parts: list[RenderableType] = []
    for name, dog in found.arms.items():
        parts.append(arm_line(name, dog))
        for alarm, causes in dog.explained:
            mark, style = mark_of(alarm)
            parts.append(
                Text(visible(f" {mark} {alarm.check.name} (step {alarm.step}): {alarm.seen}"), style=style)
            )
            if causes:
                parts.append(Text(f"   follows from {', '.join(causes)}"))
            parts.append(Text(visible(f"   costs:  {alarm.check.cost}")))
            parts.append(Text(visible(f"   change: {alarm.remedy}")))
        if dog.unjudged:
            parts.append(Text(f" · nothing to judge by: {', '.join(dog.unjudged)}", style="dim"))
    if not parts:
        parts.append(Text("no arm has taken a step of reinforcement learning yet"))
    return Group(*parts)
