"""Curricula: difficulty floor, solve-rate window, S1's stages; and the sample files that rates come from."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.data import LEAD_STAGES, CurriculumStage, load_problems, read_samples, solve_counts
from leadline.data.problems.curriculum import stated_rate
from leadline.errors import ConfigError, DataError
from leadline.types import Completion, Problem, SampleRow


def problem(name, difficulty=None, **meta):
    return Problem(name, f"question {name}", "1", difficulty=difficulty, meta=meta)


def names(selection):
    return [problem.id for problem in selection.problems]


def test_difficulty_floor_keeps_what_stands_on_it() -> None:
    found = CurriculumStage("s", min_difficulty=2.5).select(
        [problem("a", 2.4), problem("b", 2.5), problem("c", 9)]
    )
    assert names(found) == ["b", "c"]
    assert found.dropped == {"too easy": 1}


def test_solve_rate_window_by_counts() -> None:
    problems = [problem(name) for name in "abcde"]
    counts = {"a": (0, 8), "b": (1, 8), "c": (6, 8), "d": (7, 8), "e": (8, 8)}
    found = CurriculumStage("s", min_rate=0.1, max_rate=0.75).select(problems, counts)
    assert names(found) == ["b", "c"]
    assert found.dropped == {"solved too rarely": 1, "solved too often": 2}
    assert names(CurriculumStage("s", max_rate=0.75).select(problems, counts)) == ["a", "b", "c"]


def test_counts_come_before_what_the_source_states() -> None:
    problems = [problem("a", correctness=0.9), problem("b", correctness=0.1), problem("c", pass_rate=0.2)]
    assert names(CurriculumStage("s", max_rate=0.75).select(problems)) == ["b", "c"]
    assert names(CurriculumStage("s", max_rate=0.75).select(problems, {"a": (1, 8), "b": (8, 8)})) == [
        "a",
        "c",
    ]
    assert [stated_rate(problem("x", correctness=value)) for value in (0.5, "0.5", True, 2, None)] == [
        0.5,
        None,
        None,
        None,
        None,
    ]


def test_what_is_not_known() -> None:
    problems = [problem("a", 3), problem("b")]
    with pytest.raises(DataError, match="1 problems have no known difficulty or rate: 'b'"):
        CurriculumStage("s", min_difficulty=1).select(problems)
    assert names(CurriculumStage("s", min_difficulty=1, unknown="keep").select(problems)) == ["a", "b"]
    dropping = CurriculumStage("s", max_rate=0.5, unknown="drop")
    assert dropping.select(problems, {"a": (0, 1)}).dropped == {"unknown": 1}
    assert names(CurriculumStage("s").select(problems)) == ["a", "b"]  # no rule asks


def test_an_extra_set_is_added_without_repeats() -> None:
    extra = [problem("x"), Problem("again", " Question  B", "1")]
    found = CurriculumStage("s", min_difficulty=2).select([problem("a", 1), problem("b", 3)], extra=extra)
    assert names(found) == ["b", "x"]


def test_stages_that_make_no_sense_are_refused() -> None:
    for settings in ({"min_rate": 0.8, "max_rate": 0.2}, {"max_rate": 1.5}, {"unknown": "guess"}):
        with pytest.raises(ConfigError, match="stage 's'"):
            CurriculumStage("s", **settings)
    with pytest.raises(DataError, match=r"keeps none of the problems: \{'too easy': 1\}"):
        CurriculumStage("s", min_difficulty=2).select([problem("a", 1)])


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 10)), min_size=1, max_size=20), st.floats(0, 1))
def test_a_stage_splits_the_set_in_two(rows, limit) -> None:
    problems = [problem(str(i), difficulty) for i, (_, difficulty) in enumerate(rows)]
    counts = {str(i): (c, 8) for i, (c, _) in enumerate(rows)}
    stage = CurriculumStage("s", min_difficulty=5, max_rate=limit)
    expected = [str(i) for i, (c, difficulty) in enumerate(rows) if difficulty >= 5 and c / 8 <= limit]
    if not expected:
        with pytest.raises(DataError):
            stage.select(problems, counts)
        return
    found = stage.select(problems, counts)
    assert names(found) == expected
    assert len(found.problems) + sum(found.dropped.values()) == len(problems)


def test_the_stages_of_the_paper_on_its_own_file(shared_data) -> None:
    rows = json.loads((shared_data / "lead_stage23.json").read_text())
    problems = load_problems(shared_data / "lead_stage23.json", check_golds=False)
    first, second = LEAD_STAGES
    assert len(first.select(problems).problems) == sum(row["difficulty"] >= 2.5 for row in rows)
    kept = second.select(problems)
    assert len(kept.problems) == sum(row["correctness"] <= 0.75 for row in rows)
    assert kept.dropped == {"solved too often": 583 + 544 + 356 + 250}


def test_solve_counts() -> None:
    rows = [("a", True), ("b", False), ("a", False), ("a", None)]
    assert solve_counts(rows) == {"a": (1.0, 3.0), "b": (0.0, 1.0)}


GOOD = {"problem_id": "p", "completion": "7", "n_tokens": 2, "finished": True}


def test_samples_are_read_back_as_written(tmp_path) -> None:
    completions = [Completion("p", 'a\n"b"', 5, False, -1.5), Completion("q", "", 0, True, None)]
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(
        gzip.compress("".join(json.dumps(SampleRow(c).to_row()) + "\n" for c in completions).encode())
    )
    assert [sample.completion for sample in read_samples(path)] == completions


def test_samples_from_elsewhere(tmp_path) -> None:
    path = tmp_path / "s.jsonl"
    rows = [
        GOOD | {"problem_id": 3, "correct": None},
        GOOD | {"correct": True},
        {k: GOOD[k] for k in list(GOOD)[:3]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    unscorable, right, bare = read_samples(path)
    assert unscorable.completion.problem_id == "3"
    assert (unscorable.graded, unscorable.correct) == (True, None)
    assert (right.graded, right.correct, right.place) == (True, True, f"{path}:2")
    assert (bare.graded, bare.completion.finished) == (False, True)


BAD = [
    ("{", "not JSON"),
    ({"completion": "7", "n_tokens": 2}, "problem_id is missing"),
    (GOOD | {"problem_id": 1.5}, "problem_id is neither"),
    (GOOD | {"completion": None}, "completion is not text"),
    ({"problem_id": "p", "n_samples": 3, "n_correct": 1}, "a row of counts"),
    (GOOD | {"n_tokens": "2"}, "n_tokens is not a count"),
    (GOOD | {"n_tokens": -1}, "n_tokens is not a count"),
    ({"problem_id": "p", "completion": "7"}, "n_tokens is missing"),
    (GOOD | {"finished": "yes"}, "finished is neither"),
    (GOOD | {"correct": 1}, "correct is not"),
    (GOOD | {"logprob": "low"}, "logprob is not"),
]


def test_malformed_samples_are_all_named(tmp_path) -> None:
    path = tmp_path / "s.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in [GOOD, *(row for row, _ in BAD)]]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        list(read_samples(path))
    assert len(caught.value.problems) == len(BAD)
    for number, (line, (_, why)) in enumerate(zip(caught.value.problems, BAD, strict=True), start=2):
        assert line.startswith(f"{path}:{number}: "), line
        assert why in line
    skipped: list[str] = []
    assert len(list(read_samples(path, on_bad_row="skip", skipped=skipped))) == 1
    assert skipped == list(caught.value.problems)
    with pytest.raises(DataError, match=r"s2.jsonl: no such file"):
        list(read_samples(tmp_path / "s2.jsonl"))


def test_a_file_of_another_kind_is_not_listed_line_by_line(tmp_path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"x": 1}\n' * 500)
    with pytest.raises(DataError) as caught:
        list(read_samples(path))
    assert len(caught.value.problems) == 51
    assert caught.value.problems[-1].endswith("and 450 more rows")
