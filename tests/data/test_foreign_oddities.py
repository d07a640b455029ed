"""Oddities of other tools' sample files: what they leave out, misspell, cut off or write in their own way."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from leadline.data import load_problems
from leadline.data.csv_tables import csv_rows
from leadline.data.row_files import read_rows
from leadline.data.samples.foreign import SampleReading, sample_rows
from leadline.data.samples.formats import LAYOUTS, Reading
from leadline.data.samples.formats.endings import finished_of
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError
from leadline.storage.jsonl import MAX_LINE_BYTES


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
    assert (counts.truncated.tolist(), counts.c.tolist()) == ([1], [2])  # one does not say: verdicts count


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


def test_ids_of_a_table_that_look_like_numbers_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("id,correct\n1.1,1\n1.10,0\n1,1\n01,0\n1e3,True\n")
    counts = load_counts(path)
    assert counts.ids == ("1.1", "1.10", "1", "01", "1e3")
    assert counts.c.tolist() == [1, 0, 1, 0, 1]


def test_answers_of_a_table_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    path = tmp_path / "num.csv"
    path.write_text(
        "id,question,gold,completion\n1,Sum?,42,42\n2,Sum?,42,41\n3,Is it?,True,The answer is True\n"
        "4,Is it?,False,The answer is True\n5,2024,1.50,It is 1.5\n"
    )
    counts = load_counts(path)
    assert counts.c.tolist() == [1, 0, 1, 0, 1]
    assert (counts.golds["3"], counts.golds["5"], counts.prompts["5"]) == ("True", "1.50", "2024")
    data = tmp_path / "problems.csv"
    data.write_text("ID,Question,Answer,level\n1.10,Sum?,0.50,3\n1.1,Sum of it?,1,4\n")
    assert [(p.id, p.answer, p.difficulty) for p in load_problems(data)] == [
        ("1.10", "0.50", 3),
        ("1.1", "1", 4),
    ]


def test_verdicts_counts_scores_and_lengths_of_a_table_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "problem_id,correct,n_tokens,finished,level\na,1,12,true,3\na,FALSE,7.0,False,3\na,,5,,3\n"
    )
    counts = load_counts(path)
    assert (counts.n.tolist(), counts.c.tolist(), counts.unscorable.tolist()) == ([3], [1], [1])
    assert (counts.tokens.tolist(), counts.truncated.tolist()) == ([24], [1])
    path.write_text("id,reward\na,0.50\na,1e-05\na,-1\n")
    assert load_counts(path, reading=SampleReading(pass_at=0.5)).c.tolist() == [1]
    path.write_text("nr,k,won\n1,16,3\n")
    columns = {"problem_id": "nr", "n_samples": "k", "n_correct": "won"}
    assert load_counts(path, reading=SampleReading(columns=columns)).c.tolist() == [3]
    (row,) = read_rows(path, texts=["nr"])
    assert row.values == {"nr": "1", "k": 16, "won": 3}


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv.gz"])
def test_cells_are_as_long_as_completions_are_and_rows_no_longer_than_lines(
    name: str, tmp_path: Path
) -> None:
    path, comma = tmp_path / name, "\t" if "tsv" in name else ","
    pack = gzip.compress if name.endswith(".gz") else bytes
    long = "many words\n" * 50_000
    rows = [f"id{comma}completion{comma}correct", f'1{comma}"{long}"{comma}1', f"2{comma}b{comma}0"]
    path.write_bytes(pack("\n".join(rows).encode()))
    assert [len(row["completion"]) for _, row in csv_rows(path)] == [len(long), 1]
    assert load_counts(path).c.tolist() == [1, 0]
    for filling in (b"x" * MAX_LINE_BYTES, b"x\n" * (MAX_LINE_BYTES // 2)):
        path.write_bytes(pack(f'{rows[0]}\n1{comma}"'.encode() + filling))
        with pytest.raises(DataError, match="a row longer than"):
            list(csv_rows(path))


@pytest.mark.parametrize("kind", ["json", "ndjson", "csv", "tsv", "jsonl"])
def test_packed_files_of_every_kind_are_read(kind: str, tmp_path: Path) -> None:
    rows = [{"id": "1.10", "correct": 1}, {"id": "1.1", "correct": 0}]
    comma = "\t" if kind == "tsv" else ","
    text = {
        "json": json.dumps(rows, indent=1),
        "csv": f"id{comma}correct\n1.10{comma}1\n1.1{comma}0\n",
    }.get(kind.replace("tsv", "csv"), "".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / f"rows.{kind}.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert load_counts(path).c.tolist() == [1, 0]


@pytest.mark.parametrize(
    "broken",
    [
        '{"problem_id": 0, "correct": tru',
        '{"problem_id": 0, "correct": true',
        '{"problem_id": 0, "completion": "so',
        '{"problem_id": 0,',
        '{"problem_id":',
        '{"problem_id": [0}',
        "{problem_id: 0}",
        '{"problem_id": 0}}',
        "[INFO] 3 rows",
        "[0, 1]",
        "{",
        "WARNING: slow",
    ],
)
def test_a_first_line_that_is_broken_is_one_bad_row(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = [{"problem_id": i, "correct": True, "parts": {}} for i in range(3)]
    path.write_text(broken + "\n" + "".join(json.dumps(row) + "\n" for row in good))
    counts = load_counts(path, on_bad_row="skip")
    assert (counts.ids, len(counts.skipped)) == (("0", "1", "2"), 1)
    with pytest.raises(DataError, match=r"rows\.jsonl:1: ") as caught:
        load_counts(path)
    assert len(caught.value.problems) == 1


LONG = "x" * 200_000  # reaches over what is looked at first


@pytest.mark.parametrize("text", ["a", LONG])
@pytest.mark.parametrize("indent", [0, 1, None])
@pytest.mark.parametrize("shape", ["object", "objects", "array", "rows in an array", "no commas"])
def test_json_over_many_lines_is_told_from_broken_lines(
    shape: str, indent: int | None, text: str, tmp_path: Path
) -> None:
    rows = [{"a": text, "b": [], "c": {}, "d": [{"e": i}]} for i in range(2)]
    dumped = [json.dumps(row, indent=indent) for row in rows]
    path = tmp_path / "rows.json"
    path.write_text(
        {
            "object": dumped[0],
            "objects": "\n".join(dumped),
            "array": json.dumps(rows, indent=indent),
            "rows in an array": "[" + ",\n".join(dumped) + "]\n",
            "no commas": "[\n" + "\n".join(dumped) + "\n]\n",
        }[shape]
    )
    assert [row.values for row in read_rows(path)] == (rows[:1] if shape == "object" else rows)


LM_EVAL = {
    "doc_id": 0,
    "doc": {"question": "?"},
    "target": "7",
    "resps": [["7"]],
    "exact_match": 0.0,
    "acc": 1.0,
}
TRACE = {"task": {"idx": 0}, "nodes": [{"role": "assistant", "content": "7"}], "reward": 1.0}
NAMED: dict[
    str, tuple[dict[str, Any], str]
] = {  # layout -> a row right by "acc" and wrong by its first score
    "lm_eval": (LM_EVAL, "exact_match, acc"),
    "lighteval": (
        {"doc": {"query": "?", "choices": ["8"], "gold_index": 0}, "model_response": {"text": ["7"]}}
        | {"metric": {"em": 0, "acc": 1}},
        "em, acc",
    ),
    "lighteval_old": (
        {"example": "?", "predictions": ["7"], "gold": "8", "metrics": {"em": 0, "acc": 1}},
        "em, acc",
    ),
    "inspect_sample": (
        inspect_sample(0, 1, "I") | {"scores": {"em": {"value": "I"}, "acc": "C"}},
        "em, acc",
    ),
    "verifiers": (
        {"example_id": 0, "prompt": "?", "completion": "7", "reward": 0.0, "metrics": {"acc": 1.0}},
        "reward, acc",
    ),
    "verifiers_trace": (
        TRACE | {"reward": 0.0, "rewards": {"em": 0.0, "acc": {"value": 1.0}}},
        "em, acc, reward",
    ),
    "trl": (
        {"step": 1, "prompt": "?", "completion": "7", "em_reward": 0.0, "acc": 1.0},
        "em_reward, acc",
    ),
    "nemo_skills": (
        nemo("Judgement: No", symbolic_correct=False, acc=True),
        "judgement, symbolic_correct, acc",
    ),
    "nested": (
        {"problem": "?", "answer": "8", "samples": [{"text": "7", "is_correct": False, "acc": True}]},
        "is_correct, acc",
    ),
}


@pytest.mark.parametrize("layout", NAMED)
def test_a_score_that_is_named_is_taken_or_refused_with_those_that_are_there(
    layout: str, tmp_path: Path
) -> None:
    row, there = NAMED[layout]
    path = write(tmp_path / "rows.jsonl", [row])
    counts = load_counts(path, reading=SampleReading(layout, columns={"correct": "acc"}))
    assert counts.c.tolist() == [1]
    assert f"read as {layout}" in counts.notes[0]
    with pytest.raises(DataError, match=rf"rows\.jsonl:1: no score 'accc'; there are: {there}$"):
        load_counts(path, reading=SampleReading(layout, columns={"correct": "accc"}))


def test_a_score_of_several_answers_is_not_said_of_each(tmp_path: Path) -> None:
    several = LM_EVAL | {"resps": [["#### 7", "#### 8"]]}
    counts = load_counts(
        write(tmp_path / "a.jsonl", [several]), reading=SampleReading(columns={"correct": "acc"})
    )
    assert (counts.n.tolist(), counts.c.tolist()) == ([2], [1])
    assert "'acc' is one number of several responses" in counts.notes[0]


def test_filters_of_lm_eval_are_named_whether_they_are_read_or_not() -> None:
    rows = [LM_EVAL | {"filter": name} for name in ("strict-match", "flexible-extract")]
    read = [Reading(), Reading(choice="flexible-extract"), Reading(choice="flexible")]
    found = [[one for row in rows for one in LAYOUTS["lm_eval"].read(row, reading)] for reading in read]
    assert [len(ones) for ones in found] == [1, 1, 0]
    left_out = "filter '{}' was left out (--format lm_eval:NAME chooses)".format
    strict, flexible = left_out("strict-match"), left_out("flexible-extract")
    metric = "right or wrong by the metric 'exact_match' of exact_match, acc (--columns correct=NAME chooses)"
    assert list(read[0].notes) == ["filter 'strict-match' was read", metric, flexible]
    assert list(read[1].notes) == [strict, "filter 'flexible-extract' was read", metric]
    assert list(read[2].notes) == [strict, flexible]
