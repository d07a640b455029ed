"""Problems that differ in an image alone are several: in sample files, in problem sets, in what the probe keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.data import load_problems, overlap
from leadline.data.prompt_media import media_digest
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.probe.run import run_probe
from leadline.errors import DataError


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def turns(url: str) -> list[dict[str, Any]]:
    """A question with an image, as the OpenAI API has it."""
    content = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What is the area?"},
    ]
    return [{"role": "user", "content": content}]


def test_images_in_parts_of_the_prompt_tell_problems_apart(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": turns(f"https://example.org/{i}.png"),
            "completion": str(i + j),
            "reward": float(j < 2 * i),
        }
        for i in range(2)
        for j in range(4)
    ]
    counts = load_counts(write(tmp_path / "a.jsonl", rows))
    assert (counts.n.tolist(), counts.c.tolist()) == ([4, 4], [0, 2])
    assert "known by their prompt and by what of it is no text" in counts.notes[0]


@pytest.mark.parametrize("column", ["images", "image", "image_1", "video_path", "audio"])
def test_a_column_of_images_tells_problems_apart(tmp_path: Path, column: str) -> None:
    rows = [
        {"prompt": "What is it?", column: f"{i}.png", "completion": f"{i}{j}", "score": i % 2}
        for i in range(3)
        for j in range(2)
    ]
    assert load_counts(write(tmp_path / "a.jsonl", rows)).n.tolist() == [2, 2, 2]


def test_parquet_with_bytes_and_trl_tables(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        # one picture, in two places; and another one
        {"step": 1, "prompt": "What?", "completion": f"{i}", "accuracy_reward": float(i == 2)}
        | {"images": [{"bytes": b"PNG" + bytes([i == 2]), "path": f"tmp{i}"}]}
        for i in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert load_counts(tmp_path / "a.parquet").n.tolist() == [2, 1]
    table = {
        "columns": ["step", "prompt", "completion", "accuracy_reward", "images"],
        "data": [[1, "What?", str(i), 1.0, [{"path": f"{i}.png", "sha256": "ab"[i // 2]}]] for i in range(4)],
    }
    (tmp_path / "b.json").write_text(json.dumps(table))
    assert load_counts(tmp_path / "b.json").n.tolist() == [2, 2]


def test_problem_sets_and_what_the_probe_keeps(tmp_path: Path) -> None:
    rows = [{"problem": "What is x?", "answer": "7", "images": [f"{i}.png"]} for i in range(3)]
    problems = load_problems(write(tmp_path / "p.jsonl", [*rows, rows[0]]))
    assert [len({problem.id[:16] for problem in problems}), len(problems.duplicates)] == [3, 1]
    assert len(overlap(list(problems)[:1], list(problems))) == 2
    samples = [
        {
            "problem_id": problem.id,
            "prompt": "What is x?",
            "gold": "7",
            "images": [f"{i}.png"],
            "correct": j < 4,
        }
        for i, problem in enumerate(list(problems)[:3])
        for j in range(8)
    ]
    found = run_probe(write(tmp_path / "s.jsonl", samples))
    assert found.duplicates == ()
    assert len(found.kept) == 3
    named = SampleReading(problems=list(problems)[:3])
    rows = [
        {"prompt": "What is x?", "images": [f"{i % 3}.png"], "completion": "7", "score": 1.0}
        for i in range(6)
    ]
    counts = load_counts(write(tmp_path / "r.jsonl", rows), reading=named, golds=None)
    assert (counts.ids, counts.c.tolist()) == (tuple(p.id for p in named.problems), [2, 2, 2])


def test_a_sample_that_lacks_the_image_of_its_problem_is_asked_about(tmp_path: Path) -> None:
    rows = [{"problem": "What is x?", "answer": "7", "images": [f"{i}.png"]} for i in range(3)]
    named = SampleReading(problems=list(load_problems(write(tmp_path / "p.jsonl", rows))))
    path = write(tmp_path / "s.jsonl", [{"prompt": "What is x?", "completion": "7", "score": 1.0}])
    with pytest.raises(DataError, match=r"s.jsonl:1: the prompt is that of problem .*no image"):
        load_counts(path, reading=named)


def test_one_id_with_two_images_is_told(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "prompt": "What?", "image": f"{i}.png", "completion": "a", "score": 1} for i in range(2)
    ]
    counts = load_counts(write(tmp_path / "a.jsonl", rows))
    assert counts.n.tolist() == [2]
    assert any("1 ids have samples whose prompts hold another image" in note for note in counts.notes)


def test_nothing_is_made_of_no_image_nor_of_what_the_model_said() -> None:
    said = [{"role": "assistant", "content": [{"type": "image", "image": "x.png"}]}]
    assert media_digest([], None, {"bytes": None, "path": None}, float("nan"), prompt=said) is None
    placeholder = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    assert media_digest(["a.png"], prompt=placeholder) == media_digest(["a.png"])
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    with pytest.raises(ValueError, match="nested more than 20 deep"):
        media_digest(deep)


def test_samples_in_our_own_layout_find_their_problem_by_the_images_in_their_columns(tmp_path: Path) -> None:
    rows = [{"problem": "What is x?", "answer": "7", "images": [f"{i}.png"]} for i in range(2)]
    named = SampleReading(problems=list(load_problems(write(tmp_path / "p.jsonl", rows))))
    samples = [
        {"problem_id": f"run/{i}", "prompt": "What is x?", "images": [f"{i}.png"], "correct": i == 1}
        for i in range(2)
    ]
    counts = load_counts(write(tmp_path / "s.jsonl", samples), reading=named)
    assert (counts.ids, counts.c.tolist()) == (tuple(problem.id for problem in named.problems), [0, 1])
