"""Grading a JSONL file: what ``leadline grade`` does."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from leadline.errors import DataError, InputError, StorageError
from leadline.grading.grader import Grader
from leadline.grading.verdict import Grade

__all__ = ["GradeFileSummary", "GradeProgress", "grade_file"]

CHUNK = 512
"""Rows that are graded, written and reported together."""
RESPONSE_KEYS = ("response", "completion")
GOLD_KEYS = ("gold", "answer")


@dataclass(frozen=True, slots=True)
class GradeProgress:
    """Where a file stands: rows done of ``total`` lines, rows per second of this run, counts by reason so far."""

    done: int
    total: int
    per_second: float
    counts: dict[str, int]


@dataclass(slots=True)
class GradeFileSummary:
    """What came of a file.

    Attributes:
        path, out: the files read and written.
        graded: rows graded in this run.
        resumed: rows that an earlier run had graded already.
        malformed: one ``file:line: why`` for each row that could not be graded.
        counts: rows by reason, of this run and the earlier one.
        seconds: wall clock of this run.
        workers: how many workers were started, and how they ended.
    """

    path: Path
    out: Path
    graded: int = 0
    resumed: int = 0
    malformed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    workers: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Rows graded per second of this run."""
        return self.graded / self.seconds if self.seconds > 0 else 0.0

    @property
    def accuracy(self) -> float | None:
        """Share of correct rows among those with a usable gold; None if there are none."""
        scorable = self.counts.total() - self.counts["unparsable_gold"]
        return self.counts["match"] / scorable if scorable else None


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    row: dict[str, Any]
    response: str
    gold: str
    finished: bool


def grade_file(
    path: str | Path,
    out: str | Path | None = None,
    workers: int = 1,
    timeout_s: float = 1.0,
    memory_mb: int = 1024,
    resume: bool = False,
    on_progress: Callable[[GradeProgress], None] | None = None,
) -> GradeFileSummary:
    """Grade every row of a JSONL file (plain or ``.gz``) and write the rows with their verdicts.

    A row has ``response`` or ``completion``, ``gold`` or ``answer``, and optionally ``finished`` (true or false).
    Each is written with ``line`` (its line in ``path``), ``correct``, ``reason`` and ``extracted`` added. A row
    that cannot be graded is named in the summary and left out.

    Args:
        path: the file to grade.
        out: where to write; beside ``path`` with the ending ``.graded.jsonl`` if not given.
        workers, timeout_s, memory_mb: as for ``Grader``.
        resume: go on behind the last row in ``out`` instead of starting anew.
        on_progress: called after every few hundred rows.

    Raises:
        InputError: there is no such file, ``out`` is the same file, or ``out`` holds the grades of another file.
        StorageError: the disk refuses to write.
    """
    source = Path(path)
    target = Path(out) if out is not None else source.with_name(_stem(source) + ".graded.jsonl")
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target}: the grades cannot be written over the file that is graded")
    summary = GradeFileSummary(source, target)
    behind = _resume(summary) if resume and target.exists() else 0
    total = sum(1 for _ in _lines(source))
    started = time.perf_counter()
    with Grader(workers, timeout_s, memory_mb) as grader, _opened(target, append=behind > 0) as output:
        for chunk, last_line in _chunks(summary, behind):
            _write(output, chunk, _graded(grader, chunk), summary)
            summary.seconds = time.perf_counter() - started
            if on_progress is not None:
                on_progress(GradeProgress(last_line, total, summary.per_second, dict(summary.counts)))
        summary.workers = dict(vars(grader.counts))
    summary.seconds = time.perf_counter() - started
    return summary


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def _opened(path: Path, *, append: bool) -> IO[str]:
    try:
        # A lone surrogate is written as the JSON escape that it came from.
        return path.open("a" if append else "w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def _resume(summary: GradeFileSummary) -> int:
    """Take over what ``out`` holds, cut off a half-written last row, and return the last line that was graded."""
    last: dict[str, Any] = {}
    kept = 0
    with summary.out.open("rb") as lines:
        for line in lines:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if not isinstance(row, dict) or not isinstance(row.get("line"), int) or "reason" not in row:
                break
            kept += len(line)
            last = row
            summary.resumed += 1
            summary.counts[str(row["reason"])] += 1
    with summary.out.open("rb+") as output:
        output.truncate(kept)
    if last:
        _check_same(summary, last)
    return int(last.get("line", 0))


def _check_same(summary: GradeFileSummary, last: dict[str, Any]) -> None:
    for number, line in _lines(summary.path):
        if number == last["line"]:
            row = _json(line)
            if isinstance(row, dict) and all(last.get(key) == row.get(key) for key in RESPONSE_KEYS):
                return
    raise InputError(
        f"{summary.out}: holds grades of another file than {summary.path}; remove it, or do not resume"
    )


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _chunks(summary: GradeFileSummary, behind: int) -> Iterator[tuple[list[_Row], int]]:
    chunk: list[_Row] = []
    number = behind
    for number, line in _lines(summary.path):
        try:
            row = _row(number, line)
        except DataError as error:
            summary.malformed.append(f"{summary.path}:{number}: {error}")
            continue
        if number > behind:
            chunk.append(row)
        if len(chunk) >= CHUNK:
            yield chunk, number
            chunk = []
    if chunk:
        yield chunk, number


def _row(number: int, line: bytes) -> _Row:
    row = _json(line)
    if not isinstance(row, dict):
        raise DataError("not a JSON object")
    finished = row.get("finished", True)
    if not isinstance(finished, bool):
        raise DataError("'finished' is neither true nor false")
    return _Row(number, row, _text(row, RESPONSE_KEYS), _text(row, GOLD_KEYS), finished)


def _text(row: dict[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = row.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    raise DataError(f"no text under {' or '.join(repr(key) for key in keys)}")


def _graded(grader: Grader, chunk: list[_Row]) -> list[Grade]:
    pairs = [(row.response, row.gold) for row in chunk]
    return grader.grade_many(pairs, finished=[row.finished for row in chunk])


def _write(output: IO[str], chunk: list[_Row], grades: list[Grade], summary: GradeFileSummary) -> None:
    written = []
    for row, grade in zip(chunk, grades, strict=True):
        verdict = {
            "line": row.line,
            "correct": grade.correct,
            "reason": str(grade.reason),
            "extracted": grade.answer,
        }
        written.append(json.dumps({**row.row, **verdict}, ensure_ascii=False) + "\n")
        summary.counts[str(grade.reason)] += 1
    try:
        # One write for the chunk, so that an interrupt leaves at most its last row cut.
        output.write("".join(written))
        output.flush()
    except OSError as error:
        raise StorageError(f"{summary.out}: {error.strerror}") from error
    summary.graded += len(chunk)
