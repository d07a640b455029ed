"""The mean of a figure over the problems: from their samples, or from the law of Q where those chose the set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from leadline.stats import Interval, MassLaw, count_mean

__all__ = ["population_mean"]

Array = npt.NDArray[np.float64]


def population_mean(
    n: Array,
    c: Array,
    statistic: Callable[[Array, Array], Array],
    of_mass: Callable[[Array], Array],
    confidence: float = 0.95,
    chose_the_set: MassLaw | None = None,
) -> Interval:
    """Mean over problems like these; where the set was filtered on these very samples, over these problems.

    Args:
        n, c: samples and right ones, shape (problems,).
        statistic: (n, c) -> unbiased estimate per problem.
        of_mass: Q -> the same figure of a problem with this correct mass.
        chose_the_set: the law of Q, fitted to counts of which an edge was left out. The samples that chose a problem
            flatter it (or run it down, where those always solved were left out), and no statistic of theirs is
            unbiased then; given the law and its counts, a problem knows nothing of having been chosen
            (`MassLaw.mean_of`).
    """
    if chose_the_set is None:
        return count_mean(n, c, statistic, confidence)
    return chose_the_set.mean_of(np.ones(chose_the_set.kind.size, dtype=bool), of_mass, confidence)
