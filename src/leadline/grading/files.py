"""Grading a JSONL file: what ``leadline grade`` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from leadline.errors import FAULTS_SHOWN, ConfigError, DataError, InputError
from leadline.grading.grader import Grader
from leadline.grading.verdict import Grade
from leadline.storage.jsonl import encode_row, note_bad_line, read_jsonl
from leadline.storage.outputs import check_output, open_appending, refusals_as_storage_errors

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
    """Grade every row of a JSONL file (plain or gzip) and write the rows with their verdicts.

    A row has ``response`` or ``completion``, ``gold`` or ``answer``, and optionally ``finished`` (true or false).
    Each is written with ``line`` (its line in ``path``), ``correct``, ``reason`` and ``extracted`` added. A row
    that cannot be graded is named in the summary and left out. The whole file is read once before anything is
    graded, so that one that is broken in the middle is refused before anything is written.

    Args:
        path: the file to grade.
        out: where to write; beside ``path`` with the ending ``.graded.jsonl`` if not given.
        workers, timeout_s, memory_mb: as for ``Grader``.
        resume: go on behind the last row in ``out`` instead of starting anew.
        on_progress: called after every few hundred rows.

    Raises:
        InputError: no row of the file can be graded, or it cannot be read; ``out`` exists and is not to be resumed, or
            does not hold grades of this file.
        StorageError: the disk refuses to write.
    """
    _check_options(workers, timeout_s, memory_mb)
    source = Path(path)
    target = Path(out) if out is not None else source.with_name(_stem(source) + ".graded.jsonl")
    summary = GradeFileSummary(source, target)
    total = _count(summary)
    _check_target(summary, resume)
    behind = _resume(summary) if resume and target.exists() else 0
    started = time.perf_counter()
    with Grader(workers, timeout_s, memory_mb) as grader, open_appending(target) as output:
        for chunk, last_line in _chunks(source, behind):
            _write(output, chunk, _graded(grader, chunk), summary)
            summary.seconds = time.perf_counter() - started
            if on_progress is not None:
                on_progress(GradeProgress(last_line, total, summary.per_second, dict(summary.counts)))
        summary.workers = dict(vars(grader.counts))
    summary.seconds = time.perf_counter() - started
    return summary


def _check_options(workers: int, timeout_s: float, memory_mb: int) -> None:
    rules = {
        f"workers must lie between 1 and 512, got {workers}": 1 <= workers <= 512,
        f"timeout must lie above 0 s and be at most a day, got {timeout_s}": 0 < timeout_s <= 86_400,
        f"memory must be at least 256 MB and below 2^31, got {memory_mb}": 256 <= memory_mb < 2**31,
    }
    faults = [text for text, holds in rules.items() if not holds]
    if faults:
        raise ConfigError(faults)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")


def _count(summary: GradeFileSummary) -> int:
    """Read the file once: the number of its last usable line; what cannot be graded is noted.

    Raises:
        DataError: the file cannot be read, or no row of it can be graded.
    """
    last = 0
    for row in _rows(summary.path, summary.malformed):
        last = row.line
    if not last:
        raise DataError(
            [*summary.malformed[:FAULTS_SHOWN], f"{summary.path}: holds no row that can be graded"]
        )
    return last


def _check_target(summary: GradeFileSummary, resume: bool) -> None:
    if summary.out.suffix == ".gz":
        raise InputError(f"{summary.out}: grades are appended as they come, and not packed; leave out .gz")
    if resume:
        check_output(
            summary.out, inputs=(summary.path,), ours=lambda head: True
        )  # _resume looks at all of it
    else:
        try:
            check_output(summary.out, inputs=(summary.path,))
        except InputError as error:
            hint = "; or go on with it by --resume" if "exists" in str(error) else ""
            raise InputError(f"{error}{hint}") from error


def _resume(summary: GradeFileSummary) -> int:
    """Take over the grades that ``out`` holds, and return the last line that was graded. Nothing is changed.

    Raises:
        InputError: they are not the grades of this file's rows, in their order.
    """
    last = 0
    rows = _rows(summary.path, [])
    for number, done in read_jsonl(summary.out, torn_tail=True):
        row = next(rows, None)
        if row is None or not _is_grade_of(done, row):
            raise InputError(
                f"{summary.out}:{number}: not the grade of a row of {summary.path}; remove the file, or do not resume"
            )
        last = row.line
        summary.resumed += 1
        summary.counts[done["reason"]] += 1
    if not last and not _is_begun(summary):
        raise InputError(
            f"{summary.out}: holds no grades of {summary.path}; remove the file, or do not resume"
        )
    return last


def _is_begun(summary: GradeFileSummary) -> bool:
    """Whether the output is nothing but the beginning of its first row, cut off by a kill."""
    with summary.out.open("rb") as stream:
        there = stream.read(4096)
    first = next(_rows(summary.path, []))
    return encode_row(first.row)[:-2].startswith(there[: len(encode_row(first.row)) - 2])


def _is_grade_of(done: dict[str, Any], row: _Row) -> bool:
    return (
        done.get("line") == row.line
        and isinstance(done.get("reason"), str)
        and all(done.get(key) == row.row.get(key) for key in (*RESPONSE_KEYS, *GOLD_KEYS))
    )


def _chunks(path: Path, behind: int) -> Iterator[tuple[list[_Row], int]]:
    chunk: list[_Row] = []
    for row in _rows(path, []):
        if row.line > behind:
            chunk.append(row)
        if len(chunk) >= CHUNK:
            yield chunk, row.line
            chunk = []
    if chunk:
        yield chunk, chunk[-1].line


def _rows(path: Path, malformed: list[str]) -> Iterator[_Row]:
    """Rows that can be graded; the others are noted."""
    for number, row in read_jsonl(path, faults=malformed):
        try:
            yield _row(number, row)
        except DataError as error:
            note_bad_line(malformed, f"{path}:{number}: {error}")


def _row(number: int, row: dict[str, Any]) -> _Row:
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


def _write(output: IO[bytes], chunk: list[_Row], grades: list[Grade], summary: GradeFileSummary) -> None:
    written = []
    for row, grade in zip(chunk, grades, strict=True):
        verdict = {
            "line": row.line,
            "correct": grade.correct,
            "reason": str(grade.reason),
            "extracted": grade.answer,
        }
        written.append(encode_row({**row.row, **verdict}))
        summary.counts[str(grade.reason)] += 1
    with refusals_as_storage_errors(summary.out):
        # One write for the chunk, so that an interrupt leaves at most its last row cut.
        output.write(b"".join(written))
        output.flush()
    summary.graded += len(chunk)
