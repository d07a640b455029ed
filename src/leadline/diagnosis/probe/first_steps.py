"""The live groups of a run's first steps, foretold before it, of a model that may learn within them."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.diagnosis.probe.result import FirstSteps
from leadline.stats import Interval, MassLaw, predicted_mixture, predicted_share
from leadline.theory import live_group_probability, tilted_success

__all__ = ["FIRST_STEPS", "PACE", "PACE_SPREAD", "forecast_first_steps", "success_after"]

Array = npt.NDArray[np.float64]

FIRST_STEPS = 3  # enough groups to judge a forecast by, and the least that is learned before they are there
PACE, PACE_SPREAD = 0.28, 0.26
"""Log-odds of success that one step adds, mean and standard deviation over families of problems: SmolLM2-135M at a
learning rate of 1e-5, on families that judge no forecast (`benchmarks/first_steps_on_llm.py`)."""
NODES = 9  # equally likely paces that stand for their normal law
EDGE = 1e-9  # success that is exactly 0 or 1 never moves; what was merely never seen does


def forecast_first_steps(
    law: MassLaw, live: Interval, group: int, batch: int, confidence: float = 0.95
) -> FirstSteps | None:
    """What share of the groups of the first `FIRST_STEPS` steps will be live; None where nothing is known.

    How fast a model learns is not known before it does. Two forecasts, and what comes lies between the lower of their
    lower limits and the higher of their upper ones: of a model that stays as it is, and of one that learns as
    SmolLM2 did, the log-odds of its success rising by the same with every step on every problem (the tilt law,
    docs/theory.md, section 1).

    Args:
        law: of Q over problems.
        live: share of live groups before training, with limits.
        group: completions per prompt.
        batch: prompts per step.
        confidence: of either forecast.
    """
    if math.isnan(live.value):
        return None
    groups = FIRST_STEPS * batch
    unchanged = predicted_share(live, groups, confidence)
    paces = PACE + PACE_SPREAD * special.ndtri((np.arange(NODES) + 0.5) / NODES)
    learning = predicted_mixture([_live_at(law, live, group, pace) for pace in paces], groups, confidence)
    both = Interval(unchanged.value, min(unchanged.lo, learning.lo), max(unchanged.hi, learning.hi))
    return FirstSteps(FIRST_STEPS, groups, both, unchanged)


def _live_at(law: MassLaw, live: Interval, group: int, pace: float) -> Interval:
    """Share of live groups over the first steps at this pace: the odds of a live group change as the law's do."""
    shares = [
        law.average(partial(_live_after, group=group, strength=pace * step)) for step in range(FIRST_STEPS)
    ]
    change = special.logit(np.mean(shares)) - special.logit(shares[0])
    return Interval(*tilted_success(live, change).tolist())


def success_after(q: npt.ArrayLike, strength: float) -> Array:
    """Success at log-odds that have risen by ``strength``, also of what was merely never seen (or never missed)."""
    return tilted_success(np.clip(np.asarray(q, float), EDGE, 1 - EDGE), strength)


def _live_after(q: npt.ArrayLike, group: int, strength: float) -> Array:
    return live_group_probability(success_after(q, strength), group)
