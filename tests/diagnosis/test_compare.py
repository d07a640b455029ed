"""The parts of a comparison: pairing, differences, crossing, laws, ledger, splits, movers, reflection."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special
from scipy import stats as reference

from leadline import theory
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.compare import (
    ReflectionHacking,
    band_gains,
    compare,
    comparison_finding,
    live_forecast,
    run_compare,
)
from leadline.diagnosis.compare.differences import crossing, pass_rows, ratio_row
from leadline.diagnosis.compare.format_split import split_form
from leadline.diagnosis.compare.length_split import split_length
from leadline.diagnosis.compare.likelihood import Mixture, arcsine_law, tilt_law
from leadline.diagnosis.compare.movers import find_movers
from leadline.diagnosis.compare.pairing import Pair, pair_up
from leadline.diagnosis.compare.support_changes import support_ledger
from leadline.diagnosis.compare.tilt_fit import fit_laws, slope_interval
from leadline.diagnosis.probe import probe
from leadline.diagnosis.probe.live_groups import LiveShare
from leadline.display.page import finding_page
from leadline.errors import DataError
from leadline.stats import Interval


def drawn(q: np.ndarray, p: np.ndarray, n: int = 64, seed: int = 0) -> Pair:
    rng = np.random.default_rng(seed)
    return pair_up(Counts.from_arrays(n, rng.binomial(n, q)), Counts.from_arrays(n, rng.binomial(n, p)))


def tilt(q: np.ndarray, a: float) -> np.ndarray:
    return theory.tilted_success(q, a)


# --- pairing


def test_only_shared_problems_are_compared_in_the_order_of_the_base() -> None:
    base = Counts.from_arrays([4, 4, 4], [1, 2, 3], ["a", "b", "c"])
    tuned = Counts.from_arrays([8, 8, 8], [5, 6, 7], ["d", "c", "b"])
    pair = pair_up(base, tuned)
    assert pair.base.ids == pair.tuned.ids == ("b", "c")
    assert pair.tuned.c.tolist() == [7, 6]
    assert (pair.only_base, pair.only_tuned) == (("a",), ("d",))
    with pytest.raises(DataError, match="share no problem"):
        pair_up(base, Counts.from_arrays([1], [0], ["z"]))


# --- differences


def test_pass_differences_by_hand() -> None:
    pair = pair_up(Counts.from_arrays(4, [0, 2, 4]), Counts.from_arrays(4, [2, 2, 4]))
    rows = {row.name: row for row in pass_rows(pair)}
    assert list(rows) == ["pass@1", "pass@2", "pass@4"]
    assert rows["pass@1"].difference.value == pytest.approx(0.5 / 3)
    # pass@2 of 2 in 4: 1 - 1/6.
    assert rows["pass@2"].difference.value == pytest.approx((5 / 6) / 3)
    assert rows["pass@4"].tuned.value == 1.0


def test_ratio_rows_pair_the_problems() -> None:
    tokens = (np.array([100.0, 300.0]), np.array([10.0, 10.0]))
    row = ratio_row("mean_tokens", tokens, (tokens[0] * 0.5, tokens[1]))
    assert row is not None
    assert (row.base.value, row.tuned.value, row.difference.value) == (20.0, 10.0, -10.0)
    assert ratio_row("mean_tokens", tokens, (np.zeros(2), np.zeros(2))) is None


def test_curves_cross_where_the_masses_say() -> None:
    # Base: all at 0.2. Tuned: half at 0.9, half dead. 1 - 0.8^k = 0.5 (1 - 0.1^k) near k = 2.9.
    q, p = np.full(400, 0.2), np.repeat([0.9, 0.0], 200)
    truth = optimize.brentq(lambda k: (1 - 0.8**k) - 0.5 * (1 - 0.1**k), 2, 5)
    found = crossing(drawn(q, p))
    assert found.k is not None
    assert found.lo is not None
    assert found.hi is not None
    assert found.k == pytest.approx(truth, abs=0.3)
    assert found.lo <= truth <= found.hi
    assert found.share == 1.0


def test_noise_is_no_crossing() -> None:
    q = np.random.default_rng(0).beta(1, 1, size=100)
    for seed in range(5):
        assert crossing(drawn(q, q, seed=seed)).k is None
    assert crossing(drawn(q, tilt(q, 2.0))).k is None
    assert crossing(drawn(np.repeat([0.9, 0.0], 50), np.full(100, 0.2))).k is None  # from below to above


# --- laws


@pytest.mark.parametrize("law", ["tilt", "arcsine"])
def test_laws_are_what_theory_says(law: str) -> None:
    x = np.linspace(-6, 6, 25)
    q = special.expit(x)
    if law == "tilt":
        log_p, log_not, p = tilt_law(x, 1.5)
        assert p == pytest.approx(theory.tilted_success(q, 1.5))
    else:
        log_p, log_not, _ = arcsine_law(x, 0.3)
        p = theory.normalised_flow_success(q, 0.1, 6.0)
    assert np.exp(log_p) == pytest.approx(p, abs=1e-7)
    assert np.exp(log_not) == pytest.approx(1 - p, abs=1e-7)


def test_the_mixture_likelihood_and_its_gradients() -> None:
    q = np.random.default_rng(0).beta(1, 2, size=15)
    mixture = Mixture(drawn(q, tilt(q, 1.0), n=16))
    weights = np.random.default_rng(1).normal(size=mixture.grid.size)
    log_p, log_not, _ = tilt_law(mixture.grid, 0.7)
    value, gradient, _ = mixture.value(weights, mixture.terms(log_p, log_not))
    # The definition, problem by problem, with scipy's binomial (their constants taken off).
    prior, p = special.softmax(weights), special.expit(mixture.grid + 0.7)
    total = 0.0
    for n1, c1, n2, c2, times in zip(
        mixture.n1, mixture.c1, mixture.n2, mixture.c2, mixture.times, strict=True
    ):
        joint = reference.binom.pmf(c1, n1, special.expit(mixture.grid)) * reference.binom.pmf(c2, n2, p)
        constant = special.binom(n1, c1) * special.binom(n2, c2)
        total += times * np.log(prior @ joint / constant)
    assert value == pytest.approx(total)
    step = 1e-6 * np.eye(mixture.grid.size)[3]
    up, down = (mixture.value(weights + s, mixture.terms(log_p, log_not))[0] for s in (step, -step))
    assert gradient[3] == pytest.approx((up - down) / 2e-6, rel=1e-4)


@pytest.mark.parametrize(("a", "slope"), [(1.0, 1.0), (0.5, 0.6), (-1.0, 1.0)])
def test_laws_recover_strength_and_slope(a: float, slope: float) -> None:
    q = np.random.default_rng(3).beta(0.7, 0.9, size=300)
    pair = drawn(q, special.expit(slope * special.logit(q) + a))
    found = fit_laws(pair)
    assert found is not None
    assert found.slope is not None
    assert found.slope.contains(slope)
    assert found.slope.width < 0.25
    if slope == 1.0:
        assert found.strength.contains(a)
        assert found.dispersion < 1.4
        # Errors in variables: the naive regression lies outside the interval, towards 0.
        x, y = (np.log((s.c + 0.5) / (s.n - s.c + 0.5)) for s in (pair.base, pair.tuned))
        assert np.polyfit(x, y, 1)[0] < found.slope.value


def test_the_arcsine_law_is_told_from_a_tilt() -> None:
    q = np.random.default_rng(4).beta(0.8, 0.8, size=300)
    shifted = fit_laws(drawn(q, theory.normalised_flow_success(q, 0.1, 8)))
    assert shifted is not None
    assert shifted.log_ratio < -5
    assert shifted.shift == pytest.approx(0.4, abs=0.03)
    assert shifted.slope is not None
    assert not shifted.slope.contains(1.0)
    tilted = fit_laws(drawn(q, tilt(q, 1.5)))
    assert tilted is not None
    assert tilted.log_ratio > 5


def test_problems_that_scatter_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    q = rng.beta(1, 1, size=150)
    noisy = special.expit(special.logit(q) + 1.0 + rng.normal(scale=1.0, size=150))
    found, exact = fit_laws(drawn(q, noisy)), fit_laws(drawn(q, tilt(q, 1.0)))
    assert found is not None
    assert exact is not None
    assert found.dispersion > 3
    assert found.strength.width > 1.5 * exact.strength.width


def test_without_success_there_is_no_law() -> None:
    assert fit_laws(drawn(np.zeros(20), np.full(20, 0.3))) is None
    assert fit_laws(drawn(np.ones(20), np.full(20, 0.3))) is None
    few = fit_laws(drawn(np.array([0.5, 0.4]), np.array([0.5, 0.4])))
    assert few is not None
    assert few.slope is None


@pytest.mark.slow
def test_slope_interval_covers_exact_tilts() -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for seed in range(20):
        q = rng.beta(0.5, 0.8, size=60)
        hits += slope_interval(drawn(q, tilt(q, 1.0), seed=seed)).contains(1.0)
    # At 95% fewer than 16 of 20 has a chance of 0.3%; the benchmark looks closer.
    assert hits >= 16


# --- ledger


def test_ledger_by_hand() -> None:
    n = 64
    base = Counts.from_arrays(n, [32, 0, 32, 0, 0, 1])
    tuned = Counts.from_arrays(n, [40, 40, 0, 0, 1, 1])
    ledger = support_ledger(pair_up(base, tuned), None)
    assert (ledger.kept, ledger.expanded, ledger.shrunk, ledger.never, ledger.unclear) == (2, 1, 1, 1, 1)
    assert (ledger.expanded_ids, ledger.shrunk_ids) == (("p1",), ("p2",))
    assert ledger.tau == pytest.approx(1 - 0.05 ** (1 / 64))
    assert ledger.p_expanded is None
    # 41 of 192 tuned samples on the three unsolved problems, none of 192 before: they were chosen for that, so that
    # the limit of their Q is further off than that of 192 failures (1.9%), and one sample is worth fewer.
    lo = reference.binomtest(41, 192).proportion_ci(0.95, "exact").low
    hi = 1 - 0.025 ** (1 / 192)
    assert ledger.effective_k is not None
    assert 2 < ledger.effective_k < np.log1p(-lo) / np.log1p(-hi)


def test_ledger_null_is_calibrated_on_exact_tilts() -> None:
    """Rare solutions made common look expanded; the null has to expect as many."""
    seen, expected, rejected = 0.0, 0.0, 0
    for seed in range(6):
        q = 10 ** np.random.default_rng(seed).uniform(-4, 0, size=120)
        pair = drawn(q, tilt(q, 4.0), seed=seed)
        ledger = support_ledger(pair, fit_laws(pair))
        assert ledger.expected_expanded is not None
        assert ledger.p_expanded is not None
        seen += ledger.expanded
        expected += ledger.expected_expanded
        rejected += ledger.p_expanded < 0.01
    assert seen > 50
    assert expected == pytest.approx(seen, rel=0.25)
    assert rejected <= 1


def test_ledger_null_rejects_new_mass() -> None:
    q = np.random.default_rng(1).beta(0.6, 0.8, size=100)
    q[:20] = 0.0
    p = tilt(q, 1.0)
    p[:15] = 0.4
    pair = drawn(q, p)
    ledger = support_ledger(pair, fit_laws(pair))
    assert ledger.expanded >= 15
    assert ledger.p_expanded is not None
    assert ledger.p_expanded < 1e-6


# --- splits


def with_tokens(n: list[int], c: list[int], per_correct: list[float]) -> Counts:
    rows = []
    for i, (size, hits, length) in enumerate(zip(n, c, per_correct, strict=True)):
        for j in range(size):
            right = j < hits
            rows.append(
                {
                    "problem_id": f"p{i}",
                    "correct": right,
                    "n_tokens": int(length) if right else 50,
                    "finished": True,
                }
            )
    return count_rows(enumerate(rows, 1))


def test_length_split_by_hand() -> None:
    # Base: problem 0 (10 tokens) solved 10 of 10, problem 1 (100 tokens) never. Tuned: 8 tokens, both solved.
    base = with_tokens([10, 10], [10, 0], [10, 0])
    tuned = with_tokens([10, 10], [10, 10], [8, 100])
    split = split_length(pair_up(base, tuned))
    assert split is not None
    assert split.base == 10.0
    assert split.total.value == pytest.approx(54 - 10)
    # Same problem: (1 + 1/2)/2 x (8 - 10).
    assert split.same.value == pytest.approx(-1.5)
    assert split.mix.value == pytest.approx(45.5)
    assert split_length(drawn(np.full(4, 0.5), np.full(4, 0.5))) is None


def test_length_split_of_shorter_answers_alone() -> None:
    c = [5, 8, 2]
    split = split_length(
        pair_up(with_tokens([10] * 3, c, [100, 40, 60]), with_tokens([10] * 3, c, [90, 30, 50]))
    )
    assert split is not None
    assert split.total.value == pytest.approx(-10)
    assert split.same.value == pytest.approx(-10)
    assert split.mix.value == pytest.approx(0.0)


def formed(m: int, n: int, answered: float, right: float) -> Counts:
    rows = []
    for i in range(m):
        for j in range(n):
            speaks = j < round(n * answered)
            hit = speaks and j < round(n * answered * right)
            reason = "match" if hit else "mismatch" if speaks else "no_answer"
            rows.append({"problem_id": f"p{i}", "correct": hit, "finished": True, "reason": reason})
    return count_rows(enumerate(rows, 1))


def test_form_split_by_hand() -> None:
    # answered .5 -> .75, right .5 -> .75: (.5+.75)/2 x .25 = .15625 form and as much content, sum .3125.
    split = split_form(pair_up(formed(10, 16, 0.5, 0.5), formed(10, 16, 0.75, 0.75)))
    assert split is not None
    assert split.form.value == pytest.approx(0.15625)
    assert split.content.value == pytest.approx(0.15625)
    assert split.answered == (0.5, 0.75)
    assert split.right == (0.5, 0.75)
    assert split_form(drawn(np.full(4, 0.5), np.full(4, 0.5))) is None


def test_movers_keep_their_level_and_find_what_moved() -> None:
    q = np.random.default_rng(0).beta(1, 1, size=1000)
    still = find_movers(drawn(q, q))
    assert still.by_chance == pytest.approx(5.0)
    assert max(still.up, still.down) < 15
    moved = find_movers(drawn(np.full(100, 0.2), np.repeat([0.2, 0.8], 50)))
    assert moved.up >= 50
    assert moved.down <= 3
    one = np.zeros(30)
    one[7] = 0.9
    top = find_movers(drawn(np.zeros(30), one))
    assert (top.top, top.top_share) == ("p7", 1.0)


def test_reflection_hacking_counts_near_repeats_over_a_few_texts_a_problem() -> None:
    hacking = ReflectionHacking()
    for name in ("a", "b"):
        for _ in range(10):
            hacking.observe({"problem_id": name, "completion": "check " * 100})
    assert hacking.texts == 8
    assert hacking.share == pytest.approx(0.99, abs=0.011)
    honest = ReflectionHacking()
    honest.observe({"problem_id": "a", "completion": "Let me check 3 + 4 = 7. Now verify 7 * 2 = 14."})
    assert honest.share == 0.0
    assert ReflectionHacking().share is None


# --- the whole


def write(path: Path, q: float, length: int, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    with path.open("w") as stream:
        for i in range(20):
            for j in range(8):
                right = bool(rng.random() < q)
                row: dict[str, Any] = {
                    "problem_id": f"p{i}",
                    "completion": f"check {i} {j}",
                    "n_tokens": length,
                    "finished": True,
                    "correct": right,
                }
                stream.write(json.dumps(row) + "\n")
    return path


def test_run_compare_reads_writes_and_explains(tmp_path: Path) -> None:
    html = tmp_path / "c.html"
    found = run_compare(
        write(tmp_path / "a.jsonl", 0.3, 40, 1), write(tmp_path / "b.jsonl", 0.8, 30, 2), html=html
    )
    output = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert output["verdict"] == "sharpened"
    assert "shortened" in output["also"]
    assert output["metrics"]["mean_tokens"]["difference"][0] == -10
    assert output["farmed"] is not None
    text = html.read_text()
    assert "Support ledger" in text
    assert text.count("<polyline") == 3  # both curves, and the diagonal of the scatter
    assert finding_page(comparison_finding(found)).count("<table>") == len(comparison_finding(found).tables)
    assert comparison_finding(found).section()["tables"][0]["columns"] == ["", "base", "tuned", "difference"]


def test_bands_foretell_the_sign_of_the_gain() -> None:
    rng = np.random.default_rng(0)
    q = np.concatenate([np.zeros(60), rng.uniform(0.2, 0.7, size=120), np.full(60, 0.995)])
    found = probe(Counts.from_arrays(64, rng.binomial(64, q)))
    before = Counts.from_arrays(64, rng.binomial(64, q))
    after = Counts.from_arrays(64, rng.binomial(64, tilt(q, 1.5)))
    rows = {row.band: row for row in band_gains(found, before, after)}
    assert rows["dead"].gain is not None
    assert rows["dead"].gain.value == 0.0
    assert rows["dead"].expected == "none"
    assert rows["useful"].gain is not None
    assert rows["useful"].gain.lo > 0.2
    assert rows["saturated"].gain is not None
    assert abs(rows["saturated"].gain.value) < 0.02
    assert sum(row.count for row in rows.values()) == 240
    # On the samples that sorted them, never-solved problems can only seem to rise.
    rare = np.full(200, 0.02)
    counts = Counts.from_arrays(16, rng.binomial(16, rare))
    again = Counts.from_arrays(16, rng.binomial(16, rare))
    assert band_gains(probe(counts), counts, again)[0].gain.lo > 0  # type: ignore[union-attr]


def test_forecast_of_live_groups_holds_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        q = rng.beta(0.5, 1.0, size=60)
        found = probe(Counts.from_arrays(32, rng.binomial(32, q)))
        drawn_q = rng.beta(0.5, 1.0, size=96)
        hits = rng.binomial(8, drawn_q)
        held += live_forecast(found, 8, int(((hits > 0) & (hits < 8)).sum()), 96).held
    assert held >= 55
    # By hand: 10 groups at exactly one half: quantiles of Binomial(10, 1/2) are 2 and 8.
    exact = replace(found, live={8: LiveShare(Interval(0.5, 0.5, 0.5), False)})
    forecast = live_forecast(exact, 8, 1, 10)
    assert (forecast.foretold.lo, forecast.foretold.hi, forecast.seen) == (0.2, 0.8, 0.1)
    assert not forecast.held
    with pytest.raises(ValueError, match="mixed groups"):
        live_forecast(found, 8, 3, 2)


def test_ragged_samples_and_a_single_problem() -> None:
    base = Counts.from_arrays([1, 5, 40], [0, 3, 20])
    tuned = Counts.from_arrays([7, 2, 64], [7, 0, 60])
    output = compare(base, tuned).as_dict()
    assert json.dumps(output, allow_nan=False)
    assert list(output["metrics"]) == ["pass@1"]
    # One shallow problem of eleven does not cut the curve short.
    shallow = compare(Counts.from_arrays([1] + [32] * 10, [0] + [3] * 10), Counts.from_arrays(32, [9] * 11))
    assert "pass@32" in shallow.as_dict()["metrics"]
    assert shallow.passes[0].base.value == pytest.approx(30 / 32 / 11)
    alone = compare(Counts.from_arrays(16, [3]), Counts.from_arrays(16, [9]))
    assert alone.verdict == "too_few"
    assert json.dumps(alone.as_dict(), allow_nan=False)


def test_one_page_has_one_interval_of_the_length_of_correct_samples() -> None:
    """The sentence had +6.5 [-1.6, +17.2] where the table had 6.5 [-1.9, 17.4]."""
    rng = np.random.default_rng(3)
    rows = [
        [
            {"problem_id": str(i), "correct": bool(rng.random() < 0.4), "n_tokens": int(rng.integers(5, 40))}
            for i in range(20)
            for _ in range(4)
        ]
        for _ in range(2)
    ]
    found = compare(*(count_rows(enumerate(side)) for side in rows))
    assert found.length is not None
    table = {row.name: row.difference for row in found.ratios}
    assert tuple(found.length.total) == pytest.approx(tuple(table["mean_tokens_correct"]))
