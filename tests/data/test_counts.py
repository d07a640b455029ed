"""Tallies of sample rows: what is counted, what is refused, what is noticed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.data.samples.counts import Counts
from leadline.data.samples.sources import grade_rows, load_counts, sample_file
from leadline.data.samples.tally import count_rows
from leadline.errors import DataError, InputError
from leadline.grading import Grader
from leadline.storage.run_directory import RunWriter


def tally(rows: list[dict[str, Any]], **options: Any) -> Counts:
    return count_rows(enumerate(rows, 1), "x.jsonl", **options)


def row(name: str = "a", correct: bool | None = True, **more: Any) -> dict[str, Any]:
    return {"problem_id": name, "correct": correct, **more}


def write(path: Path, rows: list[Any]) -> Path:
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_every_column_by_hand() -> None:
    rows = [
        row("a", True, n_tokens=10, finished=True, reason="match", answer="7", parts={"format": 1.0}),
        row("b", False, n_tokens=20, finished=False, reason="truncated", answer=None, parts={"format": 0.0}),
        row("a", False, n_tokens=30, finished=True, reason="no_answer", answer=None, parts={"format": 0}),
        row("a", None, n_tokens=40, finished=True, reason="unparsable_gold", answer="7"),
        row("a", False, n_tokens=50, finished=True, reason="mismatch", answer="8", parts={"format": 1}),
    ]
    counts = tally(rows)
    assert counts.ids == ("a", "b")
    assert counts.n.tolist() == [4, 1]
    assert counts.c.tolist() == [1, 0]
    assert counts.unscorable.tolist() == [1, 0]
    assert counts.truncated.tolist() == [0, 1]
    assert counts.no_answer.tolist() == [1, 0]
    assert counts.format_failed.tolist() == [1, 1]
    assert counts.tokens.tolist() == [130, 20]
    assert counts.tokens_correct.tolist() == [10, 0]
    stated = {"finished": 5, "reason": 5, "format": 4, "n_tokens": 5, "lengths": 5, "completion": 0}
    assert counts.stated == stated
    assert (len(counts), counts.n_samples) == (2, 5)


def test_an_answer_of_none_counts_as_no_answer_where_no_reason_is_given() -> None:
    counts = tally([row("a", False, answer=None), row("a", False, answer="3"), row("a", False)])
    assert counts.no_answer.tolist() == [1]
    assert counts.stated["reason"] == 2


def test_truncated_counts_as_wrong_whatever_the_row_says() -> None:
    counts = tally([row("a", True, finished=False, n_tokens=5), row("a", True, finished=True, n_tokens=5)])
    assert counts.c.tolist() == [1]
    assert counts.tokens_correct.tolist() == [5]
    assert "1 truncated samples were marked correct and count as wrong" in counts.remarks[0]


@pytest.mark.parametrize(("silent", "right"), [(1, 20), (2, 40)])
def test_where_too_few_say_how_they_ended_all_count_by_their_verdict(silent: int, right: int) -> None:
    """Twenty problems of two right samples, one cut off, one not: no sample is right only as its ending is not said."""
    made = [
        row(f"{i}", True, n_tokens=9, **({"finished": bool(j)} if i >= silent else {}))
        for i in range(20)
        for j in range(2)
    ]
    counts = tally(made)
    cut = 20 - silent
    assert (counts.c.sum(), counts.measured_correct.sum()) == (
        (20 + silent, 20 + silent) if right == 20 else (40, 40)
    )
    assert (counts.truncated.sum(), counts.cut_off.sum()) == (cut, cut if right == 20 else 0)
    assert f"{cut} truncated samples were marked correct and count as" in " ".join(counts.remarks)
    assert counts.tokens_correct.sum() == 9 * counts.c.sum()


def test_what_was_cut_off_and_is_graded_here_follows_the_same_rule(tmp_path: Path) -> None:
    text = {"prompt": "1 + 6?", "gold": "7", "completion": r"So \boxed{7}. And fur"}
    path = tmp_path / "a.jsonl"
    for stating, right in ((4, 0), (2, 4)):
        made = [text | ({"finish_reason": "length"} if i < stating else {}) for i in range(4)]
        path.write_text("".join(json.dumps(one) + "\n" for one in made))
        assert load_counts(path).c.tolist() == [right]


def test_counts_alone_and_mixed_with_samples() -> None:
    rows = [
        {
            "problem_id": "a",
            "n_correct": 3,
            "n_samples": 16,
            "n_truncated": 2,
            "n_no_answer": 1,
            "mean_tokens": 10,
        },
        {"problem_id": 7, "n_correct": 0, "n_samples": 16},
        {"problem_id": "a", "n_correct": 1, "n_samples": 4},
        row("7", True),
    ]
    counts = tally(rows)
    assert counts.ids == ("a", "7")
    assert counts.n.tolist() == [20, 17]
    assert counts.c.tolist() == [4, 1]
    assert counts.truncated.tolist() == [2, 0]
    assert counts.tokens.tolist() == [160, 0]
    assert "several rows of counts" in counts.notes[0]
    assert "'a'" in counts.notes[0]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"correct": True}, "problem_id is missing"),
        ({"problem_id": ["a"], "correct": True}, "neither text nor a number"),
        ({"problem_id": "a"}, "not graded"),
        (row(correct="yes"), "correct is 'yes'"),
        (row(n_tokens="many"), "n_tokens"),
        (row(n_tokens=-1), "n_tokens"),
        (row(n_tokens=True), "n_tokens"),
        (row(finished="no"), "finished"),
        ({"problem_id": "a", "n_correct": 3}, "n_samples is missing"),
        ({"problem_id": "a", "n_samples": 3}, "n_correct is missing"),
        ({"problem_id": "a", "n_correct": 4, "n_samples": 3}, "more samples of a kind"),
        ({"problem_id": "a", "n_correct": 1.5, "n_samples": 3}, "n_correct is not a whole number"),
        ({"problem_id": "a", "n_correct": True, "n_samples": 3}, "n_correct is not a whole number"),
        ({"problem_id": "a", "n_correct": 0, "n_samples": 0}, "n_samples is 0"),
        ({"problem_id": "a", "n_correct": 2, "n_samples": 3, "n_truncated": 2}, "add up"),
        ({"problem_id": "a", "n_correct": 2, "n_samples": 3, "mean_tokens": "x"}, "mean_tokens"),
    ],
)
def test_rows_that_cannot_be_used_are_named(bad: dict[str, Any], why: str) -> None:
    rows = [row("good"), bad, row("good"), bad]
    with pytest.raises(DataError) as caught:
        tally(rows)
    assert [p.split(": ")[0] for p in caught.value.problems] == ["x.jsonl:2", "x.jsonl:4"]
    assert why in caught.value.problems[0]
    kept = tally(rows, on_bad_row="skip")
    assert kept.n.tolist() == [2]
    assert len(kept.skipped) == 2
    # A problem of which no row is good must not appear with nothing in it.
    assert kept.ids == ("good",)


def test_faults_of_a_kind_are_named_by_the_first_and_of_all_kinds_fifty() -> None:
    with pytest.raises(DataError) as caught:
        tally([row(correct="x")] * 80)
    assert len(caught.value.problems) == 4
    assert "77 more rows: correct is 'x'" in caught.value.problems[-1]
    with pytest.raises(DataError) as caught:
        tally([row(correct=f"x{i}") for i in range(80)])
    assert len(caught.value.problems) == 51
    assert "30 more rows" in caught.value.problems[-1]
    with pytest.raises(DataError) as caught:
        tally([row(correct="x")] * 5000)
    *_, alike, rest = caught.value.problems
    assert alike == "x.jsonl: 997 more rows: correct is 'x', not true, false or null"
    assert rest == "x.jsonl: and 4000 more rows"


def test_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no usable row"):
        tally([])
    with pytest.raises(DataError, match="no usable row"):
        tally([{}], on_bad_row="skip")


def test_lines_that_are_no_rows_are_named_with_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", [row(), "{broken", row(correct="x"), "[1]"])
    with pytest.raises(DataError) as caught:
        load_counts(path)
    places = sorted(int(p.removeprefix(f"{path}:").split(":")[0]) for p in caught.value.problems)
    assert places == [2, 3, 4]
    assert load_counts(path, on_bad_row="skip").n_samples == 1


def test_copies_and_their_common_factor() -> None:
    rows = [row("a", completion=text) for text in ("x", "y", "x", "y")]
    rows += [row("b", completion=text) for text in ("p", "p", "q" * 600, "q" * 600)]
    counts = tally(rows)
    assert counts.copies.tolist() == [2, 2]
    assert counts.long_copies.tolist() == [0, 1]
    assert counts.repeats.tolist() == [2, 2]
    thin = counts.thinned()
    assert thin.n.tolist() == [2, 2]
    assert thin.c.tolist() == [2, 2]
    assert tally([row("a", completion="x")] * 2 + [row("a", completion="y")]).repeats.tolist() == [1]


def test_prompts_golds_difficulty_and_observers() -> None:
    seen: list[str] = []
    rows = [
        row("a", completion="x", prompt="1+1?", gold="2", difficulty=3),
        row("a", completion="y", prompt="other", gold="other"),
        row("b"),
    ]
    counts = tally(rows, observe=lambda r: seen.append(r["completion"]))
    assert dict(counts.prompts) == {"a": "1+1?"}
    assert dict(counts.golds) == {"a": "2"}
    assert counts.difficulty[0] == 3
    assert np.isnan(counts.difficulty[1])
    assert seen == ["x", "y"]


def test_take_keeps_the_order_asked_for() -> None:
    counts = Counts.from_arrays([4, 8, 16], [1, 2, 3], ["a", "b", "c"])
    some = counts.take(["c", "a"])
    assert (some.ids, some.n.tolist(), some.c.tolist()) == (("c", "a"), [16, 4], [3, 1])
    with pytest.raises(KeyError):
        counts.take(["z"])
    for n, c in (([0], [0]), ([2], [3]), ([2], [-1])):
        with pytest.raises(ValueError):
            Counts.from_arrays(n, c)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([True, False, None]), st.booleans()), min_size=1
    )
)
def test_totals_do_not_depend_on_the_order(samples: list[tuple[str, bool | None, bool]]) -> None:
    rows = [row(name, correct, finished=finished, n_tokens=3) for name, correct, finished in samples]
    one, other = tally(rows), tally(rows[::-1])
    again = other.take(one.ids)
    assert one.n.sum() == len(samples)
    for name in ("n", "c", "unscorable", "truncated", "tokens_correct"):
        assert getattr(one, name).tolist() == getattr(again, name).tolist()
    assert (one.c <= one.n - one.truncated).all()


# --- where counts come from


def test_a_run_its_arms_and_their_samples(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with RunWriter(root) as writer:
        writer.samples("grpo", "step-000010", [row("a", False)])
        writer.samples("grpo", "eval", [row("a", True)])
        writer.samples("sft", "step-000005", [row("a", True), row("a", False)])
    assert load_counts(f"{root}:grpo").c.tolist() == [1]
    assert load_counts(f"{root}:grpo:step-000010").c.tolist() == [0]
    assert load_counts(f"{root}:sft").n.tolist() == [2]
    with pytest.raises(InputError, match="which arm"):
        sample_file(root)
    with pytest.raises(InputError, match="no samples of arm 'lead'"):
        sample_file(f"{root}:lead")
    with pytest.raises(InputError, match="no samples 'final'"):
        sample_file(f"{root}:grpo:final")
    with pytest.raises(InputError, match="no such file"):
        sample_file(tmp_path / "absent.jsonl")


def test_ungraded_rows_are_graded_on_the_way(tmp_path: Path) -> None:
    rows = [
        {"problem_id": "a", "completion": "so \\boxed{4}", "n_tokens": 5, "finished": True},
        {"problem_id": "a", "completion": "so \\boxed{5}", "n_tokens": 5, "finished": True},
        {"problem_id": "a", "completion": "so \\boxed{4}", "n_tokens": 5, "finished": False},
        {"problem_id": "b", "completion": "\\boxed{1}", "gold": "1"},
        {"problem_id": "b", "completion": "\\boxed{2}", "correct": True},
        {"problem_id": "c", "n_correct": 1, "n_samples": 2},
    ]
    path = write(tmp_path / "raw.jsonl.gz", rows)
    counts = load_counts(path, golds={"a": "4"})
    assert counts.ids == ("a", "b", "c")
    assert counts.c.tolist() == [2, 2, 1]  # three of the samples do not say how they ended: verdicts count
    assert counts.truncated.tolist() == [1, 0, 0]
    with pytest.raises(DataError, match="not graded"):
        load_counts(write(tmp_path / "no_gold.jsonl", rows[:1]))
    with Grader() as grader:
        graded = list(grade_rows([(3, rows[1])], {"a": "4"}, grader))
    assert graded[0][0] == 3
    assert graded[0][1]["correct"] is False
    assert graded[0][1]["reason"] == "mismatch"
