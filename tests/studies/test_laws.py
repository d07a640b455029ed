"""Sizes of the tests T1 to T3 on simulated tilts, and power against what is not one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from leadline.studies.analysis.laws import GAINED, T2_TOLERANCE, excess_share, support, tilt_slope
from leadline.theory import kl_split, tilted_policy, tilted_success

STUDIES = 4000


def simulated_tilt(rng: np.random.Generator, seeds: int, problems: int, slope: float = 1.0):
    """A tilt as training gives it: every seed its own strength, every problem its own scatter, larger for rare ones."""
    q = special.expit(rng.normal(-2, 2, (seeds, problems)))
    strength = rng.normal(2, 0.5, (seeds, 1))
    scatter = rng.normal(0, 1, q.shape) * 0.3 * (1 + (q < 0.05))
    p = special.expit(slope * special.logit(q) + strength + scatter)
    return q.ravel(), p.ravel(), np.repeat(np.arange(seeds), problems)


@pytest.mark.parametrize(("seeds", "problems"), [(5, 24), (3, 64), (1, 64)])
def test_t1_has_size_five_per_cent(seeds: int, problems: int) -> None:
    rng = np.random.default_rng(7)
    rejected = sum(
        not tilt_slope(*simulated_tilt(rng, seeds, problems)).contains(1.0) for _ in range(STUDIES)
    )
    assert 0.03 <= rejected / STUDIES <= 0.07


def test_t1_sees_another_slope() -> None:
    rng = np.random.default_rng(8)
    slopes = [tilt_slope(*simulated_tilt(rng, 5, 64, slope=0.7)) for _ in range(50)]
    assert sum(not slope.contains(1.0) for slope in slopes) >= 48
    assert np.mean([slope.value for slope in slopes]) == pytest.approx(0.7, abs=0.01)


def test_t1_exact_tilt_has_slope_one_and_too_little_has_none() -> None:
    q = np.linspace(0.01, 0.9, 20)
    slope = tilt_slope(q, tilted_success(q, 3.0), np.zeros(20))
    assert slope is not None
    assert slope.value == pytest.approx(1, abs=1e-9)
    assert tilt_slope([0.0, 1.0, 0.5], [0.1, 1.0, 0.6], [0, 0, 0]) is None


def test_t1_with_one_seed_is_least_squares() -> None:
    q, p, seed = simulated_tilt(np.random.default_rng(9), 1, 40)
    slope = tilt_slope(q, p, seed)
    assert slope is not None
    assert slope.value == pytest.approx(stats.linregress(special.logit(q), special.logit(p)).slope)


def test_t2_is_zero_for_a_tilt_and_not_for_anything_else() -> None:
    rng = np.random.default_rng(1)
    base = rng.dirichlet(np.ones(1297) * 0.1, size=20) + 1e-12
    base /= base.sum(1, keepdims=True)
    right = np.arange(1297) == 5
    tilts = [kl_split(tilted_policy(row, right, 0.3), row, right) for row in base]
    assert excess_share([t.total for t in tilts], [t.inside_wrong for t in tilts]) < 1e-9 < T2_TOLERANCE
    rounded = [
        kl_split(
            *(x / x.sum() for x in (tilted_policy(row, right, 0.3).astype(np.float32).astype(float), row)),
            right,
        )
        for row in base
    ]
    assert excess_share([t.total for t in rounded], [t.inside_wrong for t in rounded]) < 1e-5
    sharper = [kl_split(row**1.3 / (row**1.3).sum(), row, right) for row in base]
    assert excess_share([s.total for s in sharper], [s.inside_wrong for s in sharper]) > 0.1
    assert excess_share([0.0], [0.0]) == 0.0


def test_t3_has_size_at_most_seven_per_cent() -> None:
    """The null at its worst: a problem gains whenever one of its samples was right."""
    rng = np.random.default_rng(2)
    for problems in (30, 300):
        rejected = 0
        for _ in range(1500):
            q = 10 ** rng.uniform(-7, -2, problems)
            n = rng.integers(1, 30, problems) * 8
            seen = rng.binomial(n, q) > 0
            rejected += support(q, np.where(seen, 0.9, q), n).p_value <= 0.05
        assert rejected / 1500 <= 0.07


def test_t3_sees_transfer_and_leaves_supported_problems_out() -> None:
    q = np.array([1e-6] * 50 + [2e-4] * 50)  # N Q = .00024 and .048: the latter may well have been seen
    n = np.full(100, 240)
    told = support(q, np.full(100, 0.3), n)
    assert (told.problems, told.gained) == (50, 50)
    assert told.expected == pytest.approx(50 * 240e-6, rel=1e-3)
    assert told.p_value < 1e-50
    quiet = support(q, np.where(q < 1e-5, GAINED, 0.9), n)
    assert (quiet.gained, quiet.p_value) == (0, 1.0)
    assert support([1e-6], [0.9], [0]).problems == 0
