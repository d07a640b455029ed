"""Lengths of both sides, of the samples that state one: no tokens are divided by the number of other samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import fisher_exact

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.differences import MetricChange, ratio_row
from leadline.diagnosis.compare.pairing import Pair

__all__ = ["LengthPair", "Lengths", "length_rows", "stated_lengths", "states_alike"]

Array = npt.NDArray[np.float64]

APART, BEYOND_CHANCE = 0.05, 0.01
"""How much more often right samples may state their length than wrong ones, unless it is by chance."""


class Lengths(NamedTuple):
    """Of the samples that state a length, per sample, one number a problem.

    ``mean`` are their mean tokens, ``rate`` the share of right ones, ``correct`` the tokens of the right ones by the
    number of all.
    """

    mean: Array
    rate: Array
    correct: Array


class LengthPair(NamedTuple):
    """Both sides, on the problems of which both state a length; ``correct_known``: that of right samples alone, too."""

    base: Lengths
    tuned: Lengths
    correct_known: bool


def stated_lengths(pair: Pair) -> LengthPair | None:
    """The samples that state their length, as if there were no others.

    None where there are none, and where right samples state it more or less often than wrong ones: then those that do
    are another kind of sample.
    """
    base, tuned, both = pair.base, pair.tuned, pair.measured
    if not both.any() or not (states_alike(base) and states_alike(tuned)):
        return None
    sides = [_of(side, both) for side in (base, tuned)]
    known = all(
        side.stated["lengths"] == side.stated["n_tokens"] and of.rate.any()
        for side, of in zip((base, tuned), sides, strict=True)
    )  # a row of counts has the mean of all samples only
    return LengthPair(sides[0], sides[1], known)


def _of(side: Counts, chosen: npt.NDArray[np.bool_]) -> Lengths:
    n = side.measured[chosen]
    return Lengths(
        side.tokens[chosen] / n, side.measured_correct[chosen] / n, side.tokens_correct[chosen] / n
    )


def states_alike(side: Counts) -> bool:
    """Whether right samples of one side state their length about as often as its wrong ones."""
    right, wrong = float(side.c.sum()), float((side.n - side.c).sum())
    stating = float(side.measured_correct.sum())
    others = float(side.measured.sum()) - stating
    if not right or not wrong or abs(stating / right - others / wrong) <= APART:
        return True
    table = [[stating, right - stating], [others, wrong - others]]
    return float(fisher_exact(table).pvalue) >= BEYOND_CHANCE


def length_rows(pair: LengthPair | None, seed: int) -> list[MetricChange]:
    """Mean tokens, each problem counting the same, and those of the right samples, each by how often it is solved."""
    if pair is None:
        return []
    one = np.ones_like(pair.base.mean)
    rows = [ratio_row("mean_tokens", (pair.base.mean, one), (pair.tuned.mean, one), seed)]
    if pair.correct_known:
        sides = [(side.correct, side.rate) for side in (pair.base, pair.tuned)]
        rows.append(ratio_row("mean_tokens_correct", sides[0], sides[1], seed))
    return [row for row in rows if row is not None]
