"""Constructed cases whose verdict is known, after training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evidence import check_evidence
from leadline import theory
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.compare import Comparison, compare, seen_gain
from leadline.diagnosis.compare.sentences import COMPARISON_VERDICTS, problems_needed

M, N = 120, 64
MASSES = np.random.default_rng(1).beta(0.6, 0.8, size=M)


def sampled(q: np.ndarray, seed: int, n: int = N) -> Counts:
    return Counts.from_arrays(n, np.random.default_rng(seed).binomial(n, q))


def rows(
    q: np.ndarray,
    seed: int,
    *,
    n: int = 32,
    tokens: float = 100.0,
    silent: float = 0.0,
    unformatted: float = 0.0,
) -> Counts:
    rng = np.random.default_rng(seed)
    made: list[dict[str, Any]] = []
    for i, mass in enumerate(q):
        for j in range(n):
            mute = rng.random() < silent
            right = bool(rng.random() < mass) and not mute
            row: dict[str, Any] = {"problem_id": f"p{i}", "correct": right, "finished": True}
            row["reason"] = "no_answer" if mute else "match" if right else "mismatch"
            row["n_tokens"] = int(rng.gamma(4, tokens * (1 + i % 3) / 4)) + 1
            row["parts"] = {"format": float(rng.random() >= unformatted)}
            row["completion"] = f"{i} {j} {seed}"
            made.append(row)
    return count_rows(enumerate(made, 1))


def judged(base: Counts, tuned: Counts) -> Comparison:
    found = compare(base, tuned)
    check_evidence(found.as_dict())
    assert found.verdict in COMPARISON_VERDICTS
    assert set(found.also) <= set(COMPARISON_VERDICTS)
    return found


def text_of(found: Comparison) -> str:
    return " ".join(sentence.text for sentence in found.sentences)


@pytest.mark.parametrize("a", [0.7, 2.0, 4.0])
def test_sharpened_exactly_by_tilt(a: float) -> None:
    found = judged(sampled(MASSES, 1), sampled(theory.tilted_success(MASSES, a), 2))
    assert found.verdict == "sharpened"
    assert "expanded" not in found.also
    assert found.laws is not None
    assert found.laws.strength.contains(a)
    assert found.laws.slope is not None
    assert found.laws.slope.contains(1.0)


def test_a_strong_tilt_of_rare_solutions_is_still_no_expansion() -> None:
    q = 10 ** np.random.default_rng(2).uniform(-4, 0, size=150)
    found = judged(sampled(q, 1), sampled(theory.tilted_success(q, 4.0), 2))
    assert found.ledger.expanded > 10
    assert found.verdict == "sharpened"
    assert "no more than a tilt explains" in text_of(found)


def test_expanded_by_leaking_new_mass() -> None:
    q = MASSES.copy()
    q[:30] = 0.0
    p = theory.tilted_success(q, 1.0)
    p[:20] = 0.4
    found = judged(sampled(q, 1), sampled(p, 2))
    assert found.verdict == "expanded"
    assert "sharpened" in found.also
    assert "more than a tilt explains" in text_of(found)


def test_expanded_from_nothing_at_all() -> None:
    p = np.where(np.arange(M) < 60, 0.4, 0.0)
    found = judged(sampled(np.zeros(M), 1), sampled(p, 2))
    assert found.verdict == "expanded"
    assert found.laws is None
    assert "one tuned sample is worth at least" in text_of(found)


def test_harmed() -> None:
    found = judged(sampled(MASSES, 1), sampled(theory.tilted_success(MASSES, -0.8), 2))
    assert found.verdict == "harmed"
    assert found.also == ()


def test_sharpened_at_the_price_of_support() -> None:
    """Half of the problems always solved, the other half lost: better at 1, worse at 64."""
    q, p = np.full(M, 0.3), np.repeat([1.0, 0.0], M // 2)
    found = judged(sampled(q, 1), sampled(p, 2))
    assert found.verdict == "sharpened"
    assert found.crossing.k is not None
    assert found.ledger.shrunk == M // 2
    assert "shrunk is more than a tilt explains" in text_of(found)


def test_shortened_only() -> None:
    found = judged(rows(MASSES, 1), rows(MASSES, 2, tokens=60))
    assert found.verdict == "shortened"
    assert found.length is not None
    assert found.length.same.hi < 0
    assert found.length.mix.lo < 0 < found.length.mix.hi or abs(found.length.mix.value) < 10


def test_shorter_answers_of_a_model_that_solves_nothing_are_no_merit() -> None:
    found = judged(rows(MASSES * 0.01, 1), rows(MASSES * 0.01, 2, tokens=60))
    assert "shortened" not in (found.verdict, *found.also)


def test_shortened_and_sharpened() -> None:
    found = judged(rows(MASSES, 1), rows(theory.tilted_success(MASSES, 1.5), 2, tokens=60))
    assert found.verdict == "sharpened"
    assert "shortened" in found.also


def test_only_formatted_more_answers_found() -> None:
    found = judged(rows(MASSES, 1, silent=0.5), rows(MASSES, 2))
    assert found.verdict == "only_formatted"
    assert "answering more often" in text_of(found)


def test_only_formatted_the_format_reward_alone() -> None:
    found = judged(rows(MASSES, 1, unformatted=0.9), rows(MASSES, 2, unformatted=0.05))
    assert found.verdict == "only_formatted"
    assert "the format is missed" in text_of(found)


def test_better_answers_are_not_only_form() -> None:
    found = judged(rows(MASSES, 1, silent=0.2), rows(theory.tilted_success(MASSES, 2.0), 2))
    assert found.verdict == "sharpened"


def test_too_few_samples_to_tell() -> None:
    q = MASSES[:8]
    found = judged(sampled(q, 1, n=8), sampled(q, 2, n=8))
    assert found.verdict == "too_few"
    assert f"{problems_needed(found):,} more problems" in text_of(found)


def test_what_was_asked_for_settles_it() -> None:
    few = judged(sampled(MASSES[:8], 1, n=8), sampled(MASSES[:8], 2, n=8))
    q = np.random.default_rng(8).beta(0.6, 0.8, size=2 * (8 + problems_needed(few)))
    assert judged(sampled(q, 1, n=8), sampled(q, 2, n=8)).verdict != "too_few"


def test_unchanged() -> None:
    found = judged(sampled(MASSES, 1), sampled(MASSES, 2))
    assert found.verdict == "unchanged"


def test_duplicate_samples() -> None:
    def doubled(seed: int) -> Counts:
        hits = np.random.default_rng(seed).binomial(8, MASSES)
        return count_rows(
            (1, {"problem_id": f"p{i}", "completion": f"{seed} {i} {j}", "correct": bool(j < hits[i])})
            for i in range(M)
            for j in range(8)
            for _ in range(8)
        )

    found = judged(doubled(1), doubled(2))
    assert found.verdict == "duplicates"
    assert found.as_dict()["n_samples"] == [M * 8, M * 8]


def test_one_problem_dominating() -> None:
    p = np.zeros(M)
    p[3] = 0.9
    found = judged(sampled(np.zeros(M), 1), sampled(p, 2))
    assert found.verdict == "dominated"
    assert "One problem dominates: 'p3' makes 100%" in text_of(found)


def test_mixed() -> None:
    p = np.where(np.arange(M) % 2, 0.85, 0.15)
    found = judged(sampled(np.full(M, 0.5), 1), sampled(p, 2))
    assert found.verdict == "mixed"
    assert min(found.movers.up, found.movers.down) > 0.9 * M / 2


def test_the_rate_on_problems_that_were_seen_to_succeed_has_the_noise_of_their_samples() -> None:
    """Two problems with 4 of 8: each rate is known to sqrt(0.25 / 8), their mean to 1 / 8."""
    counts = Counts.from_arrays(8, np.array([4, 4, 8]))
    found = seen_gain._measured(counts, np.array([True, True, False]), 0.95)
    assert found.value == 0.5
    assert found.hi - 0.5 == pytest.approx(0.5 - found.lo) == pytest.approx(1.959964 / 8)


def stated(by: int, *, field: str = "n_tokens", value: Any = 100, correct: bool = True) -> Counts:
    """Forty problems of four right samples; of each the first ``by`` state a field."""
    made = [
        {"problem_id": i, "correct": correct, **({field: value} if j < by else {})}
        for i in range(40)
        for j in range(4)
    ]
    return count_rows(enumerate(made, 1))


@pytest.mark.parametrize("by", [2, 3])
def test_nothing_is_divided_by_samples_that_do_not_state_a_length(by: int) -> None:
    """The same lengths, some of them not stated: that is no shortening, on either side."""
    for found in (judged(stated(4), stated(by)), judged(stated(by), stated(4))):
        assert found.verdict not in ("shortened", "harmed", "sharpened")
        assert found.length is not None
        for name in ("mean_tokens", "mean_tokens_correct"):
            row = found.ratio(name)
            assert row is not None
            assert [row.base.value, row.tuned.value, row.difference.value] == [100, 100, 0]
        assert f"{40 * by} of the 160 samples of the" in text_of(found)
        assert "lengths are of these alone, on 40 problems" in text_of(found)
    whole = judged(stated(4), stated(4))
    assert whole.length is not None
    assert "left out" not in text_of(whole)


def lengths(*problems: list[int | None], wrong: int = 0) -> Counts:
    """One problem a list, one sample a number: its length, if it states one; the last ``wrong`` of each are wrong."""
    return count_rows(
        enumerate(
            (
                {"problem_id": i, "correct": j < len(one) - wrong, "n_tokens": n}
                for i, one in enumerate(problems)
                for j, n in enumerate(one)
            ),
            1,
        )
    )


def test_lengths_are_of_the_samples_that_state_one_on_problems_where_both_sides_do() -> None:
    base = lengths([100, 200, None], [300, 300, 300], [900, None, None], [None] * 3)
    tuned = lengths([100, None, None], [200, 400, 300], [None] * 3, [50, 50, 50])
    found = judged(base, tuned)
    row = found.ratio("mean_tokens")
    assert row is not None  # of the first two problems, 150 and 300 before, 100 and 300 after
    assert (row.base.value, row.tuned.value, row.difference.value) == (225, 200, -25)
    assert "6 of the 12 samples of the base state their length" in text_of(found)
    assert (
        "7 of the 12 samples of the tuned model state their length: lengths are of these alone, on 2"
        in text_of(found)
    )


def test_how_often_a_problem_was_sampled_makes_no_length() -> None:
    """The same model, sampled more often on the long problems before and on the short ones after."""
    few, many = 2, 16
    base = lengths(*([1000] * many for _ in range(20)), *([100] * few for _ in range(20)))
    tuned = lengths(*([1000] * few for _ in range(20)), *([100] * many for _ in range(20)))
    found = judged(base, tuned)
    for name in ("mean_tokens", "mean_tokens_correct"):
        row = found.ratio(name)
        assert row is not None
        assert (row.base.value, row.tuned.value) == pytest.approx((550, 550))
    assert found.length is not None
    assert (found.length.same.value, found.length.mix.value) == pytest.approx((0, 0))
    assert "shortened" not in (found.verdict, *found.also)


def test_lengths_that_right_samples_state_and_wrong_ones_do_not_are_left_out() -> None:
    """Means over the right samples of one side and over all of the other would be called a shortening."""
    base = lengths(*([100, 100, 300, 300] for _ in range(40)), wrong=2)
    tuned = lengths(*([100, 100, None, None] for _ in range(40)), wrong=2)
    found = judged(base, tuned)
    assert found.ratio("mean_tokens") is found.ratio("mean_tokens_correct") is found.length is None
    assert "80 of the 160 samples of the tuned model state their length, right ones not as often" in text_of(
        found
    )
    assert "shortened" not in (found.verdict, *found.also)


def test_nothing_is_divided_by_samples_that_do_not_say_whether_they_were_cut_off() -> None:
    cut = {"field": "finished", "value": False, "correct": False}
    found = judged(stated(4, **cut), stated(2, **cut))  # all of them cut off on both sides
    assert found.ratio("truncated") is found.form is None
    assert "shares of samples that were cut off are left out" in text_of(found)
    whole = judged(stated(4, **cut), stated(4, **cut)).ratio("truncated")
    assert whole is not None
    assert whole.tuned.value == 1.0


def test_cut_off_and_right_is_one_thing_on_both_sides() -> None:
    """The same samples, of which one side says that they were cut off: that is no change."""
    said = stated(4, field="finished", value=False)
    for found in (judged(said, stated(0)), judged(stated(0), said)):
        assert not {found.verdict, *found.also} & {"sharpened", "better", "harmed"}
        assert [found.passes[0].base.value, found.passes[0].tuned.value] == [1, 1]
        assert "160 truncated samples were marked correct and count as right" in " ".join(found.notes)
    assert judged(said, said).passes[0].tuned.value == 0
    graded = judged(stated(4, field="finished", value=False, correct=False), stated(0))
    assert "160 samples were cut off and are wrong by their verdict; other samples do not say" in " ".join(
        graded.notes
    )


def test_rows_of_counts_say_nothing_of_the_length_of_right_samples() -> None:
    """Beside rows of samples, too: the mean length of the right ones would be divided by all right ones."""
    made = [{"problem_id": i, "correct": True, "n_tokens": 100} for i in range(20) for _ in range(4)]
    made += [{"problem_id": i, "n_correct": 4, "n_samples": 4, "mean_tokens": 100.0} for i in range(20, 40)]
    found = judged(stated(4), count_rows(enumerate(made, 1)))
    assert found.ratio("mean_tokens_correct") is found.length is None
    row = found.ratio("mean_tokens")
    assert row is not None
    assert row.difference.value == 0.0
