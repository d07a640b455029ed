"""The parts of a probe: signal, bands, mass, curves, faults, copies, filters, files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference

from evidence import check_evidence
from leadline import theory
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.probe import probe, probe_finding, run_probe, teacher_forced
from leadline.diagnosis.probe.copies import find_copies
from leadline.diagnosis.probe.correct_mass import correct_mass
from leadline.diagnosis.probe.curves import _beyond, cover_curve, k_grid, pass_curve, reach_table
from leadline.diagnosis.probe.difficulty_bands import BANDS, band_of, window
from leadline.diagnosis.probe.failure_modes import count_faults
from leadline.diagnosis.probe.live_groups import live_chosen, live_share, recommended_group
from leadline.diagnosis.probe.narrowness import _moments
from leadline.diagnosis.probe.prefiltered import find_filter
from leadline.display import Chart, Finding, Point
from leadline.display.numbers import count, percent, points, share
from leadline.display.page import finding_page, plot
from leadline.display.terminal import terminal
from leadline.errors import InputError
from leadline.stats import Interval, clopper_pearson, count_mean, fit_mass_law, pass_at_k


def binomial(q: np.ndarray, n: int, seed: int = 0) -> Counts:
    return Counts.from_arrays(n, np.random.default_rng(seed).binomial(n, q))


# --- signal


def test_live_share_is_the_mean_of_unbiased_estimates() -> None:
    counts = Counts.from_arrays(4, [0, 2, 4])
    # Only the middle problem can give mixed pairs: 2 of 3 pairs of {1,1,0,0} differ... C(4,2)=6, 4 mixed.
    live = live_share(counts, 2)
    assert live.share.value == pytest.approx((4 / 6) / 3)
    assert not live.extrapolated


@pytest.mark.parametrize("q", [0.02, 0.3, 0.9])
def test_live_share_beyond_the_samples_holds_the_truth(q: float) -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        live = live_share(Counts.from_arrays(8, rng.binomial(8, q, size=60)), 64)
        assert live.extrapolated
        assert live.share.lo <= live.share.value <= live.share.hi
        hits += live.share.contains(float(theory.live_group_probability(q, 64)))
    assert hits >= 94


def test_live_share_beyond_the_samples_is_that_of_the_law_of_q() -> None:
    q = np.random.default_rng(2).uniform(size=1000)
    value = live_share(binomial(q, 16), 64).share.value
    assert value == pytest.approx(1 - 2 / 65, abs=0.03)


def test_live_share_with_one_sample_a_problem_says_nothing_above() -> None:
    live = live_share(Counts.from_arrays(1, [0, 1, 1, 0]), 8)
    assert live.share.lo == 0.0
    assert live.share.hi == 1.0
    assert np.isnan(live.share.value)


@pytest.mark.parametrize(("u", "v", "n"), [(0.3, 3.0, 32), (1.0, 1.0, 32), (0.05, 2.0, 16)])
def test_live_share_of_these_very_problems_is_covered(u: float, v: float, n: int) -> None:
    rng = np.random.default_rng(3)
    hits, narrower = 0, 0
    for _ in range(150):
        q = rng.beta(u, v, size=30)
        counts = Counts.from_arrays(n, rng.binomial(n, q))
        here = live_chosen(fit_mass_law(counts.n, counts.c), 8)
        hits += here.contains(float(theory.live_group_probability(q, 8).mean()))
        narrower += here.width < live_share(counts, 8).share.width
    assert hits >= 137  # 94% of 150 is 141; two standard errors below
    assert narrower > 100


def test_recommended_group_grows_as_success_gets_rare() -> None:
    assert recommended_group(binomial(np.full(200, 0.5), 64)).value == 4
    assert recommended_group(binomial(np.full(200, 0.13), 64)).value == 16
    assert recommended_group(binomial(np.full(200, 0.01), 256)).value == 64
    assert recommended_group(Counts.from_arrays(16, np.zeros(10))).value == 8


@pytest.mark.parametrize(("u", "v"), [(1.0, 1.0), (0.3, 3.0), (8.0, 0.5), (20.0, 80.0)])
def test_the_advised_group_does_not_follow_the_number_of_samples(u: float, v: float) -> None:
    rng = np.random.default_rng(5)
    q = rng.beta(u, v, size=200)
    sizes = [recommended_group(Counts.from_arrays(n, rng.binomial(n, q))).value for n in (4, 8, 16, 32)]
    assert max(sizes) <= 2 * min(sizes), sizes


def test_the_limits_of_the_advised_group_close_with_more_problems() -> None:
    rng = np.random.default_rng(6)
    few, many = (recommended_group(Counts.from_arrays(8, rng.binomial(8, 0.2, size=m))) for m in (12, 2000))
    assert few.lo <= 8 <= few.hi
    assert few.hi > few.lo
    assert (many.lo, many.value, many.hi) == (8, 8, 8)


# --- bands


@pytest.mark.parametrize("g", [4, 8, 64])
def test_window_edges_give_the_shares_they_promise(g: int) -> None:
    edges = window(g)
    for q, live in ((edges.floor, 0.1), (edges.low, 0.5), (edges.high, 0.5)):
        assert float(theory.live_group_probability(q, g)) == pytest.approx(live, abs=1e-6)
    assert edges.floor < edges.low < edges.high


def test_in_groups_of_two_half_is_the_most_that_can_be_live() -> None:
    edges = window(2)
    assert edges.low == edges.high == 0.5
    assert 0.0 < edges.floor < 0.1


def test_bands_at_their_edges() -> None:
    edges = window(8)
    rates = [0.0, edges.low - 1e-6, edges.low + 1e-6, edges.high - 1e-6, edges.high + 1e-6, 1.0]
    names = [BANDS[i] for i in band_of(rates, edges)]
    assert names == ["dead", "rare", "useful", "useful", "saturated", "saturated"]


def test_band_table_adds_up() -> None:
    found = probe(Counts.from_arrays(64, [0, 0, 1, 20, 32, 64]), group=8)
    counts = {band.name: band.count for band in found.band_rows}
    assert counts == {"dead": 2, "rare": 1, "useful": 2, "saturated": 1}
    assert sum(b.share for b in found.band_rows) == pytest.approx(1.0)
    useful = found.band_rows[2]
    assert useful.solve_rate == pytest.approx(52 / 128, abs=0.02)
    rates = np.array([20, 32]) / 64
    # Given 64 samples each, the law says little that the rates do not.
    assert useful.gain == pytest.approx(float(theory.gain(rates, 1.0).mean()), abs=0.01)
    # Problems that were chosen for never being solved are solved now and then.
    assert 0 < found.band_rows[0].gain < 0.02
    assert found.kept == ("p2", "p3", "p4")


# --- mass


def test_combined_limits() -> None:
    counts = Counts.from_arrays([128, 128, 16], [0, 64, 0], ["a", "b", "c"])
    mass = correct_mass(counts, {"a": math.log(1e-9), "b": math.log(0.45), "c": math.log(0.3)})
    exact = [
        reference.binomtest(c, n).proportion_ci(0.95, "exact") for c, n in ((0, 128), (64, 128), (0, 16))
    ]
    assert mass.lo.tolist() == pytest.approx([1e-9, 0.45, 0.3])
    assert mass.hi.tolist() == pytest.approx([exact[0].high, exact[1].high, 0.3])
    assert mass.sampled_lo[1] == pytest.approx(exact[1].low)
    assert mass.rule_of_three[0] == pytest.approx(1 - 0.05 ** (1 / 128))
    assert np.isnan(mass.rule_of_three[1])
    assert mass.value.tolist() == pytest.approx([1e-9, 0.5, 0.3])
    assert mass.row(1)["rule_of_three"] is None


def test_teacher_forcing_counts_distinct_strings_once() -> None:
    bound = teacher_forced([("a", "x", -2.0), ("a", "x", -2.0), ("a", "y", -3.0), ("b", [1, 2], -900.0)])
    assert bound["a"] == pytest.approx(math.log(math.exp(-2) + math.exp(-3)))
    assert bound["b"] == -900.0
    for bad in ([("a", "x", 0.5)], [("a", "x", float("nan"))], [("a", "x", -2.0), ("a", "x", -3.0)]):
        with pytest.raises(ValueError):
            teacher_forced(bad)
    with pytest.raises(ValueError, match="above 1"):
        teacher_forced([("a", "x", -0.1), ("a", "y", -0.1)])


def test_teacher_forcing_lifts_a_problem_out_of_the_dead() -> None:
    counts = Counts.from_arrays(16, [0, 0, 8, 8])
    found = probe(counts, log_forced={"p0": math.log(0.2)}, group=8)
    assert [BANDS[i] for i in found.bands] == ["useful", "dead", "useful", "useful"]
    assert any("Known solutions alone" in s.text for s in found.sentences)
    assert found.forced.unsolved == 1


# --- curves


def test_k_grid_ends_at_what_nine_tenths_of_the_problems_have() -> None:
    assert k_grid(np.full(5, 48.0)) == [1, 2, 4, 8, 16, 32, 48]
    assert k_grid(np.array([1.0] + [64.0] * 19)) == [1, 2, 4, 8, 16, 32, 64]
    assert k_grid(np.ones(3)) == [1]


def test_pass_curve_says_how_many_problems_it_left_out() -> None:
    curve = pass_curve(Counts.from_arrays([4] + [16] * 19, [2] * 20))
    assert curve.left_out == {1: 0, 2: 0, 4: 0, 8: 1, 16: 1}
    assert curve.value[16].value == 1.0
    assert curve.value[1].value == pytest.approx((0.5 + 19 / 8) / 20)


def test_reach_of_known_masses() -> None:
    q = np.random.default_rng(0).beta(1, 3, size=4000)
    rows = reach_table(binomial(q, 256), (1.0, 0.5, 0.25))
    for row in rows:
        truth = float(theory.tilted_success(q, row.a).mean())
        assert row.success.value == pytest.approx(truth, abs=0.01)
        assert row.success.contains(truth)
        assert row.gain.contains(truth - float(q.mean()))
    assert [row.a for row in rows] == [1.0, 2.0, 4.0]
    assert reach_table(binomial(q, 256), (1.0,), gap=2.0)[0].a == 2.0
    assert rows[2].best_q == pytest.approx(0.119, abs=1e-3)


def test_reach_beyond_the_samples_widens_upwards_and_holds_the_truth() -> None:
    q = np.full(400, 0.004)
    row = reach_table(binomial(q, 16), (0.2,))[0]
    truth = float(theory.tilted_success(0.004, 5.0))
    assert row.success.value < truth <= row.success.hi
    assert row.success.lo <= truth


def test_cover_limits_allow_for_the_scatter_of_the_rates() -> None:
    # All problems just below tau: measured rates lie above it half of the time, true ones never.
    counts = binomial(np.full(300, 0.49), 16)
    interval = cover_curve(counts, [0.5])[0.5]
    assert interval.value > 0.5
    assert interval.lo == 0.0
    sharp = cover_curve(binomial(np.repeat([0.1, 0.9], 150), 256), [0.5])[0.5]
    assert sharp.value == 0.5
    assert sharp.width < 0.16
    surer = cover_curve(binomial(np.repeat([0.1, 0.9], 150), 256), [0.5], 0.99)[0.5]
    assert surer.width > sharp.width
    # 150 of 300 sides at a quarter of 5%, exact limits: the level of 0.5% adds nothing at such distances.
    lo, hi = clopper_pearson(150, 300, 1 - 0.05 / 4)
    assert (sharp.lo, sharp.hi) == pytest.approx(((float(lo) - 0.005) / 0.995, float(hi) / 0.995), abs=2e-3)
    # Sixteen samples and masses far from tau still say something.
    blunt = cover_curve(binomial(np.repeat([0.05, 0.95], 150), 16), [0.5])[0.5]
    assert blunt.lo > 0.35
    assert blunt.hi < 0.65


# --- form


def test_faults_are_sorted_by_kind() -> None:
    rows = [{"problem_id": "a", "correct": True, "finished": True, "reason": "match"}] * 2
    rows += [{"problem_id": "a", "correct": False, "finished": False, "reason": "truncated"}] * 3
    rows += [{"problem_id": "a", "correct": False, "finished": True, "reason": "no_answer"}] * 1
    rows += [{"problem_id": "a", "correct": False, "finished": True, "reason": "mismatch"}] * 2
    faults = count_faults(count_rows(enumerate(rows, 1)))
    assert faults.of_failures == {
        "truncated": pytest.approx(3 / 6),
        "no_answer": pytest.approx(1 / 6),
        "unscorable": 0.0,
        "wrong": pytest.approx(2 / 6),
    }
    assert faults.answered is not None
    assert faults.answered.value == pytest.approx(2 / 4)
    assert faults.truncated is not None
    assert faults.truncated.value == pytest.approx(3 / 8)
    assert faults.only_form == pytest.approx(4 / 6)
    silent = count_faults(Counts.from_arrays(8, [4]))
    assert silent.truncated is None
    assert silent.format_failed is None


@pytest.mark.parametrize("name", ["finished", "reason", "format"])
def test_what_only_some_samples_state_is_left_out(name: str) -> None:
    """Every failure is of one kind, and few of the samples say so: nothing is known of its share."""
    kinds: dict[str, dict[str, object]] = {
        "finished": {"finished": False},
        "reason": {"reason": "no_answer"},
        "format": {"parts": {"format": 0.0}},
    }
    made = [
        {"problem_id": i, "correct": False, **(kinds[name] if j == i % 2 == 1 else {})}
        for i in range(20)
        for j in range(8)
    ]
    found = probe(count_rows(enumerate(made, 1)))
    check_evidence(found.as_dict())
    faults = found.faults
    assert faults.truncated is faults.no_answer is faults.format_failed is None
    assert faults.as_dict()["partly_stated"] == {name: [10, 160]}
    assert "Only 10 of the 160 samples state" in " ".join(s.text for s in found.sentences)
    if name != "format":
        assert faults.of_failures == {}
        assert faults.answered is None
    assert found.verdict == "too_few"
    stating = [row for row in made if len(row) > 2]
    assert count_faults(count_rows(enumerate(stating, 1))).partly_stated == {}


@pytest.mark.parametrize("unsaid", [1, 80])
def test_a_share_of_cut_off_samples_that_is_at_least_so_large_is_kept(unsaid: int) -> None:
    """One sample that does not say how it ended must not turn "raise the cap" into "worth it"."""
    made = [
        {"problem_id": i, "correct": j % 4 == 3, "finished": j % 4 == 3} for i in range(20) for j in range(8)
    ]
    whole = probe(count_rows(enumerate(made, 1)))
    part = probe(
        count_rows(enumerate([*({**row, "finished": None} for row in made[:unsaid]), *made[unsaid:]], 1))
    )
    assert whole.verdict == part.verdict == "fix_truncation"
    assert part.faults.truncated is not None
    assert part.faults.truncated.value == pytest.approx(
        sum(not row["finished"] for row in made[unsaid:]) / 160
    )
    assert any(f"{unsaid} of 160 samples do not say whether they were cut off" in note for note in part.notes)


# --- copies and filters


def samples(texts: list[list[str]], right: list[list[bool]]) -> Counts:
    rows = [
        {"problem_id": f"p{i}", "completion": t, "correct": c}
        for i, (ts, cs) in enumerate(zip(texts, right, strict=True))
        for t, c in zip(ts, cs, strict=True)
    ]
    return count_rows(enumerate(rows, 1))


def test_short_answers_that_repeat_are_no_fault() -> None:
    rng = np.random.default_rng(0)
    texts = [[str(x) for x in rng.integers(3, size=32)] for _ in range(20)]
    found = find_copies(samples(texts, [[t == "0" for t in ts] for ts in texts]))
    assert found.share > 0.8
    assert not found.suspect


def test_two_problems_that_agree_are_not_taken_for_certain() -> None:
    answered = count_faults(Counts.from_arrays([2, 2], [1, 1])).answered
    assert answered is not None
    assert answered.value == 0.5
    assert answered.width > 0.9
    many = count_faults(Counts.from_arrays([2] * 40, [1, 2] * 20)).answered
    assert many is not None
    assert many.width < 0.25


def test_a_solved_problem_answered_in_one_word_is_no_fault() -> None:
    found = find_copies(samples([["7"] * 32] * 20, [[True] * 32] * 20))
    assert found.constant
    assert not found.suspect


@pytest.mark.parametrize("kind", ["doubled", "greedy", "long"])
def test_copies_that_chance_does_not_make(kind: str) -> None:
    rng = np.random.default_rng(0)
    if kind == "doubled":
        texts = [[f"{i} {j}" for j in range(8)] * 4 for i in range(10)]
        right = [[bool(x) for x in np.tile(rng.random(8) < 0.5, 4)] for _ in range(10)]
    elif kind == "greedy":
        texts = [[f"text {i}"] * 16 for i in range(20)]
        right = [[i % 2 == 0] * 16 for i in range(20)]
    else:
        texts = [[f"{i} {j // 3} " + "word " * 200 for j in range(17)] for i in range(10)]
        right = [[j % 2 == 0 for j in range(17)] for _ in range(10)]
    found = find_copies(samples(texts, right))
    assert found.suspect
    assert found.factor == {"doubled": 4, "greedy": 16, "long": 1}[kind]


def test_a_set_filtered_on_its_own_rates_is_noticed() -> None:
    counts = binomial(np.random.default_rng(3).beta(0.8, 0.6, size=2000), 16)
    assert not find_filter(counts).never.missing
    cut = counts.take([name for name, c in zip(counts.ids, counts.c, strict=True) if c > 0])
    found = find_filter(cut)
    assert found.never.missing
    assert not found.always.missing
    assert found.never.expected > 6


@pytest.mark.parametrize(("n", "q"), [(4, 0.3), (4, 0.6), (8, 0.99), (16, 0.05), (40, 0.5)])
@pytest.mark.parametrize("never", [False, True])
@pytest.mark.parametrize("always", [False, True])
def test_moments_of_what_a_filter_lets_stay(n: int, q: float, never: bool, always: bool) -> None:
    c = np.arange(n + 1)[int(never) : n + 1 - int(always)]
    chance = reference.binom.pmf(c, n, q)
    share, chance = chance.sum(), chance / chance.sum()
    mean = chance @ c
    by_hand = [share, mean, chance @ (c - mean) ** 2, chance @ (c - mean) ** 4]
    found = _moments(np.array([float(n)]), math.log(q / (1 - q)), never, always)
    assert [float(x[0]) for x in found] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "c"), [(4, [3] * 40), (4, [1] * 40), (4, [2] * 200), (8, [6] * 80), (2, [1] * 40)]
)
def test_a_set_that_is_all_alike_is_not_filtered(n: int, c: list[int]) -> None:
    """No problem at an edge, and no filter made it: pass@1 is the measured rate, and the oddity is named."""
    found = probe(Counts.from_arrays(n, c))
    output = found.as_dict()
    check_evidence(output)
    assert output["filtered"]["narrow"]
    assert not found.filtered.found
    assert found.pass_curve.value[1].value == pytest.approx(c[0] / n)
    assert "too much alike for a filter at that edge" in " ".join(output["sentences"])


@pytest.mark.parametrize(("n", "q"), [(16, 0.05), (8, 0.05), (4, 0.15)])
def test_a_filtered_set_of_problems_that_are_alike_is_still_noticed(n: int, q: float) -> None:
    """Counts that are narrower than binomial ones may: the edge that was cut off is what made them so."""
    for seed in range(20):
        counts = binomial(np.full(600, q), n, seed)
        c = counts.c[counts.c > 0]
        assert np.var(c, ddof=1) < c.mean() * (1 - c.mean() / n)
        assert find_filter(Counts.from_arrays(n, c)).without_never
        assert find_filter(Counts.from_arrays(n, n - c)).without_always


def test_a_filtered_set_is_said_with_its_measured_rate_and_the_edge() -> None:
    counts = binomial(np.random.default_rng(3).beta(0.8, 0.6, size=2000), 16)
    for keep, seen in (
        (counts.c > 0, "near that edge are flattered"),
        (counts.c < 16, "near that edge are too low"),
    ):
        found = probe(Counts.from_arrays(16, counts.c[keep]))
        check_evidence(found.as_dict())
        text = " ".join(sentence.text for sentence in found.sentences)
        assert seen in text
        rate = percent(counts.c[keep].mean() / 16)
        assert f"as measured, on the samples that chose the problems, it is {rate}" in text
    assert "as measured" not in " ".join(sentence.text for sentence in probe(counts).sentences)


# --- the whole


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 1)), min_size=1, max_size=30))
def test_any_counts_give_a_complete_probe(problems: list[tuple[int, float]]) -> None:
    n = np.array([n for n, _ in problems])
    c = np.array([round(n * share) for n, share in problems])
    found = probe(Counts.from_arrays(n, c))
    output = json.loads(json.dumps(found.as_dict(problems=True), allow_nan=False))
    assert sum(output["bands"].values()) == output["n_problems"] == len(problems)
    assert output["n_samples"] == n.sum()
    for value, lo, hi in [
        *output["pass_at_k"].values(),
        *output["cover_at"].values(),
        *output["live_groups"].values(),
    ]:
        assert 0 <= lo <= (lo if value is None else value) <= hi <= 1
    assert output["verdict"]
    assert output["sentences"]
    assert len(output["problems"]) == len(problems)
    assert finding_page(probe_finding(found)).startswith("<!doctype html>")


def test_fields_of_the_json() -> None:
    output = probe(binomial(np.linspace(0, 1, 50), 32)).as_dict()
    wanted = {
        "n_problems",
        "n_samples",
        "pass_at_k",
        "cover_at",
        "live_groups",
        "bands",
        "recommended",
        "verdict",
    }
    assert wanted | {"sentences"} <= set(output)
    assert set(output["bands"]) == {"dead", "rare", "useful", "saturated"}
    assert set(output["live_groups"]) >= {"4", "8", "16", "32", "64"}
    assert {"G", "solve_rate"} <= set(output["recommended"])
    assert len(output["pass_at_k"]["1"]) == 3
    assert output["budget"]["q"] == pytest.approx(float(theory.q_seen(32 * output["recommended"]["G"] * 60)))


def write_rows(path: Path) -> Path:
    with path.open("w") as stream:
        for i in range(12):
            for j in range(16):
                row = {
                    "problem_id": f"p{i}",
                    "prompt": f"What is $ {i % 11} + 1$?",
                    "gold": str(i % 11 + 1),
                    "completion": f"<script>alert({j})</script>",
                    "n_tokens": 7,
                    "finished": True,
                    "correct": j < (0, 4, 8, 16)[i % 4],
                }
                stream.write(json.dumps(row) + "\n")
    return path


def test_run_probe_writes_page_and_kept_problems(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "s.jsonl")
    evaluation = tmp_path / "eval.jsonl"
    evaluation.write_text(json.dumps({"id": "e", "prompt": "what is 5+1", "answer": "6"}) + "\n")
    html, kept = tmp_path / "p.html", tmp_path / "kept.jsonl"
    seen: list[int] = []
    found = run_probe(
        source, against=[evaluation], html=html, write_problems=kept, progress=seen.append, group=8
    )
    assert seen[-1] == 192
    # p11 repeats p0 (both "0 + 1"), p5 stands in the evaluation set.
    assert found.duplicates == (("p0", "p11"),)
    assert found.contamination == ("p5",)
    assert (found.twins.again, found.twins.again_exact, found.twins.shared, found.twins.shared_exact) == (
        1,
        1,
        1,
        0,
    )
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [r["id"] for r in rows] == ["p1", "p2", "p6", "p9", "p10"]
    assert rows[0] == {"id": "p1", "answer": "2", "solve_rate": 0.25, "prompt": "What is $ 1 + 1$?"}
    text = html.read_text()
    assert "<script>" not in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "One problem" not in text


def test_kept_problems_need_their_text(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    with pytest.raises(InputError, match="--data"):
        run_probe(Counts.from_arrays(16, [4, 8, 2]), write_problems=path)
    with pytest.raises(InputError, match="no problem is worth keeping"):
        run_probe(Counts.from_arrays(16, [0, 0, 0]), write_problems=path)
    assert not path.exists()


def test_findings_escape_what_data_wrote() -> None:
    hostile = "<img src=x onerror=alert(1)> [bold]"
    shown = Finding(
        hostile, "x", (hostile, "two"), (), (Chart(hostile, "k", {hostile: [Point(1, 0.5, 0.4, 0.6)]}),)
    )
    text = finding_page(shown)
    assert "<img" not in text
    assert "&lt;img" in text
    assert "[bold]" in str([getattr(part, "plain", "") for part in terminal(shown).renderables])  # type: ignore[union-attr]


def test_curves_are_drawn_in_their_limits_and_named_where_their_points_lie() -> None:
    curves = {
        "a": [Point(2, 0.9, 0.8, 1.0), Point(1, 0.1, 0.0, 0.2)],
        "none": [],
        "b": [Point(2, 0.2, 0.1, 0.3)],
    }
    drawn = plot(Chart("t", "k", curves, log_x=True))
    assert [series.name for series in drawn.named] == ["a", "b"]
    assert [tuple(vars(mark).values()) for mark in drawn.series[0].marks] == [
        (1, 0.1, 0.0, 0.2),
        (2, 0.9, 0.8, 1.0),
    ]
    assert drawn.across.ticks() == [(1, "1"), (2, "2")]
    assert [name for _, name in drawn.up.ticks()] == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert drawn.svg().count('class="band"') == 2  # of curve a, and its sign in the key


def test_words() -> None:
    assert [percent(x) for x in (0.5, 1.0, 0.0, 0.00012, 0.99999, 2e-9)] == [
        "50.0%",
        "100%",
        "0%",
        "0.012%",
        "100%",
        "2.0e-09",
    ]
    assert share(Interval(0.5, 0.25, 0.75)) == "50.0% [25.0%, 75.0%]"
    assert points(Interval(-0.05, -0.1, 0.0)) == "-5.0 points [-10.0, +0.0]"
    assert count(1, "problem") == "1 problem"


def test_lead_problems_with_solve_rates(shared_data: Path) -> None:
    """Counts of others: 3,453 problems in sixteenths; twins, contamination and the filter are named."""
    rows = json.loads((shared_data / "lead_stage23.json").read_text())
    counted = [
        {
            "problem_id": f"s{i}",
            "prompt": r["problem"],
            "n_correct": round(16 * r["correctness"]),
            "n_samples": 16,
        }
        for i, r in enumerate(rows)
    ]
    found = run_probe(count_rows(enumerate(counted, 1)), against=[shared_data / "math500.jsonl"])
    assert len(found.counts) == 3453
    assert found.twins.again_exact == 34
    assert found.twins.again >= 34
    assert found.twins.shared >= 4
    assert found.filtered.never.missing
    output = found.as_dict()
    assert output["bands"]["dead"] == 0
    assert output["bands"]["saturated"] == sum(r["correctness"] > 0.917 for r in rows) == 583 + 544
    assert found.verdict == "drop_problems"


@pytest.mark.parametrize("a", [1.0, 3.0])
def test_what_lies_beyond_the_samples_is_bounded_by_a_line_to_one(a: float) -> None:
    """Weights ``e^-a (1 - e^-a)^(k - 1)`` of pass@k, summed by hand over ``min(1, k/n pass@n) - pass@n`` for k > n."""
    n, counts = 4, Counts.from_arrays(4, [0] * 30 + [1] * 10)
    ever = count_mean(counts.n, counts.c, lambda m, c: pass_at_k(m, c, n), 0.95).hi
    assert 0.3 < ever < 0.6
    k = np.arange(n + 1, 20_000)
    weight = np.exp(-a) * (1 - np.exp(-a)) ** (k - 1)
    exact = float((weight * (np.minimum(1, k / n * ever) - ever)).sum())
    assert exact <= _beyond(counts, a, 0.95) <= 1.03 * exact  # the line's last point may lie above one
