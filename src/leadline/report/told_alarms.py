"""What the checks of a run have found (``alarms.json``), as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.report.gather import Arm, Run
from leadline.report.json_values import plain_text
from leadline.types import finite_number

__all__ = ["ToldAlarm", "told_alarms"]

_MOST = 40


@dataclass(frozen=True)
class ToldAlarm:
    """An alarm, or a note.

    Attributes:
        arm: whose.
        alarms: False for a note.
        check, seen, cost, remedy: as text.
        step: since when; empty where that is not known.
        follows: names of the checks that it follows from.
    """

    arm: Arm
    alarms: bool
    check: str
    step: str
    seen: str
    cost: str
    remedy: str
    follows: str


def told_alarms(run: Run) -> list[ToldAlarm]:
    """Those of every arm of a run that the page knows, in the order in which the checks told them; notes last."""
    found = [
        _told(arm, said)
        for name, told in run.reader.alarms.items()
        if (arm := run.arm(name)) is not None
        for said in told[:_MOST]
    ]
    return sorted(found, key=lambda one: not one.alarms)


def _told(arm: Arm, said: Mapping[str, Any]) -> ToldAlarm:
    step, follows = finite_number(said.get("step")), said.get("follows_from")
    names: Sequence[Any] = follows if isinstance(follows, list) else []
    return ToldAlarm(
        arm,
        said.get("kind") != "note",
        plain_text(said.get("check"), 60),
        "" if step is None else f"{step:.0f}",
        plain_text(said.get("seen"), 600),
        plain_text(said.get("cost"), 600),
        plain_text(said.get("remedy"), 600),
        ", ".join(plain_text(name, 60) for name in names[:8]),
    )
