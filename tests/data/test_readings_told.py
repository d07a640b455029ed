"""What gave a wrong number without a word, and remedies that did not work, in files of other tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from leadline.data import load_problems
from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading, sample_rows
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.compare.pairing import pair_up
from leadline.errors import DataError

FLAT = [(i, j, j <= i) for i in range(3) for j in range(4)]
ASKED = [f"What is {i} + {i}?" for i in range(3)]


def counted(path: Path, rows: list[dict[str, Any]], **how: Any) -> Counts:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_counts(path, reading=SampleReading(**how))


def said(counts: Counts) -> str:
    return " ".join(counts.said)


def test_a_reward_of_several_parts_goes_behind_the_one_that_says_right_or_wrong(tmp_path: Path) -> None:
    """Three quarters of the wrong answers earn the full sum for their form and length."""
    rows = [
        {
            "question": ASKED[i],
            "response": "x",
            "reward": 1.0,
            "format_reward": 1.0,
            "accuracy_reward": float(v),
        }
        for i, j, v in FLAT
    ]
    counts = counted(tmp_path / "a.jsonl", rows)
    assert counts.c.tolist() == [1, 2, 3]
    assert "correct is read from 'accuracy_reward'; 'reward' would do as well" in counts.notes[0]
    both = [row | {"tool_accuracy": 1} for row in rows]
    assert counted(tmp_path / "a.jsonl", both).c.tolist() == [4, 4, 4]  # which of two is not ours to say
    named = [{"id": i, "final_answer_correct": v} for i, j, v in FLAT]
    counts = counted(tmp_path / "b.jsonl", named)
    assert counts.c.tolist() == [1, 2, 3]
    assert "right or wrong by the column 'final_answer_correct'" in counts.notes[0]


def test_that_a_request_succeeded_is_no_verdict(tmp_path: Path) -> None:
    row = {"question": "?", "answer": "4", "response": "\\boxed{5}", "success": True}
    assert counted(tmp_path / "a.jsonl", [row]).c.tolist() == [0]


def test_what_numbers_the_group_names_the_problem(tmp_path: Path) -> None:
    """slime's samples: ``index`` numbers them all."""
    rows = [
        {"group_index": i, "index": 4 * i + j, "prompt": ASKED[i], "response": "x", "reward": float(v)}
        | {"response_length": 9, "status": "truncated" if j == 3 else "completed"}
        for i, j, v in FLAT
    ]
    counts = counted(tmp_path / "a.jsonl", rows)
    assert (counts.n.tolist(), counts.c.tolist()) == ([4, 4, 4], [1, 2, 3])
    assert counts.truncated.tolist() == [1, 1, 1]
    elsewhere = [{k: v for k, v in row.items() if k != "response_length"} for row in rows]
    assert counted(tmp_path / "a.jsonl", elsewhere).stated["finished"] == 0


@pytest.mark.parametrize("name", ["reference_example_id", "datasetItemId"])
def test_the_example_goes_before_the_id_of_a_run(name: str, tmp_path: Path) -> None:
    """LangSmith's and Langfuse's exports."""
    rows = [{"id": f"r{i}{j}", name: f"e{i}", "feedback.correctness": int(v)} for i, j, v in FLAT]
    assert counted(tmp_path / "a.jsonl", rows).c.tolist() == [1, 2, 3]


def test_ids_with_the_number_of_a_sample_are_told_without_prompts(tmp_path: Path) -> None:
    rows = [{"uid": f"task{i}:{j}", "correct": j > i} for i in range(6) for j in range(4)]
    assert "24 ids of one sample each, 6 names with the same 4 endings" in said(
        counted(tmp_path / "a.jsonl", rows)
    )
    years = [{"id": f"2024-{part}-{k}", "correct": True} for part in ("I", "II") for k in range(15)]
    assert "endings" not in said(counted(tmp_path / "a.jsonl", years))
    one = [{"id": f"gsm8k-{k}", "correct": True} for k in range(30)]
    assert "endings" not in said(counted(tmp_path / "a.jsonl", one))


@pytest.mark.parametrize(
    ("column", "words"),
    [("temperature", r"several temperatures \(0, 1\)"), ("turn", r"several turns \(0 to 1\)")],
)
def test_samples_of_several_kinds_are_told(column: str, words: str, tmp_path: Path) -> None:
    rows = [{"id": i, "correct": v, column: min(j, 1)} for i, j, v in FLAT]
    assert re.search(words, said(counted(tmp_path / "a.jsonl", rows)))
    alike = [row | {column: 1} for row in rows]
    assert "several" not in said(counted(tmp_path / "a.jsonl", alike))


def test_rows_of_a_resumed_run_are_told_where_they_number_their_samples(tmp_path: Path) -> None:
    rows = [{"id": i, "response": "4", "correct": v, "sample_id": f"{i}_{j}"} for i, j, v in FLAT]
    assert "repeat" not in said(counted(tmp_path / "a.jsonl", rows))
    assert "5 rows repeat an earlier one" in said(counted(tmp_path / "a.jsonl", rows + rows[:5]))


def test_verdicts_of_another_number_than_samples_are_refused(tmp_path: Path) -> None:
    row = {"question": "?", "answer": "4", "responses": ["\\boxed{4}", "\\boxed{5}"]}
    with pytest.raises(DataError, match="2 responses and 3 correct: which belongs to which"):
        counted(tmp_path / "a.jsonl", [row | {"correct": [True, True, True]}])
    counts = counted(tmp_path / "a.jsonl", [row | {"correct": True}])
    assert counts.c.tolist() == [1]
    assert "'correct' is one value of several responses: each of them is graded here" in counts.notes[0]


def test_a_list_of_the_rewards_of_tokens_is_no_list_of_samples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a layout that is not known"):
        counted(tmp_path / "a.jsonl", [{"id": 1, "question": "?", "response": "x", "score": [0.0, 0.0, 1.0]}])


REMEDIES = (
    lambda i, v: {"id": i, "response": "x", "metrics": {"correct": v, "solved": True}},
    lambda i, v: {"id": i, "response": "x", "score": [v]},
    lambda i, v: {"vars": {"question": ASKED[i]}, "output": "x", "reward": {"acc": v, "pred": "x"}},
    lambda i, v: {"input": {"question": ASKED[i]}, "scores": [{"name": "correct", "value": float(v)}]},
    lambda i, v: {"group_index": i, "tstamp": 1.0, "turn": 1, "grade": "yes" if v else "no"},
    lambda i, v: {"question": ASKED[i], "responses": ["x"], "rewards": [{"acc": v, "format": 1.0}]},
)


@pytest.mark.parametrize("row", REMEDIES)
def test_the_columns_that_are_proposed_give_the_right_number(row: Any, tmp_path: Path) -> None:
    rows = [row(i, v) for i, j, v in FLAT]
    with pytest.raises(DataError) as caught:
        counted(tmp_path / "a.jsonl", rows)
    option = re.search(r"--columns (\S+)", str(caught.value))
    assert option is not None
    columns = dict(part.split("=", 1) for part in option[1].split(","))
    counts = counted(tmp_path / "a.jsonl", rows, columns=columns)
    assert (counts.n.tolist(), counts.c.tolist()) == ([4, 4, 4], [1, 2, 3])


@pytest.mark.parametrize("name", ["solve_rate", "pass_rate_72b_tir", "pass@1"])
@pytest.mark.parametrize("first", [1.0, "0.5", 0.25])
def test_a_rate_is_proposed_as_one_whatever_it_is_first(name: str, first: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"--columns solve_rate={name},n_samples=NUMBER"):
        counted(tmp_path / "a.jsonl", [{"problem": "?", "answer": "4", name: first}])


def test_what_stands_in_a_list_of_several_is_not_proposed(tmp_path: Path) -> None:
    """The first of several verdicts would be one sample."""
    row = {"trajectories": [{"reward": 1.0}, {"reward": 0.0}]}
    with pytest.raises(DataError, match="problem_id=COLUMN,correct=COLUMN"):
        counted(tmp_path / "a.jsonl", [row])


def test_a_threshold_in_percent_is_not_proposed_for_a_score_of_ten(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a score of 10: .* --pass-at NUMBER$"):
        counted(tmp_path / "a.jsonl", [{"id": 1, "response": "x", "reward": 10.0}])


def test_a_request_that_failed_says_how_it_is_left_out(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "answer": "4", "response": "x", "correct": True},
        {"id": 1, "answer": "4", "response": None, "correct": None},
    ]
    with pytest.raises(DataError, match=r"neither a verdict nor a completion.*--skip-bad-rows"):
        counted(tmp_path / "a.jsonl", rows)
    assert load_counts(tmp_path / "a.jsonl", on_bad_row="skip").n.tolist() == [1]


def test_a_score_of_evalplus_that_is_none_is_refused(tmp_path: Path) -> None:
    tasks = {"t": [{"base_status": "pass", "plus_status": "fail"}]}
    assert counted(tmp_path / "a.jsonl", [{"eval": tasks}]).c.tolist() == [0]
    base = counted(tmp_path / "a.jsonl", [{"eval": tasks}], columns={"correct": "base_status"})
    assert base.c.tolist() == [1]
    with pytest.raises(DataError, match="there are: base_status, plus_status"):
        counted(tmp_path / "a.jsonl", [{"eval": tasks}], columns={"correct": "status"})


def test_a_box_that_is_never_closed_is_the_label_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "generated_predictions.jsonl"
    path.write_text(json.dumps({"prompt": "?", "predict": "4", "label": "\\boxed{" * 1000}))
    ((_, row),) = sample_rows([path])
    assert row["gold"] == "\\boxed{" * 1000


def test_one_id_in_two_data_sets_is_told(tmp_path: Path) -> None:
    """Without prompts nothing else tells the problems apart."""
    rows = [{"dataset": name, "id": i, "correct": v} for name in ("gsm8k", "math") for i, j, v in FLAT]
    assert "3 ids stand in several data sets" in said(counted(tmp_path / "a.jsonl", rows))
    apart = [row | {"id": f"{row['dataset']}-{row['id']}"} for row in rows]
    assert "data sets" not in said(counted(tmp_path / "a.jsonl", apart))


def test_models_of_the_samples_in_a_list_are_told(tmp_path: Path) -> None:
    samples = [{"model": name, "text": "x", "correct": True} for name in ("small", "large")]
    assert "several models taken together: large, small" in said(
        counted(tmp_path / "a.jsonl", [{"id": 1, "samples": samples}])
    )


def test_rows_with_an_error_that_count_as_wrong_are_told(tmp_path: Path) -> None:
    rows = [{"id": i, "response": "x", "correct": v, "error": None if v else "timeout"} for i, j, v in FLAT]
    assert "6 rows state an error" in said(counted(tmp_path / "a.jsonl", rows))
    assert "error" not in said(counted(tmp_path / "a.jsonl", rows[:1]))


def test_a_share_is_asked_about_as_a_score_and_as_a_rate(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--pass-at 0\.5; of several samples: --columns solve_rate=COLUMN"):
        counted(tmp_path / "a.jsonl", [{"id": 1, "accuracy": 0.75}])


def test_two_tools_that_name_the_same_prompts_otherwise_are_paired_by_the_problem_set(tmp_path: Path) -> None:
    """SkyRL's rows have no ids, promptfoo numbers its tests."""
    one = [{"input_prompt": ASKED[i], "output_response": "x", "score": float(v)} for i, j, v in FLAT]
    two = [{"testIdx": i, "vars": {}, "prompt": {"raw": ASKED[i]}, "success": v} for i, j, v in FLAT]
    sides = counted(tmp_path / "a.jsonl", one), counted(tmp_path / "b.jsonl", two)
    with pytest.raises(DataError, match="3 prompts are the same: --data PROBLEMS gives both the ids"):
        pair_up(*sides)
    rows = [
        {"id": f"p{i}", "prompt": text, "reward_spec": {"ground_truth": "4"}} for i, text in enumerate(ASKED)
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    problems = list(load_problems(tmp_path / "set.jsonl"))
    named = [
        load_counts(tmp_path / name, reading=SampleReading(problems=problems))
        for name in ("a.jsonl", "b.jsonl")
    ]
    assert pair_up(*named).base.ids == ("p0", "p1", "p2")
