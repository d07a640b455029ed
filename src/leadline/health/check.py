"""What a check is: how it looks at a step, and what it says to the people who can do something about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from leadline.health.observation import History, Observation
from leadline.health.sequential import above, flagged

__all__ = ["Check", "Sign", "flag", "share_above"]

Kind = Literal["share", "number"]


@dataclass(frozen=True)
class Sign:
    """What a check saw in one step.

    Attributes:
        log_e: logarithms of the step's e-values, one a bet: above 0 speaks for the fault.
        value: the quantity that was looked at.
        says: what was seen, with ``{}`` where the value and its interval go.
        units: independent units behind the value, for its interval; 0 for an interval from the spread over steps.
        kind: a share, or any number.
        remedy: another remedy than the check's own, where the cause is known better.
        explains: likewise, of the checks that follow from it.
        reach: steps before this one that it looked at, too: the fault may have begun there.
    """

    log_e: tuple[float, ...]
    value: float
    says: str
    units: float = 0.0
    kind: Kind = "number"
    remedy: str | None = None
    explains: tuple[str, ...] | None = None
    reach: int = 0

    @property
    def speaks(self) -> bool:
        """Whether the step speaks for the fault."""
        return max(self.log_e) > 0


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong with a run.

    Attributes:
        name: of the check, as ``stop_on`` takes it.
        means: what is wrong, in a sentence.
        figure: what is measured, and the limit of what counts as healthy.
        cost: what it costs to go on.
        remedy: what to change.
        look: the sign of the newest observation; None where it cannot be told.
        explains: checks whose alarms follow from this fault.
        alarms: False for a note, which is no fault and ends no run.
    """

    name: str
    means: str
    figure: str
    cost: str
    remedy: str
    look: Callable[[Observation, History], Sign | None]
    explains: tuple[str, ...] = ()
    alarms: bool = True


def share_above(
    value: float | None,
    limit: float,
    units: float,
    says: str,
    *,
    remedy: str | None = None,
) -> Sign | None:
    """The sign of a share that should not be above ``limit``; None where it is not known."""
    if value is None:
        return None
    value = min(1.0, max(0.0, value))
    return Sign(above(value, limit, units), value, says, units, "share", remedy)


def flag(
    raised: bool,
    value: float,
    says: str,
    *,
    chance: float = 0.05,
    remedy: str | None = None,
    kind: Kind = "number",
) -> Sign:
    """The sign of something that a healthy run shows in at most ``chance`` of its steps."""
    return Sign(flagged(raised, chance), value, says, 0.0, kind, remedy)
