"""Oddities of other tools' sample files: what they leave out, misspell, cut off or write in their own way."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from leadline.data.samples.foreign import SampleReading, sample_rows
from leadline.data.samples.formats.endings import finished_of
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def inspect_sample(name: Any, epoch: int, value: str | None, **more: Any) -> dict[str, Any]:
    output = {"choices": [{"message": {"role": "assistant", "content": "7"}, "stop_reason": "stop"}]}
    scores = {} if value is None else {"match": {"value": value}}
    return {"id": name, "epoch": epoch, "input": f"{name}?", "target": "7", "output": output} | (
        {"scores": scores} | more
    )


def test_inspect_samples_that_ended_in_an_error_are_left_out_and_counted(tmp_path: Path) -> None:
    failed = {"error": {"message": "timeout"}, "output": {"choices": [], "completion": ""}}
    samples = [
        *(inspect_sample(i, 1, "C", error=None) for i in range(3)),
        inspect_sample(0, 2, None, **failed),
        inspect_sample(1, 2, None, **failed, scores=None),
        inspect_sample(2, 2, "I", error={"message": "late"}),  # it was scored all the same
    ]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"eval": {}, "samples": samples}, indent=0))
    counts = load_counts(path)
    assert (counts.n.tolist(), counts.c.tolist()) == ([1, 1, 2], [1, 1, 1])
    assert "2 samples with an error and without scores were left out" in counts.notes[0]


def test_inspect_samples_whose_ids_are_paths_lie_in_folders_of_the_log(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as packed:
        packed.writestr("header.json", "{}")
        packed.writestr("_journal/start.json", "{}")
        for name in ("HumanEval/0", "a/b/1", "2"):
            packed.writestr(f"samples/{name}_epoch_1.json", json.dumps(inspect_sample(name, 1, "C")))
    assert load_counts(tmp_path / "log.eval").ids == ("HumanEval/0", "a/b/1", "2")


def nemo(text: Any, **more: Any) -> dict[str, Any]:
    row = {"id": 0, "problem": "?", "expected_answer": "7", "generation": "\\boxed{7}", "judgement": text}
    return row | more


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Reasoning.\nJudgement: Yes", True),
        ("**Judgement**: Yes", True),
        ("**Judgement:** No", False),
        ("judgement: yes", True),
        ("JUDGEMENT : **no**, as 7 is not 8.", False),
        ("Judgement:\nYes.", True),
        ("Yes", True),
        ("no.", False),
        ("Judgement: not sure", None),
        ("I see no difference.", None),
        ("", None),
        (None, None),
    ],
)
def test_a_judgement_is_read_as_nemo_skills_reads_it(text: Any, right: bool | None, tmp_path: Path) -> None:
    """None: the row has no verdict of its own, and its right answer is graded here."""
    path = write(tmp_path / "output.jsonl", [nemo(text)])
    ((_, row),) = sample_rows([path])
    assert row.get("correct") is right
    assert ("correct" in row) is (right is not None)
    assert load_counts(path).c.tolist() == [float(right is not False)]


def test_the_verdict_of_a_comparison_goes_before_that_of_a_judge_unless_it_is_null(tmp_path: Path) -> None:
    rows = [
        nemo("Judgement: Yes", symbolic_correct=False),
        nemo("Judgement: No", symbolic_correct=None, is_correct=True),
        nemo("Judgement: No", symbolic_correct=None, is_correct=None),
        nemo(None, is_correct=None),
    ]
    found = [row.get("correct") for _, row in sample_rows([write(tmp_path / "output.jsonl", rows)])]
    assert found == [False, True, False, None]
    assert load_counts(tmp_path / "output.jsonl").unscorable.tolist() == [0]


def test_the_judge_can_be_named_where_both_have_spoken(tmp_path: Path) -> None:
    path = write(tmp_path / "output.jsonl", [nemo("**Judgement**: Yes", symbolic_correct=False)])
    reading = SampleReading(columns={"correct": "judgement"})
    assert load_counts(path, reading=reading).c.tolist() == [1]
    with pytest.raises(DataError, match=r"no score 'judgment'; there are: judgement, symbolic_correct"):
        load_counts(path, reading=SampleReading(columns={"correct": "judgment"}))


@pytest.mark.parametrize("full", [0.25, 0.5, 1.0, True])
def test_a_format_reward_of_any_height_is_no_miss(full: float, tmp_path: Path) -> None:
    """Of four samples one earns nothing for its form and one is fined for it."""
    rows = [
        {"step": 1, "prompt": "?", "completion": str(paid), "accuracy_reward": 1.0, "format_reward": paid}
        for paid in (full, full, 0.0, -1.0)
    ]
    counts = load_counts(write(tmp_path / "completions.jsonl", rows))
    assert (counts.n.tolist(), counts.format_failed.tolist()) == ([4], [2])
    with pytest.raises(DataError, match=r"no score 'acc'; there are: accuracy_reward, format_reward"):
        load_counts(tmp_path / "completions.jsonl", reading=SampleReading(columns={"correct": "acc"}))


@pytest.mark.parametrize(
    ("row", "ended"),
    [
        *[({"finish_reason": word}, False) for word in ("length", "LENGTH", "max_tokens", "max_length")],
        *[({"stop_reason": word}, True) for word in ("stop", "eos", "end_turn", "eos_token")],
        *[({"finish_reason": word}, None) for word in ("abort", "content_filter", "", None, 2, ["length"])],
        ({"finish_reason": {"type": "length", "length": 512}}, False),
        ({"finish_reason": "length", "stop_reason": None, "finished": True}, False),
        ({"finish_reason": "stop", "stop_reason": 151645}, True),
        ({"truncated": True}, False),
        ({"is_truncated": False}, True),
        ({"truncated": 1.0}, False),
        ({"truncated": "false"}, True),
        ({"truncated": 7, "finished": None}, None),
        ({"finished": False}, False),
        ({}, None),
    ],
)
def test_how_a_sample_ended_is_read_of_many_words(row: dict[str, Any], ended: bool | None) -> None:
    assert finished_of(row) is ended


SAMPLES = [{"text": "a", "correct": True}, {"text": "b", "correct": False}, {"text": "c", "correct": True}]


@pytest.mark.parametrize(
    "row",
    [
        {
            "samples": [
                s | {"finish_reason": w} for s, w in zip(SAMPLES, ("length", "stop", "?"), strict=True)
            ]
        },
        {"samples": [s | {"truncated": t} for s, t in zip(SAMPLES, (True, False, None), strict=True)]},
        {"samples": SAMPLES, "finish_reason": ["length", "stop", None]},
        {"generations": ["a", "b", "c"], "finish_reasons": ["length", "stop", None]},
        {"completions": ["a", "b", "c"], "is_truncated": [True, False, None]},
    ],
)
def test_samples_of_a_list_say_how_they_ended_in_it_or_beside_it(row: dict[str, Any], tmp_path: Path) -> None:
    row = {"problem": "?", "answer": "1", "correct": [True, False, True]} | row
    path = write(tmp_path / "nested.jsonl", [row])
    assert [one.get("finished") for _, one in sample_rows([path])] == [False, True, None]
    assert [one["correct"] for _, one in sample_rows([path])] == [True, False, True]
    counts = load_counts(path)
    assert (counts.truncated.tolist(), counts.c.tolist()) == ([1], [1])


def test_an_ending_that_is_no_list_belongs_to_a_single_sample(tmp_path: Path) -> None:
    rows = [
        {"id": n, "generations": ["a"] * n, "correct": [True] * n, "finish_reason": "length"} for n in (1, 2)
    ]
    counts = load_counts(write(tmp_path / "nested.jsonl", rows))
    assert counts.truncated.tolist() == [1, 0]


def test_a_named_score_of_a_list_of_samples_is_in_it_or_beside_it_or_refused(tmp_path: Path) -> None:
    inside = {"problem": "?", "samples": [{"text": "a", "is_correct": True, "verified": False}]}
    beside = {"problem": "!", "samples": ["a", "b"], "correct": [True, True], "verified": [False, True]}
    path = write(tmp_path / "nested.jsonl", [inside, beside])
    assert load_counts(path, reading=SampleReading(columns={"correct": "verified"})).c.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"no score 'verfied'; there are: is_correct, verified") as caught:
        load_counts(path, reading=SampleReading(columns={"correct": "verfied"}))
    assert "there are: correct, verified" in str(caught.value)
