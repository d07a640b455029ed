"""All checks at once, step after step: the same object in a run as it goes on and in an audit of its files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from leadline.display.numbers import percent
from leadline.health.alarm import Alarm, ranked
from leadline.health.check import Check, Sign
from leadline.health.observation import History, Observation
from leadline.health.registry import CHECKS
from leadline.health.sequential import ALPHA, EProcess
from leadline.stats import clopper_pearson

__all__ = ["Watchdog"]

_REMEMBERED = 10


@dataclass
class _State:
    process: EProcess = field(default_factory=EProcess)
    signs: list[Sign] = field(default_factory=list)
    since: int = 0
    alarm: Alarm | None = None


class Watchdog:
    """Looks at every observation of one run (one arm); each check raises its alarm once.

    Args:
        checks: those to run; they share :data:`~leadline.health.sequential.ALPHA` evenly, whichever are left out.
    """

    def __init__(self, checks: Sequence[Check] = CHECKS) -> None:
        self.history = History()
        self._states = {check.name: _State() for check in checks}
        self._checks = tuple(checks)
        self._enough = math.log(sum(check.alarms for check in CHECKS) / ALPHA)

    def see(self, seen: Observation) -> list[Alarm]:
        """Take in one observation; returns the alarms that it raises."""
        seen = self.history.add(seen)
        raised = []
        for check in self._checks:
            state = self._states[check.name]
            if state.alarm is not None:
                continue
            sign = check.look(seen, self.history)
            if sign is None:
                continue
            if state.process.log_value < 0 and not sign.speaks:
                state.signs.clear()  # the evidence of earlier steps is spent
            if sign.speaks:
                state.since = state.since if state.signs else seen.step - sign.reach
                state.signs = [*state.signs[1 - _REMEMBERED :], sign]
            if state.process.add(sign.log_e) >= self._enough and sign.speaks:
                state.alarm = alarm_of(check, seen.step, state.signs, state.since)
                raised.append(state.alarm)
        return raised

    def see_all(self, observations: Iterable[Observation]) -> list[Alarm]:
        """Take in several; returns the alarms in the order in which they were raised."""
        return [alarm for seen in observations for alarm in self.see(seen)]

    @property
    def alarms(self) -> list[Alarm]:
        """All so far, causes first."""
        return [alarm for alarm, _ in self.explained]

    @property
    def unjudged(self) -> list[str]:
        """Checks that no step so far had the numbers for."""
        return [
            check.name
            for check in self._checks
            if check.alarms and not self._states[check.name].process.steps
        ]

    @property
    def explained(self) -> list[tuple[Alarm, list[str]]]:
        """Likewise, each with the names of the checks that it follows from."""
        found = [state.alarm for state in self._states.values() if state.alarm is not None]
        return ranked(found, [check.name for check in CHECKS])


def alarm_of(check: Check, step: int, signs: Sequence[Sign], since: int) -> Alarm:
    """What the steps say together that spoke for a fault, the first of them ``since``."""
    latest = signs[-1]
    signs = [sign for sign in signs if sign.kind == latest.kind]  # a check may look at two quantities
    value, interval = measured(signs)
    show = percent if latest.kind == "share" else lambda x: f"{x:.3g}"
    figure = show(value)
    if interval is not None:
        figure += f" [{show(interval[0])}, {show(interval[1])}]"
    remedy = latest.remedy or check.remedy
    explains = check.explains if latest.explains is None else latest.explains
    return Alarm(check, step, latest.says.format(figure), value, interval, remedy, since, explains)


def measured(signs: Sequence[Sign]) -> tuple[float, tuple[float, float] | None]:
    """Mean of the values with its 95% interval: exact over independent units, else Student's t over steps."""
    values = np.array([sign.value for sign in signs])
    units = np.array([sign.units for sign in signs])
    if (units > 0).all():
        mean = float((values * units).sum() / units.sum())
        low, high = clopper_pearson(min(1.0, mean) * units.sum(), units.sum())
        return mean, (float(low), float(high))
    mean = float(values.mean())
    if len(values) < 2 or values.min() == values.max():
        return mean, None
    half = float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / math.sqrt(len(values)))
    low_, high_ = mean - half, mean + half
    return mean, (max(0.0, low_), min(1.0, high_)) if signs[-1].kind == "share" else (low_, high_)
