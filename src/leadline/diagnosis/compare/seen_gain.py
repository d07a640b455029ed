"""Whether what the tuned model does more often is what the base was seen to do at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.pairing import Pair
from leadline.stats import Interval, fit_mass_law

__all__ = ["SeenGain", "find_seen_gain"]

TELLING = 5  # samples a problem from which a problem that is always solved is told from one that is not


@dataclass(frozen=True, slots=True)
class SeenGain:
    """Change of the solve rate on the problems of which the base had a right sample.

    Attributes:
        problems: how many these are.
        change: tuned minus base, on these problems. They were chosen for a right base sample, so that the base's
            own rate would flatter it: its part is expected of the law of Q given the counts. None without such a
            problem, or where no problem has two base samples.
        needs: base samples a problem that it would take to tell; 0 where they are there.
    """

    problems: int
    change: Interval | None
    needs: int


def find_seen_gain(pair: Pair, confidence: float = 0.95) -> SeenGain:
    """Compare the two sides where the base was seen to succeed; the noise of both sides is counted in."""
    base, tuned = pair.base, pair.tuned
    seen = base.c > 0
    needs = max(TELLING - int(np.median(base.n)), 0)
    if not seen.any() or base.n.max() < 2:
        return SeenGain(int(seen.sum()), None, needs)
    before = fit_mass_law(base.n, base.c).mean_of(seen, lambda q: q, confidence)
    after = _measured(tuned, seen, confidence)
    value = after.value - before.value
    lo = value - float(np.hypot(after.value - after.lo, before.hi - before.value))
    hi = value + float(np.hypot(after.hi - after.value, before.value - before.lo))
    return SeenGain(int(seen.sum()), Interval(value, max(lo, -1.0), min(hi, 1.0)), needs)


def _measured(counts: Counts, chosen: npt.NDArray[np.bool_], confidence: float) -> Interval:
    """Mean rate of problems that others' samples chose: only the noise of sampling each counts."""
    n, c = counts.n[chosen], counts.c[chosen]
    value = float((c / n).mean())
    smooth = (c + 0.5) / (n + 1)
    error = float(np.sqrt((smooth * (1 - smooth) / n).sum())) / n.size
    half = float(special.ndtri((1 + confidence) / 2)) * error
    return Interval(value, max(value - half, 0.0), min(value + half, 1.0))
