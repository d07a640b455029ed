"""The evidence may be looked at after every step: its chance of a false alarm is what it says, worked out and drawn."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from leadline.health.sequential import EProcess, above, flagged


@pytest.mark.parametrize("units", [1, 2, 7, 32])
@pytest.mark.parametrize("limit", [0.05, 0.25, 0.8])
def test_a_share_at_its_limit_is_a_fair_bet(units: int, limit: float) -> None:
    bets = [above(count / units, limit, units) for count in range(units + 1)]
    for bet in zip(*bets, strict=True):
        mean = sum(binom.pmf(count, units, limit) * math.exp(log_e) for count, log_e in enumerate(bet))
        assert mean == pytest.approx(1.0, abs=1e-9)


@given(st.floats(0, 1), st.floats(0.01, 0.5))
def test_a_share_below_its_limit_is_a_losing_bet(rate: float, limit: float) -> None:
    """Numbers between 0 and 1, not verdicts: three values with the mean ``rate * limit``."""
    mean = rate * limit
    bets = [above(value, limit, 1) for value in (0.5 * mean, mean, 1.5 * mean)]
    for bet in zip(*bets, strict=True):
        assert sum(map(math.exp, bet)) / 3 <= 1 + 1e-9


def test_a_flag_at_its_chance_is_a_fair_bet() -> None:
    for chance in (0.02, 0.1, 0.5):
        mean = chance * math.exp(flagged(True, chance)[0]) + (1 - chance) * math.exp(
            flagged(False, chance)[0]
        )
        assert mean == pytest.approx(1.0)


def test_looking_after_every_step_keeps_the_level() -> None:
    rng, alpha, wrong = random.Random(0), 0.1, 0
    for _ in range(400):
        process = EProcess()
        reached = [process.add(flagged(rng.random() < 0.2, 0.2)) for _ in range(200)]
        wrong += max(reached) >= math.log(1 / alpha)
    assert wrong <= 400 * alpha  # Ville; a test at every step of its own would be wrong in most runs


def test_the_mixture_is_the_sum_over_all_starts() -> None:
    bets = [(0.3, 1.0), (-1.0, 0.2), (2.0, -3.0), (0.5, 0.1)]
    process = EProcess()
    for bet in bets:
        value = process.add(bet)
    by_hand = 0.0
    for which in (0, 1):
        for start in range(1, len(bets) + 1):
            won = sum(bet[which] for bet in bets[start - 1 :])
            by_hand += math.exp(won) / (start * (start + 1)) / 2
    assert value == pytest.approx(math.log(by_hand))


def test_a_fault_that_begins_late_is_not_hidden_by_what_went_well() -> None:
    process = EProcess()
    for _ in range(1000):
        process.add(flagged(False, 0.05))
    late = [process.add(flagged(True, 0.05)) for _ in range(10)]
    assert max(late) > math.log(2600)
