"""Tests that may be looked at after every step: e-values of single steps, and the process that collects them.

An e-value is a number that is 1 on average, or less, where nothing is wrong. The product of the e-values of steps
``s, s + 1, ...`` is then a fair bet at best, and by Ville's inequality it ever reaches ``1 / alpha`` with a chance of
at most ``alpha``, however often it is looked at (Ville 1939; Ramdas et al., arXiv 2210.01948). A fault may begin at any
step: the money is spread over all starts ``s`` beforehand, ``1 / (s (s + 1))`` on each, so that a fault that begins
late is not hidden by what went well before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["ALPHA", "EProcess", "above", "flagged"]

ALPHA = 0.01
"""Chance of any alarm in a healthy run, all of its checks and steps together."""

_TILTS = (0.4, 1.0, 2.0, 4.0)
"""Odds ratios, as logarithms, that a share is thought to be higher by."""
_OFTEN = (0.9, 0.4)
"""How often a flag is thought to be raised under a fault: one that is always there, one that comes and goes."""


@dataclass
class EProcess:
    """The evidence of one check: feed it log e-values, one or several bets a step; ``log(1 / alpha)`` is enough."""

    steps: int = 0
    log_values: list[float] = field(default_factory=list)

    @property
    def log_value(self) -> float:
        """The logarithm of the mean over the bets of a mixture over all starts so far."""
        return log_sum(self.log_values) - math.log(len(self.log_values)) if self.log_values else -math.inf

    def add(self, log_e: Sequence[float]) -> float:
        """Take in one step, always of as many bets, and return the evidence."""
        self.steps += 1
        fresh = -math.log(self.steps * (self.steps + 1))
        before = self.log_values or [-math.inf] * len(log_e)
        self.log_values = [log_sum((old, fresh)) + bet for old, bet in zip(before, log_e, strict=True)]
        return self.log_value


def log_sum(logs: Sequence[float]) -> float:
    """log of the sum of exponentials."""
    high = max(logs)
    return high if high == -math.inf else high + math.log(sum(math.exp(x - high) for x in logs))


def above(share: float, limit: float, units: float) -> tuple[float, ...]:
    """Log e-values of a step for "the share is above ``limit``": the mean of ``units`` independent numbers in [0, 1].

    ``exp(units * (t * share - log(1 - limit + limit * e^t)))`` has an expectation of at most 1 for every t > 0 where
    the expected share is at most ``limit``: among all laws on [0, 1] of one mean the two-point one has the largest
    moment-generating function (Hoeffding 1963). One bet for each of a few t.

    >>> max(above(0.1, 0.2, 32)) < 0 < max(above(0.5, 0.2, 32))
    True
    """
    return tuple(units * (t * share - math.log(1 - limit + limit * math.exp(t))) for t in _TILTS)


def flagged(raised: bool, chance: float) -> tuple[float, ...]:
    """Log e-values of a flag that is raised with at most ``chance`` where nothing is wrong; one bet a rate of faults.

    >>> [round(bet, 2) for bet in flagged(True, 0.05) + flagged(False, 0.05)]
    [2.89, 2.08, -2.25, -0.46]
    """
    rates = (max(rate, (1 + chance) / 2) if rate <= chance else rate for rate in _OFTEN)
    return tuple(math.log(rate / chance if raised else (1 - rate) / (1 - chance)) for rate in rates)
