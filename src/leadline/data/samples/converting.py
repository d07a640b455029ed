"""Sample files of any known layout, written down as leadline's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from leadline.data.problems.loading import load_problems
from leadline.data.samples.foreign import SampleReading, named_as, sample_rows
from leadline.data.samples.sources import grade_rows, sample_files
from leadline.data.samples.tally import placed, row_fault
from leadline.errors import FAULTS_SHOWN, DataError
from leadline.grading import Grader
from leadline.storage.jsonl import note_bad_line, write_jsonl
from leadline.storage.outputs import check_output

__all__ = ["Converted", "convert_samples"]

EVERY = 1000


class Converted(NamedTuple):
    """How many rows were written, and what was left out, each ``file:line: why``."""

    written: int
    skipped: list[str]


def convert_samples(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    reading: SampleReading | None = None,
    skip_bad_rows: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Converted:
    """Read, grade what is not graded and has a gold, and write; streamed, so that memory does not grow.

    ``out`` is a new file: one that is there is never replaced.

    Raises:
        InputError: ``out`` is there already, or cannot be written.
        DataError: rows that cannot be used, unless they are skipped; nothing is written then.
        StorageError: the disk refused.
    """
    paths = [path for one in sources for path in sample_files(one)]
    check_output(out, inputs=(*paths, *([] if data is None else [data])))
    how = reading or SampleReading()
    problems = [] if data is None else list(load_problems(data, columns=how.of_problems))
    how = replace(how, problems=problems)
    faults: list[str] = []
    rows = sample_rows(paths, how, faults)
    if problems:
        rows = named_as(problems, rows)
    grader = Grader()
    try:
        graded = grade_rows(rows, {problem.id: problem.answer for problem in problems}, grader)
        usable = _usable(graded, str(paths[0]), faults)
        written = write_jsonl(out, _plain(usable, str(paths[0]), faults, skip_bad_rows, progress))
    finally:
        grader.close()
    return Converted(written, faults)


def _usable(
    rows: Iterator[tuple[int | str, Mapping[str, Any]]], source: str, faults: list[str]
) -> Iterator[Mapping[str, Any]]:
    """The rows whose verdicts and numbers can be counted; the others are noted, each with its place."""
    for place, row in rows:
        why = row_fault(row) if any(name in row for name in ("correct", "n_correct", "n_samples")) else None
        if why is None and row.get("problem_id") is None and row.get("prompt") is None:
            why = "problem_id is missing"
        if why is None:
            yield row
        else:
            note_bad_line(faults, f"{placed(place, source)}: {why}")


def _plain(
    rows: Iterator[Mapping[str, Any]],
    source: str,
    faults: list[str],
    skip: bool,
    progress: Callable[[int], None] | None,
) -> Iterator[Mapping[str, Any]]:
    """The rows alone; at their end bad ones are refused, before the file gets its name."""
    done = 0
    for done, row in enumerate(rows, 1):
        yield row
        if progress is not None and done % EVERY == 0:
            progress(done)
    if (faults and not skip) or not done:
        more = len(faults) - FAULTS_SHOWN
        lines = faults[:FAULTS_SHOWN] + ([f"and {more:,} more rows"] if more > 0 else [])
        raise DataError(lines or [f"{source}: no usable row"])
