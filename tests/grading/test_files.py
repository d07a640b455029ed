"""Grading whole files: what is written, what is named, and going on after an interruption."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import DataError, InputError
from leadline.grading import GradeProgress, grade_file
from leadline.grading import files as grading_files
from leadline.storage import jsonl

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


def test_a_file_of_malformed_rows_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_BAD_LINES", 3)
    source = write(tmp_path / "g.jsonl", ["{}", "x", "{}", '{"response": 1}', json.dumps(ROWS[0])])
    with pytest.raises(DataError, match=r"g\.jsonl:4: .*and 3 lines before it"):
        grade_file(source)
    assert [path.name for path in tmp_path.iterdir()] == ["g.jsonl"]


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
    with pytest.raises(InputError, match="is read here"):
        grade_file(source, source)
    grade_file(source, tmp_path / "out.jsonl")
    other = write(tmp_path / "other.jsonl", [json.dumps({"response": "another", "gold": "1"})])
    with pytest.raises(InputError, match="not the grade of a row of"):
        grade_file(other, tmp_path / "out.jsonl", resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_is_not_ours_is_never_touched(source: Path, tmp_path: Path, resume: bool) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text('Chapter 1\n{"line": 1')
    with pytest.raises(InputError, match=r"thesis\.txt"):
        grade_file(source, thesis, resume=resume)
    assert thesis.read_text() == 'Chapter 1\n{"line": 1'
    thesis.write_text("no line at all")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        grade_file(source, thesis, resume=resume)
    assert thesis.read_text() == "no line at all"


def test_a_refused_resume_changes_nothing(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    grade_file(source, out)
    lines = out.read_bytes().splitlines(keepends=True)
    lines[2] = b'{"line": 3, "reason": "match", "correct": true, "response": "other"}\n'
    content = b"".join(lines) + b'{"line": 6, "rea'
    out.write_bytes(content)
    with pytest.raises(InputError, match=r"out\.jsonl:3: not the grade"):
        grade_file(source, out, resume=True)
    assert out.read_bytes() == content


def test_grades_that_are_there_are_not_overwritten(source: Path) -> None:
    out = grade_file(source).out
    before = out.read_bytes()
    with pytest.raises(InputError, match="go on with it by --resume"):
        grade_file(source)
    assert out.read_bytes() == before
    assert grade_file(source, resume=True).resumed == 5


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n\n", id="blank"),
        pytest.param(b'{"x": 1}\n[1]\n', id="no-row"),
        pytest.param(gzip.compress(b'{"response": "1", "gold": "1"}\n' * 9999)[:-9], id="cut-gzip"),
        pytest.param('{"response": "1", "gold": "1"}\n'.encode("utf-16"), id="utf-16"),
    ],
)
def test_what_cannot_be_graded_is_refused_and_nothing_is_written(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.jsonl"):
        grade_file(path)
    assert [p.name for p in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"timeout_s": 0}, {"timeout_s": float("inf")}, {"memory_mb": 1}]
)
def test_options_are_looked_at_first(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(options)).split('_')[0]} must"):
        grade_file(tmp_path / "missing.jsonl", **options)


def test_what_json_does_not_have_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", ['{"response": "\\\\boxed{1}", "gold": "1", "x": NaN, "y": [1e999]}'])
    (row,) = read(grade_file(path).out)
    assert (row["correct"], row["x"], row["y"]) == (True, None, [None])
