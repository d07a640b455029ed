"""Sample files of other tools, read as they are; every number worked by hand."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.data import load_problems
from leadline.data.row_files import read_rows
from leadline.data.samples.converting import convert_samples
from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading, sample_rows
from leadline.data.samples.formats import LAYOUTS
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError, InputError

PENS, MILES = "A box holds 3 red and 4 blue pens. How many?", "Tom walks 2 miles a day for 5 days. How far?"
RIGHT, WRONG = "3 + 4 = 7.\n#### 7", "3 * 4 = 12.\n#### 12"


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Think."}, {"role": "user", "content": text}]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


# Each: layout -> rows in which the first problem is solved once of twice, the second twice of twice.
PAIRS = ((PENS, RIGHT, 1), (PENS, WRONG, 0), (MILES, "#### 10", 1), (MILES, "\\boxed{10}", 1))
GOLDS = {PENS: "7", MILES: "10"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "leadline": [{"problem_id": p, "completion": t, "correct": bool(s), "n_tokens": 5} for p, t, s in PAIRS],
    "columns": [{"qid": p, "response": t, "is_correct": s, "question": p} for p, t, s in PAIRS],
    "trl": [
        {
            "step": 1,
            "prompt": user(p),
            "completion": said(t),
            "accuracy_reward": float(s),
            "format_reward": 1.0,
        }
        for p, t, s in PAIRS
    ],
    "wandb": [
        {"columns": ["step", "prompt", "completion", "reward"], "data": [["1", p, t, s] for p, t, s in PAIRS]}
    ],
    "verl": [
        {
            "input": f"system\nThink.\nuser\n{p}\nassistant\n",
            "output": t,
            "gts": GOLDS[p],
            "score": 2.0 * s - 1,
            "step": 1,
        }
        for p, t, s in PAIRS
    ],
    "lm_eval": [
        {
            "doc_id": i,
            "doc": {"question": p},
            "target": f"So\n#### {GOLDS[p]}",
            "resps": [texts],
            "filter": name,
        }
        | {"filtered_resps": ["7"], "exact_match": 1.0}
        for name in ("strict-match", "flexible-extract")
        for i, (p, texts) in enumerate(((PENS, [RIGHT, WRONG]), (MILES, ["#### 10", "\\boxed{10}"])))
    ],
    "lighteval": [
        {
            "doc": {"query": p, "choices": [GOLDS[p]], "gold_index": 0},
            "model_response": {"text": texts},
            "metric": {"pass": 1},
        }
        for p, texts in ((PENS, [RIGHT, WRONG]), (MILES, ["#### 10", "\\boxed{10}"]))
    ],
    "lighteval_old": [
        {"example": p, "predictions": [t], "gold": GOLDS[p], "metrics": {"quasi_exact_match": s}}
        for p, t, s in PAIRS
    ],
    "inspect_sample": [
        {
            "id": p,
            "epoch": i,
            "input": user(p),
            "target": GOLDS[p],
            "scores": {"match": {"value": "CI"[1 - s]}},
        }
        | {
            "output": {
                "choices": [{"message": said(t)[0], "stop_reason": "stop"}],
                "usage": {"output_tokens": 5},
            }
        }
        for i, (p, t, s) in enumerate(PAIRS)
    ],
    "verifiers": [
        {
            "example_id": i // 2,
            "prompt": user(p),
            "completion": said(t),
            "answer": GOLDS[p],
            "reward": float(s),
        }
        for i, (p, t, s) in enumerate(PAIRS)
    ],
    "verifiers_old": [
        {"id": i // 2, "prompt": user(p), "completion": said(t), "answer": GOLDS[p], "reward": float(s)}
        for i, (p, t, s) in enumerate(PAIRS)
    ],
    "verifiers_trace": [
        {"task": {"idx": i // 2, "question": p, "answer": GOLDS[p]}, "rewards": {"correct": float(s)}}
        | {"nodes": [{"message": turn} for turn in user(p) + said(t)]}
        for i, (p, t, s) in enumerate(PAIRS)
    ],
    "nemo_skills": [
        {
            "problem": p,
            "expected_answer": GOLDS[p],
            "generation": t,
            "symbolic_correct": bool(s),
            "num_generated_tokens": 5,
        }
        for p, t, s in PAIRS
    ],
    "nemo_gym": [
        {"responses_create_params": {"input": user(p)}, "reward": float(s), "expected_answer": GOLDS[p]}
        | {"response": {"output": [{"role": "assistant", "content": [{"type": "output_text", "text": t}]}]}}
        for p, t, s in PAIRS
    ],
    "qwen_math": [
        {
            "idx": 0,
            "question": PENS,
            "gt": "7",
            "code": [RIGHT, WRONG],
            "pred": ["7", "12"],
            "score": [True, False],
        },
        {
            "idx": 1,
            "question": MILES,
            "gt": "10",
            "code": ["#### 10", "10"],
            "pred": ["10", "10"],
            "score": [True, True],
        },
    ],
    "nested": [
        {
            "qid": 0,
            "question": PENS,
            "gold": "7",
            "rollouts": [{"correct": True, "text": RIGHT}, {"correct": False, "text": WRONG}],
        },
        {"qid": 1, "question": MILES, "gold": "10", "rollouts": [{"correct": True, "text": "#### 10"}] * 2},
    ],
    "reasoning_gym": [
        {
            "categories": [
                {
                    "datasets": [
                        {"results": [{"question": p, "expected_answer": GOLDS[p], "completions": many}]}
                    ]
                }
                for p, many in (
                    (
                        PENS,
                        [
                            {"score": 1.0, "full_model_response": RIGHT},
                            {"score": 0.01, "full_model_response": WRONG},
                        ],
                    ),
                    (MILES, [{"score": 1.0, "full_model_response": "10"}] * 2),
                )
            ]
        }
    ],
}
ROWS["reasoning_gym_set"] = [
    {
        "name": "pens",
        "results": [
            {
                "question": p,
                "expected_answer": GOLDS[p],
                "full_model_response": t,
                "score": 1.0 if s else 0.05,
            }
            for p, t, s in PAIRS
        ],
    }
]
ROWS["openai_batch"] = [  # neither prompt nor answer: ids and reference answers are those of the problem set
    {"id": f"vllm-{i}", "custom_id": f"request-{i // 2}", "error": None}
    | {"response": {"status_code": 200, "body": {"choices": [{"index": 0, "message": said(t)[0]}]}}}
    for i, (p, t, s) in enumerate(PAIRS)
]
BATCH_GOLDS = {"request-0": GOLDS[PENS], "request-1": GOLDS[MILES]}
NUMBERED = [(i // 2, i % 2, *pair) for i, pair in enumerate(PAIRS)]
TEMPLATE = "<|im_start|>system\nThink.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
ROWS |= {
    "skyrl": [
        {
            "input_prompt": TEMPLATE.format(p),
            "output_response": t,
            "score": [0.0, 0.0, float(s)],
            "stop_reason": "stop",
            "env_extras": {"reward_spec": {"ground_truth": GOLDS[p]}},
        }
        for p, t, s in PAIRS
    ],
    "nemo_rl": [
        {"content": [TEMPLATE.format(p), t], "rewards": float(s), "idx": i}
        for i, (p, t, s) in enumerate(PAIRS)
    ],
    "rllm": [
        {
            "id": f"{i}:{j}",
            "task": {"question": p, "ground_truth": GOLDS[p]},
            "is_correct": bool(s),
            "trajectories": [{"name": "solver", "reward": float(s)}],
        }
        for i, j, p, t, s in NUMBERED
    ],
    "llamafactory": [
        {"prompt": TEMPLATE.format(p), "predict": t, "label": f"So \\boxed{{{GOLDS[p]}}}."}
        for p, t, s in PAIRS
    ],
    "evalscope": [
        {
            "index": 2 * i + j,
            "input": p,
            "target": GOLDS[p],
            "sample_score": {
                "score": {"value": {"acc": float(s)}, "prediction": t, "main_score_name": "acc"},
                "sample_id": 2 * i + j,
                "group_id": i,
            },
        }
        for i, j, p, t, s in NUMBERED
    ],
    "evalplus": [
        {
            "date": "2026",
            "eval": {
                str(i): [
                    {"solution": t, "base_status": "pass", "plus_status": "pass" if s else "fail"}
                    for k, j, p, t, s in NUMBERED
                    if k == i
                ]
                for i in range(2)
            },
        }
    ],
    "promptfoo": [
        {
            "id": f"u{i}{j}",
            "testIdx": i,
            "vars": {"question": p},
            "prompt": {"raw": p},
            "response": {"output": t},
            "success": bool(s),
            "score": 0.5 + s / 2,
        }
        for i, j, p, t, s in NUMBERED
    ],
    "helm": [
        {
            "instance_id": f"id{i}",
            "train_trial_index": j,
            "predicted_text": t,
            "stats": [
                {"name": {"name": "num_output_tokens", "split": "test"}, "count": 1, "mean": 9.0},
                {"name": {"name": "exact_match", "split": "test"}, "count": 1, "mean": float(s)},
            ],
        }
        for i, j, p, t, s in NUMBERED
    ],
    "helm_state": [
        {
            "adapter_spec": {"method": "generation"},
            "request_states": [
                {
                    "instance": {
                        "id": f"id{i}",
                        "input": {"text": p},
                        "references": [{"output": {"text": GOLDS[p]}, "tags": ["correct"]}],
                    },
                    "train_trial_index": j,
                    "result": {"completions": [{"text": t, "finish_reason": {"reason": "stop"}}]},
                }
                for i, j, p, t, s in NUMBERED
            ],
        }
    ],
    "verdict_lists": [{"qid": 0, "scores": [1, 0]}, {"qid": 1, "scores": [True, True]}],
}
ROWS["inspect"] = [{"eval": {"task": "pens"}, "samples": ROWS["inspect_sample"]}]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def check_pair(counts: Counts) -> None:
    assert counts.n.tolist() == [2, 2]
    assert counts.c.tolist() == [1, 2]


def test_every_layout_has_rows_here() -> None:
    assert set(ROWS) == set(LAYOUTS)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_each_layout_is_recognised_and_counted(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"samples.{kind}"
    if kind == "jsonl":
        write(path, ROWS[name])
    elif kind == "json":
        path.write_text(json.dumps(ROWS[name], indent=1))
    elif name in (
        "wandb",
        "nested",
        "inspect",
        "reasoning_gym",
        "reasoning_gym_set",
        "evalplus",
        "verdict_lists",
    ):
        return  # such objects are no tables
    else:
        pq.write_table(pa.Table.from_pylist(ROWS[name]), path)
    counts = load_counts(path, golds=BATCH_GOLDS)
    check_pair(counts)
    if name not in ("leadline",):
        assert f"read as {name}" in counts.notes[0]


def test_lengths_and_prompts_come_along(tmp_path: Path) -> None:
    counts = load_counts(write(tmp_path / "a.jsonl", ROWS["inspect_sample"]))
    assert counts.tokens.tolist() == [10, 10]
    assert counts.prompts[PENS] == PENS
    assert counts.golds[PENS] == "7"
    assert counts.stated["finished"] == 4


def test_rows_without_ids_are_one_problem_by_their_prompt_in_every_layout(tmp_path: Path) -> None:
    ids = [
        load_counts(write(tmp_path / f"{n}.jsonl", ROWS[n])).ids for n in ("trl", "wandb", "verl", "nemo_gym")
    ]
    assert len(set(ids)) == 1


def test_several_files_and_patterns(tmp_path: Path) -> None:
    for i in range(2):
        rows = [ROWS["nemo_skills"][i], ROWS["nemo_skills"][2 + i]]
        write(tmp_path / f"output-rs{i}.jsonl", rows)
    check_pair(load_counts(str(tmp_path / "output-rs*.jsonl")))
    check_pair(load_counts([tmp_path / "output-rs0.jsonl", tmp_path / "output-rs1.jsonl"]))
    check_pair(load_counts(tmp_path))
    with pytest.raises(InputError, match="no sample file"):
        load_counts(str(tmp_path / "other*.jsonl"))


def test_an_inspect_log_is_a_zip_of_samples(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", "{}")
        for i, row in enumerate(ROWS["inspect_sample"]):
            packed.writestr(f"samples/{i}_epoch_1.json", json.dumps(row))
    check_pair(load_counts(tmp_path / "log.eval"))


def test_counts_in_a_table_with_the_columns_named(tmp_path: Path) -> None:
    path = tmp_path / "per_question.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["qid", "question", "c_base", "c_rl", "k"], [0, "Pens, how many?", 1, 2, 8], [1, MILES, 8, 8, 8]]
        )
    with pytest.raises(DataError, match=r"--columns problem_id=qid,n_correct=c_base,n_samples=k"):
        load_counts(path)
    counts = load_counts(path, reading=SampleReading(columns={"n_correct": "c_rl", "n_samples": "k"}))
    assert (counts.n.tolist(), counts.c.tolist()) == ([8, 8], [2, 8])
    assert counts.prompts["0"] == "Pens, how many?"


def test_graded_scores_ask_from_where_on_they_are_right(tmp_path: Path) -> None:
    rows = [{"id": i % 2, "prompt": PENS, "reward": score} for i, score in enumerate((0.4, 0.5, 0.9, 0.0))]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=r"a score of 0.4: .*--pass-at 0.5"):
        load_counts(path)
    counts = load_counts(path, reading=SampleReading(pass_at=0.5))
    assert counts.c.tolist() == [1, 1]
    assert "scores of 0.5 and more count as right" in counts.notes[0]


def test_what_is_not_known_says_what_to_write(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"frage": "?", "stimmt": 1}])
    with pytest.raises(
        DataError, match=r"Columns: frage, stimmt;.*--columns problem_id=COLUMN,correct=stimmt"
    ):
        load_counts(path)
    with pytest.raises(InputError, match="is not one of leadline, lm_eval"):
        SampleReading("nothing")
    with pytest.raises(InputError, match=r"columns.colour: unknown field"):
        SampleReading(columns={"colour": "red"})


MESSAGES = json.dumps([{"role": "user", "content": PENS}])


@pytest.mark.parametrize(
    "row",
    [
        {"resps": [[RIGHT]], "arguments": {"gen_args_0": {"arg_0": [MESSAGES]}}},
        {"resps": [[RIGHT]], "arguments": [[PENS, {"until": ["Q:"]}]]},
        {"filtered_resps": [GOLDS[PENS]], "doc": {"question": PENS}},
        {"filtered_resps": [[GOLDS[PENS]]], "arguments": {"gen_args_0": {"arg_0": PENS}}},
    ],
)
def test_lm_eval_files_that_were_thinned_out_are_read(row: dict[str, Any], tmp_path: Path) -> None:
    """Without the documents, or without the responses, as some people keep them; a verdict under any metric's name."""
    rows = [
        {"doc_id": i, "target": GOLDS[PENS], "metrics": ["tolerant"], "tolerant": float(i)} | row
        for i in (0, 1)
    ]
    path = write(tmp_path / "samples.jsonl", rows)
    (first, second) = (one for _, one in sample_rows([path]))
    assert (first["prompt"], first["correct"], second["correct"]) == (PENS, False, True)


@pytest.mark.parametrize(
    "row",
    [
        {"correct": "maybe"},
        {"correct": -1},
        {"correct": {}},
        {"correct": True, "n_tokens": "7"},
        {"correct": True, "finished": "yes"},
        {"n_samples": 0, "n_correct": 0},
        {"problem_id": None, "completion": "x"},
    ],
)
def test_converting_refuses_rows_of_our_own_layout_that_could_not_be_counted(
    row: dict[str, Any], tmp_path: Path
) -> None:
    good = {"problem_id": "a", "correct": True}
    path, out = write(tmp_path / "a.jsonl", [good, {"problem_id": "b"} | row]), tmp_path / "out.jsonl"
    with pytest.raises(DataError, match=r"a\.jsonl:2: "):
        convert_samples([path], out)
    assert not out.exists()
    done = convert_samples([path], out, skip_bad_rows=True)
    assert (done.written, len(done.skipped)) == (1, 1)


def test_converting_nothing_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl: no usable row"):
        convert_samples([write(tmp_path / "a.jsonl", [])], tmp_path / "out.jsonl")


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_threshold_is_a_number(score: float) -> None:
    with pytest.raises(InputError, match="--pass-at"):
        SampleReading(pass_at=score)


@pytest.mark.parametrize(
    ("text", "why"),
    [('a,b\n"x,1\ny,2\n', ":1: a quote is opened"), ("a,b,a\n1,2,3\n", ":1: 'a': more than one column")],
)
def test_tables_that_would_be_read_otherwise_than_meant(text: str, why: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=why):
        list(read_rows(table))


def test_verdicts_beside_a_list_of_generations_are_taken(tmp_path: Path) -> None:
    row = {"problem": PENS, "generations": [WRONG, RIGHT], "answer": GOLDS[PENS]}
    path = write(tmp_path / "a.jsonl", [row | {"correctness_math_verify": [True, False]}])
    assert [one["correct"] for _, one in sample_rows([path])] == [True, False]


def test_the_column_that_is_guessed_for_a_verdict_could_be_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"run": "x", "kind": "easy", "passed_it": 1}])
    with pytest.raises(DataError, match="correct=passed_it"):
        list(sample_rows([path]))


def test_the_filter_of_lm_eval_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS["lm_eval"])
    counts = load_counts(path, reading=SampleReading("lm_eval:flexible-extract"))
    check_pair(counts)
    assert "'flexible-extract' was read" in counts.notes[0]


def test_several_rewards_ask_which_one_counts(tmp_path: Path) -> None:
    rows = [{"step": 1, "prompt": p, "completion": t, "a": s, "b": 1 - s} for p, t, s in PAIRS]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match="which reward says right or wrong"):
        load_counts(path)
    check_pair(load_counts(path, reading=SampleReading(columns={"correct": "a"})))


def test_rows_that_contradict_the_problem_set_are_refused(tmp_path: Path) -> None:
    data = write(
        tmp_path / "data.jsonl",
        [{"id": 0, "question": MILES, "answer": "10"}, {"id": 1, "question": PENS, "answer": "7"}],
    )
    problems = list(load_problems(data))
    samples = write(tmp_path / "a.jsonl", ROWS["qwen_math"])
    with pytest.raises(DataError, match="2 ids stand for another problem in the samples"):
        load_counts(samples, reading=SampleReading(problems=problems))
    other = write(tmp_path / "b.jsonl", [{"problem_id": 1, "gold": "8", "correct": True}])
    with pytest.raises(
        DataError, match=r"another answer(.|\n)*'1': '7' in the problem set, '8' in the samples"
    ):
        load_counts(other, reading=SampleReading(problems=problems))
    same = write(tmp_path / "c.jsonl", [{"problem_id": 1, "gold": "7.0", "correct": True}])
    assert load_counts(same, reading=SampleReading(problems=problems)).c.tolist() == [1]


def test_rows_without_ids_get_those_of_the_problem_set(tmp_path: Path) -> None:
    data = write(
        tmp_path / "data.jsonl",
        [{"id": "pens", "question": PENS, "answer": "7"}, {"id": "miles", "question": MILES, "answer": "10"}],
    )
    counts = load_counts(
        write(tmp_path / "a.jsonl", ROWS["verl"]), reading=SampleReading(problems=list(load_problems(data)))
    )
    assert counts.ids == ("pens", "miles")


def test_converted_files_say_the_same(tmp_path: Path) -> None:
    for name in ("trl", "lm_eval", "nested"):
        path = write(tmp_path / f"{name}.jsonl", ROWS[name])
        out = tmp_path / f"{name}.out.jsonl.gz"
        reading = SampleReading(count_tokens=lambda text: len(text.split()))
        assert convert_samples([path], out, reading=reading).written == 4
        counts = load_counts(out)
        check_pair(counts)
        assert counts.stated["n_tokens"] == 4
        assert counts.notes == ()


def test_nothing_is_written_of_files_with_bad_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*ROWS["verifiers"], {**ROWS["verifiers"][0], "reward": 0.3}])
    with pytest.raises(DataError, match=r"a.jsonl:5: a score of 0.3"):
        convert_samples([path], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
    assert convert_samples([path], tmp_path / "out.jsonl", skip_bad_rows=True).written == 4


def test_rows_of_other_kinds_of_files(tmp_path: Path) -> None:
    one = tmp_path / "one.json"
    one.write_text('{\n "a": 1\n}\n')
    assert [row.values for row in read_rows(one)] == [{"a": 1}]
    named = tmp_path / "array.jsonl"
    named.write_text('[\n {"a": 1},\n {"a": 2}\n]')
    assert [row.place.rpartition(":")[2] for row in read_rows(named)] == ["2", "3"]
    table = tmp_path / "t.csv"
    table.write_text('\ufeffa,b,c\n1,true,"x, y"\n0.5,,007\n')
    assert [dict(row.values) for row in read_rows(table)] == [
        {"a": 1, "b": True, "c": "x, y"},
        {"a": 0.5, "b": None, "c": "007"},
    ]
    ids = tmp_path / "t.parquet"
    pq.write_table(pa.table({"problem_id": [1], "completion_ids": [[1, 2, 3]], "correct": [True]}), ids)
    assert [dict(row.values) for row in read_rows(ids)] == [{"problem_id": 1, "correct": True}]


def test_problem_files_of_others(tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "human", "content": PENS}], "reward_model": {"ground_truth": "7"}},
        {"problem": MILES, "answer": {"value": "10"}},
    ]
    found = load_problems(write(tmp_path / "a.jsonl", rows))
    assert [(p.prompt, p.answer) for p in found] == [(PENS, "7"), (MILES, "10")]
    same = [{"id": 0, "instance": i, "question": f"{PENS} {i}", "answer": "#### 7"} for i in range(2)]
    assert [p.id for p in load_problems(write(tmp_path / "b.jsonl", same))] == ["0-0", "0-1"]


SHARED = {  # file or pattern -> counts of its problems, samples and right ones, worked by hand
    "array.json": ([2, 2], [1, 2]),
    "samples.parquet": ([2, 2], [1, 2]),
    "lm_eval_samples_gsm8k.jsonl": ([2, 2], [1, 1]),
    "nemo_skills_output-rs*.jsonl": ([2, 2], [1, 1]),
    "qwen_math_eval.jsonl": ([2, 2], [1, 1]),
    "reasoning_gym_results.json": ([2, 2], [1, 1]),
    "rollouts_nested.jsonl": ([2, 2], [1, 1]),
    "trl": ([2, 2], [1, 2]),
    "verifiers_results.jsonl": ([2, 2], [1, 2]),
    "verl_rollout_1.jsonl": ([2, 2], [1, 2]),
    "wandb_completions.table.json": ([2, 2], [1, 2]),
    "gold_row.jsonl": ([2, 2], [1, 2]),
}


@pytest.mark.parametrize("name", SHARED)
def test_shared_files_are_read_as_they_are(shared_data: Path, name: str) -> None:
    counts = load_counts(str(shared_data / "foreign" / name))
    assert (counts.n.tolist(), counts.c.tolist()) == SHARED[name]


def test_shared_problem_files_are_read_as_they_are(shared_data: Path) -> None:
    sizes = {"array_named.jsonl": 2, "gsm_symbolic_ids.jsonl": 2, "role_human.jsonl": 1, "gold_data.jsonl": 2}
    for name, size in sizes.items():
        assert len(load_problems(shared_data / "foreign" / name)) == size


def test_an_array_of_any_length_is_read_a_row_at_a_time(tmp_path: Path) -> None:
    """Rows cut by the ends of what is read at once, with their lines; what is behind is let go of."""
    rows = [{"problem_id": f"p{i}", "completion": "ü" * (i % 7) * 1000} for i in range(700)]
    path = tmp_path / "rows.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")
    assert path.stat().st_size > 2 * 2**20
    read = list(read_rows(path))
    assert [row.values for row in read] == rows
    assert [row.at for row in read] == list(range(2, 702))
    path.write_text("[" + json.dumps(rows[0]) + ',\n{"problem_id": [' + "[]," * 2_200_000 + "[]]}]")
    with pytest.raises(DataError, match=r"rows\.json:2: more than 4,194,304 values"):
        list(read_rows(path))


RATED = [
    {"problem": "1 + 1?", "answer": "2", "share": 0.44},
    {"problem": "2 + 2?", "answer": "4", "share": 1},
]


def rated(tmp_path: Path, columns: dict[str, str], rows: list[dict[str, Any]] = RATED) -> Counts:
    path = write(tmp_path / "rates.jsonl", rows)
    return load_counts(path, reading=SampleReading(columns=columns))


def test_published_solve_rates_are_counts_of_so_many_samples(tmp_path: Path) -> None:
    found = rated(tmp_path, {"solve_rate": "share", "n_samples": "16"})
    assert sorted(zip(found.c.tolist(), found.n.tolist(), strict=True)) == [(7, 16), (16, 16)]
    rows = [row | {"tries": 25 * (at + 1)} for at, row in enumerate(RATED)]
    found = rated(tmp_path, {"solve_rate": "share", "n_samples": "tries"}, rows)
    assert sorted(zip(found.c.tolist(), found.n.tolist(), strict=True)) == [(11, 25), (50, 50)]
    named = [row | {"16": 50} for row in RATED]  # a column of that name goes first
    found = rated(tmp_path, {"solve_rate": "share", "n_samples": "16"}, named)
    assert set(found.n) == {50}


@pytest.mark.parametrize(
    ("share", "tries", "why"),
    [
        (0.4, "16", "no whole number of 16 samples"),
        (144, "16", "the solve rate is '144', not a share from 0 to 1 or a percentage"),
        (True, "16", "not a share"),
        ("half", "16", "not a share"),
        (float("nan"), "16", "not a share|is not a number|nan"),
        (0.5, "0", "a solve rate of '0' samples"),
        (0.5, "tries", "column 'tries' is missing"),
    ],
)
def test_a_rate_that_is_none_is_refused_with_its_row(
    tmp_path: Path, share: object, tries: str, why: str
) -> None:
    with pytest.raises(DataError, match=why) as caught:
        rated(tmp_path, {"solve_rate": "share", "n_samples": tries}, [RATED[0], RATED[1] | {"share": share}])
    assert "rates.jsonl:2" in str(caught.value) or tries in ("0", "tries")


def test_rates_without_the_number_of_samples_are_refused_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of how many samples was each rate taken"):
        rated(tmp_path, {"solve_rate": "share"})
    path = write(tmp_path / "rates.jsonl", RATED)
    with pytest.raises(DataError, match=r"--columns solve_rate=share,n_samples=NUMBER"):
        load_counts(path)
