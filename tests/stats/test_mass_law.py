"""The law of Q fitted to counts, and what it says of problems that were chosen by their own samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from leadline.stats import fit_mass_law
from leadline.stats.mass_law import MassLaw

Draw = Callable[[np.random.Generator, int], np.ndarray]

LAWS: dict[str, Draw] = {
    "all equal": lambda rng, m: np.full(m, 0.2),
    "uniform": lambda rng, m: rng.random(m),
    "rare": lambda rng, m: rng.beta(0.1, 5, m),
    "two humps": lambda rng, m: np.where(rng.random(m) < 0.5, 0.05, 0.9),
    "half dead": lambda rng, m: np.where(rng.random(m) < 0.5, 0.0, rng.beta(1, 3, m)),
}


def identity(q: np.ndarray) -> np.ndarray:
    return q


def test_expectation_given_the_counts_by_hand() -> None:
    """Two points, .25 and .75, as likely: after 1 of 1 the odds are 3 to 1, so Q is .75 * .75 + .25 * .25."""
    q = np.array([0.25, 0.75])
    likelihood = np.array([1 - q, q])
    half = np.array([0.5, 0.5])
    law = MassLaw(q, half, half, likelihood, np.ones(2), np.array([1, 0, 1]))
    assert law.given_counts(identity) == pytest.approx([0.625, 0.375, 0.625])
    assert law.average(identity) == pytest.approx(0.5)


def test_the_law_has_the_moments_of_the_counts() -> None:
    rng = np.random.default_rng(0)
    q = rng.beta(0.5, 1.5, size=5000)
    law = fit_mass_law(16, rng.binomial(16, q))
    assert law.weights.sum() == pytest.approx(1)
    assert law.average(identity) == pytest.approx(q.mean(), abs=0.01)
    assert law.average(np.square) == pytest.approx(np.mean(q**2), abs=0.01)


def test_the_rate_of_the_best_is_not_flattered() -> None:
    """All problems have Q = .5: those with the best measured rates, .7 and more, are no better."""
    c = np.random.default_rng(1).binomial(16, 0.5, size=400)
    best = c >= 11
    assert (c[best] / 16).mean() > 0.7
    found = fit_mass_law(16, c).mean_of(best, identity)
    assert found.contains(0.5)
    assert found.value < 0.56


@pytest.mark.parametrize("name", LAWS)
def test_means_of_the_unsolved_are_covered(name: str) -> None:
    rng = np.random.default_rng(2)
    hits = seen = 0
    for _ in range(60):
        q = LAWS[name](rng, 100)
        c = rng.binomial(8, q)
        if not (c == 0).any():
            continue
        seen += 1
        hits += fit_mass_law(8, c).mean_of(c == 0, identity).contains(float(q[c == 0].mean()))
    assert seen >= 50
    assert hits >= 0.9 * seen


def test_many_samples_of_unequal_numbers_make_few_kinds() -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(900, 1100, size=2000)
    c = rng.binomial(n, rng.random(2000))
    law = fit_mass_law(n, c)
    assert law.times.size < 800
    assert law.given_counts(identity) == pytest.approx(c / n, abs=0.02)


def test_a_set_that_was_filtered_on_its_own_counts() -> None:
    """Uniform Q, problems without a success left out: those with one in eight have a mean Q of 2/10 all the same."""
    rng = np.random.default_rng(4)
    q = rng.random(20_000)
    c = rng.binomial(8, q)
    q, c = q[c > 0], c[c > 0]
    once = c == 1
    assert q[once].mean() == pytest.approx(0.2, abs=0.01)
    told = fit_mass_law(8, c, without_never=True).mean_of(once, identity)
    assert told.contains(float(q[once].mean()))
    assert not fit_mass_law(8, c).mean_of(once, identity).contains(float(q[once].mean()))


def test_nobody_chosen_is_refused() -> None:
    with pytest.raises(ValueError, match="no problems"):
        fit_mass_law(4, [1, 2]).mean_of(np.zeros(2, dtype=bool), identity)
