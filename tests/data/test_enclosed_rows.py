"""Files whose rows stand inside one object: under a key, by their ids, in columns; and what lies beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError

FLAT = [
    {"id": f"p{i}", "question": f"What is {i} + {i}?", "response": f"try {j}", "correct": j <= i}
    for i in range(3)
    for j in range(4)
]
BY_ID = {f"p{i}": [row for row in FLAT if row["id"] == f"p{i}"] for i in range(3)}
LISTS = {name: [row[name] for row in FLAT] for name in FLAT[0]}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def counted(path: Path, content: Any, **how: Any) -> Counts:
    path.write_text(json.dumps(content, indent=1))
    return load_counts(path, reading=SampleReading(**how))


@pytest.mark.parametrize(
    "content",
    [
        {"model": "m", "accuracy": 0.5, "results": FLAT},
        {"id": "run-7", "accuracy": 1.0, "results": FLAT},
        {"config": {"n": 4}, "samples": FLAT},
        {"evalId": "x", "results": {"version": 3, "results": FLAT}},
        {"columns": list(FLAT[0]), "data": [list(row.values()) for row in FLAT], "ncols": 4},
        {"columns": list(FLAT[0]), "index": list(range(12)), "data": [list(row.values()) for row in FLAT]},
        LISTS,
        {name: {str(i): value for i, value in enumerate(values)} for name, values in LISTS.items()},
        {name: [without(row, "id") for row in rows] for name, rows in BY_ID.items()},
        {
            name: {"question": rows[0]["question"]}
            | {"responses": [row["response"] for row in rows], "correct": [row["correct"] for row in rows]}
            for name, rows in BY_ID.items()
        },
    ],
)
def test_the_rows_of_an_object_are_found(content: Any, tmp_path: Path) -> None:
    counts = counted(tmp_path / "all.json", content)
    assert (counts.n.tolist(), counts.c.tolist()) == ([4, 4, 4], [1, 2, 3])
    assert "its rows are" in counts.notes[0]


@pytest.mark.parametrize("inner", ["predictions", "details"])
def test_opencompass_numbers_its_samples(inner: str, tmp_path: Path) -> None:
    """Predictions, which are graded here, and the details of the results, which say what is right."""
    rows = {
        str(i): {"prompt": [{"role": "HUMAN", "prompt": "?"}], "correct": bool(i)}
        if inner == "details"
        else {"origin_prompt": "?", "prediction": f"\\boxed{{{i}}}", "gold": "1"}
        for i in range(2)
    }
    content = {"accuracy": 50.0, "details": {"type": "GEN"} | rows} if inner == "details" else rows
    assert counted(tmp_path / "gsm8k.json", content).c.tolist() == [0, 1]


@pytest.mark.parametrize(
    "row",
    [
        {"id": "p", "samples": [{"id": k, "text": "x", "correct": k > 0} for k in range(2)]},
        {"prompt": "?", "rollouts": [{"problem_id": k, "text": "x", "correct": k > 0} for k in range(2)]},
    ],
)
def test_a_problem_with_its_samples_stays_one(row: dict[str, Any], tmp_path: Path) -> None:
    counts = counted(tmp_path / "one.json", row)
    assert (counts.n.tolist(), counts.c.tolist()) == ([2], [1])


def test_lists_of_two_models_are_not_taken_together_in_silence(tmp_path: Path) -> None:
    counts = counted(tmp_path / "two.json", {"base": FLAT, "tuned": FLAT})
    assert "taken together: base, tuned" in counts.notes[0]


@pytest.mark.parametrize("row", [{"base": {"correct": True}, "tuned": {"correct": False}, "id": 1}])
def test_what_two_models_did_at_one_problem_is_no_list_of_problems(
    row: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"a layout that is not known.*correct=base\.correct"):
        counted(tmp_path / "two.json", row)


def test_named_columns_are_those_of_the_rows_inside(tmp_path: Path) -> None:
    rows = [{"frage": row["question"], "stimmt": row["correct"]} for row in FLAT]
    content = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
    with pytest.raises(DataError, match=r"1 of 'data': a layout that is not known. Columns: frage, stimmt"):
        counted(tmp_path / "t.json", content)
    counts = counted(tmp_path / "t.json", content, columns={"problem_id": "frage", "correct": "stimmt"})
    assert counts.c.tolist() == [1, 2, 3]


def test_a_file_beside_the_samples_is_passed_over_and_named(tmp_path: Path) -> None:
    for half in (0, 1):
        lines = [json.dumps(row) for row in FLAT if row["id"] == f"p{half}"]
        (tmp_path / f"part-{half}.jsonl").write_text("\n".join(lines))
    (tmp_path / "config.json").write_text(json.dumps({"model": "m", "temperature": 1.0}))
    (tmp_path / "metrics.json").write_text(json.dumps({"accuracy": 0.375, "n": 8}, indent=1))
    for columns in ({}, {"correct": "correct"}):
        counts = load_counts(tmp_path, reading=SampleReading(columns=columns))
        assert (counts.n.tolist(), counts.c.tolist()) == ([4, 4], [1, 2])
        assert [note.split(":")[0] for note in counts.notes if "not read" in note] == [
            "config.json",
            "metrics.json",
        ]


def test_a_folder_without_any_sample_is_refused_as_its_first_file(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps({"temperature": 1.0}))
    with pytest.raises(DataError, match=r"a\.json:1: a layout that is not known"):
        load_counts(tmp_path)


def test_a_file_of_several_unknown_rows_is_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in FLAT))
    (tmp_path / "b.jsonl").write_text('{"frage": 1}\n{"frage": 2}\n')
    with pytest.raises(DataError, match=r"b\.jsonl:1: a layout that is not known"):
        load_counts(tmp_path)
