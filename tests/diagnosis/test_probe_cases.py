"""Constructed cases whose verdict is known, before training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evidence import check_evidence
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.probe import Probe, probe
from leadline.diagnosis.probe.headline import PROBE_VERDICTS, samples_needed
from leadline.diagnosis.probe.next_step import next_step

RNG_SEED = 0


def rows(
    q: np.ndarray,
    n: int,
    *,
    truncated: float = 0.0,
    silent: float = 0.0,
    unformatted: float = 0.0,
    text: Callable[[int, int], str] | None = None,
) -> Counts:
    """Graded rows: a share is cut off, a share gives no answer, the others are right with probability q."""
    rng = np.random.default_rng(RNG_SEED)
    made: list[dict[str, Any]] = []
    for i, mass in enumerate(q):
        for j in range(n):
            lot = rng.random()
            cut, mute = lot < truncated, truncated <= lot < truncated + silent
            right = bool(rng.random() < mass) and not cut and not mute
            reason = "truncated" if cut else "no_answer" if mute else "match" if right else "mismatch"
            row: dict[str, Any] = {
                "problem_id": f"p{i}",
                "correct": right,
                "finished": not cut,
                "reason": reason,
            }
            row["answer"] = None if cut or mute else "1" if right else "2"
            row["n_tokens"] = 100
            row["parts"] = {"format": float(rng.random() >= unformatted)}
            row["completion"] = text(i, j) if text else f"sample {i} {j}"
            made.append(row)
    return count_rows(enumerate(made, 1))


def judged(counts: Counts, **settings: Any) -> Probe:
    found = probe(counts, **settings)
    check_evidence(found.as_dict())
    assert found.verdict in PROBE_VERDICTS
    return found


def text_of(found: Probe) -> str:
    return " ".join(sentence.text for sentence in found.sentences)


BROAD = np.random.default_rng(1).beta(1.0, 1.0, size=100)


def test_all_dead() -> None:
    found = judged(rows(np.zeros(100), 32))
    assert found.verdict == "sft_first"
    assert "100 dead (never solved)" in text_of(found)
    assert "their mean up to 0.094%" in text_of(found)  # 1 - 0.05^(1/3200)
    assert "exact optimum" not in text_of(found)


def test_all_dead_is_told_from_a_handful_of_well_sampled_problems() -> None:
    assert judged(Counts.from_arrays(512, np.zeros(10))).verdict == "sft_first"


def test_all_saturated() -> None:
    found = judged(rows(np.full(100, 0.998), 32))
    assert found.verdict == "saturated"
    assert found.as_dict()["bands"]["saturated"] > 90


@pytest.mark.parametrize(("never", "always", "n"), [(95, 105, 16), (95, 105, 8), (60, 140, 4), (140, 60, 32)])
def test_solved_or_out_of_reach(never: int, always: int, n: int) -> None:
    """Neither "the model already solves these problems" nor "almost no group holds a correct sample" is true of it."""
    found = judged(Counts.from_arrays(n, np.repeat([0, n], [never, always])))
    assert found.verdict == "split"
    assert f"{never} of 200 problems were never solved" in text_of(found)
    assert "Take G" not in text_of(found)
    step = next_step(found)
    assert f"worked solutions of the {never} problems that are never solved" in step.text
    assert "EASIER" in step.command


def test_a_few_problems_out_of_reach_make_no_split() -> None:
    assert judged(Counts.from_arrays(16, np.repeat([0, 16], [40, 160]))).verdict == "saturated"
    assert judged(Counts.from_arrays(32, np.repeat([0, 32], [160, 40]))).verdict == "sft_first"


def test_large_groups_that_reach_the_hard_half_make_no_split() -> None:
    """Half solved, half once in 70 samples or so: few groups of 8 are live, and of 64 a quarter."""
    found = judged(Counts.from_arrays(32, np.repeat([32, 0, 1], [550, 250, 200])))
    assert found.live_here[8].hi < 0.1 < found.live_here[64].lo
    assert found.group.value == 64
    assert found.verdict == "drop_problems"


def test_only_truncation() -> None:
    found = judged(rows(np.full(60, 0.9), 32, truncated=0.6))
    assert found.verdict == "fix_truncation"
    assert found.then in ("worth_it", "drop_problems")
    assert found.faults.of_failures["truncated"] > 0.85
    assert "of the samples that gave an answer" in text_of(found)
    assert "A run at this cap would have a signal all the same" in text_of(found)


def test_everything_truncated() -> None:
    found = judged(rows(np.full(60, 0.9), 32, truncated=1.0))
    assert "A run at this cap" not in text_of(found)
    assert found.verdict == "fix_truncation"
    assert found.then == "sft_first"


def test_truncation_of_samples_that_would_fail_anyway_is_not_the_verdict() -> None:
    assert judged(rows(np.zeros(60), 32, truncated=0.7)).verdict == "sft_first"


def test_only_format() -> None:
    found = judged(rows(np.full(60, 0.9), 32, silent=0.6))
    assert found.verdict == "fix_format"
    assert found.faults.of_failures["no_answer"] > 0.85


def test_only_the_format_reward_is_left() -> None:
    found = judged(rows(np.full(60, 0.999), 32, unformatted=0.9))
    assert found.verdict == "fix_format"
    assert "miss the format" in text_of(found)


@pytest.mark.parametrize(("m", "n"), [(5, 4), (20, 2), (3, 64), (40, 1)])
def test_too_few_samples_to_tell(m: int, n: int) -> None:
    found = judged(rows(np.full(m, 0.4), n))
    assert found.verdict == "too_few"
    samples, problems = samples_needed(found)
    assert f"{samples:,} more samples" in text_of(found) or samples == 0
    assert f"{problems:,} more problems" in text_of(found) or problems == 0
    assert samples + problems > 0


def test_what_was_asked_for_suffices() -> None:
    """After as many more samples and problems as the verdict asks for, it can tell."""
    few = judged(rows(np.full(5, 0.4), 4))
    samples, problems = samples_needed(few)
    enough = judged(rows(np.full(5 + problems, 0.4), 4 + samples))
    assert enough.verdict != "too_few"


def test_duplicate_samples() -> None:
    honest = rows(BROAD, 8, text=lambda i, j: f"{i} {j}")
    copied = [
        {"problem_id": f"p{i}", "completion": f"{i} {j}", "correct": bool(j < honest.c[i])}
        for i in range(100)
        for j in range(8)
        for _ in range(16)
    ]
    found = judged(count_rows(enumerate(copied, 1)))
    assert found.verdict == "duplicates"
    assert found.then in ("worth_it", "drop_problems")
    # Each is counted once: 800 samples, not 12,800, and the interval is that of 800.
    assert found.as_dict()["n_samples"] == 800
    clean = probe(honest)
    assert found.pass_curve.value[1] == pytest.approx(clean.pass_curve.value[1])


def test_one_problem_dominating() -> None:
    q = np.zeros(60)
    q[17] = 0.9
    found = judged(rows(q, 32))
    assert found.verdict == "sft_first"
    assert "'p17' alone holds 100% of the success" in text_of(found)


def test_one_problem_dominating_a_handful() -> None:
    """Twenty problems say little of further ones, but of these twenty 128 samples each say enough."""
    q = np.zeros(20)
    q[3] = 0.9
    found = judged(rows(q, 128))
    assert found.live[8].share.hi > 0.15
    assert found.live_here[found.edges.group].hi < 0.1
    assert found.verdict == "sft_first"


def test_one_problem_with_most_of_the_samples() -> None:
    n = np.array([100_000] + [16] * 59)
    c = np.array([100_000] + [4] * 59)
    found = judged(Counts.from_arrays(n, c))
    assert "'p0' has 99.1% of all samples" in text_of(found)
    # The mean over problems is what counts: (1 + 59/4) / 60, not 99%.
    assert found.pass_curve.value[1].value == pytest.approx((1 + 59 / 4) / 60)


def test_mixed() -> None:
    q = np.repeat([0.0, 0.4, 1.0], 40)
    found = judged(rows(q, 32))
    assert found.verdict == "drop_problems"
    assert found.as_dict()["bands"] == {"dead": 40, "rare": 0, "useful": 40, "saturated": 40}
    assert set(found.kept) == {f"p{i}" for i in range(40, 80)}


def test_worth_it() -> None:
    found = judged(rows(np.random.default_rng(2).uniform(0.1, 0.8, size=100), 32))
    assert found.verdict == "worth_it"
    assert found.then == ""
    assert found.kept_live is not None
    assert found.kept_live.lo > 0.7
    assert "could not be graded" not in text_of(found)


def test_a_slow_start_is_told_from_a_hopeless_one() -> None:
    """One sample in 150 right, on problems that are alike: the run holds some 90 live groups; of none it holds none."""
    found = judged(rows(np.full(100, 1 / 150), 16), batch=16, steps=60, group=8)
    assert found.verdict == "slow_start"
    assert found.budget.live is not None
    assert found.budget.live.value == pytest.approx(960 * found.live[8].share.value)
    assert "of the 960 of a run" in text_of(found)
    assert "If at step 20 no more than" in text_of(found)
    assert "Of the 48 groups of its first 3 steps" in text_of(found)


def test_a_run_too_short_for_a_slow_start() -> None:
    """The same model, but two steps of four prompts: not one live group is to be expected."""
    assert judged(rows(np.full(100, 1 / 150), 16), batch=4, steps=2, group=8).verdict == "sft_first"


def test_success_on_two_problems_says_nothing_of_the_others() -> None:
    q = np.zeros(60)
    q[[3, 30]] = 0.3
    found = judged(rows(q, 32), batch=64, steps=100)
    assert found.budget.live is not None
    assert found.budget.live.value > 100
    assert found.verdict == "sft_first"


def test_a_filtered_set_is_measured_by_the_law() -> None:
    """Problems never solved in 8 samples were left out: the rates of the rest flatter them, the law knows it."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(20):
        q = rng.beta(0.4, 2.0, size=1500)
        c = rng.binomial(8, q)
        found = probe(Counts.from_arrays(np.full(int((c > 0).sum()), 8), c[c > 0]))
        assert found.filtered.never.missing
        held.append(found.pass_curve.value[1].contains(float(q[c > 0].mean())))
    assert sum(held) >= 18
    assert float((c[c > 0] / 8).mean()) > found.pass_curve.value[1].hi  # what the samples alone would say


def test_large_groups_are_advised_with_their_price() -> None:
    found = judged(rows(np.full(100, 0.02), 32))
    assert found.edges.group > 8
    assert f"{found.edges.group / 8:g} times the samples per step of the usual 8" in text_of(found)
    assert "times the samples" not in text_of(judged(rows(np.full(60, 0.5), 32)))
