"""Which problems moved, and whether one of them makes the whole difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from leadline.diagnosis.compare.pairing import Pair

__all__ = ["Movers", "find_movers", "movement"]

LEVEL = 0.005  # one-sided, per problem and direction: half a problem of a hundred by chance


@dataclass(frozen=True, slots=True)
class Movers:
    """Problems whose solve rate moved beyond chance, and the largest single contribution.

    ``up`` and ``down`` count problems at half a percent each way; ``by_chance`` is what to expect of either
    without any change. ``top`` is the problem with the largest change, ``top_share`` its share of the sum of
    all absolute changes.
    """

    up: int
    down: int
    by_chance: float
    top: str
    top_share: float


def find_movers(pair: Pair) -> Movers:
    """Compare the two rates of every problem on the arcsine scale, where binomial noise has one size.

    ``z = (asin sqrt p2 - asin sqrt p1) / sqrt(1/4n1 + 1/4n2)`` with ``p = (c + 3/8)/(n + 3/4)`` (Anscombe
    1948).
    """
    z = movement(pair)
    edge = -float(special.ndtri(LEVEL))
    before, after = pair.rates
    change = np.abs(after - before)
    top = int(change.argmax())
    total = float(change.sum())
    share = float(change[top]) / total if total > 0 else 0.0
    return Movers(int((z > edge).sum()), int((z < -edge).sum()), LEVEL * len(pair), pair.base.ids[top], share)


def movement(pair: Pair) -> np.ndarray:
    """How far each problem moved, in standard errors on the arcsine scale, shape (problems,)."""
    base, tuned = pair.base, pair.tuned

    def angle(c: np.ndarray, n: np.ndarray) -> np.ndarray:
        return np.asarray(np.arcsin(np.sqrt((c + 0.375) / (n + 0.75))))

    return np.asarray(
        (angle(tuned.c, tuned.n) - angle(base.c, base.n)) / np.sqrt(0.25 / base.n + 0.25 / tuned.n)
    )
