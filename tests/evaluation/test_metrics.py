"""Metrics of samples: hand-worked values, intervals, what is refused."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.differences import pass_rows
from leadline.diagnosis.compare.pairing import pair_up
from leadline.errors import DataError
from leadline.evaluation import Evaluation, evaluate, paired_differences
from leadline.types import Completion, Problem, Score


def sample(problem_id, answer, gold, tokens=10, finished=True, **parts):
    if not finished:
        score = Score(False, "truncated", answer, tokens, parts=parts)
    elif answer is None:
        score = Score(False, "no_answer", None, tokens, parts=parts)
    else:
        right = None if gold is None else answer == gold
        reason = "unparsable_gold" if right is None else "match" if right else "mismatch"
        score = Score(right, reason, answer, tokens, parts=parts)
    return Completion(problem_id, "", tokens, finished), score


def small():
    problems = [Problem("a", "?", "1", difficulty=1), Problem("b", "?", "2", difficulty=2.0)]
    rows = [
        sample("a", "1", "1", 10, accuracy=1.0, format=1.0),
        sample("b", "3", "2", 30, accuracy=0.0, format=0.0),
        sample("a", "1", "1", 20, accuracy=1.0, format=1.0),
        sample("a", "5", "1", 30, accuracy=0.0, format=1.0),
        sample("b", "2", "2", 50, accuracy=1.0, format=1.0),
        sample("a", None, "1", 40, accuracy=0.0, format=0.0),
        sample("b", "3", "2", 60, accuracy=0.0, format=0.0),
        sample("b", "2", "2", 100, finished=False, accuracy=0.0, format=0.0),
    ]
    return problems, [c for c, _ in rows], [s for _, s in rows]


def test_every_metric_by_hand() -> None:
    result = evaluate(*small(), ks=(2, 4), seed=3).as_dict()
    # a: 2 of 4 correct; b: 1 of 4. pass@2 = 1 - C(2,2)/C(4,2) = 5/6 and 1 - C(3,2)/C(4,2) = 1/2
    assert result["pass@1"] == pytest.approx((0.5 + 0.25) / 2)
    assert result["pass@2"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert result["pass@4"] == 1.0
    # votes of a: 1, 1, 5 -> right; of b: 3, 2, 3 -> wrong (the truncated one does not vote)
    assert result["cons@4"] == 0.5
    assert result["mean_tokens"] == pytest.approx((10 + 20 + 30 + 40 + 30 + 50 + 60 + 100) / 8)
    assert result["mean_tokens_correct"] == pytest.approx((10 + 20 + 50) / 3)
    assert result["truncated"] == 1 / 8
    assert result["no_answer"] == 1 / 8
    assert result["unscorable"] == 0
    assert result["format"] == 4 / 8
    assert "accuracy" not in result
    assert (result["n_problems"], result["n_samples"]) == (2, 8)
    assert set(result["by_difficulty"]) == {"1", "2"}
    assert result["by_difficulty"]["2"]["mean_tokens"] == 60
    assert result["by_difficulty"]["1"]["pass@1"] == 0.5
    assert result["by_difficulty"]["1"]["n_problems"] == 1
    lo, hi = result["pass@1_ci"]
    assert 0 <= lo < result["pass@1"] < hi <= 1
    json.dumps(result, allow_nan=False)


def test_cons_below_all_samples_is_the_mean_over_subsets() -> None:
    problems, completions, scores = small()
    exact = {}
    for name in "ab":
        votes = [
            s.answer if s.answered else None
            for c, s in zip(completions, scores, strict=True)
            if c.problem_id == name
        ]
        gold = {"a": "1", "b": "2"}[name]
        outcomes = []
        for subset in combinations(votes, 2):
            cast = [v for v in subset if v is not None]
            best = max((cast.count(v) for v in cast), default=0)
            winners = {v for v in cast if cast.count(v) == best}
            outcomes.append((gold in winners) / len(winners) if winners else 0.0)
        exact[name] = np.mean(outcomes)
    found = evaluate(problems, completions, scores, ks=(2,), seed=1).as_dict()["cons@2"]
    assert found == pytest.approx(np.mean(list(exact.values())), abs=0.08)


def test_unscorable_rows_count_as_wrong_and_are_shown() -> None:
    rows = [sample("a", "1", "1"), sample("a", "1", None)]
    result = evaluate([Problem("a", "?", "1")], [c for c, _ in rows], [s for _, s in rows]).as_dict()
    assert result["pass@1"] == 0.5
    assert result["unscorable"] == 0.5
    assert result["by_difficulty"] == {}


def test_a_k_that_some_problem_cannot_estimate_is_left_out() -> None:
    problems, completions, scores = small()
    result = evaluate(problems, completions[:-1], scores[:-1], ks=(1, 3, 4)).as_dict()
    assert {"pass@1", "pass@3", "cons@3"} <= set(result)
    assert "pass@4" not in result
    assert "cons@1" not in result


def test_mean_length_of_no_correct_sample_is_none() -> None:
    row = sample("a", "5", "1")
    result = evaluate([Problem("a", "?", "1")], [row[0]], [row[1]]).as_dict()
    assert result["mean_tokens_correct"] is None
    assert result["mean_tokens_correct_ci"] is None
    json.dumps(result, allow_nan=False)


@given(st.permutations(range(8)))
def test_the_order_of_samples_does_not_matter(order) -> None:
    problems, completions, scores = small()
    shuffled = evaluate(problems, [completions[i] for i in order], [scores[i] for i in order], ks=(4,))
    assert shuffled.as_dict() == evaluate(problems, completions, scores, ks=(4,)).as_dict()


def test_intervals_widen_with_fewer_problems_and_cover_agreement() -> None:
    def of(count):
        rows = [sample(str(i), "1", "1") for i in range(count)]
        found = evaluate(
            [Problem(str(i), "?", "1") for i in range(count)], [c for c, _ in rows], [s for _, s in rows]
        )
        return found.metrics["pass@1"]

    assert of(10).lo < of(100).lo < 1.0  # all right ten times is no certainty
    assert of(10).value == 1.0


def test_a_rate_that_no_problem_shows_is_not_certainly_zero() -> None:
    rows = [sample(str(i), "1", "1", repetition=-(i == 0)) for i in range(50)]
    problems = [Problem(str(i), "?", "1") for i in range(50)]
    found = evaluate(problems, [c for c, _ in rows], [s for _, s in rows]).metrics
    assert found["truncated"].value == 0.0
    assert found["truncated"].hi == pytest.approx(1 - 0.025 ** (1 / 50), rel=0.1)  # Clopper-Pearson, 0 of 50
    assert found["repetition"].value == pytest.approx(-0.02)
    assert -0.12 < found["repetition"].lo < -0.02 < found["repetition"].hi <= 0
    assert found["mean_tokens"] == (10.0, 10.0, 10.0)


def test_many_difficulties_are_put_together_by_their_whole_part() -> None:
    problems = [Problem(str(i), "?", "1", difficulty=1 + i / 7) for i in range(14)]
    rows = [sample(p.id, "1", "1") for p in problems]
    levels = evaluate(problems, [c for c, _ in rows], [s for _, s in rows]).by_difficulty
    assert {level: row["n_problems"] for level, row in levels.items()} == {"1": 7, "2": 7}
    twelve, of_these = problems[:12], rows[:12]
    levels = evaluate(twelve, [c for c, _ in of_these], [s for _, s in of_these]).by_difficulty
    assert len(levels) == 12  # so many are still themselves


def test_a_rate_of_unequal_numbers_of_samples_is_one_of_all_samples() -> None:
    problems = [Problem(name, "?", "1") for name in "ab"]
    rows = [sample("a", None, "1"), *(sample("b", "1", "1") for _ in range(3))]
    found = evaluate(problems, [c for c, _ in rows], [s for _, s in rows]).metrics
    assert found["no_answer"].value == 0.25  # and not a half, the mean over problems


def test_what_does_not_fit_is_refused_all_at_once() -> None:
    problems, completions, scores = small()
    stray = Completion("zz", "", 1)
    with pytest.raises(DataError) as caught:
        evaluate([*problems, Problem("c", "?", "1")], [*completions, stray], [*scores, scores[0]])
    assert "'zz'" in str(caught.value)
    assert "no sample of 'c'" in str(caught.value)
    with pytest.raises(DataError, match="no problems"):
        evaluate([], [], [])
    with pytest.raises(DataError, match="same id"):
        evaluate([problems[0], problems[0]], completions[:1], scores[:1])
    with pytest.raises(ValueError, match="8 completions"):
        evaluate(problems, completions, scores[:-1])
    with pytest.raises(ValueError, match="at least 1"):
        evaluate(problems, completions, scores, ks=(0,))


def test_paired_differences_by_hand() -> None:
    problems, completions, scores = small()
    base = evaluate(problems, completions, scores)
    all_right = [Score(True, "match", "1", 5) for _ in completions]
    short = [Completion(c.problem_id, "", 5) for c in completions]
    better = evaluate(problems, short, all_right)
    rows = paired_differences(("base", base), ("tuned", better))
    assert [(row["a"], row["b"], row["metric"]) for row in rows] == [
        ("base", "tuned", "pass@1"),
        ("base", "tuned", "mean_tokens"),
    ]
    assert rows[0]["difference"] == pytest.approx(1 - 0.375)
    assert rows[1]["difference"] == pytest.approx(5 - 42.5)
    assert rows[1]["ci"][0] <= 5 - 42.5 <= rows[1]["ci"][1]
    with pytest.raises(DataError, match="different problems"):
        paired_differences(("base", base), ("x", evaluate(problems[:1], completions[:1], scores[:1])))


def test_a_report_shows_one_interval_of_a_difference_and_never_a_certain_one() -> None:
    """The table of paired differences stood beside the comparison with [0, 0] where that had [-17, +17] points."""
    names = [str(i) for i in range(20)]
    problems = [Problem(name, name, "1") for name in names]

    def measured(right: dict[str, int]) -> Evaluation:
        kinds = [(name, i < right.get(name, 0)) for name in names for i in range(4)]
        completions = [Completion(name, "", 5) for name, _ in kinds]
        return evaluate(problems, completions, [Score(good, "match", "1", 5) for _, good in kinds], ks=(1, 4))

    base, same, better = measured({"3": 1}), measured({"3": 1}), measured({"3": 2, "4": 1, "9": 3})
    for tuned in (same, better):
        sides = [Counts.from_arrays(4, one.table.c.astype(int)) for one in (base, tuned)]
        wanted = {row.name: row.difference for row in pass_rows(pair_up(*sides))}
        for row in paired_differences(("base", base), ("tuned", tuned), ("pass@1", "pass@4")):
            assert (row["difference"], *row["ci"]) == pytest.approx(tuple(wanted[row["metric"]]))
    lo, hi = paired_differences(("base", base), ("same", same), ("pass@1", "cons@4"))[1]["ci"]
    assert lo < -0.1
    assert hi > 0.1
