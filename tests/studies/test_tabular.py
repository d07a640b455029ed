"""The tabular policy's fixed points, against closed forms and independent numbers (theory.md, 1 and 1b)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.experiment.tabular import (
    action_values,
    at_equal_kl,
    sampled_training,
    tilt_at_kl,
)
from leadline.theory import expected_push, forward_kl_success, tilted_policy

V = 10
BASE = np.random.default_rng(3).dirichlet(np.ones(V))
RIGHT = np.arange(V) < 2
Q = float(BASE[RIGHT].sum())


def expected_training(
    base: np.ndarray,
    correct: np.ndarray,
    advantage: AdvantageConfig,
    loss: LossConfig,
    *,
    group: int = 8,
    rate: float = 0.1,
    steps: int = 5000,
    natural: bool = True,
) -> np.ndarray:
    """``[V]`` policy after ``steps`` expected updates from ``base``, by natural or plain policy gradient."""
    logits = np.log(base)
    for _ in range(steps):
        policy = special.softmax(logits)
        values = action_values(policy, base, correct, advantage, loss, group)
        logits = special.log_softmax(logits + rate * (values if natural else policy * values))
    return np.asarray(special.softmax(logits))


def train(advantage: AdvantageConfig, kl: str, beta: float, **settings: object) -> np.ndarray:
    return expected_training(BASE, RIGHT, advantage, LossConfig(kl=kl, beta=beta), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("beta", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("natural", [True, False])
def test_leave_one_out_with_reverse_kl_reaches_the_tilted_optimum(beta: float, natural: bool) -> None:
    steps, rate = (1500, 0.1) if natural else (6000, 0.8)
    found = train(AdvantageConfig.rloo(), "k1_in_reward", beta, natural=natural, steps=steps, rate=rate)
    assert np.abs(found - tilted_policy(BASE, RIGHT, beta)).max() < 1e-3


def test_mean_only_reaches_the_tilt_with_the_factor_seven_eighths() -> None:
    """KL in the loss is not shrunk by the group's mean, the reward is: the strength is (1 - 1/G) / beta."""
    found = train(AdvantageConfig.dr_grpo(), "k2", 0.5, group=8, steps=1500)
    assert np.abs(found - tilted_policy(BASE, RIGHT, 0.5 / (7 / 8))).max() < 1e-3
    assert np.abs(found - tilted_policy(BASE, RIGHT, 0.5)).max() > 1e-2
    inside = train(
        AdvantageConfig.dr_grpo(), "k1_in_reward", 0.5, group=8, steps=1500
    )  # here both are shrunk
    assert np.abs(inside - tilted_policy(BASE, RIGHT, 0.5)).max() < 1e-3


def test_group_std_reaches_its_own_fixed_point() -> None:
    """logit p = logit Q + W_G(p) / beta, W_G the finite group's push; G large gives 1b (iii)."""
    beta = 3.0
    for group in (8, 256):
        found = train(AdvantageConfig.grpo(std_ddof=0), "k2", beta, group=group, rate=0.05, steps=2000)
        p = float(found[RIGHT].sum())

        def off(x: float, group: int = group) -> float:
            return float(special.logit(Q) + expected_push(x, group) / (x * (1 - x) * beta) - special.logit(x))

        assert p == pytest.approx(optimize.brentq(off, 1e-6, 1 - 1e-6), abs=1e-3)
        assert np.allclose(found[RIGHT] / p, BASE[RIGHT] / Q, atol=1e-6)  # within-class invariance

    def limit(x: float) -> float:
        return float(special.logit(Q) + 1 / (beta * np.sqrt(x * (1 - x))) - special.logit(x))

    assert p == pytest.approx(optimize.brentq(limit, Q, 0.9), abs=2e-3)


@pytest.mark.parametrize("beta", [2.0, 0.8, 0.3])
def test_k3_in_the_loss_reaches_the_forward_kl_fixed_point(beta: float) -> None:
    found = train(AdvantageConfig.rloo(), "k3", beta, rate=0.05, steps=4000)
    p = float(found[RIGHT].sum())
    assert p == pytest.approx(float(forward_kl_success(Q, 1 / beta)), abs=1e-3)
    assert (1 - Q) / (1 - p) - Q / p == pytest.approx(1 / beta, abs=1e-2)
    assert abs(p - special.expit(special.logit(Q) + 1 / beta)) > 1e-2  # and it is not the exponential tilt


@pytest.mark.parametrize(
    "advantage", [AdvantageConfig.grpo(), AdvantageConfig.lead(), AdvantageConfig.dr_grpo()]
)
def test_expected_updates_are_the_mean_of_sampled_ones(advantage: AdvantageConfig) -> None:
    base = np.tile(BASE, (30_000, 1))
    column = np.zeros(len(base), dtype=np.int64)
    after = sampled_training(base, column, advantage, LossConfig(), group=4, visits=1, rate=1e-3, seed=1)
    moved = (np.log(after) - np.log(base)).mean(0) / 1e-3
    values = action_values(BASE, BASE, np.arange(V) == 0, advantage, LossConfig(), 4)
    expected = BASE * values
    shift = moved - expected
    assert np.abs(shift - shift @ BASE).max() < 0.015  # a common shift of all logits is no move


def test_k1_in_the_reward_is_the_centred_shaped_reward_shrunk_by_the_groups_mean() -> None:
    policy, loss = np.roll(BASE, 1), LossConfig(kl="k1_in_reward", beta=0.3)
    shaped = RIGHT - 0.3 * np.log(policy / BASE)
    centred = shaped - policy @ shaped
    for advantage, factor in ((AdvantageConfig.rloo(), 1.0), (AdvantageConfig.dr_grpo(), 7 / 8)):
        assert np.allclose(action_values(policy, BASE, RIGHT, advantage, loss, 8), factor * centred)


@pytest.mark.parametrize("kl", ["k1_in_reward", "k2", "k3"])
def test_sampled_training_with_kl_comes_to_rest_near_the_expected_fixed_point(kl: str) -> None:
    advantage, loss = AdvantageConfig.rloo(), LossConfig(kl=kl, beta=0.8)
    base = np.tile(BASE, (150, 1))
    column = np.zeros(150, dtype=np.int64)
    after = sampled_training(base, column, advantage, loss, group=8, visits=1500, rate=0.15, seed=2)
    expected = expected_training(BASE, np.arange(V) == 0, advantage, loss, rate=0.05, steps=4000)
    assert after[:, 0].mean() == pytest.approx(expected[0], abs=0.025)


def test_tilt_at_equal_kl_spends_that_kl_and_is_the_best_for_it() -> None:
    mass = np.array([0.01, 0.1, 0.5])
    p = tilt_at_kl(mass, 0.3)
    spent = special.rel_entr(p, mass) + special.rel_entr(1 - p, 1 - mass)
    assert spent.mean() == pytest.approx(0.3, abs=1e-6)
    assert np.allclose(np.diff(special.logit(p) - special.logit(mass)), 0)
    assert np.allclose(tilt_at_kl(mass, 0.0), mass)
    assert np.allclose(tilt_at_kl(mass, 99.0), 1)
    base = np.tile(BASE, (3, 1))
    column = np.zeros(3, dtype=np.int64)
    table = at_equal_kl(
        base, column, AdvantageConfig.grpo(), LossConfig(), group=8, visits=40, kl=0.3, seed=0
    )
    assert (table > BASE[0]).all()
