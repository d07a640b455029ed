"""A field is read from one column throughout a file, and samples of different models are not mixed in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError, InputError

Rows = list[dict[str, Any]]


def write(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trl(right: float | None, step: int = 1, prompt: str = "?") -> dict[str, Any]:
    row = {"step": step, "prompt": prompt, "completion": "7", "accuracy_reward": right, "format_reward": 1.0}
    return row | {"advantage": 0.0}


@pytest.mark.parametrize("rights", [[1.0, 0.0, None, None], [None, None, 1.0, 0.0]])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_reward_that_is_none_is_not_replaced_by_another(rights: Rows, kind: str, tmp_path: Path) -> None:
    path, rows = tmp_path / f"completions.{kind}", [trl(right) for right in rights]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        write(path, rows)
    counts = load_counts(path)
    assert (counts.n.tolist(), counts.c.tolist(), counts.unscorable.tolist()) == ([4], [1], [2])
    assert "right or wrong by the column 'accuracy_reward'" in counts.notes[0]
    assert "format_reward" not in counts.notes[0]


def test_an_empty_reward_beside_another_asks_which_is_meant(tmp_path: Path) -> None:
    row = trl(None) | {"checker": None, "answer": None}
    del row["accuracy_reward"]
    with pytest.raises(DataError, match=r"--columns correct=NAME, of: format_reward, checker"):
        load_counts(write(tmp_path / "a.jsonl", [row]))


def test_a_missing_verdict_is_not_taken_from_another_column(tmp_path: Path) -> None:
    rows = [{"question": "?", "response": "7", "correct": c, "score": 1.0} for c in (True, None, False)]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=r"a\.jsonl:2: not graded"):
        load_counts(path)
    counts = load_counts(path, on_bad_row="skip")
    assert (counts.n.tolist(), counts.c.tolist()) == ([2], [1])


def test_a_missing_reference_is_not_taken_from_what_the_model_answered(tmp_path: Path) -> None:
    rows = [
        {"question": f"{i}?", "response": "\\boxed{8}", "ground_truth": gold, "answer": "8"}
        for i, gold in enumerate(("7", None))
    ]
    with pytest.raises(DataError, match=r"a\.jsonl:2: not graded.*no reference answer \(--data"):
        load_counts(write(tmp_path / "a.jsonl", rows))


def test_a_missing_id_is_not_taken_from_what_numbers_the_rows(tmp_path: Path) -> None:
    rows = [{"question_id": name, "id": i, "correct": 1} for i, name in enumerate(("a", None))]
    with pytest.raises(DataError, match=r"a\.jsonl:2: no id and no prompt"):
        load_counts(write(tmp_path / "a.jsonl", rows))


def test_a_missing_verdict_of_a_list_of_samples_is_not_their_reward(tmp_path: Path) -> None:
    samples = [{"text": "\\boxed{7}", "correct": c, "reward": 1.0} for c in (False, None)]
    path = write(tmp_path / "a.jsonl", [{"question": "?", "samples": samples}])
    with pytest.raises(DataError, match="not graded"):
        load_counts(path)
    path = write(
        tmp_path / "b.jsonl", [{"question": "?", "ground_truth": "8", "answer": "7", "samples": samples}]
    )
    assert load_counts(path).c.tolist() == [0]  # graded, by what is surely the reference


@pytest.mark.parametrize("layout", ["trl", "verl"])
def test_several_steps_of_a_training_run_are_told(layout: str, tmp_path: Path) -> None:
    for step in (1, 50):
        row = trl(1.0, step) if layout == "trl" else {"input": "?", "output": "7", "score": 1.0, "step": step}
        write(tmp_path / f"{step}.jsonl", [row])
    assert "samples of 2 training steps (1 to 50) taken together" in load_counts(tmp_path).notes[-1]
    assert not any("taken together" in note for note in load_counts(tmp_path / "1.jsonl").notes)


def test_steps_of_leadlines_own_rows_are_told(tmp_path: Path) -> None:
    rows = [{"problem_id": "a", "correct": True, "step": step} for step in (1, 2)]
    assert "(1 to 2) taken together" in load_counts(write(tmp_path / "a.jsonl", rows)).notes[0]


def test_several_models_in_several_files_are_told(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.jsonl", [{"model": name, "question": "?", "is_correct": 1}])
    assert load_counts(tmp_path).notes[-1] == "samples of several models taken together: a, b"


def test_which_metric_was_read_is_told_where_there_are_several(tmp_path: Path) -> None:
    row = {"doc_id": 0, "doc": {"problem": "?"}, "target": "7", "resps": [["\\boxed{7}"]], "filter": "none"}
    path = write(
        tmp_path / "a.jsonl",
        [row | {"metrics": ["exact_match", "math_verify"], "exact_match": 0, "math_verify": 1}],
    )
    counts = load_counts(path)
    assert counts.c.tolist() == [0]
    assert (
        "by the metric 'exact_match' of exact_match, math_verify (--columns correct=NAME" in counts.notes[0]
    )
    counts = load_counts(path, reading=SampleReading(columns={"correct": "math_verify"}))
    assert counts.c.tolist() == [1]


def test_lighteval_with_several_metrics_is_graded_here_and_says_so(tmp_path: Path) -> None:
    doc = {"query": "?", "choices": ["7"], "gold_index": 0}
    metric = {"extractive_match": 0, "pass@1": 0}
    rows = [{"doc": doc, "model_response": {"text": ["\\boxed{7}"]}, "metric": metric}]
    counts = load_counts(write(tmp_path / "a.jsonl", rows))
    assert counts.c.tolist() == [1]
    assert "graded here, as there are several metrics: extractive_match, pass@1" in counts.notes[0]


def batch(name: str, *texts: str, **more: Any) -> dict[str, Any]:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for i, text in enumerate(texts)
    ]
    body = {"choices": choices, "usage": {"prompt_tokens": 3, "completion_tokens": 5}}
    return {
        "id": "vllm-1",
        "custom_id": name,
        "response": {"status_code": 200, "body": body},
        "error": None,
    } | more


def test_a_batch_of_vllm_is_graded_by_the_problem_set(tmp_path: Path) -> None:
    failed = batch("a", response={"status_code": 500, "body": {"message": "no"}}, error={"message": "no"})
    cut = batch("b", "so", response=None, error="gone")
    rows = [failed, batch("a", "\\boxed{7}", "\\boxed{8}"), batch("b", "\\boxed{7}"), cut]
    rows[2]["response"]["body"]["choices"][0]["finish_reason"] = "length"
    counts = load_counts(write(tmp_path / "a.jsonl", rows), golds={"a": "7", "b": "7"})
    assert (counts.ids, counts.n.tolist(), counts.c.tolist()) == (("a", "b"), [2, 1], [1, 0])
    assert (counts.truncated.tolist(), counts.tokens.tolist()) == ([0, 1], [0, 5])
    assert counts.notes[0] == "a.jsonl: read as openai_batch; 2 requests that failed were left out"


def test_turns_of_both_sides_in_one_column_are_read_with_and_without_its_name(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "7"}]
    path = write(tmp_path / "a.jsonl", [{"messages": turns, "reward": 1.0}])
    columns = {"prompt": "messages", "completion": "messages", "correct": "reward"}
    assert load_counts(path).c.tolist() == [1]
    assert load_counts(path, reading=SampleReading(columns=columns)).c.tolist() == [1]


def test_a_folder_of_folders_says_where_the_samples_are(tmp_path: Path) -> None:
    write(tmp_path / "run" / "completions" / "a.jsonl", [trl(1.0)])
    with pytest.raises(
        InputError, match=r"run: no sample file .* there; there are some in .*run/completions$"
    ):
        load_counts(tmp_path / "run")


def test_a_table_with_semicolons_is_no_table_of_one_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;correct\n1;1\n")
    with pytest.raises(
        DataError, match=r"a\.csv:1: one column, 'id;correct': separate the columns with commas"
    ):
        load_counts(tmp_path / "a.csv")
