"""Intervals of ratios and of what is split from means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from leadline.stats import bootstrap_ratio, paired_bootstrap_ratio, smooth, smooth_intervals

Array = npt.NDArray[np.float64]


def test_of_a_mean_it_is_the_t_interval() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    (found,) = smooth_intervals(values[:, None], lambda means: means)
    half = stats.t.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert found.width == pytest.approx(2 * half, rel=0.06)


def test_several_values_come_from_the_same_resamples() -> None:
    """Their sum is resampled as a sum: two parts that cancel leave a total that is known."""
    noise = np.random.default_rng(1).normal(0, 1, 100)
    table = np.stack([noise, 1 - noise], axis=1)
    first, second, total = smooth_intervals(
        table, lambda means: np.column_stack([means[:, 0], means[:, 1], means.sum(axis=1)])
    )
    assert total.width < 1e-9
    assert first.width == pytest.approx(second.width, rel=0.05)
    assert first.width > 0.3


def test_few_problems_that_carry_the_spread_tell_as_much_as_few() -> None:
    """Two of eight at +-3: mean square 18/8, mean fourth power 162/8, kurtosis 4, so 1 + 2 * 8 / 3 problems."""
    assert smooth._worth(np.array([3.0, -3.0, 0, 0, 0, 0, 0, 0])) == pytest.approx(1 + 16 / 3)
    assert smooth._worth(np.array([1.0, -1.0] * 4)) == 8
    assert smooth._worth(np.zeros(8)) == 8


def test_limits_lean_to_the_tail() -> None:
    """One problem in ten carries most of the tokens: there may be more of its kind than were seen."""
    tokens = np.where(np.arange(60) % 10 == 0, 1000.0, 50.0)
    found = bootstrap_ratio(tokens, np.ones(60))
    assert found.hi - found.value > 1.2 * (found.value - found.lo)


def test_a_few_problems_that_carry_a_sum_are_covered() -> None:
    """Ratio of sums with weights that differ a hundredfold, 300 sets of 40 problems: 93% or more hold the truth."""
    rng = np.random.default_rng(2)

    def draw(size: int) -> tuple[Array, Array]:
        weight = rng.beta(0.3, 2, size)
        return weight * 100 * np.exp(rng.normal(0, 0.6, size)), weight

    truth = 100 * np.exp(0.18)
    hits = [bootstrap_ratio(*draw(40), draws=1000, seed=i).contains(truth) for i in range(300)]
    assert np.mean(hits) >= 0.92


def test_paired_ratios_of_other_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        paired_bootstrap_ratio(([1.0], [1.0]), ([1.0, 2.0], [1.0, 1.0]))
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_ratio([], [])


def test_nothing_to_divide_by_is_no_number() -> None:
    found = bootstrap_ratio([1.0, 2.0], [0.0, 0.0])
    assert np.isnan([found.value, found.lo, found.hi]).all()


def test_a_ratio_of_counts_is_never_below_nothing() -> None:
    """Resamples without the one right answer made its lower limit -2.2e-16."""
    right = np.zeros(20)
    right[7] = 1.0
    answered = np.tile([4.0, 3.0, 4.0, 2.0, 3.0], 4)
    assert bootstrap_ratio(right, answered).lo == 0.0
