"""The odds ratio that all problems share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import contingency

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.odds_ratio import common_log_odds_ratio
from leadline.diagnosis.compare.pairing import pair_up

CHI2_95 = 3.841458820694124


def test_of_one_problem_it_is_the_conditional_estimate_of_a_table() -> None:
    pair = pair_up(Counts.from_arrays([20], [6]), Counts.from_arrays([16], [11]))
    expected = contingency.odds_ratio(np.array([[11, 5], [6, 14]]), kind="conditional").statistic
    assert common_log_odds_ratio(pair, CHI2_95, 50).value == pytest.approx(np.log(expected), abs=1e-3)


def test_problems_that_are_solved_always_or_never_say_nothing() -> None:
    base, tuned = [3, 0, 8], [6, 0, 8]
    alone = pair_up(Counts.from_arrays([8], base[:1]), Counts.from_arrays([8], tuned[:1]))
    beside = pair_up(Counts.from_arrays([8, 8, 8], base), Counts.from_arrays([8, 8, 8], tuned))
    assert common_log_odds_ratio(alone, CHI2_95, 50) == common_log_odds_ratio(beside, CHI2_95, 50)
    nothing = pair_up(Counts.from_arrays([8], [0]), Counts.from_arrays([8], [0]))
    assert common_log_odds_ratio(nothing, CHI2_95, 50) == (0.0, -50.0, 50.0)


def test_where_all_is_solved_afterwards_there_is_no_upper_limit() -> None:
    found = common_log_odds_ratio(
        pair_up(Counts.from_arrays([8, 8], [4, 2]), Counts.from_arrays([8, 8], [8, 8])), CHI2_95, 50
    )
    assert found.hi == found.value == 50
    assert 1 < found.lo < 5


def test_problems_near_0_and_1_are_covered() -> None:
    """150 tilts of strength 2 where Q is U-shaped: 93% or more hold 2, with whatever law of Q."""
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(150):
        q = rng.beta(0.3, 0.3, 60)
        p = q * np.e**2 / (1 - q + q * np.e**2)
        pair = pair_up(*(Counts.from_arrays(32, rng.binomial(32, x)) for x in (q, p)))
        hits.append(common_log_odds_ratio(pair, CHI2_95, 50).contains(2.0))
    assert np.mean(hits) >= 0.92
