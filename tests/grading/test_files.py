"""Grading whole files: what is written, what is named, and going on after an interruption."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import InputError
from leadline.grading import GradeProgress, grade_file
from leadline.grading import files as grading_files

ROWS: list[dict[str, Any]] = [
    {"id": "a", "response": r"so \boxed{4}", "gold": "4"},
    {"id": "b", "completion": r"so \boxed{5}", "answer": "4"},
    {"id": "c", "response": r"so \boxed{4}", "gold": 4, "finished": False},
    {"id": "d", "response": "I could not find it at all", "gold": "4"},
    {"id": "e", "response": "\ud800 \\boxed{½}", "gold": "0.5"},
]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "in.jsonl", [json.dumps(row) for row in ROWS])


def test_rows_keep_what_they_had_and_gain_a_verdict(source: Path, tmp_path: Path) -> None:
    summary = grade_file(source, tmp_path / "out.jsonl")
    written = read(tmp_path / "out.jsonl")
    assert [row["id"] for row in written] == list("abcde")
    assert [row["line"] for row in written] == [1, 2, 3, 4, 5]
    assert [row["correct"] for row in written] == [True, False, False, False, True]
    assert [row["reason"] for row in written] == ["match", "mismatch", "truncated", "no_answer", "match"]
    assert [row["extracted"] for row in written] == ["4", "5", None, None, "1/2"]
    assert (summary.graded, summary.malformed, summary.accuracy) == (5, [], 0.4)
    assert summary.per_second > 0


def test_malformed_rows_are_named(tmp_path: Path) -> None:
    good = json.dumps(ROWS[0])
    path = write(
        tmp_path / "in.jsonl",
        [good, "{", "[1]", '{"response": "x"}', '{"gold": "1"}', good, "", '{"response": 1, "gold": "1"}'],
    )
    summary = grade_file(path)
    assert [line.split(":")[1] for line in summary.malformed] == ["2", "3", "4", "5"]
    assert "gold" in summary.malformed[2]
    assert "response" in summary.malformed[3]
    assert summary.out == tmp_path / "in.graded.jsonl"
    assert summary.graded == 3


def test_a_compressed_file(source: Path, tmp_path: Path) -> None:
    packed = tmp_path / "in.jsonl.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert grade_file(packed).counts == grade_file(source, tmp_path / "other.jsonl").counts
    assert (tmp_path / "in.graded.jsonl").exists()


def test_resuming_gives_the_same_file(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading_files, "CHUNK", 2)
    whole = tmp_path / "whole.jsonl"
    grade_file(source, whole)
    for cut in (0, 30, 200, len(whole.read_bytes()) - 5, len(whole.read_bytes())):
        part = tmp_path / f"part{cut}.jsonl"
        part.write_bytes(whole.read_bytes()[:cut])
        summary = grade_file(source, part, resume=True)
        assert part.read_bytes() == whole.read_bytes()
        assert summary.graded + summary.resumed == 5
        assert summary.counts.total() == 5


def test_an_interrupt_leaves_what_was_done(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading_files, "CHUNK", 2)
    out = tmp_path / "out.jsonl"

    def stop(progress: GradeProgress) -> None:
        if progress.done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_file(source, out, on_progress=stop)
    assert [row["id"] for row in read(out)] == list("abcd")
    assert grade_file(source, out, resume=True).resumed == 4
    assert [row["id"] for row in read(out)] == list("abcde")


def test_progress_counts_up(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading_files, "CHUNK", 2)
    seen: list[GradeProgress] = []
    grade_file(source, tmp_path / "out.jsonl", on_progress=seen.append)
    assert [progress.done for progress in seen] == [2, 4, 5]
    assert {progress.total for progress in seen} == {5}
    assert sum(seen[-1].counts.values()) == 5


def test_mistakes_are_input_errors(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        grade_file(tmp_path / "missing.jsonl")
    with pytest.raises(InputError, match="over the file"):
        grade_file(source, source)
    grade_file(source, tmp_path / "out.jsonl")
    other = write(tmp_path / "other.jsonl", [json.dumps({"response": "another", "gold": "1"})])
    with pytest.raises(InputError, match="another file"):
        grade_file(other, tmp_path / "out.jsonl", resume=True)
