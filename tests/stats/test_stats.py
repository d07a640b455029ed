"""leadline.stats against exact enumeration, the defining equations, simulation with fixed seeds, and values by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from leadline import stats
from leadline.stats.bootstrap import percentile_tails
from leadline.stats.interval import Moments

# --- pass@k and its kin


@given(st.integers(1, 9), st.data())
def test_pass_at_k_and_mixed_are_shares_of_all_subsets(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    right = [i < c for i in range(n)]
    groups = list(itertools.combinations(right, k))
    assert float(stats.pass_at_k(n, c, k)) == pytest.approx(np.mean([any(g) for g in groups]), abs=1e-12)
    mixed = np.mean([any(g) and not all(g) for g in groups])
    assert float(stats.mixed_at(n, c, k)) == pytest.approx(mixed, abs=1e-12)


def test_pass_at_k_by_hand_and_at_the_edges() -> None:
    # 5 samples, 2 correct, k = 2: 1 - C(3,2)/C(5,2) = 1 - 3/10.
    assert float(stats.pass_at_k(5, 2, 2)) == pytest.approx(0.7)
    assert stats.pass_at_k(100_000, [0, 1, 100_000], 50_000).tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert stats.pass_at_k([4, 8], [4, 2], 4).shape == (2,)
    for bad in ((4, 5, 1), (4, -1, 1), (4, 1, 5), (4, 1, 0)):
        with pytest.raises(ValueError, match="must lie between"):
            stats.pass_at_k(*bad)


def test_pass_at_k_is_unbiased_where_the_plug_in_is_not() -> None:
    n, q, k = 128, 0.03, 64
    c = np.arange(n + 1)
    weight = reference.binom.pmf(c, n, q)
    truth = 1 - (1 - q) ** k
    assert weight @ stats.pass_at_k(n, c, k) == pytest.approx(truth, rel=1e-10)
    assert truth == pytest.approx(0.858, abs=1e-3)
    assert weight @ stats.plug_in_pass_at_k(n, c, k) == pytest.approx(0.785, abs=1e-3)


def test_mixed_is_unbiased_for_the_live_share() -> None:
    n, q, g = 20, 0.2, 8
    c = np.arange(n + 1)
    expected = reference.binom.pmf(c, n, q) @ stats.mixed_at(n, c, g)
    assert expected == pytest.approx(1 - q**g - (1 - q) ** g, rel=1e-10)


@pytest.mark.parametrize("a", [0.0, 0.5, 2.0])
def test_tilted_success_is_estimated_without_bias(a: float) -> None:
    n = 200
    c = np.arange(n + 1)
    estimate, beyond = stats.tilted_at(n, c, a)
    assert beyond.max() < 1e-9
    for q in (0.0, 0.01, 0.3, 0.95):
        truth = q * np.exp(a) / (1 - q + q * np.exp(a))
        weight = reference.binom.pmf(c, n, q)
        assert weight @ estimate == pytest.approx(truth, rel=1e-6, abs=1e-12)
        plug_in = weight @ (c * np.exp(a) / (n - c + c * np.exp(a)))
        assert plug_in <= truth + 1e-12
    assert plug_in < truth or a == 0


def test_tilted_success_of_very_many_samples_is_the_plug_in() -> None:
    estimate, beyond = stats.tilted_at([5000, 64, 5000], [1250, 16, 0], np.log(3))
    assert estimate.tolist() == pytest.approx([0.5, float(stats.tilted_at(64, 16, np.log(3))[0]), 0.0])
    assert beyond.max() < 1e-9


def test_tilted_success_beyond_the_samples_is_a_lower_bound() -> None:
    # e^4 = 55 tries on average, 8 samples: at most (1 - e^-4)^8 = 0.863 of the weight is not measured.
    n, a, q = 8, 4.0, 0.02
    c = np.arange(n + 1)
    estimate, beyond = stats.tilted_at(n, c, a)
    assert beyond == pytest.approx(np.full(9, (1 - np.exp(-4)) ** 8))
    mean = reference.binom.pmf(c, n, q) @ estimate
    truth = q * np.exp(a) / (1 - q + q * np.exp(a))
    assert mean < truth < mean + beyond[0]
    # One sample: only pass@1 is known.
    assert stats.tilted_at(1, [0, 1], 2.0)[0].tolist() == [0.0, 1.0]
    assert stats.tilted_at([1, 4], [1, 2], 0.0)[0].tolist() == [1.0, 0.5]
    with pytest.raises(ValueError, match="strength"):
        stats.tilted_at(4, 1, -1.0)


def test_cover_counts_problems_at_or_above_tau() -> None:
    n, c = [10, 10, 10, 20], [0, 3, 10, 6]
    assert stats.cover_at(n, c, 0.3) == 0.75
    assert stats.cover_at(n, c, 0.31) == 0.25
    assert stats.cover_at(n, c, 1.0) == 0.25
    # 0.1 * 3 is not 0.3 in binary; the count must not fall to rounding.
    assert stats.cover_at(30, [3, 9], 0.1) == 1.0
    with pytest.raises(ValueError, match="tau"):
        stats.cover_at(n, c, 0.0)
    with pytest.raises(ValueError, match="no problems"):
        stats.cover_at([], [], 0.5)


# --- cons@k


def test_consensus_follows_the_rules() -> None:
    assert stats.cons_at_k(["1", "1", "2"], [True, True, False]) == 1.0
    assert stats.cons_at_k(["1", "2", "2"], [True, False, False]) == 0.0
    assert stats.cons_at_k(["1", "2", "2", "1", "3"], [True, False, False, True, False]) == 0.5
    assert stats.cons_at_k([None, None], [False, False]) == 0.0
    assert stats.cons_at_k(["1", None, None], [True, False, False]) == 1.0
    # One answer graded both ways counts by its share; an unscorable row counts as wrong.
    assert stats.cons_at_k(["1", "1"], [True, None]) == 0.5
    for bad in (([], []), (["1"], [True, True])):
        with pytest.raises(ValueError, match="one length"):
            stats.cons_at_k(*bad)
    with pytest.raises(ValueError, match="k must lie"):
        stats.cons_at_k(["1"], [True], 2)


def exact_consensus(answers: list[str | None], correct: list[bool], k: int) -> float:
    scores = []
    for rows in itertools.combinations(range(len(answers)), k):
        votes: dict[str, list[bool]] = {}
        for i in rows:
            answer = answers[i]
            if answer is not None:
                votes.setdefault(answer, []).append(correct[i])
        top = max((len(v) for v in votes.values()), default=0)
        winners = [v[0] for v in votes.values() if len(v) == top]
        scores.append(sum(winners) / len(winners) if winners else 0.0)
    return sum(scores) / len(scores)


def test_consensus_of_subsets_is_near_the_mean_over_all_of_them() -> None:
    answers = ["7", "7", "7", "3", "3", "5", None, "9", "7", "3"]
    correct = [a == "7" for a in answers]
    exact = exact_consensus(answers, correct, 4)
    estimate = stats.cons_at_k(answers, correct, 4, subsets=20_000, seed=1)
    assert estimate == pytest.approx(exact, abs=0.01)
    assert 0.2 < exact < 0.95
    assert stats.cons_at_k(answers, correct, 4, seed=3) == stats.cons_at_k(answers, correct, 4, seed=3)
    assert len({stats.cons_at_k(answers, correct, 4, seed=s) for s in range(5)}) > 1


# --- exact limits


@pytest.mark.parametrize(("c", "n"), [(0, 5), (1, 5), (5, 5), (3, 128), (64, 128), (1, 100_000)])
def test_clopper_pearson_against_scipy(c: int, n: int) -> None:
    lo, hi = stats.clopper_pearson(c, n)
    expected = reference.binomtest(c, n).proportion_ci(0.95, method="exact")
    assert (float(lo), float(hi)) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_clopper_pearson_meets_its_definition() -> None:
    lo, hi = stats.clopper_pearson(3, 20, 0.9)
    assert reference.binom.sf(2, 20, float(lo)) == pytest.approx(0.05)
    assert reference.binom.cdf(3, 20, float(hi)) == pytest.approx(0.05)
    one_lo, one_hi = stats.clopper_pearson(3, 20, 0.95, two_sided=False)
    assert (float(one_lo), float(one_hi)) == pytest.approx((float(lo), float(hi)))
    assert [float(x) for x in stats.clopper_pearson(0, 0)] == [0.0, 1.0]
    with pytest.raises(ValueError, match="successes"):
        stats.clopper_pearson(3, 2)
    with pytest.raises(ValueError, match="confidence"):
        stats.clopper_pearson(1, 2, 1.0)


@pytest.mark.parametrize("n", [5, 30, 200])
def test_clopper_pearson_covers_at_least_95_percent(n: int) -> None:
    c = np.arange(n + 1)
    lo, hi = stats.clopper_pearson(c, n)
    for q in np.linspace(0.001, 0.999, 333):
        covered = reference.binom.pmf(c, n, q)[(lo <= q) & (q <= hi)].sum()
        assert covered >= 0.95 - 1e-12


@pytest.mark.parametrize(("n", "value"), [(128, 2.3e-2), (1024, 2.9e-3), (16384, 1.8e-4), (10**6, 3.0e-6)])
def test_rule_of_three(n: int, value: float) -> None:
    bound = float(stats.rule_of_three(n))
    assert bound == pytest.approx(value, rel=0.02)
    assert (1 - bound) ** n == pytest.approx(0.05)
    assert stats.pooled_zero_bound(8, n // 8) == pytest.approx(float(stats.rule_of_three(n // 8 * 8)))


# --- means of bounded values


def test_bounded_mean_of_binary_values_is_close_to_clopper_pearson() -> None:
    values = np.repeat([0.0, 1.0], [70, 30])
    interval = stats.bounded_mean(values)
    lo, hi = stats.clopper_pearson(30, 100)
    assert interval.value == pytest.approx(0.3)
    assert interval.lo == pytest.approx(float(lo), abs=0.006)
    assert interval.hi == pytest.approx(float(hi), abs=0.006)


def test_bounded_mean_keeps_its_doubt_when_all_agree() -> None:
    assert stats.bounded_mean(np.zeros(50)).hi == pytest.approx(float(stats.clopper_pearson(0, 50)[1]))
    assert stats.bounded_mean(np.ones(50)).lo == pytest.approx(float(stats.clopper_pearson(50, 50)[0]))
    half = stats.bounded_mean(np.full(50, 0.5))
    assert stats.bounded_mean(np.full(50, 0.5), law=Moments(0.5, 0.0, 0.0)) == half
    assert half.lo < 0.4 < 0.6 < half.hi
    assert stats.bounded_mean([0.25]).width > 0.9
    for bad in ([], [1.2], [-0.1], [np.nan]):
        with pytest.raises(ValueError):
            stats.bounded_mean(bad)


@pytest.mark.parametrize(("u", "v", "m"), [(0.3, 3.0, 40), (0.05, 2.0, 100), (2.0, 2.0, 20), (3.0, 0.1, 60)])
def test_bounded_mean_covers_skewed_laws(u: float, v: float, m: int) -> None:
    rng = np.random.default_rng(7)
    truth = u / (u + v)
    hits = [stats.bounded_mean(rng.beta(u, v, size=m)).contains(truth) for _ in range(600)]
    # 0.94 less three standard errors of 600 trials.
    assert np.mean(hits) > 0.94 - 3 * math.sqrt(0.94 * 0.06 / 600)


# --- bootstraps


def test_resample_weights_are_multinomial_and_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.stats.bootstrap.CHUNK_CELLS", 70)
    chunks = list(stats.resample_weights(10, 25, seed=3))
    assert [c.shape for c in chunks] == [(7, 10)] * 3 + [(4, 10)]
    weights = np.concatenate(chunks)
    assert (weights.sum(axis=1) == 10).all()
    assert weights.mean() == 1.0
    assert weights.max() > 1


def test_bootstrap_mean_has_the_spread_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(size=200)
    interval = stats.bootstrap_mean(values, draws=20_000)
    half = 1.96 * values.std() / math.sqrt(200)
    assert interval.value == pytest.approx(values.mean())
    assert interval.width / 2 == pytest.approx(half, rel=0.03)
    assert stats.bootstrap_mean(values) == stats.bootstrap_mean(values)
    assert stats.bootstrap_mean(values, seed=1) != stats.bootstrap_mean(values, seed=2)


def test_percentiles_move_out_for_few_problems() -> None:
    lo, hi = percentile_tails(10**6)
    assert (lo, hi) == pytest.approx((0.025, 0.975), abs=1e-5)
    # Five: t = 2.776, times sqrt(5/4): the normal tail beyond 3.104.
    assert percentile_tails(5) == pytest.approx(
        (reference.norm.cdf(-3.1039), reference.norm.cdf(3.1039)), abs=1e-6
    )
    assert percentile_tails(1) == (0.0, 1.0)
    assert 0 < percentile_tails(2)[0] < 1e-10
    half = stats.bootstrap_mean(np.random.default_rng(0).normal(size=400), draws=20_000, confidence=0.5)
    full = stats.bootstrap_mean(np.random.default_rng(0).normal(size=400), draws=20_000)
    assert half.width / full.width == pytest.approx(0.6745 / 1.96, rel=0.05)


@pytest.mark.parametrize("m", [10, 30])
def test_expanded_percentiles_cover_with_few_problems(m: int) -> None:
    rng = np.random.default_rng(11)
    hits = [stats.bootstrap_mean(rng.normal(size=m), draws=400, seed=i).contains(0.0) for i in range(800)]
    assert np.mean(hits) > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 800)


def test_the_studentised_bootstrap_leans_to_the_tail() -> None:
    rng = np.random.default_rng(4)
    flat, skewed = rng.normal(size=300), rng.exponential(size=25)
    plain, leaning = (f(flat, seed=1)[0] for f in (stats.bootstrap_means, stats.bootstrap_t_means))
    assert (leaning.lo, leaning.hi) == pytest.approx((plain.lo, plain.hi), abs=0.01)
    one = stats.bootstrap_t_means(skewed)[0]
    assert one.hi - one.value > 1.3 * (one.value - one.lo)
    assert stats.bootstrap_t_means(np.full((9, 2), 3.0)) == [(3.0, 3.0, 3.0)] * 2
    # Against the definition, resample by resample.
    weights = np.concatenate(list(stats.resample_weights(25, 500, 7)))
    means = weights @ skewed / 25
    spread = np.sqrt([np.average((skewed - m) ** 2, weights=w) for m, w in zip(means, weights, strict=True)])
    t = (means - skewed.mean()) / spread
    lo = skewed.mean() - np.quantile(t, 0.975) * skewed.std()
    assert stats.bootstrap_t_means(skewed, draws=500, seed=7)[0].lo == pytest.approx(lo)


def test_count_mean_knows_what_fifty_ones_do_not_tell() -> None:
    n = np.full(50, 16)
    c = np.array([16] * 30 + [15] * 15 + [13] * 5)

    def pass_4(n: np.ndarray, c: np.ndarray) -> np.ndarray:
        return stats.pass_at_k(n, c, 4)

    assert (pass_4(n, c) == 1.0).all()
    bare, wide = stats.bounded_mean(pass_4(n, c)), stats.count_mean(n, c, pass_4)
    assert wide.value == bare.value == 1.0
    smooth = stats.count_mean(n, c, lambda n, c: stats.pass_at_k(n, c, 2))
    assert smooth.width > stats.bounded_mean(stats.pass_at_k(n, c, 2)).width
    # A law of equal masses: the effective size is the number of samples, not of problems.
    even = np.random.default_rng(0).binomial(64, 0.5, size=50)
    flat = stats.count_mean(np.full(50, 64), even, lambda n, c: c / n)
    lo, hi = stats.clopper_pearson(even.sum(), 50 * 64)
    assert flat.width == pytest.approx(float(hi - lo), rel=0.35)


def test_effective_size_by_hand() -> None:
    # Mean 1/2, variance 1/6 (ddof 1): n* = (1/4) 4 / (1/6) (1.96 / 3.182)^2 = 6 x 0.3793 = 2.276.
    interval = stats.bounded_mean([0.0, 0.5, 0.5, 1.0])
    shrink = (reference.norm.ppf(0.975) / reference.t.ppf(0.975, 3)) ** 2
    size = 6 * shrink
    assert size == pytest.approx(2.276, abs=1e-3)
    assert interval.lo == pytest.approx(reference.beta.ppf(0.025, size / 2, size / 2 + 1))
    assert interval.hi == pytest.approx(reference.beta.ppf(0.975, size / 2 + 1, size / 2))
    # Twice the variance by a law from elsewhere, no skewness: half the size.
    law = stats.Moments(0.5, 1 / 3, 0.0)
    wide = stats.bounded_mean([0.0, 0.5, 0.5, 1.0], law=law)
    half = max(size / 2, 2.0)
    assert wide.lo == pytest.approx(reference.beta.ppf(0.025, half / 2, half / 2 + 1))
    # Skewness: binary trials of that mean have (1 - 2m)/sqrt(n* m (1-m)), the mean of M values g/sqrt(M).
    skewed = stats.Moments(0.2, 0.04, 0.04**1.5 * 3)
    values = np.full(100, 0.2) + np.tile([-0.2, 0.2], 50)
    found = stats.bounded_mean(values, law=skewed)
    shrink = (reference.norm.ppf(0.975) / reference.t.ppf(0.975, 99)) ** 2
    size = 0.16 * 100 / max(0.04, values.var(ddof=1)) * shrink
    binary, own = 0.6 / math.sqrt(size * 0.16), 3 / math.sqrt(100)
    size *= ((binary + 0.05) / (own + 0.05)) ** 0.7
    assert found.lo == pytest.approx(reference.beta.ppf(0.025, size * 0.2, size * 0.8 + 1))


def test_beta_law_recovers_its_parameters() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(4, 40, size=40_000)
    law = stats.beta_law(n, rng.binomial(n, rng.beta(0.7, 2.0, size=n.size)))
    assert law == pytest.approx((0.7, 2.0), rel=0.05)
    assert stats.beta_law([4, 4], [0, 0]) is None
    point = stats.beta_law(64, np.full(10, 32))
    assert point is not None
    assert point[0] > 1e5


def test_paired_bootstrap_cancels_what_problems_share() -> None:
    rng = np.random.default_rng(0)
    level = rng.normal(scale=10, size=300)
    a, b = level + rng.normal(size=300), level + 0.5 + rng.normal(size=300)
    interval = stats.paired_bootstrap(a, b)
    assert interval.value == pytest.approx((b - a).mean())
    assert interval.contains(0.5)
    assert interval.width < 0.5
    with pytest.raises(ValueError, match="same problems"):
        stats.paired_bootstrap(a, b[:-1])
    with pytest.raises(ValueError, match="at least one"):
        stats.paired_bootstrap([], [])


def test_bootstrap_ratio_weighs_problems_by_their_samples() -> None:
    tokens, samples = np.array([100.0, 30.0, 0.0]), np.array([10.0, 1.0, 0.0])
    interval = stats.bootstrap_ratio(tokens, samples)
    assert interval.value == pytest.approx(130 / 11)
    # Only problem 1 or only problem 2 drawn (the third has no samples): the ratio is 10 or 30.
    assert (interval.lo, interval.hi) == pytest.approx((10.0, 30.0))
    empty = stats.bootstrap_ratio([0.0], [0.0])
    assert all(math.isnan(x) for x in empty)


def test_paired_ratio_difference_against_the_delta_method() -> None:
    rng = np.random.default_rng(5)
    samples = np.full(400, 8.0)
    length = rng.gamma(4, 25, size=400)
    a, b = length * samples, (length * 0.7 + rng.normal(scale=5, size=400)) * samples
    interval = stats.paired_bootstrap_ratio((a, samples), (b, samples))
    difference = (b - a) / samples
    assert interval.value == pytest.approx(difference.mean())
    assert interval.width == pytest.approx(2 * 1.96 * difference.std(ddof=1) / 20, rel=0.08)


# --- Poisson-binomial


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 9))
def test_poisson_binomial_by_enumeration(probabilities: list[float], k: int) -> None:
    p = np.array(probabilities)
    tail = sum(
        np.prod(np.where(np.array(outcome), p, 1 - p))
        for outcome in itertools.product([0, 1], repeat=p.size)
        if sum(outcome) >= k
    )
    assert stats.poisson_binomial_tail(p, k) == pytest.approx(float(tail), abs=1e-12)
    pmf = stats.poisson_binomial_pmf(p)
    assert pmf.sum() == pytest.approx(1.0)
    assert pmf[k:].sum() == pytest.approx(float(tail), abs=1e-12)


def test_poisson_binomial_of_equal_trials_is_binomial_far_into_the_tail() -> None:
    tail = stats.poisson_binomial_tail(np.full(300, 0.01), 40)
    assert tail == pytest.approx(float(reference.binom.sf(39, 300, 0.01)), rel=1e-9)
    assert tail < 1e-28
    with pytest.raises(ValueError, match="probabilities"):
        stats.poisson_binomial_tail([1.2], 1)


# --- seeds


def test_paired_seeds_against_the_t_test() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=10), rng.normal(loc=0.4, size=10)
    interval = stats.paired_seeds(a, b)
    expected = reference.ttest_rel(b, a).confidence_interval(0.95)
    assert (interval.lo, interval.hi) == pytest.approx((expected.low, expected.high))
    assert interval.value == pytest.approx((b - a).mean())
    assert stats.seed_mean([3.0]) == (3.0, -np.inf, np.inf)
    with pytest.raises(ValueError, match="same seeds"):
        stats.paired_seeds([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        stats.seed_mean([np.nan])


@settings(max_examples=30)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_every_interval_holds_its_value(values: list[float]) -> None:
    for interval in (stats.seed_mean(values), stats.bootstrap_mean(values, draws=200)):
        assert interval.lo <= interval.value + 1e-9
        assert interval.value <= interval.hi + 1e-9
        assert interval.as_list() == [interval.value, interval.lo, interval.hi]
