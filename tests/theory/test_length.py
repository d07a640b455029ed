"""The length drift's formulas against enumeration by another way, the measured drift, and finite differences."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.groups import Groups
from leadline.grpo.length_controller import LengthTerm
from leadline.grpo.length_drift import measured_length_drift
from leadline.theory import (
    accuracy_slope_along_length,
    largest_gap_overturned,
    length_drift,
    length_drift_first_order,
    nominal_price,
)

CASES = {
    "lead": (AdvantageConfig.lead(), {"weighted": True}),
    "unit": (AdvantageConfig.lead(difficulty="none"), {}),
    "nominal": (
        AdvantageConfig.lead(difficulty="none", unanimous_groups="nominal"),
        {"unanimous": "nominal"},
    ),
    "no penalty": (AdvantageConfig(length_alpha=0.05), {"wrong": 0.0}),
}


def enumerated(config: AdvantageConfig, x: float, p_short: float, p_long: float, g: int) -> list[float]:
    """Every outcome row by row, 4^g of them, put through the function that training uses."""
    outcomes = np.indices((4,) * g).reshape(g, -1).T
    chance = np.array([x * p_short, x * (1 - p_short), (1 - x) * p_long, (1 - x) * (1 - p_long)])
    probability = chance[outcomes].prod(axis=1)
    short, right = outcomes < 2, outcomes % 2 == 0
    columns = (
        torch.from_numpy(right.ravel()),
        torch.from_numpy(np.where(short, 10, 30).ravel()),
        torch.arange(len(outcomes)).repeat_interleave(g),
    )
    full = group_advantages(*columns, config=config).advantage.numpy().reshape(-1, g)
    plain = group_advantages(*columns, config=config, term=LengthTerm(0.0)).advantage.numpy().reshape(-1, g)
    mixed = right.any(1) & ~right.all(1)

    def push(part: np.ndarray) -> float:
        return float((probability * (part * (short - x)).sum(1)).sum() / g / (x * (1 - x)))

    length = full - plain
    return [push(plain), push(length * mixed[:, None]), push(length * ~mixed[:, None])]


@pytest.mark.parametrize("name", CASES)
def test_the_drift_is_that_of_the_advantages_of_every_outcome(name: str) -> None:
    config, how = CASES[name]
    got = length_drift(0.3, 0.7, 0.9, 0.05, 5, **how)
    assert list(got) == pytest.approx(
        enumerated(config, 0.3, 0.7, 0.9, 5), abs=5e-5
    )  # the eps of the standard deviations


def lead_total(p_long: float, p_short: float) -> float:
    return length_drift(0.5, p_short, p_long, 0.05, weighted=True).total


def test_the_figures_of_the_docs() -> None:
    at = partial(length_drift, 0.5, 0.87, 0.97)
    assert length_drift(0.5, 0.87, 0.97, 0.0).total == pytest.approx(-0.223, abs=5e-4)
    lead = at(0.05, weighted=True)
    assert lead.total == pytest.approx(0.597, abs=5e-4)
    assert lead.length_unanimous == pytest.approx(0.8815, abs=5e-4)
    assert at(0.005, weighted=True).total == pytest.approx(0.565, abs=5e-4)
    assert at(0.05, unanimous="nominal").total == pytest.approx(-0.129, abs=5e-4)
    for p_long, gap in ((0.80, 0.09), (0.90, 0.15), (0.97, 0.20)):
        assert largest_gap_overturned(0.5, p_long, partial(lead_total, p_long)) == pytest.approx(
            gap, abs=0.006
        )


@pytest.mark.parametrize("unanimous", ["unit", "nominal"])
@pytest.mark.parametrize(("x", "p_short", "p_long"), [(0.5, 0.87, 0.97), (0.2, 0.6, 0.8), (0.8, 0.9, 0.95)])
def test_first_order_meets_enumeration_as_alpha_falls(
    x: float, p_short: float, p_long: float, unanimous: str
) -> None:
    exact = length_drift(x, p_short, p_long, 1e-3, unanimous=unanimous)  # type: ignore[arg-type]
    close = length_drift_first_order(x, p_short, p_long, 1e-3, unanimous=unanimous)  # type: ignore[arg-type]
    assert close.accuracy == pytest.approx(exact.accuracy, rel=1e-6)
    assert close.length_mixed == pytest.approx(exact.length_mixed, rel=0.02)
    assert close.length_unanimous == pytest.approx(exact.length_unanimous, rel=0.02)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("p_long", [0.8, 0.9, 0.97])
def test_alpha_is_a_price_where_unanimous_groups_are_nominal(alpha: float, p_long: float) -> None:
    def drift(short: float) -> float:
        return length_drift(0.5, short, p_long, alpha, unanimous="nominal").total

    assert largest_gap_overturned(0.5, p_long, drift) == pytest.approx(nominal_price(alpha), rel=0.12)


def test_the_slope_is_the_derivative_along_the_tilt() -> None:
    rng = np.random.default_rng(0)
    policy, right, tokens = rng.dirichlet(np.ones(7)), rng.random(7), rng.integers(5, 90, 7).astype(float)
    apart = tokens - policy @ tokens
    z = apart / np.sqrt(policy @ apart**2)

    def accuracy(alpha: float) -> float:
        tilted = policy * np.exp(-alpha * z)
        return float(tilted @ right / tilted.sum())

    slope = (accuracy(1e-5) - accuracy(-1e-5)) / 2e-5
    assert accuracy_slope_along_length(policy, right, tokens) == pytest.approx(slope, rel=1e-6)
    assert accuracy_slope_along_length([1.0], [1.0], [9.0]) == 0.0


@pytest.mark.parametrize("name", CASES)
def test_what_a_run_measures_is_the_drift(name: str) -> None:
    """A bandit of two strategies, 40,000 groups of 8: each part within four standard errors of the enumeration."""
    config, how = CASES[name]
    x, p_short, p_long, n, g = 0.4, 0.75, 0.9, 40_000, 8
    rng = np.random.default_rng(1)
    short = rng.random(n * g) < x
    right = rng.random(n * g) < np.where(short, p_short, p_long)
    tokens, owner = np.where(short, 10.0, 30.0), np.repeat(np.arange(n), g)
    columns = torch.from_numpy(right), torch.from_numpy(tokens), torch.from_numpy(owner)
    full = group_advantages(*columns, config=config).advantage.numpy().astype(float)
    plain = group_advantages(*columns, config=config, term=LengthTerm(0.0)).advantage.numpy().astype(float)
    measured = measured_length_drift(full, plain, plain, right, tokens, Groups(owner, n))
    assert measured.bonus == 0.0
    got = (measured.accuracy, measured.length_mixed, measured.length_unanimous)
    want = length_drift(x, p_short, p_long, 0.05, g, about_group=True, **how)
    assert list(got) == pytest.approx(list(want), abs=0.012)
    assert np.sign(got) == pytest.approx(np.sign(want))
