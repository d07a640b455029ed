"""Columns whose names may mean several things: what is taken, what is said of it, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.data import load_problems
from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError

Rows = list[dict[str, Any]]


def counted(
    tmp_path: Path, rows: Rows, columns: dict[str, str] | None = None, name: str = "a.jsonl"
) -> Counts:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_counts(path, reading=SampleReading(columns=columns or {}))


def tallied(counts: Counts) -> dict[str, tuple[int, int]]:
    return {name: (int(c), int(n)) for name, c, n in zip(counts.ids, counts.c, counts.n, strict=True)}


def test_the_reference_is_not_what_the_model_answered(tmp_path: Path) -> None:
    rows = [
        {
            "question": f"{i} + 1?",
            "answer": str(i),
            "ground_truth": str(i + 1),
            "output": f"The answer is {i}.",
        }
        for i in range(4)
    ]
    counts = counted(tmp_path, rows)
    assert counts.c.sum() == 0
    assert set(counts.golds.values()) == {"1", "2", "3", "4"}
    assert any("gold is read from 'ground_truth'; 'answer' would do as well" in note for note in counts.notes)
    chosen = counted(tmp_path, rows, {"gold": "answer"})
    assert chosen.c.sum() == 4
    assert not any("would do" in note for note in chosen.notes)


def test_what_names_a_question_goes_before_what_numbers_a_row(tmp_path: Path) -> None:
    rows = [{"id": i, "question_id": i // 4, "is_correct": i % 2} for i in range(12)]
    assert tallied(counted(tmp_path, rows)) == {"0": (2, 4), "1": (2, 4), "2": (2, 4)}


def test_ids_that_number_the_samples_are_told_and_the_prompt_will_do(tmp_path: Path) -> None:
    rows = [{"index": i, "question": f"What is {i // 4} + 1?", "is_correct": i % 2} for i in range(12)]
    assert any("12 ids of one sample each, for 3 prompts" in note for note in counted(tmp_path, rows).notes)
    found = counted(tmp_path, rows, {"problem_id": "question"})
    assert (len(found), set(found.n)) == (3, {4})


def test_an_instruction_and_its_input_are_one_prompt(tmp_path: Path) -> None:
    rows = [
        {
            "instruction": "Solve it.",
            "input": f"{i} + 1 = ?",
            "output": f"\\boxed{{{i + 1}}}",
            "gold": str(i + 1),
        }
        for i in (1, 1, 2)
    ]
    assert sorted(counted(tmp_path, rows).n) == [1, 2]
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({"instruction": "Solve it.", "input": "1 + 1 = ?", "answer": "2"}) + "\n")
    assert load_problems(path).problems[0].prompt == "Solve it.\n\n1 + 1 = ?"


def test_the_final_answer_of_a_problem_goes_before_worked_text(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(
        json.dumps({"question": "1 + 1?", "answer": "One and one are 2.", "final_answer": "2"}) + "\n"
    )
    assert load_problems(path).problems[0].answer == "2"


@pytest.mark.parametrize("name", ["total", "k", "n", "samples"])
def test_unclear_counts_are_asked_about_where_a_problem_has_several_rows(tmp_path: Path, name: str) -> None:
    rows = [{"question": f"{i // 4}?", "correct": i % 2, name: 700 + i} for i in range(8)]
    with pytest.raises(
        DataError, match=f"--columns correct=correct; if it counts several.*n_samples={name}"
    ) as told:
        counted(tmp_path, rows)
    assert len(told.value.problems) == 1
    assert list(counted(tmp_path, rows, {"correct": "correct"}).n) == [4, 4]
    once = [{"question": f"{i}?", "correct": i, name: 8} for i in range(4)]
    assert sorted(tallied(counted(tmp_path, once)).values()) == [(0, 8), (1, 8), (2, 8), (3, 8)]


@pytest.mark.parametrize("name", ["accuracy", "correct"])
def test_a_share_beside_a_number_of_samples_is_told_to_be_a_solve_rate(tmp_path: Path, name: str) -> None:
    rows = [{"question": "1?", name: 0.125, "n": 8}, {"question": "2?", name: 1.0, "n": 8}]
    with pytest.raises(DataError, match=f"--columns solve_rate={name},n_samples=n"):
        counted(tmp_path, rows)
    found = counted(tmp_path, rows, {"solve_rate": name, "n_samples": "n"})
    assert sorted(tallied(found).values()) == [(1, 8), (8, 8)]


def test_one_id_for_two_problems_is_refused_with_both(tmp_path: Path) -> None:
    rows = [
        {"doc_id": i, "question": f"{kind} number {i}: what is {7 * i + at}?", "is_correct": at, "gold": "1"}
        for at, kind in enumerate(("Algebra", "Geometry"))
        for i in range(4)
    ]
    with pytest.raises(DataError, match="4 ids stand for another problem in a later one") as told:
        counted(tmp_path, rows)
    assert "--columns problem_id=COLUMN" in told.value.problems[-1]
    again = [
        row | {"question": row["question"].upper() + " "} for row in rows[:4]
    ]  # typesetting is no other problem
    assert len(counted(tmp_path, [*rows[:4], *again])) == 4


def test_one_id_for_two_reference_answers_is_refused_unless_they_are_equal(tmp_path: Path) -> None:
    rows = [{"id": "a", "completion": "\\boxed{0.5}", "gold": gold} for gold in ("1/2", "0.5")]
    assert tallied(counted(tmp_path, rows)) == {"a": (2, 2)}
    with pytest.raises(DataError, match="1 ids stand for another answer"):
        counted(tmp_path, [*rows, {"id": "a", "completion": "\\boxed{3}", "gold": "3"}])


@pytest.mark.parametrize("blank", [math.nan, "", "  "])
def test_a_blank_id_is_none(tmp_path: Path, blank: Any) -> None:
    rows = [{"id": blank, "question": f"What is {i} + 1?", "is_correct": 1} for i in (1, 2, 2)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert sorted(load_counts(tmp_path / "a.parquet").n) == [1, 2]


def test_whole_numbers_of_a_column_with_gaps_are_ids(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"problem_id": [1.0, 1.0, 2.0], "correct": [True, False, True]}), tmp_path / "a.parquet"
    )
    assert tallied(load_counts(tmp_path / "a.parquet")) == {"1": (1, 2), "2": (1, 1)}


def test_verdicts_of_text_are_read(tmp_path: Path) -> None:
    rows = [{"id": "a", "correct": word} for word in ("1", "0", "True", "false")]
    assert tallied(counted(tmp_path, rows, {"correct": "correct"})) == {"a": (2, 4)}


def test_samples_of_two_models_and_what_a_folder_holds_besides_are_said(tmp_path: Path) -> None:
    rows = [{"model": name, "question": "1?", "is_correct": 1} for name in ("base", "tuned", "tuned")]
    assert any("several models taken together: base, tuned" in note for note in counted(tmp_path, rows).notes)
    assert not any("several models" in note for note in counted(tmp_path, rows[1:]).notes)
    folder = tmp_path / "shards"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl.1"):
        (folder / name).write_text('{"problem_id": "a", "correct": true}\n')
    found = load_counts(folder)
    assert found.n.sum() == 1
    assert "shards: not read: b.jsonl.1" in found.notes


def test_the_tables_of_lm_eval_are_no_samples(tmp_path: Path) -> None:
    row = {"doc_id": 0, "doc": {"question": "1?"}, "target": "1", "resps": [["1"]], "filtered_resps": ["1"]}
    more = {"filter": "none", "metrics": ["exact_match"], "exact_match": 1.0, "arguments": {}}
    (tmp_path / "samples_task.jsonl").write_text(json.dumps(row | more) + "\n")
    (tmp_path / "results_2026.json").write_text('{"results": {}}')
    found = load_counts(tmp_path)
    assert (found.c.sum(), found.n.sum()) == (1, 1)
    assert any("not read: results_2026.json" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "cut", "ended"),
    [("finish_reason", "length", "stop"), ("truncated", True, False), ("finished", False, True)],
)
@pytest.mark.parametrize("given", [False, True])
def test_how_a_sample_ended_is_read_by_its_usual_names(
    tmp_path: Path, name: str, cut: object, ended: object, given: bool
) -> None:
    rows = [{"question": "1?", "is_correct": 0, name: value} for value in (cut, ended, ended)]
    found = counted(tmp_path, rows, {"finished": name} if given else {})
    assert (found.truncated.sum(), found.stated["finished"]) == (1, 3)


def test_what_a_model_answered_is_no_reference_where_the_file_has_verdicts(tmp_path: Path) -> None:
    rows = [
        {"question": f"{i // 4}?", "response": "Four.", "answer": str(i % 4), "correct": i % 4 == 0}
        for i in range(8)
    ]
    assert sorted(tallied(counted(tmp_path, rows)).values()) == [(1, 4), (1, 4)]


def test_a_contradicting_problem_can_be_left_out(tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "completion": f"\\boxed{{{i}}}", "gold": str(i)} for i in (1, 2, 2, 3)]
    rows.append({"question": "3?", "completion": "\\boxed{3}", "gold": "4"})
    with pytest.raises(DataError, match="--skip-bad-rows"):
        counted(tmp_path, rows)
    found = load_counts(tmp_path / "a.jsonl", on_bad_row="skip")
    assert sorted(tallied(found).values()) == [(1, 1), (2, 2)]
    assert any("'3' in an earlier row, '4' in a later one" in line for line in found.skipped)
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[3:]))
    with pytest.raises(DataError, match="stand for another answer"):  # nothing would be left
        load_counts(tmp_path / "b.jsonl", on_bad_row="skip")


@pytest.mark.parametrize(
    "better",
    [{"correct_answer": True}, {"ground_truth": ["a", "b"]}, {"ground_truth": "We begin with one. " * 30}],
)
def test_a_reference_is_a_short_answer(tmp_path: Path, better: dict[str, Any]) -> None:
    rows = [{"question": "3 + 4?", "completion": "\\boxed{7}", "answer": "7", **better}]
    assert tallied(counted(tmp_path, rows)).popitem()[1] == (1, 1)


def test_ids_of_a_table_with_gaps_match_those_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,is_correct\n0.0,1\n0.0,0\n1.10,1\n1.1,1\n")
    assert tallied(load_counts(tmp_path / "a.csv")) == {"0": (1, 2), "1.10": (1, 1), "1.1": (1, 1)}


@pytest.mark.parametrize("name", ["task_id", "record_id"])
def test_an_id_goes_before_what_names_a_task_or_a_record(tmp_path: Path, name: str) -> None:
    rows = [{"id": i // 4, name: i if name == "record_id" else "gsm8k", "is_correct": 1} for i in range(8)]
    assert tallied(counted(tmp_path, rows)) == {"0": (4, 4), "1": (4, 4)}


def test_other_examples_before_the_same_question_are_the_same_problem(tmp_path: Path) -> None:
    things = ("apples in the garden", "books on the shelf", "coins under the stone", "stamps in the drawer")
    ends = [
        f"Ben finds {i} more {thing} and gives half away. How many has he?" for i, thing in enumerate(things)
    ]
    rows = [
        {"id": i, "prompt": f"Example {k} of {7 * k + i} words. {ends[i]}", "is_correct": 1}
        for k in (1, 2)
        for i in range(4)
    ]
    assert len(counted(tmp_path, rows)) == 4


def test_scores_that_a_table_has_no_value_for_are_unscorable(tmp_path: Path) -> None:
    table = pa.table({"question": ["1?", "1?"], "reward": [1.0, math.nan]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = load_counts(tmp_path / "a.parquet")
    assert (found.c.sum(), found.unscorable.sum()) == (1, 1)


TRL = [
    {"prompt": f"{i // 2}?", "completion": "7", "step": 1, "accuracy_reward": 1.0, "key": f"p{i // 2}"}
    for i in range(4)
]


def test_given_columns_are_heeded_by_layouts_that_know_their_own(tmp_path: Path) -> None:
    found = counted(tmp_path, TRL, {"problem_id": "key"})
    assert tallied(found) == {"p0": (2, 2), "p1": (2, 2)}
    with pytest.raises(DataError, match="column 'nosuch' is missing"):
        counted(tmp_path, TRL, {"n_tokens": "nosuch"})
    long = [row | {"key": "A text that is longer than any name is. " * 20} for row in TRL[:2]]
    assert list(counted(tmp_path, long, {"problem_id": "key"}).n) == [2]


def test_a_solve_rate_goes_before_samples_that_stand_beside_it(tmp_path: Path) -> None:
    rows = [
        {"problem": f"{i}?", "answer": "1", "generations": ["1", "2"], "pass_rate": i / 4} for i in (1, 2)
    ]
    found = counted(tmp_path, rows, {"solve_rate": "pass_rate", "n_samples": "16"})
    assert sorted(tallied(found).values()) == [(4, 16), (8, 16)]


def test_a_new_name_of_a_column_is_one_edit(tmp_path: Path) -> None:
    """Added to the table of roles, it is read in problem files, in sample files, and as words in CSV."""
    script = f"""
import importlib.util, pathlib, sys
import leadline

place = pathlib.Path(leadline.__file__).parent / "data" / "column_roles.py"
source = place.read_text()
for name, new in (('"label_answer"', '"label_answer", "sollwert"'), ('"uid", "idx"', '"uid", "kennung", "idx"')):
    assert name in source
    source = source.replace(name, new, 1)
spec = importlib.util.spec_from_file_location("leadline.data.column_roles", place)
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
exec(compile(source, str(place), "exec"), sys.modules[spec.name].__dict__)
from leadline.data.problems.loading import load_problems
from leadline.data.samples.sources import load_counts
folder = pathlib.Path({str(tmp_path)!r})
(folder / "p.csv").write_text("kennung,prompt,sollwert\\n1.10,What?,7\\n1.1,Which?,8\\n")
print([(p.id, p.answer) for p in load_problems(folder / "p.csv")])
(folder / "s.csv").write_text("kennung,prompt,sollwert,response\\n1.10,What?,7,7\\n1.1,Which?,8,9\\n")
counts = load_counts(folder / "s.csv")
print(counts.ids, counts.c.tolist())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[('1.10', '7'), ('1.1', '8')]", "('1.10', '1.1') [1.0, 0.0]"]


def test_what_scores_count_as_is_said(tmp_path: Path) -> None:
    rows = [{"id": 1, "prompt": "?", "response": "a", "score": score} for score in (1, 0, -1, -1)]
    found = counted(tmp_path, rows)
    assert found.c.tolist() == [1]
    assert "2 scores of -1 count as wrong, as those of 0 do" in found.notes[0]
    assert not any("-1" in note for note in counted(tmp_path, [rows[0], rows[2]]).notes)
    rows = [{"id": 1, "prompt": "?", "response": "a", "score": score} for score in (0, 40, 100)]
    with pytest.raises(DataError, match=r"a score of 40: .* --pass-at 50, if it is in percent"):
        counted(tmp_path, rows)
    path = tmp_path / "a.jsonl"
    found = load_counts(path, reading=SampleReading(pass_at=0.5))
    assert found.c.tolist() == [2]
    assert "scores of 0.5 and more count as right (they go from 0 to 100)" in found.notes[0]


@pytest.mark.parametrize(("rates", "said"), [((0, 1), "a solve rate is"), ((0.0, 62.5), "a solve rate")])
def test_a_rate_of_several_samples_is_no_verdict_of_one(
    tmp_path: Path, rates: tuple[float, ...], said: str
) -> None:
    """Published rates that happen to be 0 or 1 were one sample each, in silence."""
    rows = [{"id": i, "accuracy": rate, "n_samples": 8} for i, rate in enumerate(rates)]
    with pytest.raises(DataError, match=said):
        counted(tmp_path, rows)
    assert counted(tmp_path, [rows[0]], {"correct": "accuracy"}).n.tolist() == [1]
