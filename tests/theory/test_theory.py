"""leadline.theory against numeric optima, exact enumeration, simulation with fixed seeds, and values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from leadline import theory

masses = st.floats(1e-6, 1 - 1e-6)
strengths = st.floats(0.0, 20.0)


def toy_policy(seed: int = 0, size: int = 12, right: int = 3) -> tuple[np.ndarray, np.ndarray]:
    base = np.random.default_rng(seed).dirichlet(np.ones(size))
    correct = np.zeros(size, bool)
    correct[:right] = True
    return base, correct


# --- section 1: the tilt


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_tilt_is_the_numeric_optimum(low: float, high: float) -> None:
    base, correct = toy_policy()
    reward, beta = np.where(correct, high, low), 0.4

    def loss(logits: np.ndarray) -> float:
        return -theory.objective(special.softmax(logits), base, reward, beta)

    best = optimize.minimize(loss, np.zeros(base.size), method="BFGS", options={"gtol": 1e-9})
    policy = special.softmax(best.x)
    q = base[correct].sum()
    a = theory.tilt_strength(beta, high - low)
    assert policy[correct].sum() == pytest.approx(float(theory.tilted_success(q, a)), abs=1e-6)
    assert theory.tilted_policy(base, reward, beta) == pytest.approx(policy, abs=1e-6)
    assert -best.fun == pytest.approx(beta * theory.log_partition(base, reward, beta), abs=1e-9)
    assert theory.kl_split(policy, base, correct).total == pytest.approx(
        float(theory.tilt_kl(q, a)), abs=1e-5
    )


def test_tilt_of_a_three_valued_reward_uses_the_partition() -> None:
    base = np.array([0.2, 0.3, 0.5])
    reward = np.array([1.0, 0.1, 0.0])
    weights = base * np.exp(reward / 0.5)
    assert theory.tilted_policy(base, reward, 0.5) == pytest.approx(weights / weights.sum())


def test_tilt_by_hand() -> None:
    # odds 1:3 times e^ln(3) = 1:1.
    assert float(theory.tilted_success(0.25, np.log(3))) == pytest.approx(0.5)
    assert theory.tilted_success([0.0, 1.0], 5.0).tolist() == [0.0, 1.0]
    assert theory.tilted_success([0.0, 1e-12], np.inf).tolist() == [0.0, 1.0]
    assert theory.tilt_strength([0.5, 0.0], 2.0).tolist() == [4.0, np.inf]


@given(masses, strengths)
def test_tilt_never_loses_and_never_beats_its_bounds(q: float, a: float) -> None:
    p = float(theory.tilted_success(q, a))
    assert p >= q - 1e-15
    assert p <= float(theory.success_bound(q, a)) * (1 + 1e-9)
    assert float(theory.gain(q, a)) <= float(theory.max_gain(a)) + 1e-12


@given(masses, st.floats(0.0, 4.0))
def test_tilt_is_best_of_a_geometric_number_of_tries(q: float, a: float) -> None:
    k = np.arange(1, 4000)
    chance = np.exp(-a) * (1 - np.exp(-a)) ** (k - 1)
    best_of = (chance * theory.repeated_success(q, k)).sum()
    assert float(theory.tilted_success(q, a)) == pytest.approx(best_of, rel=1e-8)
    assert chance @ k == pytest.approx(np.exp(a))


# --- section 1b: what runs optimise


def test_mirror_descent_without_kl_moves_the_logit_linearly() -> None:
    base, correct = toy_policy(3)
    logits = np.log(base)
    for _ in range(60):
        # Exact tabular natural gradient of expected reward: logits move by the advantage.
        policy = special.softmax(logits)
        logits = logits + 0.05 * (correct - policy[correct].sum())
    q = base[correct].sum()
    assert special.softmax(logits)[correct].sum() == pytest.approx(float(theory.mirror_success(q, 0.05, 60)))


def test_normalised_flow_against_the_differential_equation() -> None:
    q, step = 0.02, 0.1

    def slope(_: float, p: np.ndarray) -> np.ndarray:
        return step * np.sqrt(p * (1 - p))

    path = integrate.solve_ivp(slope, (0, 20), [q], rtol=1e-10, atol=1e-12)
    assert float(theory.normalised_flow_success(q, step, 20)) == pytest.approx(path.y[0, -1], abs=1e-7)
    end = float(theory.normalised_flow_time(q, step))
    assert float(theory.normalised_flow_success(q, step, end)) == pytest.approx(1.0)
    assert float(theory.normalised_flow_success(q, step, 0.99 * end)) < 1 - 1e-4
    assert float(theory.normalised_flow_success(q, step, 2 * end)) == 1.0
    assert float(theory.normalised_flow_time(0.0, step)) == pytest.approx(np.pi / step)
    assert float(theory.normalised_flow_success(0.0, step, 1000)) == 0.0


@pytest.mark.parametrize(
    ("q", "value"), [(0.5, 1.51), (0.1, 0.70), (1e-2, 0.40), (1e-4, 0.212), (1e-8, 0.108)]
)
def test_critical_beta_is_where_a_fixed_point_appears(q: float, value: float) -> None:
    critical = float(theory.critical_beta(q))
    assert critical == pytest.approx(value, abs=0.006)
    # Independent reference: look for a sign change of the fixed-point equation on a fine grid.
    p = 1 - np.logspace(-12, 0, 200_001) * (1 - q)
    p = p[(p > q) & (p < 1)]

    def interior(beta: float) -> bool:
        return bool((special.logit(q) - special.logit(p) + 1 / (beta * np.sqrt(p * (1 - p))) < 0).any())

    assert interior(critical * 1.001)
    assert not interior(critical * 0.999)


@pytest.mark.parametrize(("q", "value"), [(0.1, 0.76), (1e-2, 1.09), (1e-4, 5.43)])
def test_critical_beta_from_the_base(q: float, value: float) -> None:
    critical = theory.critical_beta_from_base(q)
    assert critical == pytest.approx(value, abs=0.006)
    assert theory.normalised_kl_success(q, critical * 0.99, 5000) == 1.0
    assert theory.normalised_kl_success(q, critical * 1.01, 5000) < 0.999


def test_normalised_kl_first_step_by_hand() -> None:
    # Q = 1/2: spread 1/2, beta 1: logit p_1 = 0 + 1/(1/2) = 2.
    assert theory.normalised_kl_success(0.5, 1.0) == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.parametrize("beta", [2.0, 0.8, 0.3])
def test_forward_kl_against_the_fixed_point_of_the_k3_gradient(beta: float) -> None:
    base, correct = toy_policy(1, size=8, right=2)

    def gradient(logits: np.ndarray) -> np.ndarray:
        policy = special.softmax(logits)
        return policy * (correct - policy[correct].sum()) - beta * (policy - base)

    logits = np.log(base)
    while np.abs(gradient(logits)).max() > 1e-9:
        logits += 0.5 * gradient(logits)
    p = special.softmax(logits)[correct].sum()
    q = base[correct].sum()
    assert float(theory.forward_kl_success(q, 1 / beta)) == pytest.approx(p, abs=1e-7)
    assert abs(p - float(theory.tilted_success(q, 1 / beta))) > 0.01


@given(masses, st.floats(1e-3, 50.0))
def test_forward_kl_solves_its_equation(q: float, a: float) -> None:
    p = float(theory.forward_kl_success(q, a))
    assert a * p * p + (1 - a) * p - q == pytest.approx(0.0, abs=1e-9 * max(1.0, a))
    assert q <= p * (1 + 1e-9)
    assert p <= 1.0


def test_forward_kl_limits() -> None:
    assert float(theory.forward_kl_success(1e-12, 4.0)) == pytest.approx(1 - 1 / 4, abs=1e-9)
    assert float(theory.forward_kl_success(1e-9, 0.5)) == pytest.approx(1e-9 / 0.5, rel=1e-6)
    assert float(theory.forward_kl_success(0.3, 0.0)) == pytest.approx(0.3)
    assert float(theory.forward_kl_success(0.0, 4.0)) == 0.0


# --- section 2: the cost


def test_kl_chain_rule() -> None:
    base, correct = toy_policy(5)
    policy = np.random.default_rng(6).dirichlet(np.ones(base.size))
    split = theory.kl_split(policy, base, correct)
    assert split.total == pytest.approx(float((policy * np.log(policy / base)).sum()))
    assert split.total == pytest.approx(split.needed + split.inside_correct + split.inside_wrong)
    assert min(split) >= 0
    tilt = theory.kl_split(theory.tilted_policy(base, correct.astype(float), 0.5), base, correct)
    assert tilt.inside_correct == pytest.approx(0.0, abs=1e-12)
    assert tilt.needed == pytest.approx(tilt.total)


def test_kl_by_hand() -> None:
    # kl(1/2 || 1/4) = 1/2 ln 2 + 1/2 ln(2/3).
    assert float(theory.bernoulli_kl(0.5, 0.25)) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert float(theory.bernoulli_kl(0.5, 0.0)) == np.inf
    # A mass of 1/4 tilted by ln 3 becomes 1/2: the same cost.
    assert float(theory.tilt_kl(0.25, np.log(3))) == pytest.approx(float(theory.bernoulli_kl(0.5, 0.25)))
    assert float(theory.tilt_kl(1e-3, 60.0)) == pytest.approx(np.log(1000), rel=1e-6)


# --- section 3: the gain


@pytest.mark.parametrize("a", [1.0, 2.0, 4.0, 8.0])
def test_gain_peaks_where_the_formula_says(a: float) -> None:
    best = optimize.minimize_scalar(
        lambda q: -float(theory.gain(q, a)), bounds=(1e-9, 1 - 1e-9), method="bounded"
    )
    assert float(theory.best_mass(a)) == pytest.approx(best.x, abs=1e-4)
    assert float(theory.max_gain(a)) == pytest.approx(-best.fun, abs=1e-8)
    q = np.linspace(1e-6, 1 - 1e-6, 20_001)
    keff = theory.effective_k(q, a)
    assert keff.max() <= np.exp(a)
    assert keff.max() == pytest.approx(np.exp(a), rel=1e-3 if a < 4 else 0.01)
    assert keff == pytest.approx(np.log1p(-theory.tilted_success(q, a)) / np.log1p(-q), rel=1e-5)


def test_gain_figures_and_bounds() -> None:
    assert theory.max_gain([1, 2, 4, 8]).round(3).tolist() == [0.245, 0.462, 0.762, 0.964]
    assert theory.best_mass([1, 2, 4, 8]).round(3).tolist() == [0.378, 0.269, 0.119, 0.018]
    assert theory.success_bound([0.1, 0.5], np.log(4)).tolist() == pytest.approx([0.4, 1.0])
    assert float(theory.pinsker_gain(0.02)) == pytest.approx(0.1)
    assert float(theory.pinsker_gain(50.0)) == 1.0
    q, a = np.linspace(0.01, 0.99, 99), 3.0
    assert (theory.gain(q, a) <= theory.pinsker_gain(theory.tilt_kl(q, a)) + 1e-12).all()
    assert (theory.tilted_success(q, a) <= theory.repeated_success(q, np.ceil(np.exp(a)))).all()


# --- section 4: the signal


def test_group_signal_by_enumeration() -> None:
    # G = 2: mixed means one of each, 2 Q (1-Q).
    assert float(theory.live_group_probability(0.3, 2)) == pytest.approx(2 * 0.3 * 0.7)
    for g in (4, 7):
        k, pmf = theory.signal.group_pmf(0.3, g)
        assert float(theory.live_group_probability(0.3, g)) == pytest.approx(pmf[(k > 0) & (k < g)].sum())
    assert float(theory.live_group_probability(1e-15, 8)) == pytest.approx(8e-15, rel=1e-6)
    assert theory.live_group_probability([0.0, 1.0], 8).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("q", "mean", "sure"), [(1e-4, 1250, 3744), (1e-3, 125.4, 374), (1e-2, 12.95, 37.3), (0.1, 1.76, 3.55)]
)
def test_groups_to_signal(q: float, mean: float, sure: float) -> None:
    assert float(theory.groups_to_signal(q, 8)) == pytest.approx(mean, rel=5e-3)
    assert float(theory.groups_to_signal(q, 8, 0.95)) == pytest.approx(sure, rel=1e-2)
    n = float(theory.groups_to_signal(q, 8, 0.95))
    assert (1 - float(theory.live_group_probability(q, 8))) ** n == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("b", "g", "value"), [(32, 8, 2.0e-4), (64, 8, 9.8e-5), (128, 16, 2.4e-5), (512, 16, 6.1e-6)]
)
def test_smallest_mass_seen_in_sixty_steps(b: int, g: int, value: float) -> None:
    q = float(theory.q_seen(b * g * 60))
    assert q == pytest.approx(value, rel=0.03)
    assert float(theory.unseen_probability(q, b * g * 60)) == pytest.approx(0.05)


def test_beta_law_of_masses_against_quadrature() -> None:
    u, v, g = 0.4, 1.3, 8
    density = lambda q: q ** (u - 1) * (1 - q) ** (v - 1) / special.beta(u, v)  # noqa: E731
    share, _ = integrate.quad(lambda q: density(q) * float(theory.live_group_probability(q, g)), 0, 1)
    assert float(theory.live_group_probability_beta(u, v, g)) == pytest.approx(share, rel=1e-6)


def test_binary_advantages_by_hand() -> None:
    # K = 2 of 8: rewards have mean 1/4, std sqrt(3)/4: A+ = sqrt 3, A- = -1/sqrt 3.
    plus, minus = theory.binary_advantages([0, 2, 8], 8)
    assert plus.tolist() == pytest.approx([0.0, np.sqrt(3), 0.0])
    assert minus.tolist() == pytest.approx([0.0, -1 / np.sqrt(3), 0.0])


def gradient_by_enumeration(p: float, g: int, positive: np.ndarray, negative: np.ndarray) -> float:
    """d/d(logit) of the group objective of a one-parameter Bernoulli policy, summed over every outcome of a group."""
    total = 0.0
    for outcome in range(2**g):
        right = np.array([outcome >> i & 1 for i in range(g)])
        k = int(right.sum())
        chance = p**k * (1 - p) ** (g - k)
        score = np.where(right, 1 - p, -p)  # grad of log-probability with respect to the logit
        total += chance * float((np.where(right, positive[k], negative[k]) * score).mean())
    return total


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_expected_push_by_enumeration(p: float) -> None:
    g = 6
    plus, minus = theory.binary_advantages(np.arange(g + 1), g)
    # grad logit p = 1 for this policy.
    assert float(theory.expected_push(p, g)) == pytest.approx(gradient_by_enumeration(p, g, plus, minus))
    k = np.arange(g + 1)
    assert float(theory.mean_only_push(p, g)) == pytest.approx(
        gradient_by_enumeration(p, g, 1 - k / g, -k / g)
    )
    weighted = plus * theory.lead_weight(k / g), minus * theory.lead_weight(1 - k / g)
    assert float(theory.lead_push(p, g)) == pytest.approx(gradient_by_enumeration(p, g, *weighted))


def test_push_of_rare_success() -> None:
    assert float(theory.expected_push(1e-4, 8)) == pytest.approx(float(theory.rare_push(1e-4, 8)), rel=1e-2)
    # An infinite group would push by sqrt(Q(1-Q)): 38 times more.
    assert np.sqrt(1e-4) / float(theory.expected_push(1e-4, 8)) == pytest.approx(38, abs=0.5)
    ratio = theory.expected_push(0.3, 8, ddof=1) / theory.expected_push(0.3, 8)
    assert float(ratio) == pytest.approx(np.sqrt(7 / 8))
    ratio = theory.lead_push(0.3, 8, ddof=1) / theory.lead_push(0.3, 8)
    assert float(ratio) == pytest.approx(np.sqrt(7 / 8))
    assert float(theory.expected_push(0.3, 4000)) == pytest.approx(np.sqrt(0.21), rel=1e-3)


# --- section 5: correct mass from log-probabilities


def test_teacher_forced_mass_in_log_space() -> None:
    assert theory.mass_lower_bound(np.log([0.25, 0.5])) == pytest.approx(np.log(0.75))
    # 10^-304 twice: the exponentials alone would still do, their logarithms must.
    assert theory.mass_lower_bound([-2000.0, -2000.0]) == pytest.approx(-2000 + np.log(2))
    assert theory.mass_lower_bound([]) == -np.inf
    with pytest.raises(ValueError, match="above 1"):
        theory.mass_lower_bound(np.log([0.8, 0.8]))
    with pytest.raises(ValueError, match="NaN"):
        theory.mass_lower_bound([np.nan])


def test_importance_mass_recovers_a_rare_mass() -> None:
    rng = np.random.default_rng(0)
    base, correct = np.array([1e-6, 1 - 1e-6]), np.array([True, False])
    proposal = np.array([0.5, 0.5])
    drawn = rng.choice(2, size=20_000, p=proposal)
    estimate = theory.importance_mass(np.log(base / proposal)[drawn], correct[drawn])
    assert estimate.mass == pytest.approx(1e-6, rel=0.03)
    assert estimate.effective_samples == pytest.approx(correct[drawn].sum())
    # One of two samples right, weight 1/2 each: (1/2 + 0)/2, worth one sample.
    assert theory.importance_mass(np.log([0.5, 0.5]), [True, False]) == pytest.approx((0.25, 1.0))


def test_repeated_success_of_tiny_masses() -> None:
    assert float(theory.repeated_success(0.5, 3)) == pytest.approx(0.875)
    assert float(theory.repeated_success(1e-30, 1000)) == pytest.approx(1e-27)


# --- section 7: LEAD

TABLE = """
0    1.499 0.483 1.499  0
1/8  1.498 0.645 1.391  .282
2/8  1.493 0.950 1.357  .235
3/8  1.475 1.255 1.392  .106
4/8  1.417 1.417 1.417  0
5/8  1.255 1.475 1.392 -.106
6/8  0.950 1.493 1.357 -.235
7/8  0.645 1.498 1.391 -.282
1    0.483 1.499 1.499  0
"""


def test_lead_weight_table() -> None:
    for line in TABLE.strip().splitlines():
        rate, plus, minus, scale, shift = line.split()
        top, _, bottom = rate.partition("/")
        rho = int(top) / int(bottom or 1)
        got = (
            theory.lead_weight(rho),
            theory.lead_weight(1 - rho),
            theory.lead_scale(rho),
            theory.lead_shift(rho),
        )
        assert [float(x) for x in got] == pytest.approx(
            [float(x) for x in (plus, minus, scale, shift)], abs=6e-4
        )
    # At the midpoint the logistic is half way: (0.4 + 1.5) / 2.
    assert float(theory.lead_weight(0.75)) == pytest.approx(0.95)


@given(st.integers(2, 40), st.data())
def test_lead_is_scale_and_shift_exactly(g: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, g - 1))
    plus, minus = theory.binary_advantages(k, g)
    rho = k / g
    scale, shift = theory.lead_scale(rho), theory.lead_shift(rho)
    assert float(plus * theory.lead_weight(rho)) == pytest.approx(float(scale * plus + shift))
    assert float(minus * theory.lead_weight(1 - rho)) == pytest.approx(float(scale * minus + shift))
    assert float(theory.lead_scale(1 - rho)) == pytest.approx(float(scale))
    assert float(theory.lead_shift(1 - rho)) == pytest.approx(-float(shift))


def test_lead_push_is_a_learning_rate_factor() -> None:
    p = np.linspace(0.001, 0.999, 999)
    ratio = theory.lead_push_ratio(p, 8)
    assert ratio.min() == pytest.approx(1.338, abs=1e-3)
    assert p[ratio.argmin()] == pytest.approx(0.5, abs=1e-3)
    assert ratio.max() == pytest.approx(1.497, abs=1e-3)
    assert theory.lead_push_ratio(p[::50], 3000) == pytest.approx(theory.lead_scale(p[::50]), abs=5e-3)
    scale = theory.lead_scale(p)
    assert scale.min() == pytest.approx(1.356, abs=1e-3)


@pytest.mark.parametrize(("gap", "spread"), [(1.0, 0.093), (2.0, 0.047)])
def test_explicit_penalty_halves_the_length_term(gap: float, spread: float) -> None:
    """Simulation: four right and four wrong, lengths standardised among the right ones, sample std."""
    rng = np.random.default_rng(0)
    lengths = rng.normal(size=(4000, 4))
    z = (lengths - lengths.mean(1, keepdims=True)) / lengths.std(1, ddof=1, keepdims=True)
    reward = np.concatenate([np.exp(-0.05 * z), np.full((4000, 4), 1 - gap)], axis=1)
    advantage = (reward - reward.mean(1, keepdims=True)) / reward.std(1, ddof=1, keepdims=True)
    simulated = advantage[:, :4].std(1, ddof=1).mean()
    assert simulated == pytest.approx(spread, abs=1e-3)
    assert float(theory.length_term_spread(0.05, 0.5, gap, 8)) == pytest.approx(simulated, rel=0.02)
